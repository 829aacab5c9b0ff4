"""Which tasks the workers run: ours, called as we call them, and nothing else.

Whoever may write the queue's tables could otherwise run any code on the workers, which hold the
keys of the stored credentials. What else is asked for is refused, logged and recorded.
"""

import logging
import os
import socket
from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone
from django_q.models import Schedule

from capital.domain.clock import Clock
from capital.domain.reasons import Code, Reason
from capital.models import JobRun
from capital.services.alerts.tasks import SEND_ALERT, SPREAD_ALERTS
from capital.services.allocation.events import REALLOCATE_AFTER_EVENT, SYNC_MARKETS_OF_VENUE
from capital.services.jobs.errors import error_fields
from capital.services.jobs.schedules import INTENDED
from capital.services.jobs.table import FINISH_DELIVERIES, JOBS, REFUSED

logger = logging.getLogger(__name__)

PERIODIC = frozenset(job.task for job in JOBS)
ALLOWED = PERIODIC | {
    REALLOCATE_AFTER_EVENT,
    SYNC_MARKETS_OF_VENUE,
    FINISH_DELIVERIES,
    SPREAD_ALERTS,
    SEND_ALERT,
    *(job.chunk_task for job in JOBS if job.chunk_task is not None),
}
# By which a task of ours would call another function when it is done.
_EXTRAS = ("hook", "chain")
_LONGEST = 100


def refusal_of(task: object) -> Reason | None:
    """Why a task of the queue is not run; None where it is one of ours."""
    if not isinstance(task, Mapping):
        return Reason(Code.TASK_UNREADABLE)
    name = task.get("func")
    if not isinstance(name, str) or name not in ALLOWED:
        return Reason(Code.TASK_REFUSED, {"task": repr(name)[:_LONGEST]})
    extras = [each for each in _EXTRAS if task.get(each)]
    if extras:
        return Reason(Code.TASK_WITH_EXTRAS, {"task": name, "extras": ", ".join(extras)})
    return None


def is_own_schedule(row: Schedule) -> bool:
    """Whether a schedule asks for one of our jobs, as ``sync_schedules`` makes it."""
    extras = row.hook or row.args or row.kwargs
    return row.func in PERIODIC and not extras and row.intended_date_kwarg in (None, INTENDED)


def record_refusal(reason: Reason, *, clock: Clock = timezone.now) -> None:
    """Log a refused task, and show it among the runs of jobs."""
    now = clock()
    logger.error("%s", reason.english)
    JobRun.objects.create(
        name=REFUSED,
        started_at=now,
        finished_at=now,
        **error_fields(reason),
        host=socket.gethostname(),
        pid=os.getpid(),
    )


def refuse_foreign_schedules(*, clock: Clock = timezone.now) -> int:
    """Switch off every schedule that is not as ``sync_schedules`` makes it. Returns how many.

    The row stays, so that somebody can look at it.
    """
    with transaction.atomic():
        rows = Schedule.objects.select_for_update().exclude(repeats=0).order_by("pk")
        foreign = [row for row in rows if not is_own_schedule(row)]
        Schedule.objects.filter(pk__in=[row.pk for row in foreign]).update(repeats=0)
        for row in foreign:
            figures = {"schedule": str(row.name or row.pk), "task": repr(row.func)[:_LONGEST]}
            record_refusal(Reason(Code.SCHEDULE_REFUSED, figures), clock=clock)
    return len(foreign)
