"""What changed in books, written: positions, the days of their symbols, and trades.

In a constant number of statements, whatever the number of fills and days, and one for each
position.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import Q

from capital.domain.money import EXACT, add_to, plain, quotient
from capital.domain.performance.fills import Fill as BookedFill
from capital.domain.performance.pnl import Booked, Books
from capital.domain.performance.stored import AMOUNTS_OF_TRADE, books_as_json, books_from_json
from capital.domain.performance.symbols import Symbol, parse_symbol
from capital.domain.sizing.instruments import InstrumentKind
from capital.models import Position, PositionSource, StrategyAccount, SymbolDay, Trade
from capital.models.columns.copying import insert_values
from capital.models.columns.exact import cut_for
from capital.services.accounts.denomination import Denomination
from capital.services.balances.summaries import business_dates
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)
_SUMS = ("realized", "fees", "funding", "volume", "cost_unknown")
_amounts_of = attrgetter(*_SUMS)
_COUNTS = ("fills", "trades", "wins", "losses")
_FIGURES = (*_SUMS, *_COUNTS, "fees_unvalued", "held", "cost")
_KEY = ("strategy_account_id", "symbol", "position_side")
_DAY_KEY = (*_KEY, "date", "currency")
_TRADE = (
    *_KEY,
    "currency",
    "is_long",
    "opened_at",
    "closed_at",
    "date",
    "fills",
    "is_complete",
    *AMOUNTS_OF_TRADE,
)

_DATE = _TRADE.index("date")
_amounts_of_trade = attrgetter(*AMOUNTS_OF_TRADE)


class PositionKey(NamedTuple):
    """Whose books: of which link, in what, on which side. As the rows of it have them."""

    link_id: int
    symbol: str
    position_side: str


@dataclass(frozen=True)
class Member:
    """One who may hold something: whose books, as they are stored, and whether from the start."""

    key: PositionKey
    position: Position | None
    is_again: bool

    @property
    def books(self) -> Books:
        """How they stood before what is booked now."""
        if self.is_again or self.position is None or self.position.books is None:
            return Books()
        return books_from_json(self.position.books)


@dataclass(frozen=True)
class Changed:
    """What became of the books of one.

    Attributes:
        member: Whose.
        books: How they stand now.
        entries: What was booked, in the order of time.
        fills: Of these.
    """

    member: Member
    books: Books
    entries: Sequence[Booked]
    fills: Sequence[BookedFill]


@inside_transaction
def write_books(changes: Sequence[Changed]) -> date | None:
    """Write what changed of some books. Call it inside the transaction that locked the accounts.

    Returns:
        The first day that is not as it was; None where all are.
    """
    if not changes:
        return None
    wanted = {change.member.key.link_id for change in changes}
    # Who is told that a position was closed asks for the exchange of its account.
    links = StrategyAccount.objects.filter(pk__in=wanted).select_related("account")
    of = {link.pk: link for link in links.only("account__venue", "account__currency")}
    moneys = {pk: Denomination.of(link.account) for pk, link in of.items()}
    firsts = _write_days(changes, moneys), _write_trades(changes, moneys)
    for change in changes:
        _write_position(change, of[change.member.key.link_id])
    return min((day for day in firsts if day is not None), default=None)


def _write_position(change: Changed, link: StrategyAccount) -> None:
    key, position, entries = change.member.key, change.member.position, change.entries
    if parse_symbol(key.symbol) is None or (position is None and not entries):
        # What was earned in no symbol is of no position; what is in an opening makes none.
        return
    if position is None:
        position = Position(symbol=key.symbol, position_side=key.position_side)
    position.strategy_account = link
    if entries:
        _stand(position, change)
    else:
        position.books = position.realized_pnl = None
        position.quantity = position.reported_quantity or _ZERO
        position.source = PositionSource.REPORT
    position.save()


def _stand(position: Position, change: Changed) -> None:
    """Say on a position how its books stand, and what it holds."""
    books, fills, last = change.books, change.fills, change.entries[-1]
    before = {} if change.member.is_again or position.books is None else position.books
    since = Decimal(before.get("since_report", "0"))
    reported_at = position.reported_at
    for fill in fills:
        if reported_at is not None and fill.executed_at > reported_at:
            since = EXACT.add(since, fill.held)
    size = Decimal(before.get("contract_size", "1"))
    if fills:
        size = max(fills, key=lambda fill: fill.order).contract_size
    position.books = {
        **books_as_json(books),
        "until": [last.at.isoformat(), len(last.key), last.key],
        "since_report": plain(since),
        "contract_size": plain(size),
    }
    position.realized_pnl = books.realized
    kind = _symbol(position.symbol).kind
    held = booked = in_contracts(books.position.amount, kind, size)
    if position.reported_quantity is not None:
        held = EXACT.add(position.reported_quantity, in_contracts(since, kind, size))
    if since or position.reported_quantity is None:
        position.source = PositionSource.FILLS
    position.quantity = cut_for(Position, "quantity", held)
    if held == booked:
        entry = books.position.entry_price(kind)
        position.entry_price = None if entry is None else cut_for(Position, "entry_price", entry)


def booked_quantity(position: Position) -> Decimal | None:
    """What its fills come to, in the unit of a position; None without fills."""
    if position.books is None:
        return None
    amount, size = (Decimal(position.books[name]) for name in ("amount", "contract_size"))
    return in_contracts(amount, _symbol(position.symbol).kind, size)


def in_contracts(amount: Decimal, kind: InstrumentKind, size: Decimal) -> Decimal:
    """An amount of the books in the unit of a position: contracts, where they are inverse."""
    return quotient(amount, size) if kind is InstrumentKind.INVERSE else amount


def _symbol(text: str) -> Symbol:
    symbol = parse_symbol(text)
    assert symbol is not None, "no other symbol is recorded"
    return symbol


# The columns that tell the days of symbols apart.
_DayKey = tuple[int, str, str, date, str]


def _write_days(changes: Sequence[Changed], moneys: Mapping[int, Denomination]) -> date | None:
    """Add what was booked to its days. What was booked again gets all of its days again.

    Args:
        changes: Of some books.
        moneys: Of the accounts, by link.

    Returns:
        The first day that is not as it was; None where all are.
    """
    booked: dict[_DayKey, list[Booked]] = defaultdict(list)
    for change in changes:
        key, day_of = change.member.key, business_dates()
        for entry in change.entries:
            currency = entry.currency or moneys[key.link_id].paid_in(key.symbol)
            booked[*key, day_of(entry.at), currency].append(entry)
    again = {change.member.key for change in changes if change.member.is_again}
    before = _days_of(changes, {key[3] for key in booked})
    dropped = {key: row for key, row in before.items() if key[:3] in again}
    new = {
        key: _with(SymbolDay(**dict.fromkeys(_SUMS, _ZERO), **_named(key)), entries)
        for key, entries in booked.items()
        if key in dropped or key not in before
    }
    same = {
        key for key in dropped.keys() & new.keys() if _figures(dropped[key]) == _figures(new[key])
    }
    added_to = [_with(before[key], entries) for key, entries in booked.items() if key not in new]
    for row in added_to:
        # One statement for all of them finds them by what they are of.
        row.pk = None
    gone = [row.pk for key, row in dropped.items() if key not in same]
    if gone:
        SymbolDay.objects.filter(pk__among=gone).delete()
    insert_values(
        SymbolDay,
        (*_DAY_KEY, *_FIGURES),
        [[*key, *_figures(row)] for key, row in new.items() if key not in same],
    )
    SymbolDay.objects.bulk_create(
        added_to,
        update_conflicts=True,
        unique_fields=list(_DAY_KEY),
        update_fields=list(_FIGURES),
        batch_size=500,
    )
    changed = (booked.keys() | dropped.keys()) - same
    return min((key[3] for key in changed), default=None)


def _days_of(changes: Sequence[Changed], dates: set[date]) -> dict[_DayKey, SymbolDay]:
    """The days that are written already: all of what is booked again, else those of these dates."""
    wanted: dict[tuple[int, str, str], bool] = {
        change.member.key: change.member.is_again for change in changes
    }
    concerned = Q(date__in=dates)
    again = {key[0] for key, is_again in wanted.items() if is_again}
    if again:
        concerned |= Q(strategy_account__in=again)
    rows = SymbolDay.objects.filter(
        concerned,
        strategy_account__in={link_id for link_id, *_ in wanted},
        symbol__in={symbol for _, symbol, _ in wanted},
    )
    found = {}
    for row in rows.order_by():
        key = (row.strategy_account_id, row.symbol, row.position_side, row.date, row.currency)
        if key[:3] in wanted and (wanted[key[:3]] or row.date in dates):
            found[key] = row
    return found


def _named(key: _DayKey) -> dict[str, Any]:
    return dict(zip(_DAY_KEY, key, strict=True))


def _figures(row: SymbolDay) -> list[Any]:
    return [getattr(row, name) for name in _FIGURES]


def _with(row: SymbolDay, entries: Sequence[Booked]) -> SymbolDay:
    """A day of one symbol with what was booked on it."""
    for name, amounts in zip(_SUMS, zip(*map(_amounts_of, entries), strict=True), strict=True):
        setattr(row, name, reduce(EXACT.add, filter(None, amounts), getattr(row, name)))
    unvalued = {currency: Decimal(text) for currency, text in row.fees_unvalued.items()}
    for entry in entries:
        row.fills += not entry.is_funding
        if entry.fees_unvalued:
            for currency, amount in entry.fees_unvalued.items():
                add_to(unvalued, currency, amount)
        if entry.closed is not None:
            row.trades += 1
            row.wins += entry.closed.realized > 0
            row.losses += entry.closed.realized < 0
    row.fees_unvalued = {currency: plain(amount) for currency, amount in unvalued.items()}
    own = [entry for entry in entries if not entry.currency] if row.symbol else []
    if own:
        row.held, row.cost = own[-1].position.amount, own[-1].position.cost
    return row


def _write_trades(changes: Iterable[Changed], moneys: Mapping[int, Denomination]) -> date | None:
    """Write the trades that were ended; of what was booked again, those alone.

    Args:
        changes: Of some books.
        moneys: Of the accounts, by link.

    Returns:
        The first day on which other trades ended than before; None where what was booked again
        ended the same.
    """
    again = Q()
    for change in changes:
        if change.member.is_again:
            again |= Q(*zip(_KEY, change.member.key, strict=True))
    before: set[tuple[Any, ...]] = set()
    if again:
        old = Trade.objects.filter(again)
        before = set(old.order_by().values_list(*_TRADE))
        old.delete()
    rows = []
    for change in changes:
        key, day_of = change.member.key, business_dates()
        for entry in change.entries:
            trade = entry.closed
            if trade is None:
                continue
            rows.append(
                [
                    *key,
                    moneys[key.link_id].paid_in(key.symbol),
                    trade.is_long,
                    trade.opened_at,
                    entry.at,
                    day_of(entry.at),
                    trade.fills,
                    trade.is_complete,
                    *_amounts_of_trade(trade),
                ]
            )
    insert_values(Trade, _TRADE, rows)
    # Without any of before, all of them are other ones.
    changed = before ^ set(map(tuple, rows)) if before else rows
    return min((row[_DATE] for row in changed), default=None)
