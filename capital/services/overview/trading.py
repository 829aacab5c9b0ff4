"""What an account or a strategy holds and earned, and what its balances leave unexplained."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import QuerySet
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.money import add_to
from capital.domain.performance.earned import Sums
from capital.models import Account, Fill, LinkDay, PoolDay, Position, StrategyAccount
from capital.services.access.visibility import visible_to
from capital.services.overview.equity import calendar
from capital.services.trading import (
    ComparedPosition,
    Equity,
    compare_positions,
    equity_of,
    mark_dust,
    value_positions,
)
from capital.services.trading.whose import unattributed_fills
from strategies.models import Strategy

_SUMMED = ("realized", "fees", "funding", "volume", "fills", "trades", "fees_unvalued")


@dataclass(frozen=True)
class TradingHistory:
    """What is shown of an account or a strategy.

    Attributes:
        days: The last 30 and today, the oldest first.
        positions: What is open, with what each would earn (``unrealized_pnl``).
        earned: By currency and day, what its links come to.
        unexplained: By pool and day, of an account.
        unattributed: How many of an account's fills are nobody's.
        equities: By link with capital, what it has now, or why that is not known.
        compared: An account's books beside what its exchange says; empty where that says nothing.
        seen_at: The time for which all this holds.
    """

    days: Sequence[date]
    positions: Sequence[Position]
    earned: Mapping[str, Mapping[date, Sums]]
    unexplained: Mapping[str, Mapping[date, PoolDay]]
    unattributed: int
    equities: Sequence[tuple[StrategyAccount, Equity]]
    compared: Sequence[ComparedPosition]
    seen_at: datetime

    @property
    def unvalued(self) -> Mapping[str, Decimal]:
        """By currency, the fees of these days whose worth nobody knows."""
        found: dict[str, Decimal] = {}
        for of_currency in self.earned.values():
            for sums in of_currency.values():
                for currency, amount in sums.fees_unvalued.items():
                    add_to(found, currency, amount)
        return found

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever traded, or not for long."""
        shown = (self.positions, self.earned, self.unexplained, self.unattributed, self.compared)
        return not any(shown)


def read_trading(
    of: Account | Strategy,
    user: AbstractUser | AnonymousUser,
    *,
    clock: Clock = timezone.now,
) -> TradingHistory:
    """What links that the user may see hold and earned, in a constant number of queries.

    Args:
        of: All links of an account, with its balances; or all of a strategy.
        user: Who looks.
        clock: Decides which day is today, and how old marks are.
    """
    now = clock()
    days = calendar(now)
    links = StrategyAccount.objects.filter(
        **{"account" if isinstance(of, Account) else "strategy": of}
    )
    seen = visible_to(user, links).order_by().values("pk")
    earned = _earned(LinkDay.objects.filter(strategy_account__in=seen, date__gte=days[0]))
    unexplained: dict[str, dict[date, PoolDay]] = defaultdict(dict)
    unattributed, compared = 0, list[ComparedPosition]()
    if isinstance(of, Account):
        rows = PoolDay.objects.filter(account=of, date__gte=days[0]).defer("holdings")
        for row in rows.order_by("pool", "date"):
            unexplained[row.pool][row.date] = row
        unattributed = unattributed_fills(Fill.objects.filter(account=of)).count()
        compared = compare_positions([of.pk])[of.pk]
    return TradingHistory(
        days=days,
        positions=_open(Position.objects.filter(strategy_account__in=seen), now=now),
        earned=earned,
        unexplained=dict(unexplained),
        unattributed=unattributed,
        equities=_equities(visible_to(user, links), now=now),
        compared=compared,
        seen_at=now,
    )


def _equities(
    links: QuerySet[StrategyAccount], *, now: datetime
) -> list[tuple[StrategyAccount, Equity]]:
    rows = links.filter(capital__isnull=False).select_related("account", "strategy", "capital")
    found = list(rows.order_by("strategy__name", "account__name", "pk"))
    equities = equity_of(found, now=now)
    return [(link, equities[link.pk]) for link in found]


def _open(positions: QuerySet[Position], *, now: datetime) -> list[Position]:
    rows = positions.exclude(quantity=0).select_related(
        "strategy_account__strategy", "strategy_account__account"
    )
    found = list(rows.order_by("symbol", "strategy_account", "position_side"))
    mark_dust(found)
    value_positions(found, now=now)
    return found


def _earned(rows: QuerySet[LinkDay]) -> dict[str, dict[date, Sums]]:
    earned: dict[str, dict[date, Sums]] = defaultdict(dict)
    # Thousands of rows, of a page that many look at: no objects are made of them.
    wanted = rows.values_list("currency", "date", *_SUMMED, named=True)
    for row in wanted.order_by("currency", "date", "pk"):
        earned[row.currency].setdefault(row.date, Sums()).add(row)
    return dict(earned)
