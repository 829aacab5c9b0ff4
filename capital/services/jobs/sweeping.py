"""What processes that died have left: deliveries without an answer, unfinished runs, claims.

The guard of a cluster looks every half a minute. What needs only the database it closes itself;
deliveries, for which exchanges are asked, it hands to a worker.
"""

import logging
import socket
from collections import Counter
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from django_q.tasks import async_task

from capital.domain.clock import Clock
from capital.domain.reasons import Code, Reason
from capital.models import JobRun
from capital.services.access.idempotency import release_dead_claims
from capital.services.alerts.outbox import sweep_outbox
from capital.services.clocks import clock_difference
from capital.services.jobs.clusters import is_process, oldest_wait
from capital.services.jobs.errors import error_fields
from capital.services.jobs.records import raise_failure, record_work, started_run
from capital.services.jobs.runs import CHUNKS
from capital.services.jobs.table import FINISH_DELIVERIES, JOBS, Slot, name_of
from capital.services.transactions import outside_transaction
from capital.services.webhooks.deliveries import interrupted_deliveries
from capital.services.webhooks.receive import finish_delivery

logger = logging.getLogger(__name__)

# A guard looks so often that nothing gets older unseen; the first one of a cluster looks further
# back, since nobody may have looked for a while.
_USUALLY = timedelta(minutes=15)
_AT_FIRST = timedelta(days=1)
# Longer than somebody runs a job by hand, and than all chunks of a job may take.
_LONGEST_RUN = timedelta(hours=6)
# A process number says something of this machine only, and not of one that just began.
_JUST_BEGUN = timedelta(seconds=10)
_MOST_AT_ONCE = 100
# What waits longer in the queue would only be queued once more.
_MAY_WAIT = timedelta(seconds=20)


def sweep(*, is_first: bool, clock: Clock = timezone.now) -> Counter[str]:
    """Close what dead processes left, and queue the deliveries that they did not answer.

    Args:
        is_first: Whether this cluster has just started.
        clock: Says what time it is.

    Returns:
        How many ``job_runs`` and ``claims`` were closed, and ``deliveries`` are to be answered.
    """
    now, within = clock(), _AT_FIRST if is_first else _USUALLY
    waiting = interrupted_deliveries(now=now, within=within)[:_MOST_AT_ONCE].count()
    found = Counter(
        job_runs=_close_runs(clock=clock),
        claims=release_dead_claims(clock=clock),
        deliveries=0 if _is_being_done(clock=clock) else waiting,
    )
    if found["deliveries"]:
        async_task(FINISH_DELIVERIES, int(within.total_seconds()), group="events")
    if found.total():
        logger.warning(
            "Processes died: %s runs of jobs and %s claims were closed, %s signals are answered.",
            found["job_runs"],
            found["claims"],
            found["deliveries"],
        )
    return found


def sweep_alerts(*, clock: Clock = timezone.now) -> int:
    """Queue the alerts and messages that wait, unless workers have enough to do already.

    Returns:
        How many wait.
    """
    wait = oldest_wait(now=clock())
    if wait is not None and wait > _MAY_WAIT:
        return 0
    return sum(sweep_outbox(clock=clock).values())


@outside_transaction
def perform_sweep(within_seconds: int, *, clock: Clock = timezone.now) -> dict[str, int]:
    """Answer the deliveries that a process left when it died, late.

    Call it outside a transaction. Where there is none, or another worker does it, nothing is
    recorded.

    Raises:
        JobFailed: The database refused one; the others are answered.
    """
    within = timedelta(seconds=within_seconds)
    waiting = interrupted_deliveries(now=clock(), within=within)
    if _is_being_done(clock=clock) or not waiting.exists():
        return {}
    run = started_run(name_of(FINISH_DELIVERIES), Slot(None, clock), accounts=0)
    raise_failure(record_work(run, lambda: _finish(within, clock), clock=clock))
    return dict(run.outcomes)


def _finish(within: timedelta, clock: Clock) -> Counter[str]:
    rows = interrupted_deliveries(now=clock(), within=within).select_related("strategy__owner")
    counts: Counter[str] = Counter()
    refused: DatabaseError | None = None
    for row in rows[:_MOST_AT_ONCE]:
        try:
            finish_delivery(row, clock=clock)
        except DatabaseError as error:
            refused = error
        else:
            counts["answered"] += 1
    if refused is not None:
        raise refused
    return counts


def _is_being_done(*, clock: Clock) -> bool:
    """Whether a worker answers them now."""
    since = clock() - timedelta(seconds=settings.Q_CLUSTER["timeout"])
    name = name_of(FINISH_DELIVERIES)
    return JobRun.objects.filter(name=name, finished_at=None, started_at__gt=since).exists()


def _close_runs(*, clock: Clock) -> int:
    """Close the runs of jobs whose process is dead, and say so in them."""
    now = clock()
    dead = [
        run
        for run in JobRun.objects.filter(finished_at=None).order_by("pk")
        if _is_dead(run, now - run.started_at)
    ]
    closed = 0
    for run in dead:
        fields = error_fields(Reason(Code.JOB_INTERRUPTED))
        unfinished = JobRun.objects.filter(pk=run.pk, finished_at=None)
        closed += unfinished.update(finished_at=now, **fields)
    return closed


def _is_dead(run: JobRun, age: timedelta) -> bool:
    is_handed_out = CHUNKS in run.outcomes
    # By hand, only jobs are run.
    is_by_hand = run.intended_at is None and run.name in {job.name for job in JOBS}
    is_task = not is_by_hand and not is_handed_out
    if is_task and age > timedelta(seconds=settings.Q_CLUSTER["timeout"]) + clock_difference():
        return True
    if age > _LONGEST_RUN:
        return True
    is_ours = run.host == socket.gethostname() and age > _JUST_BEGUN
    return is_ours and not is_handed_out and not is_process(run.pid)
