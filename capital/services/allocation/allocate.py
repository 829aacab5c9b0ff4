"""Live balances in, exact capital per strategy out: the one way to an allocation.

Admin, API, command, job and webhook all use it and leave the same record. First, accounts with an
earlier run of the same key get that run. Then the exchanges are read, outside any transaction. Then
one transaction locks the accounts, decides, and writes capital and audit rows together.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.utils import timezone

from capital.domain.allocation.decision import Decision
from capital.domain.balances import PoolReading
from capital.domain.clock import Clock
from capital.domain.errors import UnknownAccount
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange.contract import OnAccount
from capital.exchange.moments import Moment
from capital.models import Account, AllocationRun, Trigger
from capital.services.accounts.linked import (
    LinkedAccount,
    load_accounts,
    load_linked_accounts,
    load_pools,
)
from capital.services.allocation.batches import Judge, Result, decide_batch, tell
from capital.services.allocation.request import (
    AllocationRequest,
    earlier_runs,
    in_parts,
    known_ids,
    log_force,
    new_request,
    require_force,
    require_rights,
    require_suspects,
)
from capital.services.allocation.verdicts import (
    Circumstances,
    Verdict,
    judge_accounts,
    load_circumstances,
    unless_money_moved,
)
from capital.services.balances.live import (
    LiveAnswers,
    none_asked,
    observe_again,
    observe_pools,
)
from capital.services.balances.recent import observe_in_time
from capital.services.transactions import outside_transaction

BATCH_SIZE = 500

# The readings by which each account was judged.
_Seen = dict[int, Mapping[Pool, PoolReading]]
# Accounts, each with the pools that are read.
_Wanted = Sequence[tuple[Account, tuple[Pool, ...]]]


@dataclass
class _Progress:
    """Reports progress: accounts as their exchanges respond, the rest when their batch is done."""

    tell: Callable[[int], None] | None
    told: int = 0

    def account_answered(self, _account_id: int, _answers: Mapping[Pool, object]) -> None:
        self.told += 1
        if self.tell is not None:
            self.tell(1)

    def finish(self, size: int) -> None:
        if self.tell is not None and size > self.told:
            self.tell(size - self.told)


@dataclass(frozen=True)
class AllocationPreview:
    """What a run would decide now.

    Attributes:
        decision: None where the gate says that nothing is due, or where there is a ``run``.
        run: The earlier run with the same key, which would be returned.
    """

    account: Account
    reason: Reason
    decision: Decision | None = None
    run: AllocationRun | None = None


@dataclass(frozen=True)
class DueResult:
    """The gate's answer for one account, and the run that followed where it was due.

    Attributes:
        readings: The balances that were used; empty where an earlier run is returned.
    """

    account: Account
    reason: Reason
    run: AllocationRun | None
    readings: Mapping[Pool, PoolReading] = field(default_factory=dict)


@outside_transaction
def auto_allocate_capital_for_account(
    account_id: int,
    *,
    actor: AbstractUser | None = None,
    trigger: str = Trigger.COMMAND,
    run_key: str | None = None,
    live: bool = True,
    force: bool = False,
    accept_jump: bool = False,
    origin: str = "",
    clock: Clock = timezone.now,
) -> AllocationRun:
    """Decide one account's capital and record why: ``allocate_capital`` for a batch of one.

    Call it outside a transaction. An account that is deleted meanwhile raises ``UnknownAccount``.
    """
    runs = allocate_capital(
        [account_id],
        actor=actor,
        trigger=trigger,
        run_key=run_key,
        live=live,
        force=force,
        accept_jump=accept_jump,
        origin=origin,
        clock=clock,
    )
    if not runs:
        raise UnknownAccount(account=str(account_id))
    return runs[0]


@outside_transaction
def allocate_capital(
    account_ids: Iterable[int],
    *,
    actor: AbstractUser | None = None,
    trigger: str = Trigger.COMMAND,
    run_key: str | None = None,
    live: bool = True,
    force: bool = False,
    accept_jump: bool = False,
    splits_again: bool = False,
    origin: str = "",
    clock: Clock = timezone.now,
    on_progress: Callable[[int], None] | None = None,
) -> list[AllocationRun]:
    """Split each pool of each account among its active strategies, and record every decision.

    Call it outside a transaction, because it waits for exchanges. Accounts are processed in batches
    of 500, each in one transaction with a constant number of queries (on PostgreSQL). An account
    that fails gets a run with the outcome ``failed`` and never stops the others. An account with an
    open position or a suspect balance is ``held``: its capital stays.

    Args:
        account_ids: Primary keys; duplicates count once.
        actor: The user who asks, and may; None is the schedule or the command line, which may.
        trigger: What asked; one of ``Trigger``.
        run_key: Makes a call repeatable: an account on which this key was used returns its first
            run, whatever its balance is by now. Unique per account. None creates a new key.
        live: False uses the daily summaries and calls no exchange.
        force: Open positions do not put the account on hold; every other rule applies. An actor
            needs the permission ``capital.force_allocate``.
        accept_jump: Accept the suspect balances that are on hold, but no later ones that jump
            again. An actor needs the permission ``capital.accept_jump``.
        splits_again: Divide the pools by weight once, whatever the account's policy. The policy
            goes on from there: under ``own_profit`` each strategy keeps what it earns after it.
        origin: Where the request came from, for the log of a forced one.
        clock: Gives the current time.
        on_progress: Called with the number of finished accounts; the numbers add up to all of them.

    Returns:
        One run per account, in the order of ``account_ids``; none of an account that is deleted
        before its balances are read, or, without ``live``, before it is locked.

    Raises:
        UnknownAccount: An id has no account, or none that the actor sees. Nothing was done.
        InvalidRunKey: The key is empty or longer than 200 characters. Nothing was done.
        RunKeyConflict: The key was used with other arguments.
        ForceNotAllowed: The actor may not force. Nothing was done.
        NotPermitted, RoleTooSmall: The actor may not. Nothing was done.
        NothingToAccept: No balance of an account is suspect. Nothing was done.
        ValueError: ``trigger`` is unknown. Nothing was done.
    """
    request = new_request(
        trigger,
        run_key,
        clock,
        actor=actor,
        live=live,
        force=force,
        accept_jump=accept_jump,
        splits_again=splits_again,
    )
    ids = known_ids(account_ids)
    if force:
        require_force(actor)
    require_rights(actor, ids, request)
    # A conflict is found before anything is done, even if it is in the last batch.
    earlier = earlier_runs(ids, request)
    if accept_jump:
        require_suspects(ids, earlier)
    if force:
        log_force(actor, ids, origin)
    return [
        result
        for results in _in_batches(ids, request, earlier, on_progress)
        for result in results.values()
        if isinstance(result, AllocationRun)
    ]


@outside_transaction
def reallocate_where_due(
    account_ids: Iterable[int],
    *,
    trigger: str = Trigger.SCHEDULE,
    run_key: str | None = None,
    live: bool = True,
    until: Moment | None = None,
    clock: Clock = timezone.now,
    on_progress: Callable[[int], None] | None = None,
) -> list[DueResult]:
    """Check each account, and allocate those that are due as ``allocate_capital`` does.

    Call it outside a transaction: it waits for exchanges. An account that is not due gets no run:
    its ``last_checked_at`` and ``last_check_code`` store the result of the check.

    Args:
        account_ids: As for ``allocate_capital``, with ``run_key``, ``live`` and the rest.
        trigger: What asked.
        run_key: Makes a call repeatable.
        live: Whether exchanges are called.
        until: When the balances of all accounts are to be there: cached ones stand in for those
            that are not, and of many accounts only those are asked whose balance is older than a
            minute. None where each account has the usual time.
        clock: Gives the current time.
        on_progress: Called as accounts are done.

    Returns:
        One result per account, in the order of ``account_ids``; none of a deleted one.

    Raises:
        As ``allocate_capital``.
    """
    request = new_request(trigger, run_key, clock, live=live, if_due=True, until=until)
    return list(_where_due(known_ids(account_ids), request, on_progress))


@outside_transaction
def reallocate_one_by_one(
    account_ids: Iterable[int],
    *,
    trigger: str = Trigger.SCHEDULE,
    run_key: str | None = None,
    clock: Clock = timezone.now,
) -> Iterator[DueResult]:
    """The same, for a caller that goes through many accounts and keeps none of their runs.

    Call it outside a transaction. Accounts are done in batches, as the results are asked for: all
    of them have to be. Arguments are those of ``reallocate_where_due``.

    Raises:
        As ``allocate_capital``.
    """
    request = new_request(trigger, run_key, clock, if_due=True)
    return _where_due(known_ids(account_ids), request)


def _where_due(
    ids: Sequence[int],
    request: AllocationRequest,
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[DueResult]:
    """The result of each account, batch by batch; conflicts are found before the first one."""
    seen: _Seen = {}
    for results in _in_batches(ids, request, earlier_runs(ids, request), on_progress, seen):
        accounts = load_accounts(
            [key for key, each in results.items() if not isinstance(each, AllocationRun)]
        )
        for key, result in results.items():
            readings = seen.pop(key, {})
            if isinstance(result, AllocationRun):
                reason = Reason(Code(result.code), result.figures)
                yield DueResult(result.account, reason, result, readings)
            elif key in accounts:
                yield DueResult(accounts[key], result, None, readings)


@outside_transaction
def preview_allocation(
    account_ids: Iterable[int],
    *,
    actor: AbstractUser | None = None,
    trigger: str = Trigger.COMMAND,
    run_key: str | None = None,
    live: bool = True,
    if_due: bool = False,
    force: bool = False,
    accept_jump: bool = False,
    clock: Clock = timezone.now,
) -> list[AllocationPreview]:
    """What ``allocate_capital`` (or, ``if_due``, ``reallocate_where_due``) would decide now.

    It reads balances and writes nothing. Arguments are theirs, and so are the rights that an actor
    needs. Call it outside a transaction: it
    waits for exchanges.

    Raises:
        As ``allocate_capital``.
    """
    request = new_request(
        trigger, run_key, clock, live=live, if_due=if_due, force=force, accept_jump=accept_jump
    )
    ids = known_ids(account_ids)
    require_rights(actor, ids, request)
    earlier = earlier_runs(ids, request)
    if accept_jump:
        require_suspects(ids, earlier)
    previews = {
        key: AllocationPreview(run.account, Reason(Code(run.code), run.figures), run=run)
        for key, run in earlier.items()
    }
    for part in in_parts(ids, BATCH_SIZE):
        batch = [key for key in part if key not in earlier]
        for verdict in _foreseen(load_linked_accounts(batch), request):
            tell(verdict)
            account = verdict.linked.account
            previews[account.pk] = AllocationPreview(account, verdict.reason, verdict.decision)
    return [previews[key] for key in ids if key in previews]


def _foreseen(
    linked_accounts: Mapping[int, LinkedAccount], request: AllocationRequest
) -> list[Verdict]:
    """The verdicts on accounts that are not locked, by a second reading where that is needed."""
    judge = _judge_by(_observe(_pools_of(linked_accounts), request), request)
    now = request.clock()
    circumstances = load_circumstances(list(linked_accounts), request, now=now)
    verdicts = judge(linked_accounts, circumstances, now)
    again = {each.linked.account.pk: each.linked for each in verdicts if each.reads_again}
    if not again:
        return verdicts
    judge = _judge_by(_observe_again(_pools_of(again), request), request, is_second=True)
    settled = [verdict for verdict in verdicts if not verdict.reads_again]
    return settled + judge(again, circumstances, request.clock())


def _pools_of(linked_accounts: Mapping[int, LinkedAccount]) -> _Wanted:
    return [(linked.account, linked.pools) for linked in linked_accounts.values()]


def _in_batches(
    ids: Sequence[int],
    request: AllocationRequest,
    earlier: Mapping[int, AllocationRun],
    on_progress: Callable[[int], None] | None,
    seen: _Seen | None = None,
) -> Iterator[dict[int, Result]]:
    """Decide the accounts without an earlier run of the key, batch by batch, and keep nothing."""
    # What has one deadline is read at once, and decided in batches like the rest.
    read_at_once = BATCH_SIZE if request.until is None else max(1, len(ids))
    for batch in in_parts(ids, read_at_once):
        progress = _Progress(on_progress)
        results: dict[int, Result] = {key: earlier[key] for key in batch if key in earlier}
        to_do = [account_id for account_id in batch if account_id not in earlier]
        if to_do and request.live:
            results |= _by_live_balances(to_do, request, progress, seen)
        elif to_do:
            # No exchange is called, so nothing needs to be known of an account before its lock.
            judge = _judge_by(none_asked(to_do), request, seen)
            results |= _decided(dict.fromkeys(to_do), judge, request)
        progress.finish(len(batch))
        # Without those that were deleted since their ids were looked up.
        yield {account_id: results[account_id] for account_id in batch if account_id in results}


def _by_live_balances(
    ids: Sequence[int], request: AllocationRequest, progress: _Progress, seen: _Seen | None
) -> dict[int, Result]:
    """Read the balances of accounts and decide; a second time where money may have moved."""
    loaded = load_accounts(ids)
    observed = {key: loaded[key] for key in ids if key in loaded}
    pools = load_pools(observed)
    wanted = [(account, pools[key]) for key, account in observed.items()]
    answers = _observe(wanted, request, on_account=progress.account_answered)
    results = _decided(observed, _judge_by(answers, request, seen), request)
    again = {key: each for key, each in observed.items() if key not in results}
    if again:
        wanted = [(account, pools[key]) for key, account in again.items()]
        judge = _judge_by(_observe_again(wanted, request), request, seen, is_second=True)
        results |= _decided(again, judge, request)
    return results


def _decided(
    observed: Mapping[int, Account | None], judge: Judge, request: AllocationRequest
) -> dict[int, Result]:
    results: dict[int, Result] = {}
    for part in in_parts(list(observed), BATCH_SIZE):
        results |= decide_batch({key: observed[key] for key in part}, judge, request)
    return results


def _judge_by(
    answers: LiveAnswers,
    request: AllocationRequest,
    seen: _Seen | None = None,
    *,
    is_second: bool = False,
) -> Judge:
    """Judge each account by its exchange's answers, and leave the readings in ``seen``.

    By the first answers, an account may have to be read again; by the second, it is decided.
    """

    def judge(
        linked_accounts: Mapping[int, LinkedAccount], circumstances: Circumstances, now: datetime
    ) -> list[Verdict]:
        verdicts = judge_accounts(linked_accounts, answers, circumstances, request, now=now)
        if not is_second:
            verdicts = [
                unless_money_moved(
                    verdict, circumstances.summaries[verdict.linked.account.pk].latest, now=now
                )
                for verdict in verdicts
            ]
        if seen is not None:
            seen.update(
                {verdict.linked.account.pk: verdict.judged.readings for verdict in verdicts}
            )
        return verdicts

    return judge


def _observe(
    wanted: _Wanted, request: AllocationRequest, *, on_account: OnAccount | None = None
) -> LiveAnswers:
    if request.until is not None:
        return observe_in_time(wanted, until=request.until, live=request.live, clock=request.clock)
    return observe_pools(wanted, live=request.live, clock=request.clock, on_account=on_account)


def _observe_again(wanted: _Wanted, request: AllocationRequest) -> LiveAnswers:
    return observe_again(wanted, clock=request.clock, until=request.until)
