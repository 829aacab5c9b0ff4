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
from capital.domain.money import EXACT, add_to
from capital.models import Account, Fill, LinkDay, PoolDay, Position, StrategyAccount, VenuePosition
from capital.services.access.visibility import visible_to
from capital.services.overview.earnings import unattributed_fills
from capital.services.overview.equity import calendar
from capital.services.trading import (
    ComparedPosition,
    compare_positions,
    mark_dust,
    value_positions,
)
from strategies.models import Strategy

_ZERO = Decimal(0)


@dataclass
class DayEarned:
    """What was earned on one day in one currency.

    Attributes:
        realized: Before fees and funding.
        fees: Above zero was paid.
        funding: Above zero was received.
        fills: How many there were.
    """

    realized: Decimal = _ZERO
    fees: Decimal = _ZERO
    funding: Decimal = _ZERO
    fills: int = 0

    @property
    def earned(self) -> Decimal:
        """After fees and funding."""
        return EXACT.add(EXACT.subtract(self.realized, self.fees), self.funding)

    def add(self, row: LinkDay) -> None:
        """Count the day of one link in."""
        self.realized = EXACT.add(self.realized, row.realized)
        self.fees = EXACT.add(self.fees, row.fees)
        self.funding = EXACT.add(self.funding, row.funding)
        self.fills += row.fills


@dataclass(frozen=True)
class TradingHistory:
    """What is shown of an account or a strategy.

    Attributes:
        days: The last 30 and today, the oldest first.
        positions: What is open, with what each would earn (``unrealized_pnl``).
        earned: By currency and day, where a link had a day.
        unvalued: By currency, the fees of these days whose worth nobody knows.
        unexplained: By pool and day, of an account.
        unattributed: How many of an account's fills are nobody's.
        compared: An account's books beside what its exchange says; empty where that says nothing.
        seen_at: The time for which all this holds.
    """

    days: Sequence[date]
    positions: Sequence[Position]
    earned: Mapping[str, Mapping[date, DayEarned]]
    unvalued: Mapping[str, Decimal]
    unexplained: Mapping[str, Mapping[date, PoolDay]]
    unattributed: int
    compared: Sequence[ComparedPosition]
    seen_at: datetime

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
    earned, unvalued = _earned(LinkDay.objects.filter(strategy_account__in=seen, date__gte=days[0]))
    unexplained: dict[str, dict[date, PoolDay]] = defaultdict(dict)
    unattributed, compared = 0, list[ComparedPosition]()
    if isinstance(of, Account):
        rows = PoolDay.objects.filter(account=of, date__gte=days[0]).defer("holdings")
        for row in rows.order_by("pool", "date"):
            unexplained[row.pool][row.date] = row
        unattributed = unattributed_fills(Fill.objects.filter(account=of)).count()
        if VenuePosition.objects.filter(account=of).exists():
            compared = compare_positions(of.pk)
    return TradingHistory(
        days=days,
        positions=_open(Position.objects.filter(strategy_account__in=seen), now=now),
        earned=earned,
        unvalued=unvalued,
        unexplained=dict(unexplained),
        unattributed=unattributed,
        compared=compared,
        seen_at=now,
    )


def _open(positions: QuerySet[Position], *, now: datetime) -> list[Position]:
    rows = positions.exclude(quantity=0).select_related(
        "strategy_account__strategy", "strategy_account__account"
    )
    found = list(rows.order_by("symbol", "strategy_account", "position_side"))
    mark_dust(found)
    value_positions(found, now=now)
    return found


def _earned(
    rows: QuerySet[LinkDay],
) -> tuple[dict[str, dict[date, DayEarned]], dict[str, Decimal]]:
    earned: dict[str, dict[date, DayEarned]] = defaultdict(dict)
    unvalued: dict[str, Decimal] = {}
    for row in rows.order_by("currency", "date", "pk"):
        earned[row.currency].setdefault(row.date, DayEarned()).add(row)
        for currency, text in row.fees_unvalued.items():
            add_to(unvalued, currency, Decimal(text))
    return dict(earned), unvalued
