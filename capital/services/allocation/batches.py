"""Lock a batch of accounts, decide them and write their runs; on failure one by one."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from django.db import DatabaseError, transaction

from capital.domain.allocation.decision import Decision, Outcome
from capital.domain.errors import CapitalError, PlanStale, RunKeyConflict
from capital.domain.reasons import Code, Reason
from capital.models import Account, AllocationRun
from capital.services.accounts.linked import (
    LinkedAccount,
    load_accounts,
    load_linked_accounts,
)
from capital.services.allocation.causes.naming import name_causes
from capital.services.allocation.records import record_verdicts
from capital.services.allocation.request import AllocationRequest, earlier_runs
from capital.services.allocation.verdicts import Circumstances, Verdict, load_circumstances
from capital.services.balances.locked import batch_then_each, lock_observed
from capital.services.balances.log_lines import log_fallbacks, log_suspects
from capital.services.memory import uncollected
from capital.traces import told

logger = logging.getLogger(__name__)

# A run, or the reason why there is none.
Result = AllocationRun | Reason

# Gives a verdict for each account, under the lock. It writes nothing.
Judge = Callable[[Mapping[int, LinkedAccount], Circumstances, datetime], list[Verdict]]


@uncollected()
def decide_batch(
    observed: Mapping[int, Account | None], judge: Judge, request: AllocationRequest
) -> dict[int, Result]:
    """Decide and write a batch in one transaction; if that fails, account by account.

    Args:
        observed: The accounts as they were when their balances were read, by primary key. An
            account whose keys, venue, currency or mode have changed since then fails. None where
            no exchange was asked.
        judge: Gives a verdict for each, from the locked rows.
        request: The same for all of them; its run key allocates each account once.

    Returns:
        For every account its run (the first with this key), or the reason why there is none.
        Accounts that ``judge`` wants read again are left out, and nothing is written of them.

    Raises:
        RunKeyConflict: The key was used with other arguments.
        PlanStale: ``judge`` found a change since the plan was shown. Nothing was done.
    """
    return batch_then_each(
        observed,
        lambda part: _decide_and_write(part, judge, request),
        lambda key, error: _fail(key, observed[key], error, request),
        message="A batch of %(number)s accounts failed (%(kind)s); each is tried by itself.",
        fatal=(PlanStale, RunKeyConflict),
    )


def _fail(
    key: int, account: Account | None, error: Exception, request: AllocationRequest
) -> Result:
    """The failed run of one account, with the reason of the error; only that without an account."""
    if account is None:
        try:
            account = load_accounts([key])[key]
        except KeyError:
            return Reason(Code.ACCOUNT_CHANGED)  # deleted in the meantime
        except DatabaseError as away:
            return Reason(Code.DATABASE_ERROR, {"kind": type(away).__name__})
    match error:
        case RunKeyConflict():
            raise error
        case CapitalError():
            reason = error.reason
        case DatabaseError():
            reason = Reason(Code.DATABASE_ERROR, {"kind": type(error).__name__})
        case _:
            logger.error("Allocating account %s failed.", _told(account), exc_info=error)
            reason = Reason(Code.UNEXPECTED_ERROR, {"kind": type(error).__name__})
    return _record_failure(account, reason, request)


def _record_failure(account: Account, reason: Reason, request: AllocationRequest) -> AllocationRun:
    """A failed run; unsaved if the database refuses even that."""
    logger.error("Account %s was not allocated: %s", _told(account), reason.code)
    # It has no pools, so its links are not needed.
    failed = Verdict(LinkedAccount(account, ()), Decision(Outcome.FAILED, reason), reason)
    try:
        with transaction.atomic():
            return record_verdicts([failed], request, {}, now=request.clock())[account.pk]
    except DatabaseError:
        logger.exception("The failure of account %s could not be recorded.", _told(account))
    return _unsaved_failure(account, reason, request)


def _told(account: Account) -> str:
    return told(account.pk, account.name)


def _unsaved_failure(account: Account, reason: Reason, request: AllocationRequest) -> AllocationRun:
    return AllocationRun(
        account=account,
        run_key=request.run_key,
        trigger=request.trigger,
        outcome=Outcome.FAILED.value,
        code=reason.code.value,
        figures=dict(reason.figures),
    )


def _decide_and_write(
    observed: Mapping[int, Account | None], judge: Judge, request: AllocationRequest
) -> dict[int, Result]:
    """Lock, decide and write a batch in one transaction.

    An account that another process allocated with the same key in the meantime gets that run.
    """
    with transaction.atomic():
        locked = lock_observed(observed)
        results: dict[int, Result] = dict(earlier_runs(list(locked.accounts), request))
        for key in observed.keys() - locked.accounts.keys():
            # Deleted in the meantime: there is no row for a run to refer to.
            reason, account = Reason(Code.ACCOUNT_CHANGED), observed[key]
            results[key] = reason if account is None else _unsaved_failure(account, reason, request)
        accounts = {key: each for key, each in locked.accounts.items() if key not in results}
        if not accounts:
            return results
        linked_accounts = load_linked_accounts(list(accounts), accounts=accounts)
        changed = [each for key, each in linked_accounts.items() if key in locked.changed]
        sound = {key: each for key, each in linked_accounts.items() if key not in locked.changed}
        now = request.clock()
        circumstances = load_circumstances(list(sound), request, now=now, lock=True)
        verdicts = [_account_changed(linked) for linked in changed]
        verdicts += judge(sound, circumstances, now)
        settled = [verdict for verdict in verdicts if not verdict.reads_again]
        settled = name_causes(settled, circumstances, request)
        results |= record_verdicts(settled, request, circumstances.summaries, now=now)
    for verdict in settled:
        tell(verdict)
        results.setdefault(verdict.linked.account.pk, verdict.reason)
    return results


def _account_changed(linked: LinkedAccount) -> Verdict:
    reason = Reason(Code.ACCOUNT_CHANGED)
    return Verdict(linked, Decision(Outcome.FAILED, reason), reason)


def tell(verdict: Verdict) -> None:
    """Log cached balances that were used, and suspect ones."""
    account = verdict.linked.account
    if verdict.decision is not None and verdict.decision.outcome is not Outcome.HELD:
        log_fallbacks(account, verdict.decision)
    log_suspects(account, verdict.judged.suspects)
