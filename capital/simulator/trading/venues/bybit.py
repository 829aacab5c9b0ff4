"""Bybit: executions of every type in one list, the newest first; funding is among them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.performance.flows import FlowKind
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide
from capital.simulator.trading.book import Fill, Flow, Position, plain
from capital.simulator.trading.question import (
    DAY_MILLISECONDS,
    Asked,
    Question,
    Refused,
    TradingVenue,
    between,
    listed,
    newest_first,
)
from capital.simulator.venues.bybit import REFUSALS, SCHEME

_INSTRUMENTS = listed(
    ("BTC/USDT", "BTCUSDT"),
    ("ETH/USDT", "ETHUSDT"),
    ("BTC/USDT:USDT", "BTCUSDT"),
    ("ETH/USDT:USDT", "ETHUSDT"),
    ("BTC/USD:BTC", "BTCUSD"),
)
_CATEGORIES = {
    "spot": InstrumentKind.SPOT,
    "linear": InstrumentKind.LINEAR,
    "inverse": InstrumentKind.INVERSE,
}
_BAD = 10001


def _category(asked: Asked) -> InstrumentKind:
    kind = _CATEGORIES.get(asked.text("category"))
    if kind is None:
        raise Refused(200, _BAD, "Illegal category")
    return kind


def _span(asked: Asked, days: int) -> tuple[int, int]:
    longest = days * DAY_MILLISECONDS
    first, last = asked.number("startTime", -1), asked.number("endTime", -1)
    if first < 0 and last < 0:
        return asked.now_milliseconds - longest, asked.now_milliseconds
    first = last - longest if first < 0 else first
    last = first + longest if last < 0 else last
    if last - first > longest:
        raise Refused(
            200, _BAD, f"The time range between startTime and endTime is over {days} days"
        )
    return first, last


def _page(asked: Asked, rows: Sequence[Any], most: int, usual: int) -> tuple[list[Any], str]:
    """A page, and the cursor of the next one: there is one behind the last row, too."""
    start = int(asked.text("cursor").replace("%3A", ":").partition(":")[0] or 0)
    size = min(asked.number("limit", usual), most)
    page = list(rows)[start : start + size]
    return page, f"{start + len(page)}%3A0" if page else ""


def _ok(result: Any, now_milliseconds: int) -> Any:
    return {
        "retCode": 0,
        "retMsg": "OK",
        "result": result,
        "retExtInfo": {},
        "time": now_milliseconds,
    }


def _executions(asked: Asked) -> Any:
    """``GET /v5/execution/list``."""
    kind = _category(asked)
    span, wanted = _span(asked, 7), asked.text("execType")
    name = asked.text("symbol")
    fills = between(asked.fills(lambda one: one.kind is kind), *span)
    funding = [
        flow
        for flow in between(asked.flows([FlowKind.FUNDING]), *span)
        if flow.instrument is not None and flow.instrument.kind is kind
    ]
    rows = [
        *(_fill(row) for row in fills if wanted in ("", "Trade")),
        *(_funding(row) for row in funding if wanted in ("", "Funding")),
    ]
    rows = [row for row in rows if name in ("", row["symbol"])]
    rows.sort(key=lambda row: (int(row["execTime"]), int(row["seq"])), reverse=True)
    page, cursor = _page(asked, rows, most=100, usual=50)
    result = {"nextPageCursor": cursor, "category": asked.text("category"), "list": page}
    return _ok(result, asked.now_milliseconds)


def _fill(row: Fill) -> Any:
    one = row.instrument
    amount, currency = next(iter(row.fees), (Decimal(0), ""))
    return {
        "symbol": one.name,
        "orderId": row.order_id,
        "orderLinkId": row.client_order_id,
        "side": row.side.capitalize(),
        "orderType": "Limit" if row.is_maker else "Market",
        "stopOrderType": "UNKNOWN",
        "execType": "Trade",
        "execId": row.fill_id,
        "execPrice": plain(row.price),
        "execQty": plain(row.quantity),
        "execValue": plain(row.worth),
        "execFee": plain(amount),
        "feeCurrency": currency,
        "execPnl": plain(row.realised),
        "execTime": str(row.at_milliseconds),
        "closedSize": plain(row.quantity) if row.is_closing else "0",
        "isMaker": row.is_maker,
        "isLeverage": "0",
        "leavesQty": "0",
        "markPrice": plain(row.price),
        "seq": str(row.number),
    }


def _funding(row: Flow) -> Any:
    """It looks like a purchase; a fee that was paid is above zero."""
    return {
        "symbol": row.instrument.name if row.instrument else "",
        "orderId": f"funding-{row.number}",
        "orderLinkId": "",
        "side": "Buy",
        "orderType": "UNKNOWN",
        "stopOrderType": "UNKNOWN",
        "execType": "Funding",
        "execId": row.flow_id,
        "execPrice": "100",
        "execQty": "1",
        "execValue": "100",
        "execFee": plain(EXACT.minus(row.amount)),
        "feeRate": "0.0001",
        "execTime": str(row.at_milliseconds),
        "closedSize": "0",
        "isMaker": False,
        "leavesQty": "0",
        "seq": str(row.number),
    }


def _positions(asked: Asked) -> Any:
    """``GET /v5/position/list``: by coin of settlement, what is open."""
    kind, coin, name = _category(asked), asked.text("settleCoin"), asked.text("symbol")
    if kind is InstrumentKind.LINEAR and not (coin or name):
        raise Refused(
            200, _BAD, "Missing some parameters that must be filled in, symbol or settleCoin"
        )
    held = [
        each
        for each in asked.positions(lambda one: one.kind is kind)
        if coin in ("", each.instrument.settle) and name in ("", each.instrument.name)
    ]
    page, cursor = _page(asked, held, most=200, usual=20)
    rows = [_position(each, asked.mark(each.instrument)) for each in page]
    result = {"nextPageCursor": cursor, "category": asked.text("category"), "list": rows}
    return _ok(result, asked.now_milliseconds)


_INDICES = {PositionSide.BOTH: 0, PositionSide.LONG: 1, PositionSide.SHORT: 2}


def _position(each: Position, mark: Decimal) -> Any:
    return {
        "symbol": each.instrument.name,
        "positionIdx": _INDICES[each.side],
        "side": "Buy" if each.is_long else "Sell",
        "size": plain(each.quantity.copy_abs()),
        "avgPrice": plain(each.entry),
        "positionValue": plain(each.held.cost.copy_abs()),
        "markPrice": plain(mark),
        "unrealisedPnl": plain(each.unrealised(mark)),
        "curRealisedPnl": plain(each.earned),
        "cumRealisedPnl": plain(each.earned),
        "positionStatus": "Normal",
        "leverage": "10",
        "liqPrice": "",
        "createdTime": str(each.opened_at),
        "updatedTime": str(each.updated_at),
    }


def _deposits(asked: Asked) -> Any:
    """``GET /v5/asset/deposit/query-record``."""
    rows = newest_first(between(asked.flows([FlowKind.DEPOSIT]), *_span(asked, 30)))
    page, cursor = _page(asked, rows, most=50, usual=50)
    told = [
        {
            "id": row.flow_id,
            "coin": row.currency,
            "chain": "ETH",
            "amount": plain(row.amount),
            "txID": f"0x{row.number:064x}",
            "status": 3,
            "successAt": str(row.at_milliseconds),
        }
        for row in page
    ]
    return _ok({"rows": told, "nextPageCursor": cursor}, asked.now_milliseconds)


def _withdrawals(asked: Asked) -> Any:
    """``GET /v5/asset/withdraw/query-record``: the amount is without the fee."""
    rows = newest_first(between(asked.flows([FlowKind.WITHDRAWAL]), *_span(asked, 30)))
    page, cursor = _page(asked, rows, most=50, usual=50)
    told = [
        {
            "withdrawId": row.flow_id,
            "withdrawType": 0,
            "coin": row.currency,
            "chain": "ETH",
            "amount": plain(EXACT.minus(EXACT.add(row.amount, row.fee))),
            "withdrawFee": plain(row.fee),
            "status": "success",
            "txID": f"0x{row.number:064x}",
            "createTime": str(row.at_milliseconds - 60_000),
            "updateTime": str(row.at_milliseconds),
        }
        for row in page
    ]
    return _ok({"rows": told, "nextPageCursor": cursor}, asked.now_milliseconds)


TRADING = {
    "bybit": TradingVenue(
        _INSTRUMENTS,
        tuple(
            Question(path, answer, SCHEME, REFUSALS)
            for path, answer in (
                ("/v5/execution/list", _executions),
                ("/v5/position/list", _positions),
                ("/v5/asset/deposit/query-record", _deposits),
                ("/v5/asset/withdraw/query-record", _withdrawals),
            )
        ),
    )
}
