"""Marks: what open positions are worth now, and what the symbols were worth on each day."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.sizing.instruments import InstrumentKind
from capital.exchange.contract import Quoted
from capital.exchange.gateway import get_market_gateway
from capital.models import DayMark, Market, Position
from capital.models.columns.exact import cut_for
from capital.services.accounts.lookup import lock_accounts
from capital.services.balances.summaries import business_date
from capital.services.trading.days.closing import restate_days
from capital.services.trading.worth import unrealized_of, worth_something
from capital.services.transactions import inside_transaction, outside_transaction

# All marks of a call: it runs behind the balances, and nobody waits for it.
_PATIENCE = timedelta(seconds=10)
_ACCOUNTS_AT_ONCE = 500
_QUOTED = ("venue", "symbol", "market_id", "kind", "base", "quote", "settle")


@outside_transaction
def mark_positions(account_ids: Sequence[int], *, clock: Clock = timezone.now) -> int:
    """Value the open positions of these accounts, keep the marks of today, and write today's days.

    Call it outside a transaction: it waits for exchanges. Each instrument is asked once, whoever
    holds it. One that its exchange does not answer keeps its old mark, which grows old.

    Returns:
        How many positions were marked.
    """
    if not settings.CAPITAL_LIVE_BALANCES:
        return 0
    ids, marked = list(account_ids), 0
    for start in range(0, len(ids), _ACCOUNTS_AT_ONCE):
        trading = _with_positions(ids[start : start + _ACCOUNTS_AT_ONCE])
        if not trading:
            continue
        instruments = _instruments_held(trading)
        gateway = get_market_gateway(patience=_PATIENCE)
        answers = gateway.fetch_marks(instruments) if instruments else {}
        marks = {
            (each.venue, each.symbol): answer
            for each, answer in answers.items()
            if isinstance(answer, Decimal)
        }
        with transaction.atomic():
            lock_accounts(trading)
            now = clock()
            marked += keep_marks(trading, marks, now=now)
            restate_days(trading, since=business_date(now), now=now)
    return marked


def _with_positions(account_ids: Sequence[int]) -> list[int]:
    """Those of these accounts on which something is or was held."""
    rows = Position.objects.filter(strategy_account__account__in=account_ids)
    return sorted(set(rows.values_list("strategy_account__account", flat=True)))


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
def keep_marks(
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
            position.mark_price = cut_for(Position, "mark_price", mark)
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


def value_positions(positions: Sequence[Position], *, now: datetime) -> None:
    """Say on each position what it would earn (``unrealized_pnl``), in one query at most."""
    values = unrealized_of(positions, now=now)
    for position in positions:
        position.unrealized_pnl = values[position.pk]
