"""PnL by day, strategy, account and symbol, from the days that the books wrote."""

import datetime
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.money import EXACT, add_to, known_sum
from capital.domain.performance.symbols import parse_symbol
from capital.models import Position, SymbolDay
from capital.services.trading.worth import unrealized_of, worth_something

GROUPS = ("strategy", "account", "symbol", "day")
_PATHS = {
    "strategy": "strategy_account__strategy__key",
    "account": "strategy_account__account__name",
    "symbol": "symbol",
    "day": "date",
}
_NAMES: Mapping[str, Callable[[Position], str]] = {
    "strategy": lambda position: position.strategy_account.strategy.key,
    "account": lambda position: position.strategy_account.account.name,
    "symbol": lambda position: position.symbol,
}
_SUMS = ("realized", "fees", "funding")
_COUNTS = ("fills", "trades")
_ZERO = Decimal(0)


@dataclass
class PnlRow:
    """What was earned in one currency, by what it is grouped by.

    Attributes:
        strategy: Its key; None where it is not grouped by.
        account: Its name; None where it is not grouped by.
        symbol: None where it is not grouped by.
        date: A day of the project; None where it is not grouped by.
        currency: The settle currency.
        realized: After fees and funding.
        unrealized: Of the positions that are open now; None where a mark is missing, or by day.
        fees: Above zero was paid.
        funding: Above zero was received.
        fees_unvalued: By currency, the fees whose worth nobody knows.
        fills: How many.
        trades: Round trips that ended.
    """

    currency: str
    strategy: str | None = None
    account: str | None = None
    symbol: str | None = None
    date: datetime.date | None = None
    realized: Decimal = _ZERO
    unrealized: Decimal | None = None
    fees: Decimal = _ZERO
    funding: Decimal = _ZERO
    fees_unvalued: dict[str, Decimal] = field(default_factory=dict)
    fills: int = 0
    trades: int = 0

    def add(self, day: Mapping[str, Any]) -> None:
        """Count a day of one position in."""
        for name in _SUMS:
            setattr(self, name, EXACT.add(getattr(self, name), day[name]))
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + day[name])
        for currency, text in day["fees_unvalued"].items():
            add_to(self.fees_unvalued, currency, Decimal(text))


def pnl(
    days: QuerySet[SymbolDay],
    *,
    by: Sequence[str] = (),
    since: datetime.date | None = None,
    until: datetime.date | None = None,
) -> list[PnlRow]:
    """The sums of these days, in one query.

    Args:
        days: Those that the reader may see, of the accounts asked for.
        by: Of ``GROUPS``; without any, one row a currency.
        since: The first day; None for the very first.
        until: The last day, included; None for the newest.

    Returns:
        Sorted by what they are grouped by, then by currency. Never empty rows.
    """
    if since is not None:
        days = days.filter(date__gte=since)
    if until is not None:
        days = days.filter(date__lte=until)
    columns = (*_PATHS.values(), "currency", *_SUMS, *_COUNTS, "fees_unvalued")
    rows: dict[tuple[Any, ...], PnlRow] = {}
    for day in days.order_by().values(*columns).iterator(chunk_size=2000):
        group = {name: day[_PATHS[name]] for name in by}
        key = (*group.values(), day["currency"])
        if key not in rows:
            named = {"date" if name == "day" else name: value for name, value in group.items()}
            rows[key] = PnlRow(currency=day["currency"], **named)
        rows[key].add(day)
    return [rows[key] for key in sorted(rows)]


def account_pnl(
    account_ids: Sequence[int] | None = None,
    *,
    by: Sequence[str] = (),
    since: datetime.date | None = None,
    until: datetime.date | None = None,
    clock: Clock = timezone.now,
) -> list[PnlRow]:
    """``pnl`` of these accounts, or of all for None, with what their open positions come to.

    ``unrealized`` is 0 where none is open, and None where one of them has no fresh mark. A day
    that is over has none.
    """
    days, positions = SymbolDay.objects.all(), worth_something(Position.objects.all())
    if account_ids is not None:
        days = days.filter(strategy_account__account__in=account_ids)
        positions = positions.filter(strategy_account__account__in=account_ids)
    rows = pnl(days, by=by, since=since, until=until)
    if "day" in by:
        return rows
    held = list(positions.select_related("strategy_account__strategy", "strategy_account__account"))
    values = unrealized_of(held, now=clock())
    worth: dict[tuple[Any, ...], list[Decimal | None]] = defaultdict(list)
    for position in held:
        group = (*(_NAMES[name](position) for name in by), settle_of(position.symbol))
        worth[group].append(values[position.pk])
    for row in rows:
        group = (*(getattr(row, name) for name in by), row.currency)
        row.unrealized = known_sum(*worth[group])
    return rows


def settle_of(symbol: str) -> str | None:
    """The currency that a symbol is paid in; None where it is no symbol."""
    parsed = parse_symbol(symbol)
    return None if parsed is None else parsed.settle
