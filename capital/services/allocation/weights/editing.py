"""The editor of weights: what they would come to by the balances at hand, and saving them alone.

``edit.set_weights`` decides with it; here nothing is decided, and no exchange is asked, so that
every key that is typed can be answered.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.money import ROUNDED
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.models import Account, StrategyAccount, Trigger
from capital.services.access.roles import Act, require
from capital.services.accounts.linked import LinkedAccount, load_linked_accounts
from capital.services.accounts.lookup import lock_accounts
from capital.services.accounts.registry import change_link
from capital.services.allocation.report import RunReport, report_decision
from capital.services.allocation.request import known_ids, new_request
from capital.services.allocation.verdicts import judge_accounts, load_circumstances
from capital.services.balances.live import observe_pools
from capital.services.transactions import outside_transaction
from strategies.edits import ChangedMeanwhile, Seen, SomeChangedMeanwhile

_HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Foreseen:
    """What weights would come to.

    Attributes:
        report: What an allocation would decide by the last balance that was read of each pool.
        shares: In percent of what is divided by weight, by link; one that is idle or has a fixed
            amount has none.
        keys: The strategy's key, by link.
    """

    report: RunReport
    shares: Mapping[int, Decimal]
    keys: Mapping[int, str]


@dataclass(frozen=True)
class Weighed:
    """One link among those of its pool.

    Attributes:
        share: In percent of what is divided by weight; None where it takes no part.
        idle: Why it takes no part in allocation; None where it is active.
        is_stopped: Whether a limit stopped it, so that its share stays unallocated.
    """

    share: Decimal | None
    idle: Code | None
    is_stopped: bool


def weigh_links(account: Account) -> dict[int, Weighed]:
    """What the weight of each link of an account comes to, and what keeps it from counting."""
    linked = load_linked_accounts([account.pk], accounts={account.pk: account})[account.pk]
    shares = shares_by_weight(linked)
    return {
        link.id: Weighed(shares.get(link.id), link.idle, link.is_stopped and link.idle is None)
        for link in linked.links
    }


@outside_transaction
def foresee_saved_weights(
    account_id: int,
    weights: Mapping[int, Decimal],
    *,
    actor: AbstractUser | None,
    clock: Clock = timezone.now,
) -> Foreseen:
    """What these weights would come to, by the balances at hand. Nothing is written.

    Call it outside a transaction.

    Args:
        account_id: The account's primary key.
        weights: By link, above 0; links that are left out keep theirs.
        actor: Who asks; None is the command line, which may.
        clock: Gives the current time.

    Raises:
        UnknownAccount: There is no such account, or the actor does not see it.
        NotPermitted, RoleTooSmall: The actor may not change links here.
    """
    request = new_request(Trigger.ADMIN, None, clock, actor=actor, live=False)
    ids = known_ids([account_id])
    require(actor, Act.CHANGE_LINK, account_ids=ids)
    stored = load_linked_accounts(ids)[account_id]
    links = (link._replace(weight=weights.get(link.id, link.weight)) for link in stored.links)
    linked = replace(stored, links=tuple(links))
    answers = observe_pools([(linked.account, linked.pools)], live=False, clock=clock)
    now = clock()
    circumstances = load_circumstances(ids, request, now=now)
    (verdict,) = judge_accounts({account_id: linked}, answers, circumstances, request, now=now)
    assert verdict.decision is not None, "only the gate decides nothing"
    return Foreseen(
        report_decision(linked.account, verdict.decision),
        shares_by_weight(linked),
        {link.id: link.strategy_key for link in linked.links},
    )


def save_weights(
    account_id: int,
    weights: Mapping[int, Decimal],
    *,
    seen: Mapping[int, Seen],
    actor: AbstractUser | None,
    origin: str = "",
) -> None:
    """Change weights and no capital: that follows when somebody allocates, or it is found due.

    All of them are changed, or none.

    Args:
        account_id: The account's primary key; links of another one are passed over.
        weights: The new ones, by link.
        seen: What the actor saw of each.
        actor: Who asks; None is the command line, which may.
        origin: The address from which it was asked, for the record.

    Raises:
        SomeChangedMeanwhile: Somebody else changed these weights since they were seen.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not.
        ValidationError: A rule is broken.
    """
    stale = []
    with transaction.atomic():
        lock_accounts([account_id])
        of_account = StrategyAccount.objects.filter(account=account_id, pk__in=weights)
        for key in of_account.order_by("pk").values_list("pk", flat=True):
            try:
                change_link(
                    key,
                    actor=actor,
                    origin=origin,
                    seen=seen.get(key),
                    allocates_later=True,
                    weight=weights[key],
                )
            except ChangedMeanwhile as error:
                stale.append(error)
        if stale:
            raise SomeChangedMeanwhile(stale)


def shares_by_weight(linked: LinkedAccount) -> dict[int, Decimal]:
    """The share of its pool that each active link's weight gives it, in percent.

    A link with a fixed amount is served before and takes no part.
    """
    dividing = [
        link for link in linked.links if link.idle is None and link.bounds.fixed_amount is None
    ]
    sums: dict[Pool, Decimal] = defaultdict(Decimal)
    for link in dividing:
        sums[linked.pool_of[link.id]] += link.weight
    return {
        link.id: ROUNDED.divide(link.weight * _HUNDRED, sums[linked.pool_of[link.id]])
        for link in dividing
    }
