"""The queue's schedules, kept as the table of jobs declares them.

A job that runs every so many minutes has an interval. A daily one has a schedule that is due once,
at a moment in UTC that we computed; the transaction in which the queue takes it sets the next one.
The queue's own way, cron in a local zone, never ends where clocks go back: it looks for a wall time
that is later than one that comes twice.
"""

import logging
from collections import Counter
from collections.abc import Collection
from datetime import datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from capital.domain.clock import Clock
from capital.services.clocks import clock_difference
from capital.services.jobs.table import JOBS, DailyAt, Every, Job, scheduled_jobs

logger = logging.getLogger(__name__)

TASKS = "capital.tasks"
INTENDED = "intended"

# How often the queue takes a schedule; below zero is for ever.
_ONCE, _FOR_EVER = 1, -1


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
        jobs = scheduled_jobs()
        for row in rows.order_by("pk"):
            if row.name in found or row.name not in {job.name for job in jobs}:
                row.delete()
                counts["removed"] += 1
            else:
                found[row.name] = row
        for job in jobs:
            counts[_sync(job, found.get(job.name), now=now)] += 1
    return counts


def set_next_time(row: Schedule, *, clock: Clock = timezone.now) -> None:
    """Set the next time of a daily job whose schedule the queue has just used up.

    It changes ``row``, which is about to be saved, and no other schedule. The queue saves it in the
    transaction in which it queues the task: both are done, or neither.
    """
    timing = _timing(row)
    if isinstance(timing, DailyAt) and row.schedule_type == Schedule.ONCE and row.repeats == 0:
        row.repeats = _ONCE
        # Never the same time again, whatever was done to the clock meanwhile.
        row.next_run = timing.slot_after(max(clock(), row.next_run))


def daily_time(row: Schedule) -> time | None:
    """The time of day of a daily job's schedule, in the project's zone; None for any other."""
    timing = _timing(row)
    return timing.at if isinstance(timing, DailyAt) else None


def _timing(row: Schedule) -> Every | DailyAt | None:
    """Of the job that the schedule is of; None for a schedule of others."""
    for job in JOBS:
        if (job.name, job.task) == (row.name, row.func):
            return job.timing
    return None


def bring_back(*, clock: Clock = timezone.now) -> int:
    """Bring back what waits for a time that a clock, which was set back, reaches much later.

    That is a job's next time further ahead than it ever is, and a task that nobody may pull for
    longer than a retry lasts.

    Returns:
        How many schedules and tasks waited so.
    """
    now = clock()
    rows = Schedule.objects.order_by("pk")
    moved = {row: found for row in rows if (found := _brought_back(row, now)) is not None}
    for row, next_run in moved.items():
        Schedule.objects.filter(pk=row.pk, next_run=row.next_run).update(next_run=next_run)
    retry = timedelta(seconds=settings.Q_CLUSTER["retry"])
    tasks: int = OrmQ.objects.filter(
        key=settings.Q_CLUSTER["name"], lock__gt=now + retry + clock_difference()
    ).update(lock=now + retry)
    if moved or tasks:
        logger.warning(
            "The clock was set back: %s schedules and %s tasks waited for times far ahead.",
            len(moved),
            tasks,
        )
    return len(moved) + tasks


def _brought_back(row: Schedule, now: datetime) -> datetime | None:
    """The time for which the schedule is to wait instead; None where it waits for the right one."""
    timing = _timing(row)
    if timing is None or row.next_run is None:
        return None
    soon = timing.slot_after(now + clock_difference())
    if isinstance(timing, Every):
        # Not a whole minute: the clock may have been there before, and that slot is done.
        return now if row.next_run > soon else None
    # It may have run today already, before the clock was set back.
    return timing.slot_after(now) if row.next_run > timing.slot_after(soon) else None


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
    if _is_elsewhere(job, row, changed, now=now):
        changed.add("next_run")
        row.next_run = _first_slot(job, now)
    if not changed:
        return "unchanged"
    for name in changed & set(declared):
        setattr(row, name, declared[name])
    row.save()
    return "changed"


def _is_elsewhere(job: Job, row: Schedule, changed: Collection[str], *, now: datetime) -> bool:
    """Whether the job waits for another time than the one that is configured."""
    if row.next_run is None:
        return True
    if isinstance(job.timing, Every):
        return not {"schedule_type", "minutes"}.isdisjoint(changed)
    if row.next_run <= now:
        # What is due runs, and gets its next time then.
        return False
    # It has run already where another machine's clock is ahead.
    known = (job.timing.slot_after(moment) for moment in (now, now + clock_difference()))
    return row.next_run not in known


def _declared(job: Job) -> dict[str, Any]:
    minutes = job.timing.minutes if isinstance(job.timing, Every) else None
    return {
        "name": job.name,
        "func": job.task,
        # The task gets the time of its slot, however late it is delivered.
        "intended_date_kwarg": INTENDED,
        "schedule_type": Schedule.ONCE if minutes is None else Schedule.MINUTES,
        "minutes": minutes,
        "cron": None,
        "repeats": _ONCE if minutes is None else _FOR_EVER,
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
