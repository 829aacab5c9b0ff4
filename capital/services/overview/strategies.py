"""On how many accounts strategies trade, and with how much capital."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import AbstractUser, AnonymousUser

from capital.domain.money import add_to
from capital.models import StrategyAccount
from capital.services.access.visibility import visible_to


@dataclass(frozen=True)
class StrategyOverview:
    """On how many accounts a strategy trades, and its capital there in each currency."""

    accounts: int
    capital: Mapping[str, Decimal]


def overview_strategies(
    strategy_ids: Sequence[int], user: AbstractUser | AnonymousUser
) -> dict[int, StrategyOverview]:
    """An overview of each strategy, over the accounts that the user may see, in one query."""
    links = visible_to(user, StrategyAccount.objects.filter(strategy_id__in=strategy_ids))
    accounts: dict[int, int] = defaultdict(int)
    capital: dict[int, dict[str, Decimal]] = {key: {} for key in strategy_ids}
    for strategy_id, currency, amount in links.values_list(
        "strategy_id", "account__currency", "capital__allocated_capital"
    ):
        accounts[strategy_id] += 1
        if amount is not None:
            add_to(capital[strategy_id], currency, amount)
    return {
        key: StrategyOverview(accounts[key], dict(sorted(capital[key].items())))
        for key in strategy_ids
    }


def count_accounts(strategy_ids: Sequence[int], user: AbstractUser | AnonymousUser) -> int:
    """How many of the accounts that the user may see these strategies trade on together."""
    links = visible_to(user, StrategyAccount.objects.filter(strategy_id__in=strategy_ids))
    return links.order_by().values("account_id").distinct().count()
