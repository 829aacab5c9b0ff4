"""The queue's schedules, kept as the table of jobs declares them."""

import logging
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone
from django_q.models import Schedule

from capital.domain.clock import Clock
from capital.services.jobs.table import JOBS, Every, Job

logger = logging.getLogger(__name__)

TASKS = "capital.tasks"
INTENDED = "intended"


def sync_schedules(*, clock: Clock = timezone.now) -> Counter[str]:
    """Create each job's schedule, or change it to what is configured; remove those of no job.

    A schedule that is right keeps its next run, and running this again changes nothing. Schedules
    of other programs are left alone here; a cluster switches them off.

    Returns:
        How many were ``created``, ``changed``, ``unchanged`` and ``removed``.
    """
    counts: Counter[str] = Counter(created=0, changed=0, unchanged=0, removed=0)
    now = clock()
    with transaction.atomic():
        rows = Schedule.objects.select_for_update().filter(func__startswith=f"{TASKS}.")
        found: dict[str | None, Schedule] = {}
        for row in rows.order_by("pk"):
            if row.name in found or row.name not in {job.name for job in JOBS}:
                row.delete()
                counts["removed"] += 1
            else:
                found[row.name] = row
        for job in JOBS:
            counts[_sync(job, found.get(job.name), now=now)] += 1
    return counts


def sync_schedules_after_migration() -> None:
    """The same after a migration, which may have stopped before the queue's tables."""
    try:
        sync_schedules()
    except DatabaseError as error:
        logger.warning(
            "The schedules were not registered (%s). Run: python manage.py sync_schedules",
            type(error).__name__,
        )


def _sync(job: Job, row: Schedule | None, *, now: datetime) -> str:
    declared = _declared(job)
    if row is None:
        Schedule.objects.create(**declared, next_run=_first_slot(job, now))
        return "created"
    changed = {name for name, value in declared.items() if getattr(row, name) != value}
    if not changed:
        return "unchanged"
    for name in changed:
        setattr(row, name, declared[name])
    if changed & {"schedule_type", "minutes", "cron"}:
        row.next_run = _first_slot(job, now)
    row.save()
    return "changed"


def _declared(job: Job) -> dict[str, Any]:
    timing = job.timing
    return {
        "name": job.name,
        "func": job.task,
        # The task gets the time of its slot, however late it is delivered.
        "intended_date_kwarg": INTENDED,
        "schedule_type": Schedule.MINUTES if isinstance(timing, Every) else Schedule.CRON,
        "minutes": timing.minutes if isinstance(timing, Every) else None,
        "cron": None if isinstance(timing, Every) else timing.cron,
        "repeats": -1,
        "args": None,
        "kwargs": None,
        "hook": None,
        "cluster": None,
    }


def _first_slot(job: Job, now: datetime) -> datetime:
    """The next whole minute, or the next such time of day."""
    if isinstance(job.timing, Every):
        return now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return job.timing.slot_after(now)
