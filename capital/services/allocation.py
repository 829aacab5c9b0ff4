"""Live balances in, exact capital per strategy out: the one way to a decision.

Admin, API, command, job and webhook all come through here and leave the same record. Order of
work: earlier runs with this key return; the network, outside any transaction; then one
transaction that locks the accounts, decides, and writes capital and audit rows together.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser
from django.db import DatabaseError, transaction
from django.utils import timezone

from capital.domain.decision import Decision, Outcome
from capital.domain.errors import (
    CapitalError,
    ForceNotAllowed,
    InvalidRunKey,
    NothingToAccept,
    RunKeyConflict,
    UnknownAccount,
)
from capital.domain.reasons import Code, Reason
from capital.exchange.gateway import Clock
from capital.models import Account, AllocationRun, Trigger
from capital.services.accounts import lock_accounts
from capital.services.balances import LiveAnswers, observe_pools
from capital.services.cases import AccountCase, load_cases
from capital.services.readings import log_fallbacks, log_suspects
from capital.services.records import record_checks, record_runs
from capital.services.summaries import record_observations
from capital.services.verdicts import (
    AllocationRequest,
    Verdict,
    judge_account,
    load_circumstances,
)

logger = logging.getLogger(__name__)

BATCH_SIZE = 500
LONGEST_RUN_KEY = 200
FORCE_PERMISSION = "capital.force_allocate"

# A run, or the gate's reason why there is none.
_Result = AllocationRun | Reason


@dataclass
class _Progress:
    """Tells of accounts as their exchanges answer, and of the rest when their batch is done."""

    tell: Callable[[int], None] | None
    told: int = 0

    def account_answered(self) -> None:
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
        decision: None where the gate says that nothing is due, or where ``run`` is there.
        run: The earlier run with the same key, which would be the answer.
    """

    account: Account
    reason: Reason
    decision: Decision | None = None
    run: AllocationRun | None = None


@dataclass(frozen=True)
class DueResult:
    """The gate's answer for one account, and the run that followed where it was due."""

    account: Account
    reason: Reason
    run: AllocationRun | None


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
    """Decide one account's capital and record why. A batch of one: see ``allocate_capital``."""
    return allocate_capital(
        [account_id],
        actor=actor,
        trigger=trigger,
        run_key=run_key,
        live=live,
        force=force,
        accept_jump=accept_jump,
        origin=origin,
        clock=clock,
    )[0]


def allocate_capital(
    account_ids: Iterable[int],
    *,
    actor: AbstractUser | None = None,
    trigger: str = Trigger.COMMAND,
    run_key: str | None = None,
    live: bool = True,
    force: bool = False,
    accept_jump: bool = False,
    origin: str = "",
    clock: Clock = timezone.now,
    on_progress: Callable[[int], None] | None = None,
) -> list[AllocationRun]:
    """Split each pool of each account among its active strategies, and record every decision.

    Call it outside a transaction: it waits for exchanges. Accounts are worked on in batches of
    500, each in one transaction with a constant number of queries (on PostgreSQL). An account
    that fails gets a run with outcome ``failed`` and never stops the others. An account with an
    open position or a suspect balance is ``held``: its capital stays.

    Args:
        account_ids: Primary keys; duplicates count once.
        actor: Who asked, for the record.
        trigger: What asked; one of ``Trigger``.
        run_key: Replays: an account on which this key was used returns its first run, whatever
            has become of the balance since. Unique per account. None makes a new one.
        live: False answers from the daily summaries without asking an exchange.
        force: Open positions do not hold the account. Never past conservation, pools or the
            jump guard. An actor needs the permission ``capital.force_allocate``.
        accept_jump: The balances that wait as suspect on the accounts are accepted, and no
            later ones that jump again.
        origin: Where the request came from, for the log of a forced one.
        clock: Says what time it is.
        on_progress: Called as accounts are done, with how many; it adds up to all of them.

    Returns:
        One run per account, in the order of ``account_ids``.

    Raises:
        UnknownAccount: An id has no account. Nothing was done.
        InvalidRunKey: The key is empty or longer than 200 characters. Nothing was done.
        RunKeyConflict: The key was used with other arguments.
        ForceNotAllowed: The actor may not force. Nothing was done.
        NothingToAccept: No balance of an account is suspect. Nothing was done.
        ValueError: ``trigger`` is not one. Nothing was done.
    """
    request = _new_request(
        trigger, run_key, clock, actor=actor, live=live, force=force, accept_jump=accept_jump
    )
    ids = _known_ids(account_ids)
    if accept_jump:
        _require_suspects(ids, request)
    if force:
        _allow_force(actor, ids, origin)
    results = _in_batches(ids, request, on_progress)
    return [result for result in results.values() if isinstance(result, AllocationRun)]


