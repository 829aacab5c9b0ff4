"""PnL by day, strategy, account and symbol, from the days that the books wrote."""

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.money import EXACT, add_to, known_sum
from capital.domain.performance.pnl import Booked, Books, keep_books
from capital.domain.performance.symbols import parse_symbol
from capital.models import Account, Fill, Position, SymbolDay, VenuePosition
from capital.services.accounts.denomination import Denomination
from capital.services.balances.summaries import business_date
from capital.services.trading.booking.fills import as_booked, nobodys_fills
from capital.services.trading.booking.undivided import Undivided, undivided_flows
from capital.services.trading.worth import FRESH_FOR, unrealized_of, worth_something

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
        strategy: Its key; None where it is not grouped by, and of fills that are nobody's.
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
    that is over has none. What fills of nobody earned is counted in: by strategy, as a row without
    one, which comes last.
    """
    days, positions = SymbolDay.objects.all(), worth_something(Position.objects.all())
    if account_ids is None:
        account_ids = list(Account.objects.order_by("pk").values_list("pk", flat=True))
    else:
        days = days.filter(strategy_account__account__in=account_ids)
        positions = positions.filter(strategy_account__account__in=account_ids)
    of_nobody = _of_nobody(account_ids)
    span = since, until
    rows = _with_nobodys(pnl(days, by=by, since=since, until=until), of_nobody, by, span)
    rows = _with_undivided(rows, undivided_flows(account_ids, span), by)
    if "day" in by:
        return rows
    now = clock()
    held = list(positions.select_related("strategy_account__strategy", "strategy_account__account"))
    values = unrealized_of(held, now=now)
    worth: dict[tuple[Any, ...], list[Decimal | None]] = defaultdict(list)
    for each, value in _worth_of_nobody(of_nobody, now=now):
        worth[(*(each.group(name) for name in by), each.currency)].append(value)
    for position in held:
        group = (*(_NAMES[name](position) for name in by), counted_in(position))
        worth[group].append(values[position.pk])
    for row in rows:
        group = (*(getattr(row, name) for name in by), row.currency)
        row.unrealized = known_sum(*worth[group])
    return rows


@dataclass(frozen=True)
class _Nobodys:
    """What fills of nobody come to in one symbol of one account."""

    account_id: int
    account: str
    symbol: str
    position_side: str
    currency: str
    books: Books
    entries: Sequence[Booked]

    def group(self, name: str, entry: Booked | None = None) -> Any:
        """What it is of ``GROUPS``; it is of no strategy."""
        if name == "day":
            return None if entry is None else business_date(entry.at)
        return None if name == "strategy" else getattr(self, name)


def _of_nobody(account_ids: Sequence[int]) -> list[_Nobodys]:
    fills: dict[tuple[int, str, str], list[Fill]] = defaultdict(list)
    for fill in nobodys_fills(account_ids):
        fills[fill.account_id, fill.symbol, fill.position_side].append(fill)
    accounts = Account.objects.only("name", "venue", "currency").in_bulk({key for key, *_ in fills})
    found = []
    for (account_id, symbol, side), of_key in sorted(fills.items()):
        books, entries = keep_books([as_booked(fill, step=_ZERO) for fill in of_key])
        account = accounts[account_id]
        currency = Denomination.of(account).paid_in(symbol)
        found.append(_Nobodys(account_id, account.name, symbol, side, currency, books, entries))
    return found


def _with_nobodys(
    rows: Sequence[PnlRow],
    of_nobody: Sequence[_Nobodys],
    by: Sequence[str],
    span: tuple[datetime.date | None, datetime.date | None],
) -> list[PnlRow]:
    """The rows with what fills of nobody earned in a span, sorted alike."""
    names = ["date" if name == "day" else name for name in by]
    found = {(*(getattr(row, name) for name in names), row.currency): row for row in rows}
    since, until = span
    for each in of_nobody:
        for entry in each.entries:
            day = business_date(entry.at)
            if (since is not None and day < since) or (until is not None and day > until):
                continue
            group = [each.group(name, entry) for name in by]
            key = (*group, each.currency)
            if key not in found:
                named = dict(zip(names, group, strict=True))
                found[key] = PnlRow(currency=each.currency, **named)
            figures = {name: getattr(entry, name) for name in _SUMS}
            is_closed = entry.closed is not None
            unvalued = entry.fees_unvalued
            found[key].add({**figures, "fills": 1, "trades": is_closed, "fees_unvalued": unvalued})
    return _sorted(found)


def _with_undivided(
    rows: Sequence[PnlRow], undivided: Iterable[Undivided], by: Sequence[str]
) -> list[PnlRow]:
    """The rows with what was earned without a fill and is nobody's, sorted alike."""
    names = ["date" if name == "day" else name for name in by]
    found = {(*(getattr(row, name) for name in names), row.currency): row for row in rows}
    for each in undivided:
        named: dict[str, Any] = {name: getattr(each, name, None) for name in names}
        key = (*named.values(), each.currency)
        if key not in found:
            found[key] = PnlRow(currency=each.currency, **named)
        row = found[key]
        row.realized = EXACT.add(row.realized, each.earned)
        row.fees = EXACT.add(row.fees, each.fees)
        row.funding = EXACT.add(row.funding, each.funding)
    return _sorted(found)


def _sorted(rows: Mapping[tuple[Any, ...], PnlRow]) -> list[PnlRow]:
    """By what they are grouped by, then by currency; nobody's last."""
    return [rows[key] for key in sorted(rows, key=lambda key: [(e is None, e or "") for e in key])]


def _worth_of_nobody(
    of_nobody: Sequence[_Nobodys], *, now: datetime.datetime
) -> Iterator[tuple[_Nobodys, Decimal | None]]:
    """What closing each at the exchange's mark would earn; None without a fresh one."""
    open_ = [each for each in of_nobody if each.books.position.amount]
    rows = VenuePosition.objects.filter(
        account__in={each.account_id for each in open_},
        symbol__in={each.symbol for each in open_},
        mark_price__isnull=False,
    )
    marks = {
        (row.account_id, row.symbol): row.mark_price
        for row in (rows.order_by("pk") if open_ else ())
        if now - row.observed_at <= FRESH_FOR
    }
    for each in open_:
        symbol, mark = parse_symbol(each.symbol), marks.get((each.account_id, each.symbol))
        if symbol is None or mark is None:
            yield each, None
        else:
            yield each, EXACT.normalize(each.books.position.unrealized(symbol.kind, mark))


def counted_in(position: Position) -> str:
    """The currency in which the PnL of a position counts. Its account is to be loaded."""
    return Denomination.of(position.strategy_account.account).paid_in(position.symbol)
