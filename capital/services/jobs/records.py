"""The JobRun of one execution of a job: its outcomes, or why it failed, in our own words."""

import logging
import os
import socket
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django_q.exceptions import TimeoutException

from capital.domain.clock import Clock
from capital.domain.errors import CapitalError, JobFailed
from capital.domain.reasons import Code, Reason
from capital.models import Account, JobRun
from capital.services.clocks import steady_clock
from capital.services.jobs.errors import error_fields
from capital.services.jobs.table import Slot
from capital.traces import told, troubles_noted

logger = logging.getLogger(__name__)

Work = Callable[[], Counter[str]]
# How many accounts a line names at most.
_MOST_NAMED = 20


def started_run(name: str, slot: Slot, *, accounts: int, chunk: int = 0) -> JobRun:
    """A JobRun that begins now, not saved yet."""
    return JobRun(
        name=name,
        chunk=chunk,
        intended_at=slot.intended_at,
        started_at=slot.clock(),
        accounts=accounts,
        host=socket.gethostname(),
        pid=os.getpid(),
    )


def record_work(
    run: JobRun,
    work: Work,
    *,
    clock: Clock,
    account_ids: Sequence[int] = (),
    note: Reason | None = None,
    finishes: bool = True,
) -> Reason | None:
    """Save ``run``, do the work, and save the outcomes or the failure.

    Args:
        run: Not saved yet.
        work: Does it, and counts the outcomes.
        clock: Says what time it is.
        account_ids: The accounts that it works on, which the log names.
        note: A problem to record although the work is done.
        finishes: Whether this ends the job; False while its chunks are still to be done.

    Returns:
        Why the work failed; None where it did not.
    """
    failure: Reason | None = None
    troubles: list[str] = []
    names: list[str] = []
    began = steady_clock()
    if note is not None:
        _tell(run, note)
    try:
        run.save()
        # Named before the work: afterwards the database may not answer.
        names = _names(account_ids)
        with troubles_noted() as troubles:
            run.outcomes = dict(work())
    except TimeoutException:
        failure = Reason(Code.JOB_TIMED_OUT, {"seconds": str(settings.Q_CLUSTER["timeout"])})
    except CapitalError as error:
        failure = error.reason
    except Exception as error:  # noqa: BLE001  # its text may hold a secret: only its class is kept
        failure = _unexpected(run.name, error)
    if failure is None and not finishes:
        # The last chunk completes the run, and may have done so already.
        return None
    run.finished_at = clock()
    if failure is not None:
        _tell(run, failure)
    else:
        _tell_outcomes(run, steady_clock() - began)
    _tell_accounts(run, "for", names, of=len(account_ids))
    _tell_accounts(run, "not for", troubles, of=len(troubles))
    try:
        if failure is not None and not connection.in_atomic_block:
            # The connection may be broken, or in the middle of a query.
            connection.close()
        run.save()
    except Exception as error:  # noqa: BLE001  # as above
        failure = _unexpected(run.name, error)
    return failure


def _tell(run: JobRun, reason: Reason) -> None:
    figures = {"job": run.name, "chunk": run.chunk or None, "code": reason.code.value}
    logger.error("Job %s: %s", run.name, reason.english, extra={"figures": figures})
    for name, value in error_fields(reason).items():
        setattr(run, name, value)


def _names(account_ids: Sequence[int]) -> list[str]:
    """The first of them as the log names them, in their order."""
    first = account_ids[:_MOST_NAMED]
    rows = dict(Account.objects.filter(pk__in=first).values_list("pk", "name")) if first else {}
    return [told(account_id, rows[account_id]) for account_id in first if account_id in rows]


def _tell_outcomes(run: JobRun, span: timedelta) -> None:
    """One line of what came of it."""
    milliseconds = span // timedelta(milliseconds=1)
    counts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(run.outcomes.items()))
    logger.info(
        "Job %s%s: %s accounts in %s ms (%s).",
        run.name,
        _chunk(run),
        run.accounts,
        milliseconds,
        counts or "nothing to do",
        extra={
            "figures": {
                "job": run.name,
                "chunk": run.chunk or None,
                "accounts": run.accounts,
                "outcomes": run.outcomes,
                "duration_ms": milliseconds,
            }
        },
    )


def _tell_accounts(run: JobRun, word: str, names: Sequence[str], *, of: int) -> None:
    """One line that names accounts: ``for`` which it worked, or ``not for`` which in vain."""
    if not names:
        return
    shown = list(names[:_MOST_NAMED])
    logger.info(
        "Job %s%s: %s %s accounts: %s.",
        run.name,
        _chunk(run),
        word,
        of,
        ", ".join([*shown, "…"] if of > len(shown) else shown),
        extra={"figures": {"job": run.name, word.replace(" ", "_"): shown}},
    )


def _chunk(run: JobRun) -> str:
    return f" chunk {run.chunk}" if run.chunk else ""


def _unexpected(name: str, error: Exception) -> Reason:
    """Log the traceback without the error's text, which may hold a secret."""
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("Job %s met %s:\n%s", name, type(error).__name__, where)
    return Reason(Code.JOB_FAILED, {"kind": type(error).__name__})


def raise_failure(failure: Reason | None) -> None:
    """Raise a failure for the queue, which tries the task again a few times. None does nothing.

    Call it outside an except block: the queue stores the whole chain of errors with their texts.
    """
    if failure is None:
        return
    if failure.code == Code.JOB_TIMED_OUT:
        # django-q2 must see it: it replaces the worker.
        raise TimeoutException(failure.english)
    raise JobFailed(kind=failure.figures.get("kind", failure.code.value))
