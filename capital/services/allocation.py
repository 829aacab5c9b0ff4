"""Live balances in, exact capital per strategy out: the one way to a decision.

Admin, API, command, job and webhook all come through here and leave the same record. Order of
work: earlier runs with this key return; the network, outside any transaction; then one
transaction that locks the accounts, decides, and writes capital and audit rows together.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import DatabaseError, transaction
from django.utils import timezone

from capital.domain.balances import Observation, Source
from capital.domain.decision import Decision, Outcome
from capital.domain.errors import CapitalError, InvalidRunKey, RunKeyConflict, UnknownAccount
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange.gateway import Clock
from capital.models import Account, AllocationRun, Trigger
from capital.services.balances import LiveAnswers, observe_pools
from capital.services.cases import AccountCase, load_cases
from capital.services.readings import decide_account, log_fallbacks
from capital.services.records import DecidedRun, new_run, write_decisions
from capital.services.summaries import load_summaries, record_observations

logger = logging.getLogger(__name__)

BATCH_SIZE = 500
LONGEST_RUN_KEY = 200


@dataclass(frozen=True)
class _Request:
    """What is the same for every account of one call."""

    trigger: str
    actor_id: int | None
    run_key: str
    live: bool
    clock: Clock

    @property
    def arguments(self) -> dict[str, Any]:
        """What a second use of the run key must match."""
        return {"trigger": self.trigger, "actor": self.actor_id, "live": self.live}


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
    """What a run would decide now."""

    account: Account
    decision: Decision


def auto_allocate_capital_for_account(
    account_id: int,
    *,
    actor: AbstractBaseUser | None = None,
    trigger: str = Trigger.COMMAND,
    run_key: str | None = None,
    live: bool = True,
    clock: Clock = timezone.now,
) -> AllocationRun:
    """Decide one account's capital and record why. A batch of one: see ``allocate_capital``."""
    return allocate_capital(
        [account_id], actor=actor, trigger=trigger, run_key=run_key, live=live, clock=clock
    )[0]


def allocate_capital(
    account_ids: Iterable[int],
    *,
    actor: AbstractBaseUser | None = None,
    trigger: str = Trigger.COMMAND,
    run_key: str | None = None,
    live: bool = True,
    clock: Clock = timezone.now,
    on_progress: Callable[[int], None] | None = None,
) -> list[AllocationRun]:
    """Split each pool of each account among its active strategies, and record every decision.

    Call it outside a transaction: it waits for exchanges. Accounts are worked on in batches of
    500, each in one transaction with a constant number of queries (on PostgreSQL). An account
    that fails gets a run with outcome ``failed`` and never stops the others.

    Args:
        account_ids: Primary keys; duplicates count once.
        actor: Who asked, for the record.
        trigger: What asked; one of ``Trigger``.
        run_key: Replays: an account on which this key was used returns its first run, whatever
            has become of the balance since. Unique per account. None makes a new one.
        live: False answers from the daily summaries without asking an exchange.
        clock: Says what time it is.
        on_progress: Called as accounts are done, with how many; it adds up to all of them.

    Returns:
        One run per account, in the order of ``account_ids``.

    Raises:
        UnknownAccount: An id has no account. Nothing was done.
        InvalidRunKey: The key is empty or longer than 200 characters. Nothing was done.
        RunKeyConflict: The key was used with another trigger, actor or ``live``.
        ValueError: ``trigger`` is not one. Nothing was done.
    """
    if run_key is not None and not 1 <= len(run_key) <= LONGEST_RUN_KEY:
        raise InvalidRunKey(longest=str(LONGEST_RUN_KEY))
    trigger = Trigger(trigger).value
    request = _Request(
        trigger=trigger,
        actor_id=None if actor is None else actor.pk,
        run_key=run_key or f"{trigger}:{clock():%Y%m%dT%H%M%S}:{uuid.uuid4().hex}",
        live=live,
        clock=clock,
    )
    ids = list(dict.fromkeys(account_ids))
    _require_accounts(ids)
    runs: dict[int, AllocationRun] = {}
    for start in range(0, len(ids), BATCH_SIZE):
        batch = ids[start : start + BATCH_SIZE]
        progress = _Progress(on_progress)
        runs.update(_allocate_batch(batch, request, progress))
        progress.finish(len(batch))
    return [runs[account_id] for account_id in ids]