def reallocate_where_due(
    account_ids: Iterable[int],
    *,
    trigger: str = Trigger.SCHEDULE,
    run_key: str | None = None,
    live: bool = True,
    clock: Clock = timezone.now,
    on_progress: Callable[[int], None] | None = None,
) -> list[DueResult]:
    """Ask the gate for each account, and decide those that are due as ``allocate_capital`` does.

    An account that is not due gets no run: its ``last_checked_at`` and ``last_check_code`` say
    what the gate said.

    Returns:
        One result per account, in the order of ``account_ids``.

    Raises:
        As ``allocate_capital``.
    """
    request = _new_request(trigger, run_key, clock, live=live, if_due=True)
    results = _in_batches(_known_ids(account_ids), request, on_progress)
    accounts = Account.objects.in_bulk(results)
    return [
        DueResult(result.account, Reason(Code(result.code), result.figures), result)
        if isinstance(result, AllocationRun)
        else DueResult(accounts[account_id], result, None)
        for account_id, result in results.items()
        if isinstance(result, AllocationRun) or account_id in accounts
    ]


def preview_allocation(
    account_ids: Iterable[int],
    *,
    trigger: str = Trigger.COMMAND,
    run_key: str | None = None,
    live: bool = True,
    if_due: bool = False,
    force: bool = False,
    accept_jump: bool = False,
    clock: Clock = timezone.now,
) -> list[AllocationPreview]:
    """What ``allocate_capital`` (or, ``if_due``, ``reallocate_where_due``) would decide now.

    It reads balances and writes nothing. Arguments are theirs.

    Raises:
        As ``allocate_capital``.
    """
    request = _new_request(
        trigger, run_key, clock, live=live, if_due=if_due, force=force, accept_jump=accept_jump
    )
    ids = _known_ids(account_ids)
    earlier = _earlier_runs(ids, request)
    if accept_jump:
        _require_suspects(ids, request)
    previews = {
        key: AllocationPreview(run.account, Reason(Code(run.code), run.figures), run=run)
        for key, run in earlier.items()
    }
    for start in range(0, len(ids), BATCH_SIZE):
        batch = [key for key in ids[start : start + BATCH_SIZE] if key not in earlier]
        cases = load_cases(batch)
        for verdict in _judge(cases, _observe(cases, request), request):
            _tell(verdict)
            account = verdict.case.account
            previews[account.pk] = AllocationPreview(account, verdict.reason, verdict.decision)
    return [previews[key] for key in ids if key in previews]


def _new_request(
    trigger: str,
    run_key: str | None,
    clock: Clock,
    *,
    actor: AbstractUser | None = None,
    live: bool = True,
    if_due: bool = False,
    force: bool = False,
    accept_jump: bool = False,
) -> AllocationRequest:
    if run_key is not None and not (1 <= len(run_key) <= LONGEST_RUN_KEY and run_key.isprintable()):
        raise InvalidRunKey(longest=str(LONGEST_RUN_KEY))
    trigger = Trigger(trigger).value
    return AllocationRequest(
        trigger=trigger,
        run_key=run_key or f"{trigger}:{clock():%Y%m%dT%H%M%S}:{uuid.uuid4().hex}",
        clock=clock,
        actor_id=None if actor is None else actor.pk,
        live=live,
        if_due=if_due,
        force=force,
        accept_jump=accept_jump,
    )


def _known_ids(account_ids: Iterable[int]) -> list[int]:
    ids = list(dict.fromkeys(account_ids))
    known = set(Account.objects.filter(pk__in=ids).values_list("pk", flat=True))
    for account_id in ids:
        if account_id not in known:
            raise UnknownAccount(account=str(account_id))
    return ids


def _require_suspects(ids: Sequence[int], request: AllocationRequest) -> None:
    """A person who accepts must have seen something; a replay of their acceptance may pass."""
    accepted = _earlier_runs(ids, request)
    waiting = Account.objects.filter(pk__in=[key for key in ids if key not in accepted])
    for account in waiting.only("name", "suspect_readings"):
        if not account.suspect_readings:
            raise NothingToAccept(account=account.name)


def _allow_force(actor: AbstractUser | None, ids: Sequence[int], origin: str) -> None:
    if actor is not None and not actor.has_perm(FORCE_PERMISSION):
        raise ForceNotAllowed(user=actor.get_username())
    logger.warning(
        "Forced allocation of accounts %s by %s from %s.",
        ", ".join(map(str, ids)),
        "the command line" if actor is None else actor.get_username(),
        origin or "an unknown address",
    )


def _in_batches(
    ids: Sequence[int],
    request: AllocationRequest,
    on_progress: Callable[[int], None] | None,
) -> dict[int, _Result]:
    # A conflict is found before anything is done, also where it is in the last batch.
    _earlier_runs(ids, request)
    results: dict[int, _Result] = {}
    for start in range(0, len(ids), BATCH_SIZE):
        batch = ids[start : start + BATCH_SIZE]
        progress = _Progress(on_progress)
        results.update(_allocate_batch(batch, request, progress))
        progress.finish(len(batch))
    return {account_id: results[account_id] for account_id in ids}


