"""Set weights of strategies that share a pool, and decide the account's capital by them at once.

The exchange is read first. Then one transaction locks the account, changes the weights, decides,
and writes weights, capital and all records together: all of it, or nothing.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from capital.domain.allocation.decision import Decision, Outcome
from capital.domain.clock import Clock
from capital.domain.errors import UnknownAccount, WeightsRefused
from capital.domain.money import EXACT, plain
from capital.domain.pools import WalletMode, pool_of
from capital.domain.reasons import Code, Reason
from capital.models import Account, AllocationRun, StrategyAccount, Trigger
from capital.services.access.roles import Act, require
from capital.services.accounts.linked import LinkedAccount, load_linked_accounts
from capital.services.accounts.registry import change_link
from capital.services.allocation.batches import tell
from capital.services.allocation.causes.naming import name_causes
from capital.services.allocation.records import record_verdicts
from capital.services.allocation.request import (
    AllocationRequest,
    earlier_runs,
    known_ids,
    new_request,
)
from capital.services.allocation.verdicts import (
    Verdict,
    judge_accounts,
    load_circumstances,
    unless_money_moved,
)
from capital.services.allocation.weights.told import (
    WeightsReport,
    foresee_weights,
    report_weights,
)
from capital.services.balances.live import LiveAnswers, observe_again, observe_pools
from capital.services.balances.locked import lock_observed
from capital.services.balances.summaries import load_latest
from capital.services.transactions import inside_transaction, outside_transaction
from strategies.markets import MarketType

Weights = Mapping[str, Decimal]


@outside_transaction
def set_weights(
    account_id: int,
    weights: Weights,
    *,
    actor: AbstractUser | None = None,
    trigger: str = Trigger.API,
    run_key: str | None = None,
    dry_run: bool = False,
    origin: str = "",
    clock: Clock = timezone.now,
) -> WeightsReport:
    """Change weights and decide the capital that follows, in one run.

    Call it outside a transaction: it waits for the exchange. Where the pool is held, or has no
    balance, the weights are changed all the same, and the report says that the capital waits.

    Args:
        account_id: The account's primary key.
        weights: By strategy key, above 0 and at most 100; all of one pool. Strategies that are
            left out keep theirs.
        actor: Who asks; None is the command line, which may.
        trigger: What asked.
        run_key: Makes a call repeatable: with a key that was used, the first run is reported.
        dry_run: Report what would be, and write nothing.
        origin: The address from which it was asked, for the record.
        clock: Gives the current time.

    Raises:
        UnknownAccount: There is no such account, or the actor does not see it.
        NotPermitted, RoleTooSmall: The actor may not both change links and allocate here.
        WeightsRefused: No strategy with such a key trades here, or they are of two pools.
        ValidationError: A weight is out of range; it names the strategy's key.
        RunKeyConflict: The key was used with other arguments.
    """
    request = replace(
        new_request(trigger, run_key, clock, actor=actor),
        weights={key: plain(EXACT.normalize(weight)) for key, weight in weights.items()},
    )
    ids = known_ids([account_id])
    require(actor, Act.CHANGE_LINK, Act.ALLOCATE, account_ids=ids)
    if earlier := earlier_runs(ids, request):
        return report_weights(earlier[account_id])
    linked = load_linked_accounts(ids)[account_id]
    named = _named(linked.account, weights)
    for key, link in named.items():
        _check(link, key, weights[key])
    answers = _observe(linked, named, weights, request)
    if dry_run:
        before = {key: plain(EXACT.normalize(link.weight)) for key, link in named.items()}
        verdict = _verdict(_reweighted(linked, named, weights), answers, request, now=clock())
        return foresee_weights(verdict, replace(request, weights_before=before))
    return report_weights(_change_and_decide(linked, weights, answers, request, actor, origin))


def _change_and_decide(
    observed: LinkedAccount,
    weights: Weights,
    answers: LiveAnswers,
    request: AllocationRequest,
    actor: AbstractUser | None,
    origin: str,
) -> AllocationRun:
    """The weights and the run, in one transaction; another one's run with the same key."""
    key = observed.account.pk
    with transaction.atomic():
        locked = lock_observed({key: observed.account})
        account = locked.accounts.get(key)
        if account is None:
            raise UnknownAccount(account=str(key))
        if earlier := earlier_runs([key], request):
            return earlier[key]
        require(actor, Act.CHANGE_LINK, Act.ALLOCATE, account_ids=[key])
        request = replace(
            request, weights_before=_change(account, weights, actor=actor, origin=origin)
        )
        linked = load_linked_accounts([key], accounts={key: account})[key]
        now = request.clock()
        circumstances = load_circumstances([key], request, now=now, lock=True)
        if key in locked.changed:
            # The balances that were read may be another wallet's.
            reason = Reason(Code.ACCOUNT_CHANGED)
            verdict = Verdict(linked, Decision(Outcome.FAILED, reason), reason)
        else:
            verdicts = judge_accounts({key: linked}, answers, circumstances, request, now=now)
            (verdict,) = name_causes(verdicts, circumstances, request)
        run = record_verdicts([verdict], request, circumstances.summaries, now=now)[key]
    tell(verdict)
    return run


