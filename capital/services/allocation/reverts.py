"""Revert a run: restore the capital before it, if the current balance covers it."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from capital.domain.allocation.decision import Outcome
from capital.domain.allocation.reverts import decide_revert
from capital.domain.clock import Clock
from capital.domain.errors import RevertRefused, UnknownRun
from capital.domain.pools import Pool, pool_of
from capital.domain.reasons import Code
from capital.models import (
    CHANGES_CAPITAL,
    Account,
    AllocationEntry,
    AllocationRun,
    DailyAccountSummary,
    Trigger,
)
from capital.services.access.roles import Act, require
from capital.services.access.visibility import visible_to
from capital.services.accounts.linked import LinkedAccount, load_linked_accounts
from capital.services.allocation.batches import tell
from capital.services.allocation.inputs import inputs_after_revert, load_inputs
from capital.services.allocation.records import record_verdicts
from capital.services.allocation.report import RunReport, report_decision
from capital.services.allocation.request import AllocationRequest
from capital.services.allocation.verdicts import Verdict, may_money_have_moved
from capital.services.balances.live import LiveAnswers, observe_again, observe_pools
from capital.services.balances.locked import lock_observed
from capital.services.balances.readings import JudgedReadings, judge_all, judge_readings
from capital.services.balances.summaries import Summaries, load_latest, load_summaries
from capital.services.balances.trails import Moves
from capital.services.trading.positions import position_holds
from capital.services.transactions import outside_transaction

logger = logging.getLogger(__name__)


@outside_transaction
def revert_run(
    run_id: int,
    *,
    actor: AbstractUser | None = None,
    origin: str = "",
    clock: Clock = timezone.now,
) -> AllocationRun:
    """Restore what each link had before a run, as a new run.

    Call it outside a transaction: it waits for the exchange. Later runs that changed no capital
    (unchanged, held, failed) do not prevent it: the links still have what the run gave them. The
    gate goes on comparing with the inputs of the last run, with the current balance. So changes
    that the last run considered are not due again, and the next scheduled check does not undo the
    revert. A change that no run has considered yet is still due.

    Args:
        run_id: The last run of its account that changed capital.
        actor: The user who asks; needs ``capital.revert_allocation`` and must see the account.
        origin: Where the request came from, for the log.
        clock: Gives the current time.

    Returns:
        The new run; its ``reverts`` is the reverted one.

    Raises:
        UnknownRun: There is none, or none that the actor may see.
        NotPermitted, RoleTooSmall: The actor may not revert on this account.
        RevertRefused: The run changed nothing, was already reverted or is not the last that changed
            capital; a position is open; the account is inactive or has changed; or the current
            balance is unknown, suspect or too small. The reason has the figures.
    """
    run = _find_run(run_id, actor)
    observed, answers = _observe(run, clock)
    request = AllocationRequest(
        trigger=Trigger.REVERT.value,
        run_key=f"revert:{run.pk}:{uuid.uuid4().hex}",
        clock=clock,
        actor_id=None if actor is None else actor.pk,
        reverts=run.pk,
        restores=run.pnl or {},
    )
    with transaction.atomic():
        account = lock_observed({observed.pk: observed}).sound.get(observed.pk)
        if account is None:
            raise RevertRefused(Code.SETTINGS_CHANGED)
        now = clock()
        reversal = _weigh(run, account, answers, now=now, lock=True)
        made = record_verdicts(
            [reversal.verdict], request, {account.pk: reversal.summaries}, now=now
        )
    tell(reversal.verdict)
    _log_revert(run, actor, origin)
    return made[run.account_id]


def _log_revert(run: AllocationRun, actor: AbstractUser | None, origin: str) -> None:
    logger.warning(
        "Run %s of account %s was reverted by %s from %s.",
        run.pk,
        run.account_id,
        "the command line" if actor is None else actor.get_username(),
        origin or "an unknown address",
    )


@outside_transaction
def preview_revert(
    run_id: int, *, actor: AbstractUser | None = None, clock: Clock = timezone.now
) -> RunReport:
    """What ``revert_run`` would do now. It reads balances, writes nothing, and raises the same.

    Call it outside a transaction: it waits for the exchange.
    """
    run = _find_run(run_id, actor)
    account, answers = _observe(run, clock)
    reversal = _weigh(run, account, answers, now=clock())
    assert reversal.verdict.decision is not None
    return report_decision(account, reversal.verdict.decision)


@dataclass(frozen=True)
class _Reversal:
    """The verdict to write, and the summaries in which its balances are stored."""

    verdict: Verdict
    summaries: Summaries


def _find_run(run_id: int, actor: AbstractUser | None) -> AllocationRun:
    runs: QuerySet[AllocationRun] = AllocationRun.objects.select_related("account")
    if actor is not None:
        runs = visible_to(actor, runs)
    run: AllocationRun | None = runs.filter(pk=run_id).first()
    if run is None:
        raise UnknownRun(run=str(run_id))
    require(actor, Act.REVERT, account_ids=[run.account_id])
    return run


def _observe(run: AllocationRun, clock: Clock) -> tuple[Account, LiveAnswers]:
    """Read the pools, unless the revert can be refused without that."""
    account = Account.objects.get(pk=run.account_id)
    linked = load_linked_accounts([account.pk], accounts={account.pk: account})[account.pk]
    pools = _pools_to_restore(run, linked, _changed_by(run))
    answers = observe_pools([(account, pools)], clock=clock)
    if len(pools) > 1:
        now = clock()
        latest = load_latest([account.pk], now=now).get(account.pk)
        judged = _judged(account, pools, answers, latest, now=now)
        if may_money_have_moved(account, judged, latest, now=now):
            answers = observe_again([(account, pools)], clock=clock)
    return account, answers


def _weigh(
    run: AllocationRun,
    account: Account,
    answers: LiveAnswers,
    *,
    now: datetime,
    lock: bool = False,
) -> _Reversal:
    """Check every condition, then decide what is to be written."""
    linked = load_linked_accounts([account.pk], accounts={account.pk: account})[account.pk]
    changed = _changed_by(run)
    pools = _pools_to_restore(run, linked, changed)
    summaries = load_summaries([account.pk], now=now, lock=lock)[account.pk]
    judged = _judged(account, pools, answers, summaries.latest, now=now)
    _require_balances(run, account, judged)
    last = load_inputs([account.pk]).get(account.pk)
    division = linked.division
    if last is not None:
        division["reserve"] = last.reserve
    decision = decide_revert(
        run.pk,
        linked.links,
        {key: before for key, (_, before, _) in changed.items()},
        judged.readings,
        **division,
    )
    inputs = None if last is None else inputs_after_revert(last, judged.readings, run.basis)
    return _Reversal(Verdict(linked, decision, decision.reason, judged, inputs), summaries)


def _judged(
    account: Account,
    pools: Sequence[Pool],
    answers: LiveAnswers,
    latest: DailyAccountSummary | None,
    *,
    now: datetime,
) -> JudgedReadings:
    """The readings of one account. A person asks for a revert, so a first balance is confirmed."""

    def judge(_key: int, moves: Moves) -> JudgedReadings:
        return judge_readings(account, pools, answers, latest, now=now, confirms=True, moves=moves)

    return judge_all({account.pk: account}, judge, now=now)[account.pk]


# One link in a run: its pool, its capital before and after.
_Change = tuple[Pool, Decimal | None, Decimal | None]


def _changed_by(run: AllocationRun) -> dict[int, _Change]:
    """What the run changed, by link, in one query."""
    entries = AllocationEntry.objects.filter(pool__run=run).order_by("pk")
    return {
        link_id: (Pool(pool), before, after)
        for link_id, pool, before, after in entries.values_list(
            "strategy_account_id", "pool__pool", "before", "after"
        )
        if before != after
    }


def _pools_to_restore(
    run: AllocationRun, linked: LinkedAccount, changed: Mapping[int, _Change]
) -> tuple[Pool, ...]:
    """The pools in which something is to be restored. Raises ``RevertRefused``."""
    moved = {pool for pool, before, after in changed.values() if (before or 0) != (after or 0)}
    if not moved:
        raise RevertRefused(Code.NOTHING_TO_REVERT, run=str(run.pk))
    _require_last(run)
    _require_unchanged(linked, changed)
    # What is restored knows nothing of what is in use now, or of coins that are held.
    holds = position_holds([run.account_id], always=True).get(run.account_id, {})
    for pool in Pool:
        if pool in moved and pool in holds:
            raise RevertRefused(holds[pool].code, **holds[pool].figures)
    return tuple(pool for pool in Pool if pool in moved)


def _require_last(run: AllocationRun) -> None:
    """Refuse a run that was already reverted, or followed by a later change of capital."""
    by = AllocationRun.objects.filter(reverts=run).values_list("pk", flat=True).first()
    if by is not None:
        raise RevertRefused(Code.REVERTED_ALREADY, run=str(run.pk), by=str(by))
    later = _later_change(run)
    if later is not None:
        raise RevertRefused(Code.REVERT_NOT_LATEST, run=str(run.pk), later=str(later))


def _require_unchanged(linked: LinkedAccount, changed: Mapping[int, _Change]) -> None:
    """Refuse if the account is inactive, a link has another pool now, or its capital changed."""
    if not linked.account.is_active:
        raise RevertRefused(Code.ACCOUNT_INACTIVE)
    mode = linked.division["wallet_mode"]
    links = {link.id: link for link in linked.links}
    if any(pool is not pool_of(links[key].market, mode) for key, (pool, _, _) in changed.items()):
        raise RevertRefused(Code.SETTINGS_CHANGED)
    others = [
        links[key].strategy_key
        for key, (_, _, after) in changed.items()
        if links[key].capital != after
    ]
    if others:
        raise RevertRefused(Code.CAPITAL_CHANGED, strategies=", ".join(others))


def _later_change(run: AllocationRun) -> int | None:
    """The first later run of the account that changed capital."""
    changes = changes_of(run.account_id).filter(pk__gt=run.pk)
    first: int | None = changes.order_by("pk").values_list("pk", flat=True).first()
    return first


def changes_of(account_id: int | OuterRef) -> QuerySet[AllocationRun]:
    """The runs of an account that changed capital; it may be that of a query around this one.

    A run that found no balance may have released the capital of idle links, and nothing else.
    """
    released = AllocationEntry.objects.filter(pool__run=OuterRef("pk"), after=0).exclude(before=0)
    runs: QuerySet[AllocationRun] = AllocationRun.objects.filter(
        Q(outcome=Outcome.APPLIED.value) | Q(Exists(released)),
        account=account_id,
        # For these there is an index.
        outcome__in=CHANGES_CAPITAL,
    )
    return runs


def _require_balances(run: AllocationRun, account: Account, judged: JudgedReadings) -> None:
    for pool, suspect in judged.suspects.items():
        reason = suspect.reason(account, pool)
        raise RevertRefused(reason.code, **reason.figures)
    for pool, reading in judged.readings.items():
        if reading.amount is None:
            raise RevertRefused(
                Code.REVERT_WITHOUT_BALANCE,
                run=str(run.pk),
                pool=pool.value,
                why=reading.reason.code.value,
            )
