"""KuCoin: sizes of contracts are lots, times nanoseconds; fills of a week, the newest first."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.orders import PositionSide
from capital.simulator.signatures import SignedRequest
from capital.simulator.trading.book import Fill, Instrument, Position, plain
from capital.simulator.trading.question import (
    DAY_MILLISECONDS,
    Asked,
    Question,
    Refused,
    TradingVenue,
    after_id,
    between,
    fill_id,
    listed,
    newest_first,
    number,
)
from capital.simulator.venues.kucoin import REFUSALS, SCHEME

_INSTRUMENTS = listed(
    ("BTC/USDT", "BTC-USDT"),
    ("ETH/USDT", "ETH-USDT"),
    ("BTC/USDT:USDT", "XBTUSDTM", "0.001"),
    ("ETH/USDT:USDT", "ETHUSDTM", "0.01"),
    ("BTC/USD:BTC", "XBTUSDM"),
)
_WEEK = 7 * DAY_MILLISECONDS


def _coin(name: str) -> str:
    return "XBT" if name == "BTC" else name


def _ok(data: Any) -> Any:
    return {"code": "200000", "data": data}


def _span(asked: Asked) -> tuple[int, int]:
    first, last = asked.number("startAt", -1), asked.number("endAt", -1)
    if first < 0 and last < 0:
        last = asked.now_milliseconds
    first = last - _WEEK if first < 0 else first
    last = first + _WEEK if last < 0 else last
    if last - first > _WEEK:
        raise Refused(200, "400100", "The time range cannot exceed 7 days")
    return first, last


def _paged(asked: Asked, rows: Sequence[Fill], most: int, write: Callable[[Fill], Any]) -> Any:
    size = min(asked.number("pageSize", 50), most)
    page = max(asked.number("currentPage", 1), 1)
    items = [write(row) for row in rows[(page - 1) * size : page * size]]
    return _ok(
        {
            "currentPage": page,
            "pageSize": size,
            "totalNum": len(rows),
            "totalPage": -(-len(rows) // size),
            "items": items,
        }
    )


def _asks_futures(request: SignedRequest) -> bool:
    # The venue has two hosts, of which only the one of futures has pages that long.
    return "pageSize=1000" in request.query


def _spot_fills(asked: Asked) -> Any:
    """``GET /api/v1/fills`` of the spot host."""
    rows = asked.fills(lambda one: one.is_spot, Pool.SPOT)
    return _paged(asked, newest_first(between(rows, *_span(asked))), 500, _spot_fill)


def _spot_fill(row: Fill) -> Any:
    amount, currency = next(iter(row.fees), (Decimal(0), row.instrument.quote))
    return {
        "symbol": row.instrument.name,
        "tradeId": row.fill_id,
        "orderId": row.order_id,
        "counterOrderId": "1",
        "side": row.side.value,
        "liquidity": "maker" if row.is_maker else "taker",
        "forceTaker": False,
        "price": plain(row.price),
        "size": plain(row.quantity),
        "funds": plain(row.worth),
        "fee": plain(amount),
        "feeRate": "0.001",
        "feeCurrency": currency,
        "stop": "",
        "type": "limit",
        "createdAt": row.at_milliseconds,
        "tradeType": "TRADE",
    }


def _contract_fills(asked: Asked) -> Any:
    """``GET /api/v1/fills`` of the futures host."""
    rows = asked.fills(lambda one: not one.is_spot, Pool.FUTURES)
    return _paged(asked, newest_first(between(rows, *_span(asked))), 1000, _contract_fill)


def _contract_fill(row: Fill) -> Any:
    amount, currency = next(iter(row.fees), (Decimal(0), row.instrument.settle))
    return {
        "symbol": row.instrument.name,
        "tradeId": row.fill_id,
        "orderId": row.order_id,
        "side": row.side.value,
        "liquidity": "maker" if row.is_maker else "taker",
        "forceTaker": False,
        "price": plain(row.price),
        "size": number(row.contracts),
        "value": plain(row.worth),
        "fee": plain(amount),
        "feeCurrency": _coin(currency),
        "feeRate": "0.0006",
        "stop": "",
        "orderType": "limit" if row.is_maker else "market",
        "tradeType": "trade",
        "createdAt": row.at_milliseconds + 1,
        "settleCurrency": _coin(row.instrument.settle),
        "openFeePay": "0",
        "closeFeePay": "0",
        "tradeTime": row.at_milliseconds * 1_000_000,
        "marginMode": "CROSS",
        "positionSide": row.position_side.upper(),
    }


def _positions(asked: Asked) -> Any:
    """``GET /api/v1/positions``: its time is when it was opened."""
    held = asked.positions(lambda one: True, Pool.FUTURES)
    return _ok([_position(each, asked.mark(each.instrument)) for each in held])


def _position(each: Position, mark: Decimal) -> Any:
    one = each.instrument
    return {
        "id": "1",
        "symbol": one.name,
        "crossMode": True,
        "isOpen": True,
        "currentQty": number(each.contracts),
        "avgEntryPrice": number(each.entry),
        "markPrice": number(mark),
        "posCost": number(each.held.cost),
        "realisedGrossPnl": number(each.realised),
        "realisedPnl": number(each.earned),
        "unrealisedPnl": number(each.unrealised(mark)),
        "liquidationPrice": 0,
        "settleCurrency": _coin(one.settle),
        "isInverse": one.settle == one.base,
        "openingTimestamp": each.opened_at,
        "currentTimestamp": each.updated_at,
        "positionSide": each.side.upper(),
    }


def _executions(asked: Asked) -> Any:
    """``GET /api/ua/v1/unified/order/execution``: one symbol at a time."""
    kind, name = asked.text("tradeType"), asked.text("symbol")
    if kind not in ("SPOT", "FUTURES") or not name:
        raise Refused(200, "400100", "tradeType and symbol are mandatory")

    def mine(one: Instrument) -> bool:
        return one.is_spot is (kind == "SPOT") and one.name == name

    rows = newest_first(between(asked.fills(mine, Pool.UNIFIED), *_span(asked)))
    page = after_id(rows, asked.text("lastId"), fill_id)[: min(asked.number("pageSize", 50), 200)]
    told = [_execution(row) for row in page]
    return _ok({"items": told, "lastId": page[-1].fill_id if page else ""})


def _execution(row: Fill) -> Any:
    amount, currency = next(iter(row.fees), (Decimal(0), row.instrument.settle))
    is_hedged = row.position_side is not PositionSide.BOTH
    return {
        "orderId": row.order_id,
        "clientOid": row.client_order_id,
        "symbol": row.instrument.name,
        "orderType": "LIMIT" if row.is_maker else "MARKET",
        "side": row.side.upper(),
        "tradeId": row.fill_id,
        "size": plain(row.contracts),
        "price": plain(row.price),
        "value": plain(row.worth),
        "executionTime": row.at_milliseconds * 1_000_000,
        "fee": plain(amount),
        "feeCurrency": _coin(currency) if not row.instrument.is_spot else currency,
        "liquidityRole": "MAKER" if row.is_maker else "TAKER",
        **({"positionSide": row.position_side.upper()} if is_hedged else {}),
    }


def _open_list(asked: Asked) -> Any:
    """``GET /api/ua/v1/unified/position/open-list``."""
    held = asked.positions(lambda one: True, Pool.UNIFIED)
    return _ok([_open(each, asked.mark(each.instrument)) for each in held])


def _open(each: Position, mark: Decimal) -> Any:
    return {
        "symbol": each.instrument.name,
        "positionId": "1",
        "marginMode": "CROSS",
        "positionSide": each.side.upper(),
        "size": plain(each.contracts.copy_abs() if each.is_hedged else each.contracts),
        "entryPrice": plain(each.entry),
        "markPrice": plain(mark),
        "unrealizedPnL": plain(each.unrealised(mark)),
        "realizedPnL": plain(each.earned),
        "creationTime": each.opened_at * 1_000_000,
    }


def _funding(asked: Asked) -> Any:
    """``GET /api/ua/v1/position/funding-history``."""
    flows = between(asked.flows([FlowKind.FUNDING], Pool.UNIFIED), *_span(asked))
    rows = after_id(newest_first(flows), asked.text("lastId"), lambda row: row.flow_id)
    page = rows[: min(asked.number("pageSize", 50), 200)]
    told = [
        {
            "id": row.flow_id,
            "symbol": "" if row.instrument is None else row.instrument.name,
            "fundingFee": plain(row.amount),
            "settleCurrency": _coin(row.currency),
            "settlementTime": row.at_milliseconds,
        }
        for row in page
    ]
    return _ok({"items": told, "lastId": page[-1].flow_id if page else ""})


TRADING = {
    "kucoin": TradingVenue(
        _INSTRUMENTS,
        (
            Question(
                "/api/v1/fills",
                _contract_fills,
                SCHEME,
                REFUSALS,
                pool=Pool.FUTURES,
                accepts=_asks_futures,
            ),
            Question("/api/v1/fills", _spot_fills, SCHEME, REFUSALS, pool=Pool.SPOT),
            *(
                Question(path, answer, SCHEME, REFUSALS, pool=pool)
                for pool, path, answer in (
                    (Pool.FUTURES, "/api/v1/positions", _positions),
                    (Pool.UNIFIED, "/api/ua/v1/unified/order/execution", _executions),
                    (Pool.UNIFIED, "/api/ua/v1/unified/position/open-list", _open_list),
                    (Pool.UNIFIED, "/api/ua/v1/position/funding-history", _funding),
                )
            ),
        ),
    )
}