@inside_transaction
def _change(
    account: Account, weights: Weights, *, actor: AbstractUser | None, origin: str
) -> dict[str, str]:
    """Change the weights, and return what they were.

    Call it inside the transaction that locked the account.
    """
    named = _named(account, weights)
    before = {key: plain(EXACT.normalize(link.weight)) for key, link in named.items()}
    for key, link in named.items():
        if link.weight != weights[key]:
            try:
                change_link(link.pk, actor=actor, origin=origin, weight=weights[key])
            except ValidationError as error:
                raise ValidationError({f"weights.{key}": error.messages}) from None
    return before


def _named(account: Account, weights: Weights) -> dict[str, StrategyAccount]:
    """The links whose weights are given, by strategy key.

    Raises:
        WeightsRefused: One is not there, or they are of two pools.
    """
    links = StrategyAccount.objects.filter(account=account, strategy__key__in=list(weights))
    found = {link.strategy.key: link for link in links.select_related("strategy", "account")}
    if unknown := [key for key in weights if key not in found]:
        raise WeightsRefused(Code.WEIGHTS_OF_UNKNOWN, strategies=", ".join(unknown)[:500])
    mode = WalletMode(account.wallet_mode)
    if len({pool_of(MarketType(link.strategy.market_type), mode) for link in found.values()}) > 1:
        raise WeightsRefused(Code.WEIGHTS_OF_TWO_POOLS, strategies=", ".join(weights)[:500])
    return found


def _check(link: StrategyAccount, key: str, weight: Decimal) -> None:
    """Refuse what the link's own page refuses."""
    changed = copy(link)
    changed.weight = weight
    try:
        changed.full_clean()
    except ValidationError as error:
        raise ValidationError({f"weights.{key}": error.messages}) from None


def _observe(
    linked: LinkedAccount,
    named: Mapping[str, StrategyAccount],
    weights: Weights,
    request: AllocationRequest,
) -> LiveAnswers:
    """Read the pools; once more, where money may have moved between them meanwhile."""
    answers = observe_pools([(linked.account, linked.pools)], clock=request.clock)
    now = request.clock()
    verdict = _verdict(_reweighted(linked, named, weights), answers, request, now=now)
    latest = load_latest([linked.account.pk], now=now).get(linked.account.pk)
    if not unless_money_moved(verdict, latest, now=now).reads_again:
        return answers
    return observe_again([(linked.account, linked.pools)], clock=request.clock)


def _verdict(
    linked: LinkedAccount, answers: LiveAnswers, request: AllocationRequest, *, now: datetime
) -> Verdict:
    """What would be decided, without a lock."""
    key = linked.account.pk
    circumstances = load_circumstances([key], request, now=now)
    return judge_accounts({key: linked}, answers, circumstances, request, now=now)[0]


def _reweighted(
    linked: LinkedAccount, named: Mapping[str, StrategyAccount], weights: Weights
) -> LinkedAccount:
    """The account as it will be."""
    by_link = {link.pk: weights[key] for key, link in named.items()}
    links = (link._replace(weight=by_link.get(link.id, link.weight)) for link in linked.links)
    return replace(linked, links=tuple(links))
