"""Days and trades of links, as the books leave them."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from capital.domain.performance.measures.periods import Period
from capital.models import LinkDay, StrategyAccount, SymbolDay, Trade

D = Decimal
FIRST = date(2026, 3, 1)
MARCH = Period(FIRST, date(2026, 3, 31))


def march(day: int) -> date:
    return FIRST + timedelta(days=day - 1)


def make_day(
    link: StrategyAccount,
    day: int,
    equity: str | None,
    realized: str = "0",
    *,
    added: str | None = "0",
    worth: tuple[str | None, str | None] = ("0", "0"),
    currency: str = "USDT",
    **fields: Any,
) -> LinkDay:
    """A day of March: equity at its start, what was realised, what is unrealised from … to."""
    begins, ends = (None if each is None else D(each) for each in worth)
    start = None if equity is None else D(equity)
    settled = None if start is None or begins is None else start - begins
    return LinkDay.objects.create(
        strategy_account=link,
        date=march(day),
        currency=currency,
        equity_start=None if settled is None else start,
        settled_start=settled,
        capital_added=None if added is None else D(added),
        realized=D(realized),
        unrealized=ends,
        **{"fees": D(0), "funding": D(0), "volume": D(0), **fields},
    )


def make_trade(
    link: StrategyAccount,
    day: int,
    pnl: str,
    *,
    hours: int = 1,
    symbol: str = "BTC/USDT:USDT",
    currency: str = "USDT",
    **fields: Any,
) -> Trade:
    """One that ended at noon (UTC) of a day of March."""
    closed_at = datetime.combine(march(day), time(12), UTC)
    return Trade.objects.create(
        strategy_account=link,
        symbol=symbol,
        position_side="both",
        currency=currency,
        is_long=True,
        opened_at=closed_at - timedelta(hours=hours),
        closed_at=closed_at,
        date=march(day),
        realized=D(pnl),
        **{
            **dict.fromkeys(("entered", "entry_value", "exited", "exit_value"), D(100)),
            **dict.fromkeys(("fees", "funding"), D(0)),
            **fields,
        },
    )


def make_symbol_day(
    link: StrategyAccount, day: int, symbol: str, realized: str, **fields: Any
) -> None:
    SymbolDay.objects.create(
        strategy_account=link,
        symbol=symbol,
        date=march(day),
        currency="USDT",
        realized=D(realized),
        fees=D("0.25"),
        funding=D("-0.125"),
        volume=D(10),
        cost_unknown=D(0),
        fills=2,
        trades=1,
        **{"position_side": "both", **fields},
    )
