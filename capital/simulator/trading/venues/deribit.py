"""Deribit: of one currency at a time; fills of more than a day ago are historical."""

from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.performance.flows import FlowKind
from capital.domain.sizing.instruments import InstrumentKind
from capital.simulator.trading.book import Fill, Instrument, Position
from capital.simulator.trading.question import (
    DAY_MILLISECONDS,
    Asked,
    Question,
    Refused,
    TradingVenue,
    between,
    listed,
    newest_first,
    number,
)
from capital.simulator.venues.deribit import REFUSALS, SCHEME

_INSTRUMENTS = listed(
    ("BTC/USDC", "BTC_USDC"),
    ("ETH/USDC", "ETH_USDC"),
    ("BTC/USDC:USDC", "BTC_USDC-PERPETUAL"),
    ("ETH/USDC:USDC", "ETH_USDC-PERPETUAL"),
    ("BTC/USD:BTC", "BTC-PERPETUAL", "10"),
)
# docs.deribit.com, "Accessing Historical Trades and Orders": it takes a while to index them.
_INDEXED_AFTER = 60_000


def _ok(result: Any) -> Any:
    return {"jsonrpc": "2.0", "id": 1, "result": result, "testnet": False}


def _required(asked: Asked, *names: str) -> None:
    for name in names:
        if not asked.text(name):
            raise Refused(400, -32602, f"Invalid params: {name}")


def _currency_of(one: Instrument) -> str:
    return one.settle


def _trades(asked: Asked) -> Any:
    """``get_user_trades_by_currency_and_time``: recent ones, or those that are historical."""
    _required(asked, "currency", "start_timestamp", "end_timestamp")
    first, last = asked.number("start_timestamp", 0), asked.number("end_timestamp", 0)
    if asked.text("historical") == "true":
        last = min(last, asked.now_milliseconds - _INDEXED_AFTER)
    else:
        first = max(first, asked.now_milliseconds - DAY_MILLISECONDS)
    currency = asked.text("currency")
    rows = between(asked.fills(lambda one: _currency_of(one) == currency), first, last)
    count = min(asked.number("count", 10), 1000)
    rows = newest_first(rows) if asked.text("sorting") == "desc" else rows
    return _ok({"trades": [_trade(row) for row in rows[:count]], "has_more": len(rows) > count})


def _amount(row: Fill) -> Decimal:
    """Dollars of inverse contracts, else the coin."""
    if row.instrument.kind is InstrumentKind.INVERSE:
        return EXACT.multiply(row.quantity, row.instrument.size)
    return row.quantity


def _trade(row: Fill) -> Any:
    amount, currency = next(iter(row.fees), (Decimal(0), row.instrument.settle))
    return {
        "trade_seq": row.number,
        "trade_id": row.fill_id,
        "timestamp": row.at_milliseconds,
        "tick_direction": 1,
        "state": "filled",
        "self_trade": False,
        "reduce_only": False,
        "price": number(row.price),
        "post_only": row.is_maker,
        "order_type": "limit" if row.is_maker else "market",
        "order_id": row.order_id,
        "matching_id": None,
        "liquidity": "M" if row.is_maker else "T",
        "label": row.client_order_id,
        "instrument_name": row.instrument.name,
        "profit_loss": number(row.realised),
        "fee_currency": currency,
        "fee": number(amount),
        "direction": row.side.value,
        "amount": number(_amount(row)),
    }


def _positions(asked: Asked) -> Any:
    """``get_positions``: of one currency; no time."""
    currency = asked.text("currency")
    held = asked.positions(lambda one: not one.is_spot and currency in ("any", _currency_of(one)))
    return _ok([_position(each, asked.mark(each.instrument)) for each in held])


def _position(each: Position, mark: Decimal) -> Any:
    return {
        "instrument_name": each.instrument.name,
        "kind": "future",
        "direction": "buy" if each.is_long else "sell",
        "size": number(each.held.amount),
        "average_price": number(each.entry),
        "mark_price": number(mark),
        "floating_profit_loss": 0,
        "total_profit_loss": number(each.unrealised(mark)),
        "realized_profit_loss": number(each.realised),
        "realized_funding": number(each.funding),
        "leverage": 25,
    }


_TYPES = {
    FlowKind.DEPOSIT: "deposit",
    FlowKind.WITHDRAWAL: "withdrawal",
    FlowKind.TRANSFER: "transfer",
    FlowKind.FUNDING: "settlement",
}


def _log(asked: Asked) -> Any:
    """``get_transaction_log``: trades, too; the newest first, by continuation."""
    _required(asked, "currency", "start_timestamp", "end_timestamp")
    span = asked.number("start_timestamp", 0), asked.number("end_timestamp", 0)
    currency = asked.text("currency")
    rows: list[tuple[int, Any]] = []
    for flow in between(asked.flows(_TYPES), *span):
        if flow.currency == currency:
            told = {
                "id": int(flow.flow_id),
                "type": _TYPES[flow.kind],
                "change": number(flow.amount),
            }
            rows.append((flow.number, {**told, "timestamp": flow.at_milliseconds}))
    for fill in between(asked.fills(lambda one: True), *span):
        change = fill.moves.get(currency)
        if change:
            told = {"id": fill.number, "type": "trade", "change": number(change)}
            more = {"instrument_name": fill.instrument.name, "trade_id": fill.fill_id}
            rows.append((fill.number, {**told, **more, "timestamp": fill.at_milliseconds}))
    rows.sort(key=lambda row: row[0], reverse=True)
    start, count = asked.number("continuation", 0), min(asked.number("count", 100), 250)
    page = [{**row, "currency": currency} for _, row in rows[start : start + count]]
    more_at = start + count if len(rows) > start + count else None
    return _ok({"logs": page, "continuation": more_at})


_ROOT = "/api/v2/private"
TRADING = {
    "deribit": TradingVenue(
        _INSTRUMENTS,
        tuple(
            Question(f"{_ROOT}/{name}", answer, SCHEME, REFUSALS)
            for name, answer in (
                ("get_user_trades_by_currency_and_time", _trades),
                ("get_positions", _positions),
                ("get_transaction_log", _log),
            )
        ),
    )
}
