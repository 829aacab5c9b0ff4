"""What positions are worth now: what closing each at its mark would earn."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from capital.domain.money import EXACT
from capital.domain.performance.fills import value_at
from capital.domain.performance.stored import books_from_json
from capital.domain.performance.symbols import parse_symbol
from capital.domain.sizing.instruments import InstrumentKind
from capital.models import Market, Position

FRESH_FOR = timedelta(minutes=5)


def unrealized_of(positions: Sequence[Position], *, now: datetime) -> dict[int, Decimal | None]:
    """What closing each position at its mark would earn before fees, by primary key.

    From its fills where there are any, else from what its bot reported. One query at most.

    Args:
        positions: With ``strategy_account.account`` loaded, if any is reported in contracts.
        now: A mark that is older than five minutes says nothing.

    Returns:
        In the settle currency, without needless zeros: 0 where nothing is held; None without a
        fresh mark, or an entry.
    """
    sizes = _contract_sizes(positions)
    return {
        position.pk: _unrealized(position, sizes.get(position.pk), now=now)
        for position in positions
    }


def worth_something(positions: QuerySet[Position]) -> QuerySet[Position]:
    """The positions that may be worth something: open, or closed by a report alone."""
    return positions.exclude(quantity=0, reported_quantity__isnull=True)


def _contract_sizes(positions: Sequence[Position]) -> dict[int, Decimal]:
    """What one contract is of, where only a report says how many are held."""
    wanted = {
        position.pk: (position.strategy_account.account.venue, position.symbol)
        for position in positions
        if position.books is None and _kind_of(position.symbol) is InstrumentKind.INVERSE
    }
    if not wanted:
        return {}
    rows = Market.objects.filter(
        venue__in={venue for venue, _ in wanted.values()},
        symbol__in={symbol for _, symbol in wanted.values()},
        contract_size__isnull=False,
    )
    sizes = {(row.venue, row.symbol): row.contract_size for row in rows}
    return {pk: size for pk, name in wanted.items() if (size := sizes.get(name)) is not None}


def _kind_of(symbol: str) -> InstrumentKind | None:
    parsed = parse_symbol(symbol)
    return None if parsed is None else parsed.kind


def _unrealized(position: Position, size: Decimal | None, *, now: datetime) -> Decimal | None:
    kind, mark = _kind_of(position.symbol), position.mark_price
    books = None if position.books is None else books_from_json(position.books)
    is_flat = not position.is_open if books is None else not books.position.amount
    if is_flat:
        return Decimal(0)
    if kind is None or mark is None or position.marked_at is None:
        return None
    if now - position.marked_at > FRESH_FOR:
        return None
    if books is not None:
        return EXACT.normalize(books.position.unrealized(kind, mark))
    if position.entry_price is None:
        return None
    amount = position.quantity
    if kind is InstrumentKind.INVERSE:
        if size is None:
            return None
        amount = EXACT.multiply(amount, size)
    entry = value_at(kind, amount, position.entry_price)
    return EXACT.normalize(EXACT.subtract(value_at(kind, amount, mark), entry))
