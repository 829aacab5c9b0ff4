"""MEXC: a hundred rows at most; the side of a contract's fill is a number."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.orders import PositionSide
from capital.simulator.trading.book import Fill, Position, plain
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
from capital.simulator.venues.mexc import (
    FUTURES_REFUSALS,
    FUTURES_SCHEME,
    SPOT_REFUSALS,
    SPOT_SCHEME,
)

_INSTRUMENTS = listed(
    ("BTC/USDT", "BTCUSDT"),
    ("ETH/USDT", "ETHUSDT"),
    ("BTC/USDT:USDT", "BTC_USDT", "0.0001"),
    ("ETH/USDT:USDT", "ETH_USDT", "0.01"),
    ("BTC/USD:BTC", "BTC_USD", "100"),
)


def _spot_trades(asked: Asked) -> Any:
    """``GET /api/v3/myTrades``: of one symbol and the last month, the newest first."""
    name = asked.text("symbol")
    if not name:
        raise Refused(400, 700004, "Mandatory parameter 'symbol' was not sent")
    first = asked.number("startTime", 0)
    first = max(first, asked.now_milliseconds - 30 * DAY_MILLISECONDS)
    last = asked.number("endTime", asked.now_milliseconds)
    fills = asked.fills(lambda one: one.is_spot and one.name == name)
    rows = newest_first(between(fills, first, last))
    return [_spot_trade(row) for row in rows[: min(asked.number("limit", 100), 100)]]


def _spot_trade(row: Fill) -> Any:
    amount, currency = next(iter(row.fees), (Decimal(0), row.instrument.quote))
    return {
        "symbol": row.instrument.name,
        "id": row.fill_id,
        "orderId": row.order_id,
        "orderListId": -1,
        "price": plain(row.price),
        "qty": plain(row.quantity),
        "quoteQty": plain(row.worth),
        "commission": plain(amount),
        "commissionAsset": currency,
        "time": row.at_milliseconds,
        "isBuyer": row.is_buy,
        "isMaker": row.is_maker,
        "isBestMatch": True,
        "isSelfTrade": False,
        "clientOrderId": row.client_order_id or None,
    }


def _ok(data: Any) -> Any:
    return {"success": True, "code": 0, "data": data}


def _page(asked: Asked, rows: Sequence[Any]) -> list[Any]:
    size = min(asked.number("page_size", 20), 100)
    start = (max(asked.number("page_num", 1), 1) - 1) * size
    return list(rows)[start : start + size]


def _deals(asked: Asked) -> Any:
    """``GET /api/v1/private/order/list/order_deals``: of one contract and 90 days at most."""
    name = asked.text("symbol")
    if not name:
        raise Refused(200, 600, "Parameter error: symbol")
    last = asked.number("end_time", asked.now_milliseconds)
    first = asked.number("start_time", last - 7 * DAY_MILLISECONDS)
    if last - first > 90 * DAY_MILLISECONDS:
        raise Refused(200, 600, "Parameter error: the time range is over 90 days")
    fills = asked.fills(lambda one: not one.is_spot and one.name == name)
    return _ok([_deal(row) for row in _page(asked, newest_first(between(fills, first, last)))])


def _side(row: Fill) -> int:
    """1 opens a long, 2 closes a short, 3 opens a short, 4 closes a long."""
    if row.position_side is PositionSide.BOTH:
        closes = row.is_closing
    else:
        closes = (row.position_side is PositionSide.LONG) is not row.is_buy
    if row.is_buy:
        return 2 if closes else 1
    return 4 if closes else 3


def _deal(row: Fill) -> Any:
    amount, currency = next(iter(row.fees), (Decimal(0), row.instrument.settle))
    return {
        "id": row.fill_id,
        "symbol": row.instrument.name,
        "side": _side(row),
        "vol": plain(row.contracts),
        "price": plain(row.price),
        "fee": plain(amount),
        "feeCurrency": currency,
        "profit": plain(row.realised),
        "category": 1,
        "orderId": row.order_id,
        "timestamp": row.at_milliseconds,
        "positionMode": 2 if row.position_side is PositionSide.BOTH else 1,
        "taker": not row.is_maker,
    }


def _positions(asked: Asked) -> Any:
    """``GET /api/v1/private/position/open_positions``: neither mark nor unrealised PnL."""
    return _ok([_position(each) for each in asked.positions(lambda _: True, Pool.FUTURES)])


def _position(each: Position) -> Any:
    return {
        "positionId": 1,
        "symbol": each.instrument.name,
        "positionType": 1 if each.is_long else 2,
        "positionMode": 1 if each.is_hedged else 2,
        "openType": 2,
        "state": 1,
        "holdVol": number(each.contracts.copy_abs()),
        "frozenVol": 0,
        "closeVol": 0,
        "holdAvgPrice": number(each.entry),
        "openAvgPrice": number(each.entry),
        "closeAvgPrice": 0,
        "liquidatePrice": 0,
        "holdFee": number(each.funding),
        # To four decimals.
        "realised": number(each.earned.quantize(Decimal("0.0001"))),
        "leverage": 20,
        "createTime": each.opened_at,
        "updateTime": each.updated_at,
    }


def _funding(asked: Asked) -> Any:
    """``GET /api/v1/private/position/funding_records``: by page, the newest first."""
    rows = newest_first(asked.flows([FlowKind.FUNDING], Pool.FUTURES))
    told = [
        {
            "id": int(row.flow_id),
            "symbol": "" if row.instrument is None else row.instrument.name,
            "positionType": 1,
            "positionValue": 1,
            "funding": number(row.amount),
            "rate": number(Decimal("0.0001")),
            "settleTime": row.at_milliseconds,
        }
        for row in _page(asked, rows)
    ]
    size = min(asked.number("page_size", 20), 100)
    return _ok(
        {
            "pageSize": size,
            "totalCount": len(rows),
            "totalPage": -(-len(rows) // size),
            "currentPage": max(asked.number("page_num", 1), 1),
            "resultList": told,
        }
    )


_CONTRACTS = (FUTURES_SCHEME, FUTURES_REFUSALS)
_ROOT = "/api/v1/private"
TRADING = {
    "mexc": TradingVenue(
        _INSTRUMENTS,
        (
            Question("/api/v3/myTrades", _spot_trades, SPOT_SCHEME, SPOT_REFUSALS, pool=Pool.SPOT),
            *(
                Question(f"{_ROOT}/{path}", answer, *_CONTRACTS, pool=Pool.FUTURES)
                for path, answer in (
                    ("order/list/order_deals", _deals),
                    ("position/open_positions", _positions),
                    ("position/funding_records", _funding),
                )
            ),
        ),
    )
}
