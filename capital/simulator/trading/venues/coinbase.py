"""Coinbase: all products in one list, by cursor; what is bought for money has its size in money."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.pools import Pool
from capital.simulator.trading.book import Fill, Position, plain
from capital.simulator.trading.question import (
    Asked,
    Question,
    TradingVenue,
    after_id,
    between,
    fill_id,
    iso,
    listed,
    newest_first,
)
from capital.simulator.venues.coinbase import REFUSALS, SCHEME

_INSTRUMENTS = listed(
    ("BTC/USD", "BTC-USD"),
    ("ETH/USD", "ETH-USD"),
    ("BTC/USD:USD", "BIP-20DEC30-CDE", "0.01"),
    ("ETH/USD:USD", "ETP-20DEC30-CDE", "0.1"),
)


def _moment(asked: Asked, name: str, otherwise: int) -> int:
    told = asked.text(name)
    return round(datetime.fromisoformat(told).timestamp() * 1000) if told else otherwise


def _fills(asked: Asked) -> Any:
    """``GET /api/v3/brokerage/orders/historical/fills``: the newest first."""
    first = _moment(asked, "start_sequence_timestamp", 0)
    last = _moment(asked, "end_sequence_timestamp", asked.now_milliseconds)
    product = asked.text("product_id")
    fills = asked.fills(lambda one: product in ("", one.name))
    rows = after_id(newest_first(between(fills, first, last)), asked.text("cursor"), fill_id)
    page = rows[: min(asked.number("limit", 100), 250)]
    cursor = page[-1].fill_id if len(rows) > len(page) else ""
    return {"fills": [_fill(row) for row in page], "cursor": cursor}


def _fill(row: Fill) -> Any:
    one = row.instrument
    in_quote = one.is_spot and row.is_buy and not row.is_maker
    size = EXACT.multiply(row.quantity, row.price) if in_quote else row.contracts
    return {
        "entry_id": row.fill_id,
        "trade_id": f"trade-{row.number}",
        "order_id": row.order_id,
        "trade_time": iso(row.at_milliseconds).replace("Z", "000000Z"),
        "trade_type": "FILL",
        "price": plain(row.price),
        "size": plain(size),
        "commission": plain(next((amount for amount, _ in row.fees), Decimal(0))),
        "product_id": one.name,
        "sequence_timestamp": iso(row.at_milliseconds),
        "liquidity_indicator": "MAKER" if row.is_maker else "TAKER",
        "size_in_quote": in_quote,
        "user_id": "1111111-1111-1111-1111-111111111111",
        "side": row.side.upper(),
    }


def _positions(asked: Asked) -> Any:
    """``GET /api/v3/brokerage/cfm/positions``: no time."""
    held = asked.positions(lambda one: not one.is_spot)
    return {"positions": [_position(each, asked.mark(each.instrument)) for each in held]}


def _position(each: Position, mark: Decimal) -> Any:
    return {
        "product_id": each.instrument.name,
        "expiration_time": "2030-12-20T16:00:00Z",
        "side": "FUTURES_POSITION_SIDE_LONG" if each.is_long else "FUTURES_POSITION_SIDE_SHORT",
        "number_of_contracts": plain(each.contracts.copy_abs()),
        "current_price": plain(mark),
        "avg_entry_price": plain(each.entry),
        "unrealized_pnl": plain(each.unrealised(mark)),
        "daily_realized_pnl": plain(each.realised),
    }


_ROOT = "/api/v3/brokerage"
TRADING = {
    "coinbase": TradingVenue(
        _INSTRUMENTS,
        (
            Question(f"{_ROOT}/orders/historical/fills", _fills, SCHEME, REFUSALS),
            Question(f"{_ROOT}/cfm/positions", _positions, SCHEME, REFUSALS, pool=Pool.FUTURES),
        ),
        fees_in_quote=True,
    )
}
