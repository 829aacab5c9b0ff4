"""HTX: two days at a time; only of inverse contracts is a fee that was paid below zero."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide
from capital.simulator.trading.book import Fill, Instrument, Position, plain
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
    whole,
)
from capital.simulator.venues.htx import REFUSALS, SCHEME

_INSTRUMENTS = listed(
    ("BTC/USDT", "btcusdt"),
    ("ETH/USDT", "ethusdt"),
    ("BTC/USDT:USDT", "BTC-USDT", "0.001"),
    ("ETH/USDT:USDT", "ETH-USDT", "0.01"),
    ("BTC/USD:BTC", "BTC-USD", "100"),
    ("BTC/USD:BTC-301227", "BTC301227", "100"),
)
_TWO_DAYS = 2 * DAY_MILLISECONDS
_POINTS = ("HBPOINT", "HT", "HTX")


def _span(asked: Asked, start: str, end: str, reach_days: int) -> tuple[int, int]:
    first, last = asked.number(start, -1), asked.number(end, -1)
    if first < 0 and last < 0:
        last = asked.now_milliseconds
    first = last - _TWO_DAYS if first < 0 else first
    last = first + _TWO_DAYS if last < 0 else last
    if last - first > _TWO_DAYS:
        raise Refused(200, "invalid-parameter", "the time window is over 48 hours")
    return max(first, asked.now_milliseconds - reach_days * DAY_MILLISECONDS), last


def _one(asked: Asked, name: str, kind: InstrumentKind) -> Callable[[Instrument], bool]:
    wanted = asked.text(name)
    if not wanted:
        raise Refused(200, "invalid-parameter", f"{name} is mandatory")
    return lambda one: one.kind is kind and one.name == wanted


def _ok(data: Any, now_milliseconds: int) -> Any:
    return {"code": 200, "message": "Success", "data": data, "ts": now_milliseconds}


def _spot_matches(asked: Asked) -> Any:
    """``GET /v1/order/matchresults``: the newest first."""
    fills = asked.fills(_one(asked, "symbol", InstrumentKind.SPOT))
    rows = newest_first(between(fills, *_span(asked, "start-time", "end-time", 120)))
    told = [_spot_match(row) for row in rows[: min(asked.number("size", 100), 500)]]
    return {"status": "ok", "data": told}


def _spot_match(row: Fill) -> Any:
    points = next((fee for fee in row.fees if fee[1] in _POINTS), None)
    paid = next((fee for fee in row.fees if fee[1] not in _POINTS), None)
    received = row.instrument.base if row.is_buy else row.instrument.quote
    amount, currency = paid or (Decimal(0), received)
    return {
        "symbol": row.instrument.name,
        "fee-currency": currency.lower(),
        "source": "spot-api",
        "price": plain(row.price),
        "created-at": row.at_milliseconds,
        "role": "maker" if row.is_maker else "taker",
        "order-id": whole(row.order_id),
        "match-id": row.number,
        "trade-id": whole(row.fill_id),
        "filled-amount": plain(row.quantity),
        "filled-fees": plain(amount),
        "filled-points": plain(points[0]) if points else "0.0",
        "fee-deduct-currency": points[1].lower() if points else "",
        "fee-deduct-state": "done",
        "id": row.number,
        "type": f"{row.side.value}-{'limit' if row.is_maker else 'market'}",
    }


def _linear_details(asked: Asked) -> Any:
    """``GET /v5/trade/order/details``: the newest first."""
    fills = asked.fills(_one(asked, "contract_code", InstrumentKind.LINEAR))
    rows = newest_first(between(fills, *_span(asked, "start_time", "end_time", 90)))
    told = [_linear_detail(row) for row in rows[: min(asked.number("limit", 10), 100)]]
    return _ok(told, asked.now_milliseconds)


def _linear_detail(row: Fill) -> Any:
    amount, currency = next(iter(row.fees), (Decimal(0), row.instrument.settle))
    return {
        "id": row.fill_id,
        "contract_code": row.instrument.name,
        "order_id": row.order_id,
        "client_order_id": row.client_order_id,
        "trade_id": str(row.number),
        "side": row.side.value,
        "position_side": row.position_side.value,
        "order_type": "1",
        "margin_mode": "cross",
        "type": "limit" if row.is_maker else "market",
        "role": "MAKER" if row.is_maker else "TAKER",
        "trade_price": plain(row.price),
        "trade_volume": plain(row.contracts),
        "trade_turnover": plain(row.worth),
        "created_time": str(row.at_milliseconds),
        "updated_time": str(row.at_milliseconds),
        "order_source": "api",
        "fee_currency": currency,
        "trade_fee": plain(amount),
        "deduction_price": "",
        "profit": plain(row.realised),
        "contract_type": "swap",
    }


def _inverse_matches(asked: Asked) -> Any:
    """``POST /swap-api/v3/swap_matchresults_exact``: fifty, the newest first."""
    fills = asked.fills(_one(asked, "contract", InstrumentKind.INVERSE))
    rows = newest_first(between(fills, *_span(asked, "start_time", "end_time", 90)))
    told = [_inverse_match(row) for row in rows[:50]]
    return {"code": 200, "msg": "ok", "data": told, "ts": asked.now_milliseconds}


def _offset(row: Fill) -> str:
    if row.position_side is PositionSide.BOTH:
        return "both"
    return "open" if (row.position_side is PositionSide.LONG) is row.is_buy else "close"


def _inverse_match(row: Fill) -> Any:
    amount, currency = next(iter(row.fees), (Decimal(0), row.instrument.settle))
    return {
        "query_id": row.number,
        "symbol": row.instrument.base,
        "contract_code": row.instrument.name,
        "order_id": whole(row.order_id),
        "order_id_str": row.order_id,
        "match_id": row.number,
        "id": row.fill_id,
        "direction": row.side.value,
        "offset": _offset(row),
        # Eighteen decimals, whatever it is.
        "trade_volume": number(row.quantity.quantize(Decimal("1e-18"))),
        "trade_price": number(row.price),
        "trade_turnover": number(EXACT.multiply(row.quantity, row.instrument.size)),
        "trade_fee": number(EXACT.minus(amount)),
        "fee_asset": currency,
        "real_profit": number(row.realised),
        "create_date": row.at_milliseconds,
        "role": "Maker" if row.is_maker else "Taker",
    }


def _linear_positions(asked: Asked) -> Any:
    """``GET /v5/trade/position/opens``."""
    held = asked.positions(lambda one: one.kind is InstrumentKind.LINEAR)
    rows = [_linear_position(each, asked.mark(each.instrument)) for each in held]
    return _ok(rows, asked.now_milliseconds)


def _linear_position(each: Position, mark: Decimal) -> Any:
    return {
        "contract_code": each.instrument.name,
        "position_side": each.side.value,
        "direction": "buy" if each.is_long else "sell",
        "margin_mode": "cross",
        "open_avg_price": plain(each.entry),
        "volume": plain(each.contracts.copy_abs()),
        "available": plain(each.contracts.copy_abs()),
        "lever_rate": 20,
        "liquidation_price": "-110163.844268282697306843",
        "profit_unreal": plain(each.unrealised(mark)),
        "mark_price": plain(mark),
        "margin_currency": each.instrument.settle,
        "contract_type": "swap",
        "created_time": str(each.opened_at),
        "updated_time": str(each.updated_at),
    }


def _inverse_positions(asked: Asked) -> Any:
    """``POST /swap-api/v1/swap_position_info``: no mark."""
    held: Sequence[Position] = asked.positions(lambda one: one.kind is InstrumentKind.INVERSE)
    rows = [_inverse_position(each, asked.mark(each.instrument)) for each in held]
    return {"status": "ok", "data": rows, "ts": asked.now_milliseconds}


def _inverse_position(each: Position, mark: Decimal) -> Any:
    pnl = each.unrealised(mark)
    return {
        "symbol": each.instrument.base,
        "contract_code": each.instrument.name,
        "volume": number(each.quantity.copy_abs()),
        "available": number(each.quantity.copy_abs()),
        "frozen": 0,
        "cost_open": number(each.entry),
        "cost_hold": number(each.entry),
        "profit_unreal": number(pnl),
        "profit": number(EXACT.add(pnl, each.realised)),
        "lever_rate": 3,
        "direction": "buy" if each.is_long else "sell",
        "position_mode": "dual_side" if each.is_hedged else "single_side",
        "last_price": number(mark),
    }


def _bills(asked: Asked) -> Any:
    """``GET /v5/account/bills``: funding that was paid is of type 30, received of 31."""
    wanted = asked.text("type").split(",")
    span = _span(asked, "start_time", "end_time", 90)
    told = []
    for flow in newest_first(between(asked.flows([FlowKind.FUNDING], Pool.FUTURES), *span)):
        kind = "31" if flow.amount > 0 else "30"
        one = flow.instrument
        if one is not None and one.kind is InstrumentKind.LINEAR and kind in wanted:
            told.append(
                {
                    "id": flow.flow_id,
                    "type": kind,
                    "currency": flow.currency,
                    "amount": plain(flow.amount),
                    "contract_code": one.name,
                    "created_time": str(flow.at_milliseconds),
                }
            )
    return _ok(told[: min(asked.number("limit", 10), 100)], asked.now_milliseconds)


TRADING = {
    "htx": TradingVenue(
        _INSTRUMENTS,
        tuple(
            Question(path, answer, SCHEME, REFUSALS, method=method, pool=pool)
            for pool, method, path, answer in (
                (Pool.SPOT, "GET", "/v1/order/matchresults", _spot_matches),
                (Pool.FUTURES, "GET", "/v5/trade/order/details", _linear_details),
                (Pool.FUTURES, "POST", "/swap-api/v3/swap_matchresults_exact", _inverse_matches),
                (Pool.FUTURES, "GET", "/v5/trade/position/opens", _linear_positions),
                (Pool.FUTURES, "POST", "/swap-api/v1/swap_position_info", _inverse_positions),
                (Pool.FUTURES, "GET", "/v5/account/bills", _bills),
            )
        ),
        most_fees=2,
    )
}