def _allocate_batch(
    ids: Sequence[int], request: AllocationRequest, progress: _Progress
) -> dict[int, _Result]:
    results: dict[int, _Result] = dict(_earlier_runs(ids, request))
    to_do = [account_id for account_id in ids if account_id not in results]
    if not to_do:
        return results
    observed = load_cases(to_do)
    answers = _observe(observed, request, on_account=progress.account_answered)
    try:
        return results | _decide_and_write(observed, answers, request)
    except RunKeyConflict:
        raise
    except Exception as error:  # noqa: BLE001  # each account meets its own error below
        logger.info(
            "A batch of %s accounts failed (%s); each is tried by itself.",
            len(to_do),
            type(error).__name__,
        )
    for account_id, case in observed.items():
        results[account_id] = _allocate_alone(case, answers, request)
    return results


def _allocate_alone(case: AccountCase, answers: LiveAnswers, request: AllocationRequest) -> _Result:
    """One account of a batch that failed, with the readings that were made for the batch."""
    try:
        return _decide_and_write({case.account.pk: case}, answers, request)[case.account.pk]
    except RunKeyConflict:
        raise
    except CapitalError as error:
        reason = error.reason
    except DatabaseError as error:
        reason = Reason(Code.DATABASE_ERROR, {"kind": type(error).__name__})
    except Exception as error:
        logger.exception("Allocating account %s failed.", case.account.pk)
        reason = Reason(Code.UNEXPECTED_ERROR, {"kind": type(error).__name__})
    return _record_failure(case, reason, request)


def _record_failure(case: AccountCase, reason: Reason, request: AllocationRequest) -> AllocationRun:
    """A failed run; unsaved where the database refuses even that."""
    logger.error("Account %s was not allocated: %s", case.account.pk, reason.code)
    verdict, now = Verdict(case, Decision(Outcome.FAILED, reason), reason), request.clock()
    try:
        with transaction.atomic():
            record_checks([verdict], now=now)
            return record_runs([verdict], request, now=now)[case.account.pk]
    except DatabaseError:
        logger.exception("The failure of account %s could not be recorded.", case.account.pk)
    return _unsaved_failure(case.account, reason, request)


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
    observed: Mapping[int, AccountCase], answers: LiveAnswers, request: AllocationRequest
) -> dict[int, _Result]:
    """Lock, decide and write a batch in one transaction. Runs that raced ahead are returned."""
    with transaction.atomic():
        locked = lock_accounts(list(observed))
        results: dict[int, _Result] = dict(_earlier_runs(list(locked), request))
        for key in observed.keys() - locked.keys():
            # Deleted in the meantime: there is no row that a run could point at.
            results[key] = _unsaved_failure(
                observed[key].account, Reason(Code.ACCOUNT_CHANGED), request
            )
        accounts = {key: account for key, account in locked.items() if key not in results}
        if not accounts:
            return results
        cases = load_cases(list(accounts), accounts=accounts)
        now = request.clock()
        changed = {
            key
            for key, case in cases.items()
            if case.account.reading_depends_on != observed[key].account.reading_depends_on
        }
        sound = {key: case for key, case in cases.items() if key not in changed}
        verdicts = [_account_changed(cases[key]) for key in changed]
        circumstances = load_circumstances(list(sound), request, now=now, lock=True)
        verdicts += [
            judge_account(case, answers, circumstances, request, now=now) for case in sound.values()
        ]
        record_observations(
            {verdict.case.account.pk: verdict.judged.believed for verdict in verdicts},
            accounts,
            circumstances.summaries,
            now=now,
        )
        record_checks(verdicts, now=now)
        results |= record_runs(verdicts, request, now=now)
    for verdict in verdicts:
        _tell(verdict)
        results.setdefault(verdict.case.account.pk, verdict.reason)
    return results


def _judge(
    cases: Mapping[int, AccountCase], answers: LiveAnswers, request: AllocationRequest
) -> list[Verdict]:
    now = request.clock()
    circumstances = load_circumstances(list(cases), request, now=now)
    return [
        judge_account(case, answers, circumstances, request, now=now) for case in cases.values()
    ]


def _account_changed(case: AccountCase) -> Verdict:
    reason = Reason(Code.ACCOUNT_CHANGED)
    return Verdict(case, Decision(Outcome.FAILED, reason), reason)


def _tell(verdict: Verdict) -> None:
    account = verdict.case.account
    if verdict.decision is not None and verdict.decision.outcome is not Outcome.HELD:
        log_fallbacks(account, verdict.decision)
    log_suspects(account, verdict.judged.suspects)


def _observe(
    cases: Mapping[int, AccountCase],
    request: AllocationRequest,
    *,
    on_account: Callable[[], None] | None = None,
) -> LiveAnswers:
    return observe_pools(
        [(case.account, case.pools) for case in cases.values()],
        live=request.live,
        clock=request.clock,
        on_account=on_account,
    )


def _earlier_runs(ids: Sequence[int], request: AllocationRequest) -> dict[int, AllocationRun]:
    runs = {
        run.account_id: run
        for run in AllocationRun.objects.filter(
            account_id__in=ids, run_key=request.run_key
        ).select_related("account")
    }
    for run in runs.values():
        differences = [
            name for name, value in request.arguments.items() if run.arguments.get(name) != value
        ]
        if differences:
            raise RunKeyConflict(
                run_key=request.run_key,
                account=run.account.name,
                differences=", ".join(differences),
            )
    return runs
