"""The books of each position, kept current: what its fills come to, and what it earned by day.

How the books stand is in ``Position.books``; what was earned on each day is in ``SymbolDay``. A
fill that is later than all others is added to what stands there. Where one comes late, or takes
the place of a provisional one, the position is booked again from its first fill.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from capital.domain.money import EXACT, add_to, quotient
from capital.domain.performance.fills import Fee
from capital.domain.performance.fills import Fill as BookedFill
from capital.domain.performance.pnl import Booked, Books, keep_books
from capital.domain.performance.stored import books_as_json, books_from_json
from capital.domain.performance.symbols import Symbol, parse_symbol
from capital.domain.performance.telling import FillSource, Told, counting
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide, Side
from capital.models import Attribution, Fill, Position, PositionSource, SymbolDay
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)
_SUMS = ("realized", "fees", "funding", "volume", "cost_unknown")
_COUNTS = ("fills", "trades", "wins", "losses")


@dataclass(frozen=True)
class PositionKey:
    """Whose books: of which link, in what, on which side."""

    link_id: int
    symbol: str
    position_side: str


@inside_transaction
def keep_current(
    added: Mapping[PositionKey, Sequence[Fill]],
    *,
    again: Collection[PositionKey] = (),
    steps: Mapping[str, Decimal],
) -> None:
    """Book what was recorded. Call it inside the transaction that locked the accounts.

    Three queries, whatever the number of fills, and some for each position.

    Args:
        added: By position, the new fills that count.
        steps: By symbol, below which quantity a position is flat; 0 where that is not known.
        again: Positions that lost a fill: to better ones of its order, or to somebody else.
    """
    keys = list(dict.fromkeys([*added, *again]))
    positions = _positions(keys)
    whole = {key for key in keys if key in again or not _follows(added[key], positions.get(key))}
    history = counting_fills(whole)
    for key in keys:
        position = positions.get(key) or Position(
            strategy_account_id=key.link_id, symbol=key.symbol, position_side=key.position_side
        )
        fills = history[key] if key in whole else added[key]
        step = steps[key.symbol]
        booked = [as_booked(fill, step=step) for fill in fills]
        _book(position, key, booked, is_again=key in whole)


def counting_fills(keys: Iterable[PositionKey]) -> dict[PositionKey, list[Fill]]:
    """The fills of these positions that count, in two queries."""
    wanted = set(keys)
    found: dict[PositionKey, list[Fill]] = defaultdict(list)
    if not wanted:
        return found
    owned = _present_owners(
        Attribution.objects.filter(
            strategy_account__in={key.link_id for key in wanted},
            fill__symbol__in={key.symbol for key in wanted},
        )
    )
    owners = dict(owned.values_list("fill_id", "strategy_account_id"))
    fills = Fill.objects.filter(pk__in=list(owners)).order_by()
    rows = {fill.pk: fill for fill in fills}
    counted = counting(told(fill) for fill in rows.values())
    for pk, fill in rows.items():
        key = PositionKey(owners[pk], fill.symbol, fill.position_side)
        if pk in counted and key in wanted:
            found[key].append(fill)
    return found


def _present_owners(attributions: QuerySet[Attribution]) -> QuerySet[Attribution]:
    """The newest attribution of each fill, of those given."""
    newer = Attribution.objects.filter(fill=OuterRef("fill"), pk__gt=OuterRef("pk"))
    return attributions.filter(~Exists(newer)).order_by()


def told(fill: Fill) -> Told:
    """What of a fill says whether it counts. Orders of two symbols or accounts are not mixed."""
    scope = f"{fill.account_id} {fill.symbol} "
    return Told(
        fill.pk,
        FillSource(fill.source),
        is_identified=bool(fill.venue_fill_id),
        order_id=fill.order_id and scope + fill.order_id,
        client_order_id=fill.client_order_id and scope + fill.client_order_id,
    )


def as_booked(fill: Fill, *, step: Decimal) -> BookedFill:
    """A recorded fill as the books take it; below ``step`` what is left of it is flat."""
    symbol = _symbol(fill.symbol)
    return BookedFill(
        key=fill.venue_fill_id or f"~{fill.pk}",
        executed_at=fill.executed_at,
        kind=symbol.kind,
        base=symbol.base,
        settle=fill.settle,
        side=Side(fill.side),
        position_side=PositionSide(fill.position_side),
        quantity=fill.quantity,
        price=fill.price,
        contract_size=fill.contract_size,
        fees=tuple(
            Fee(Decimal(fee["amount"]), fee["currency"], _optional(fee.get("value")))
            for fee in fill.fees
        ),
        step=step,
    )


def _symbol(text: str) -> Symbol:
    symbol = parse_symbol(text)
    assert symbol is not None, "no other symbol is recorded"
    return symbol


def _optional(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _positions(keys: Collection[PositionKey]) -> dict[PositionKey, Position]:
    rows = Position.objects.filter(
        strategy_account__in={key.link_id for key in keys}, symbol__in={key.symbol for key in keys}
    )
    found = {(row.strategy_account_id, row.symbol, row.position_side): row for row in rows}
    named = {key: (key.link_id, key.symbol, key.position_side) for key in keys}
    return {key: found[name] for key, name in named.items() if name in found}


def _follows(fills: Sequence[Fill], position: Position | None) -> bool:
    """Whether all of these come after what is booked already."""
    if position is None or position.books is None:
        # There may be fills of before that were somebody else's.
        return False
    at, length, key = position.books["until"]
    last = (datetime.fromisoformat(at), length, key)
    return min(as_booked(fill, step=_ZERO).order for fill in fills) > last


def _book(
    position: Position, key: PositionKey, fills: Sequence[BookedFill], *, is_again: bool
) -> None:
    before = None if is_again or position.books is None else books_from_json(position.books)
    books, entries = keep_books(fills, books=before)
    _write_days(key, entries, is_again=is_again)
    if fills:
        _stand(position, books, fills, is_again=is_again)
    else:
        position.books = position.realized_pnl = None
        position.quantity = position.reported_quantity or _ZERO
        position.source = PositionSource.REPORT
    position.save()


def _stand(
    position: Position, books: Books, fills: Sequence[BookedFill], *, is_again: bool
) -> None:
    """Say on a position how its books stand, and what it holds."""
    last = max(fills, key=lambda fill: fill.order)
    since = _ZERO if is_again or position.books is None else Decimal(position.books["since_report"])
    for fill in fills:
        if position.reported_at is not None and fill.executed_at > position.reported_at:
            since = EXACT.add(since, fill.held)
    at, length, key = last.order
    position.books = {
        **books_as_json(books),
        "until": [at.isoformat(), length, key],
        "since_report": format(since, "f"),
    }
    position.realized_pnl = books.realized
    booked = _in_contracts(books.position.amount, last)
    held = booked
    if position.reported_quantity is not None:
        held = EXACT.add(position.reported_quantity, _in_contracts(since, last))
    if since or position.reported_quantity is None:
        position.source = PositionSource.FILLS
    position.quantity = _cut("quantity", held)
    if held == booked:
        entry = books.position.entry_price(last.kind)
        position.entry_price = None if entry is None else _cut("entry_price", entry)


def _in_contracts(amount: Decimal, fill: BookedFill) -> Decimal:
    """An amount of the books in the unit of a position: contracts, where they are inverse."""
    return quotient(amount, fill.contract_size) if fill.kind is InstrumentKind.INVERSE else amount


def _cut(name: str, amount: Decimal) -> Decimal:
    field: Any = Position._meta.get_field(name)
    cut: Decimal = field.cut(amount, connection)
    return cut


def _write_days(key: PositionKey, entries: Sequence[Booked], *, is_again: bool) -> None:
    """Add what was booked to its days. Where it was booked again, write all of its days."""
    of_key = SymbolDay.objects.filter(
        strategy_account=key.link_id, symbol=key.symbol, position_side=key.position_side
    )
    days: dict[date, list[Booked]] = defaultdict(list)
    for entry in entries:
        days[timezone.localtime(entry.at).date()].append(entry)
    if is_again:
        of_key.delete()
    rows = {} if is_again else {row.date: row for row in of_key.filter(date__in=list(days))}
    settle = _symbol(key.symbol).settle
    for day, booked in days.items():
        row = rows.get(day) or SymbolDay(
            strategy_account_id=key.link_id,
            symbol=key.symbol,
            position_side=key.position_side,
            date=day,
            currency=settle,
            **dict.fromkeys(_SUMS, _ZERO),
        )
        rows[day] = _with(row, booked)
    new = [row for row in rows.values() if row.pk is None]
    SymbolDay.objects.bulk_create(new, batch_size=500)
    old = [row for row in rows.values() if row.pk is not None and row not in new]
    SymbolDay.objects.bulk_update(old, [*_SUMS, *_COUNTS, "fees_unvalued"], batch_size=500)


def _with(row: SymbolDay, entries: Iterable[Booked]) -> SymbolDay:
    unvalued = {currency: Decimal(text) for currency, text in row.fees_unvalued.items()}
    for entry in entries:
        for name in _SUMS:
            setattr(row, name, EXACT.add(getattr(row, name), getattr(entry, name)))
        row.fills += not entry.is_funding
        if entry.closed is not None:
            row.trades += 1
            row.wins += entry.closed.realized > 0
            row.losses += entry.closed.realized < 0
        for currency, amount in entry.fees_unvalued.items():
            add_to(unvalued, currency, amount)
    row.fees_unvalued = {currency: format(amount, "f") for currency, amount in unvalued.items()}
    return row