def preview_allocation(
    account_ids: Iterable[int], *, live: bool = True, clock: Clock = timezone.now
) -> list[AllocationPreview]:
    """What ``allocate_capital`` would decide now. It reads balances and writes nothing.

    Raises:
        UnknownAccount: An id has no account.
    """
    ids = list(dict.fromkeys(account_ids))
    _require_accounts(ids)
    previews: list[AllocationPreview] = []
    for start in range(0, len(ids), BATCH_SIZE):
        cases = load_cases(ids[start : start + BATCH_SIZE])
        answers = _observe(cases.values(), live=live, clock=clock)
        now = clock()
        summaries = load_summaries(list(cases), today=timezone.localdate(now))
        for account_id in ids[start : start + BATCH_SIZE]:
            decision = decide_account(cases[account_id], answers, summaries[account_id], now=now)
            log_fallbacks(cases[account_id].account, decision)
            previews.append(AllocationPreview(cases[account_id].account, decision))
    return previews


def _require_accounts(ids: Sequence[int]) -> None:
    known = set(Account.objects.filter(pk__in=ids).values_list("pk", flat=True))
    for account_id in ids:
        if account_id not in known:
            raise UnknownAccount(account=str(account_id))


def _allocate_batch(
    ids: Sequence[int], request: _Request, progress: _Progress
) -> dict[int, AllocationRun]:
    runs = _earlier_runs(ids, request)
    to_do = [account_id for account_id in ids if account_id not in runs]
    if not to_do:
        return runs
    observed_cases = load_cases(to_do)
    answers = _observe(
        observed_cases.values(),
        live=request.live,
        clock=request.clock,
        on_account=progress.account_answered,
    )
    try:
        return runs | _decide_and_write(observed_cases, answers, request)
    except RunKeyConflict:
        raise
    except (DatabaseError, CapitalError):
        logger.info("A batch of %s accounts failed; each is tried by itself.", len(to_do))
    for account_id, case in observed_cases.items():
        runs[account_id] = _allocate_alone(case, answers, request)
    return runs


def _allocate_alone(case: AccountCase, answers: LiveAnswers, request: _Request) -> AllocationRun:
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
    return _record_failure(case.account, reason, request)


def _record_failure(account: Account, reason: Reason, request: _Request) -> AllocationRun:
    """A failed run; unsaved where the database refuses even that."""
    logger.error("Account %s was not allocated: %s", account.pk, reason.code)
    item = _decided(account, Decision(Outcome.FAILED, reason), request, now=request.clock())
    try:
        with transaction.atomic():
            write_decisions([item], now=item.run.created_at)
    except DatabaseError:
        logger.exception("The failure of account %s could not be recorded.", account.pk)
    return item.run


def _decide_and_write(
    observed: Mapping[int, AccountCase], answers: LiveAnswers, request: _Request
) -> dict[int, AllocationRun]:
    """Lock, decide and write a batch in one transaction. Runs that raced ahead are returned."""
    with transaction.atomic():
        # In order of primary key, so that two batches cannot wait for each other. NO KEY, so
        # that inserts of rows that merely point at the account go on.
        locked = list(
            Account.objects.select_for_update(no_key=True)
            .filter(pk__in=list(observed))
            .order_by("pk")
        )
        runs = _earlier_runs([account.pk for account in locked], request)
        accounts = {account.pk: account for account in locked if account.pk not in runs}
        cases = load_cases(list(accounts), accounts=accounts)
        now = request.clock()
        summaries = load_summaries(list(cases), today=timezone.localdate(now))
        decided = []
        for account_id, case in cases.items():
            if case.reading_depends_on != observed[account_id].reading_depends_on:
                decision = Decision(Outcome.FAILED, Reason(Code.ACCOUNT_CHANGED))
            else:
                decision = decide_account(case, answers, summaries[account_id], now=now)
            decided.append(_decided(case.account, decision, request, now=now))
        if decided:
            record_observations(_live(decided), accounts, summaries, now=now)
            write_decisions(decided, now=now)
    for item in decided:
        log_fallbacks(item.account, item.decision)
        runs[item.account.pk] = item.run
    return runs


def _decided(
    account: Account, decision: Decision, request: _Request, *, now: datetime
) -> DecidedRun:
    run = new_run(
        account,
        decision,
        run_key=request.run_key,
        trigger=request.trigger,
        actor_id=request.actor_id,
        arguments=request.arguments,
        now=now,
    )
    return DecidedRun(account, decision, run)


def _observe(cases: Iterable[AccountCase], **how: Any) -> LiveAnswers:
    return observe_pools([(case.account, case.pools) for case in cases], **how)


def _live(decided: Iterable[DecidedRun]) -> dict[int, dict[Pool, Observation]]:
    """What was read from exchanges and used, by account and pool."""
    return {
        item.account.pk: {
            pool.reading.pool: Observation(pool.reading.amount, pool.reading.observed_at)
            for pool in item.decision.pools
            if pool.reading.source is Source.LIVE
            and pool.reading.amount is not None
            and pool.reading.observed_at is not None
        }
        for item in decided
    }


def _earlier_runs(ids: Sequence[int], request: _Request) -> dict[int, AllocationRun]:
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
