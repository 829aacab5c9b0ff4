"""Marks: what open positions are worth now, and what the symbols were worth on each day."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.money import EXACT
from capital.domain.performance.fills import value_at
from capital.domain.performance.stored import books_from_json
from capital.domain.performance.symbols import parse_symbol
from capital.domain.sizing.instruments import InstrumentKind
from capital.exchange.contract import Quoted
from capital.exchange.gateway import get_market_gateway
from capital.models import DayMark, Market, Position
from capital.services.accounts.lookup import lock_accounts
from capital.services.balances.summaries import business_date
from capital.services.transactions import inside_transaction, outside_transaction

FRESH_FOR = timedelta(minutes=5)
# All marks of a call: it runs behind the balances, and nobody waits for it.
_PATIENCE = timedelta(seconds=10)
_ACCOUNTS_AT_ONCE = 500
_QUOTED = ("venue", "symbol", "market_id", "kind", "base", "quote", "settle")


@outside_transaction
def mark_positions(account_ids: Sequence[int], *, clock: Clock = timezone.now) -> int:
    """Value the open positions of these accounts, and keep the marks as those of today.

    Call it outside a transaction: it waits for exchanges. Each instrument is asked once, whoever
    holds it. One that its exchange does not answer keeps its old mark, which grows old.

    Returns:
        How many positions were marked.
    """
    if not settings.CAPITAL_LIVE_BALANCES:
        return 0
    ids, marked = list(account_ids), 0
    for start in range(0, len(ids), _ACCOUNTS_AT_ONCE):
        batch = ids[start : start + _ACCOUNTS_AT_ONCE]
        instruments = _instruments_held(batch)
        if not instruments:
            continue
        answers = get_market_gateway(patience=_PATIENCE).fetch_marks(instruments)
        marks = {
            (each.venue, each.symbol): answer
            for each, answer in answers.items()
            if isinstance(answer, Decimal)
        }
        with transaction.atomic():
            lock_accounts(batch)
            marked += _keep_marks(batch, marks, now=clock())
    return marked


def _instruments_held(account_ids: Sequence[int]) -> list[Quoted]:
    """The instruments in which something is held, each once, in two queries."""
    held = set(
        worth_something(Position.objects.filter(strategy_account__account__in=account_ids))
        .order_by()
        .values_list("strategy_account__account__venue", "symbol")
    )
    if not held:
        return []
    rows = Market.objects.filter(
        venue__in={venue for venue, _ in held}, symbol__in={symbol for _, symbol in held}
    )
    return [
        Quoted(**{**row, "kind": InstrumentKind(row["kind"])})
        for row in rows.order_by("venue", "symbol").values(*_QUOTED)
        if (row["venue"], row["symbol"]) in held
    ]


@inside_transaction
def _keep_marks(
    account_ids: Sequence[int], marks: Mapping[tuple[str, str], Decimal], *, now: datetime
) -> int:
    """Write the marks on open positions, and as those of today. Four statements at most.

    Call it inside a transaction.
    """
    positions = []
    held = Position.objects.filter(strategy_account__account__in=account_ids)
    for position in (
        worth_something(held).select_related("strategy_account__account").order_by("pk")
    ):
        venue = position.strategy_account.account.venue
        mark = marks.get((venue, position.symbol))
        if mark is not None:
            position.mark_price = Position._meta.get_field("mark_price").cut(mark, connection)
            position.marked_at = now
            positions.append(position)
    Position.objects.bulk_update(positions, ["mark_price", "marked_at"], batch_size=500)
    DayMark.objects.bulk_create(
        [
            DayMark(venue=venue, symbol=symbol, date=business_date(now), price=mark)
            for (venue, symbol), mark in sorted(marks.items())
        ],
        update_conflicts=True,
        unique_fields=["venue", "symbol", "date"],
        update_fields=["price"],
        batch_size=500,
    )
    return len(positions)


def unrealized_of(positions: Sequence[Position], *, now: datetime) -> dict[int, Decimal | None]:
    """What closing each position at its mark would earn before fees, by primary key.

    From its fills where there are any, else from what its bot reported. One query at most.

    Args:
        positions: With ``strategy_account.account`` loaded, if any is reported in contracts.
        now: A mark that is older than five minutes says nothing.

    Returns:
        In the settle currency: 0 where nothing is held; None without a fresh mark, or an entry.
    """
    sizes = _contract_sizes(positions)
    return {
        position.pk: _unrealized(position, sizes.get(position.pk), now=now)
        for position in positions
    }


def value_positions(positions: Sequence[Position], *, now: datetime) -> None:
    """Say on each position what it would earn (``unrealized_pnl``), in one query at most."""
    values = unrealized_of(positions, now=now)
    for position in positions:
        position.unrealized_pnl = values[position.pk]


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
        return books.position.unrealized(kind, mark)
    if position.entry_price is None:
        return None
    amount = position.quantity
    if kind is InstrumentKind.INVERSE:
        if size is None:
            return None
        amount = EXACT.multiply(amount, size)
    return EXACT.subtract(
        value_at(kind, amount, mark), value_at(kind, amount, position.entry_price)
    )
