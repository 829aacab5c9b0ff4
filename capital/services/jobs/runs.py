"""Running a job: every execution leaves a JobRun, and many accounts are queued in chunks.

A task may be delivered twice, and may be killed at any point. Its JobRun has its slot and chunk,
so that a finished one is not done again. Two that run at the same time share the run key, so that
nothing is decided twice. A failure is recorded and raised, and the queue tries again a few times.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from capital.domain.clock import Clock
from capital.domain.reasons import Code, Reason
from capital.models import Account, JobRun, Trigger
from capital.services.accounts.lookup import active_account_ids
from capital.services.allocation.events import REALLOCATE_AFTER_EVENT, SYNC_MARKETS_OF_VENUE
from capital.services.allocation.gate import due_by_last_reading
from capital.services.balances.turns.waiting import ALL_AT_ONCE, longest_waiting_first
from capital.services.jobs.clusters import longest_wait, oldest_wait
from capital.services.jobs.records import raise_failure, record_work, started_run
from capital.services.jobs.table import REALLOCATE_DUE, SYNC_MARKETS, Job, Slot, get_job, name_of
from capital.services.jobs.work import WORK, accounts_on, reallocate, sync_markets
from capital.services.markets.rules import venues_in_use
from capital.services.transactions import outside_transaction

CHUNKS = "chunks"
EXPIRED = "expired"
ALREADY_DONE = "already_done"

# The clocks of two machines differ by less than this.
_CLOCK_SKEW = timedelta(minutes=10)


@outside_transaction
def perform_job(
    name: str,
    *,
    intended: str | None = None,
    queued_at: datetime | None = None,
    clock: Clock = timezone.now,
) -> dict[str, int]:
    """Do a job for a task of the queue: all of it, or by queueing its accounts in chunks.

    Call it outside a transaction.

    Args:
        name: The job's name.
        intended: The slot's time as ISO text; None for now.
        queued_at: When the task was queued, to find out whether tasks wait too long.
        clock: Says what time it is.

    Returns:
        How many of each outcome.

    Raises:
        JobFailed: The job failed; its JobRun says why. The queue may try again.
    """
    job, slot = get_job(name), Slot.from_text(intended, clock=clock, queued_at=queued_at)
    if _is_done(name, 0, slot):
        return {ALREADY_DONE: 1}
    ids = _accounts_of(job, now=clock())
    is_long = job.chunk_task is not None and len(ids) > settings.CAPITAL_JOB_CHUNK
    if is_long and not _is_expired(job, slot):
        return _hand_out(job, slot, ids)
    return _do(job, slot, ids, chunk=0)


@outside_transaction
def perform_chunk(
    name: str,
    account_ids: Sequence[int],
    *,
    chunk: int,
    intended: str,
    queued_at: datetime | None = None,
    clock: Clock = timezone.now,
) -> dict[str, int]:
    """Do one chunk of a job. The chunk that ends last completes the JobRun of the whole job.

    Call it outside a transaction.

    Raises:
        JobFailed: As ``perform_job``.
    """
    job, slot = get_job(name), Slot.from_text(intended, clock=clock, queued_at=queued_at)
    if _is_done(name, chunk, slot):
        outcomes = {ALREADY_DONE: 1}
    else:
        outcomes = _do(job, slot, _still_active(account_ids), chunk=chunk)
    _complete_parent(name, slot)
    return outcomes


@outside_transaction
def perform_after_event(
    account_ids: Sequence[int], run_key: str, *, clock: Clock = timezone.now
) -> dict[str, int]:
    """Reallocate accounts of which something changed, where that is due.

    Call it outside a transaction.

    Raises:
        JobFailed: As ``perform_job``.
    """
    ids = _still_active(account_ids)
    size = settings.CAPITAL_JOB_CHUNK
    if len(ids) > size:
        parts = [ids[start : start + size] for start in range(0, len(ids), size)]
        with transaction.atomic():
            for part in parts:
                async_task(REALLOCATE_AFTER_EVENT, part, run_key, group="events")
        return {CHUNKS: len(parts)}
    run = started_run(name_of(REALLOCATE_AFTER_EVENT), Slot(None, clock), accounts=len(ids))
    raise_failure(
        record_work(
            run,
            lambda: reallocate(ids, trigger=Trigger.EVENT, run_key=run_key, clock=clock),
            clock=clock,
            account_ids=ids,
        )
    )
    return dict(run.outcomes)


@outside_transaction
def perform_for_venue(venue: str, *, clock: Clock = timezone.now) -> dict[str, int]:
    """Fetch the market rules of a venue that got its first account.

    Call it outside a transaction.

    Raises:
        JobFailed: As ``perform_job``.
    """
    run = started_run(name_of(SYNC_MARKETS_OF_VENUE), Slot(None, clock), accounts=0)
    raise_failure(
        record_work(
            run,
            lambda: sync_markets([venue], clock=clock),
            clock=clock,
            account_ids=accounts_on([venue]),
        )
    )
    return dict(run.outcomes)


@outside_transaction
def perform_by_hand(name: str, *, clock: Clock = timezone.now) -> JobRun:
    """Do all of a job in this process, now. A failure is recorded in the JobRun, not raised.

    Call it outside a transaction.

    Raises:
        UnknownJob: There is no such job.
    """
    job, slot = get_job(name), Slot(None, clock)
    ids = _accounts_of(job, now=clock())
    run = started_run(name, slot, accounts=len(ids))
    record_work(
        run, lambda: WORK[job.name].do(ids, slot), clock=clock, account_ids=_about(job, ids)
    )
    return run


def has_failures(run: JobRun) -> bool:
    """Whether the run of a job failed, or counts an outcome that is a failure."""
    is_failure = WORK[run.name].is_failure
    return bool(run.error) or any(is_failure(outcome) for outcome in run.outcomes)


def _do(job: Job, slot: Slot, ids: Sequence[int], *, chunk: int) -> dict[str, int]:
    run = started_run(job.name, slot, chunk=chunk, accounts=len(ids))
    if _is_expired(job, slot):
        reason = Reason(Code.JOB_EXPIRED, {"seconds": _seconds(slot.wait)})
        failure = record_work(run, lambda: Counter({EXPIRED: 1}), clock=slot.clock, note=reason)
    else:
        note = _stuck(slot) if chunk == 0 else None
        failure = record_work(
            run,
            lambda: WORK[job.name].do(ids, slot),
            clock=slot.clock,
            account_ids=_about(job, ids),
            note=note,
        )
    raise_failure(failure)
    return dict(run.outcomes)


def _hand_out(job: Job, slot: Slot, ids: Sequence[int]) -> dict[str, int]:
    """Queue all chunks and record how many, in one transaction: all are queued once, or none."""
    assert slot.intended_at is not None
    intended, size = slot.intended_at.isoformat(), settings.CAPITAL_JOB_CHUNK
    starts = range(0, len(ids), size)
    run = started_run(job.name, slot, accounts=len(ids))
    note = _stuck(slot)

    def queue_chunks() -> Counter[str]:
        with transaction.atomic():
            for chunk, start in enumerate(starts, start=1):
                part = list(ids[start : start + size])
                async_task(job.chunk_task, part, chunk, intended, group=f"{job.name} chunks")
            JobRun.objects.filter(pk=run.pk).update(outcomes={CHUNKS: len(starts)})
        return Counter({CHUNKS: len(starts)})

    raise_failure(record_work(run, queue_chunks, clock=slot.clock, note=note, finishes=False))
    return dict(run.outcomes)


def _is_done(name: str, chunk: int, slot: Slot) -> bool:
    """Whether an earlier delivery of the same task did the work, or queued its chunks."""
    if slot.intended_at is None:
        return False
    return any(
        CHUNKS in run.outcomes or (run.finished_at is not None and not run.error)
        for run in _of_slot(name, slot.intended_at).filter(chunk=chunk)
    )


def _complete_parent(name: str, slot: Slot) -> None:
    """Complete the JobRun of the whole job, with the sum of the outcomes, after the last chunk."""
    assert slot.intended_at is not None
    runs = list(_of_slot(name, slot.intended_at))
    done = {run.chunk: run for run in runs if run.chunk and run.finished_at and not run.error}
    for parent in runs:
        chunks = parent.outcomes.get(CHUNKS) if parent.chunk == 0 else None
        if chunks is not None and parent.finished_at is None and len(done) == chunks:
            total: Counter[str] = Counter()
            for run in done.values():
                total.update(run.outcomes)
            parent.outcomes = {CHUNKS: chunks, **total}
            parent.finished_at = slot.clock()
            parent.save(update_fields=["outcomes", "finished_at"])


def _of_slot(name: str, intended_at: datetime) -> QuerySet[JobRun]:
    # No run of a slot began before it. The condition lets the index by name and start help.
    return JobRun.objects.filter(
        name=name, intended_at=intended_at, started_at__gte=intended_at - _CLOCK_SKEW
    )


def _is_expired(job: Job, slot: Slot) -> bool:
    return slot.wait > job.timing.expires_after


def _stuck(slot: Slot) -> Reason | None:
    """A reason where tasks wait too long for a cluster."""
    wait, limit = oldest_wait(now=slot.clock()) or timedelta(), longest_wait()
    # A task that is delivered again has waited for one retry more.
    longest = wait if wait > limit else slot.wait
    if wait <= limit and slot.wait <= 2 * limit:
        return None
    return Reason(Code.QUEUE_STUCK, {"seconds": _seconds(longest)})


def _still_active(account_ids: Sequence[int]) -> list[int]:
    rows = Account.objects.filter(pk__in=account_ids, is_active=True)
    active = set(rows.values_list("pk", flat=True))
    return [account_id for account_id in account_ids if account_id in active]


def _accounts_of(job: Job, *, now: datetime) -> list[int]:
    """The active accounts, in the order in which their exchanges are to be asked."""
    if not job.takes_accounts:
        return []
    ids = active_account_ids()
    # The other jobs allocate nothing.
    is_asked = job is REALLOCATE_DUE and len(ids) > ALL_AT_ONCE
    due = due_by_last_reading(ids, now=now) if is_asked else ()
    return longest_waiting_first(ids, now=now, due=due)


def _about(job: Job, ids: Sequence[int]) -> Sequence[int]:
    """The accounts that the log names: rules of markets are fetched for those that trade there."""
    return accounts_on(venues_in_use()) if job is SYNC_MARKETS else ids


def _seconds(span: timedelta) -> str:
    return str(span // timedelta(seconds=1))
