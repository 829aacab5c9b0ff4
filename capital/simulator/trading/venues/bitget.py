"""Bitget: in hedge mode the side of a classic fill names its position; contracts pay two fees."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide
from capital.simulator.trading.book import Fill, Flow, Instrument, Position, plain
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
)
from capital.simulator.venues.bitget import REFUSALS, SCHEME

_INSTRUMENTS = listed(
    ("BTC/USDT", "BTCUSDT"),
    ("ETH/USDT", "ETHUSDT"),
    ("BTC/USDT:USDT", "BTCUSDT"),
    ("ETH/USDT:USDT", "ETHUSDT"),
    ("BTC/USD:BTC", "BTCUSD"),
    ("BTC/USDC:USDC", "BTCPERP"),
)


def _product_of(one: Instrument) -> str:
    if one.is_spot:
        return "SPOT"
    return "COIN-FUTURES" if one.kind is InstrumentKind.INVERSE else f"{one.settle}-FUTURES"


def _of_product(asked: Asked, name: str) -> Callable[[Instrument], bool]:
    product = asked.text(name)
    known = {_product_of(one) for one in _INSTRUMENTS}
    # On unified accounts, pairs of spot have fills of margin, too. Here nobody borrows.
    if product not in known | ({"MARGIN"} if name == "category" else set()):
        raise Refused(400, "400172", f"Parameter verification failed {name}")
    return lambda one: _product_of(one) == product


def _span(asked: Asked, days: int, usual: int | None = None) -> tuple[int, int]:
    last = asked.number("endTime", asked.now_milliseconds)
    first = asked.number("startTime", last - (usual or days) * DAY_MILLISECONDS)
    if last - first > days * DAY_MILLISECONDS:
        raise Refused(400, "40017", f"Parameter verification failed: over {days} days")
    return max(first, asked.now_milliseconds - 90 * DAY_MILLISECONDS), last


def _ok(asked: Asked, data: Any) -> Any:
    return {
        "code": "00000",
        "msg": "success",
        "requestTime": asked.now_milliseconds,
        "data": data,
    }


def _limit(asked: Asked) -> int:
    return min(asked.number("limit", 100), 100)


def _spot_fills(asked: Asked) -> Any:
    """``GET /api/v2/spot/trade/fills``: one symbol at a time, the newest first."""
    name = asked.text("symbol")
    if not name:
        raise Refused(400, "400172", "Parameter verification failed symbol")
    fills = asked.fills(lambda one: one.is_spot and one.name == name, Pool.SPOT)
    rows = after_id(
        newest_first(between(fills, *_span(asked, 90))), asked.text("idLessThan"), fill_id
    )
    return _ok(asked, [_spot_fill(row) for row in rows[: _limit(asked)]])


def _spot_fill(row: Fill) -> Any:
    amount, currency = next(iter(row.fees), (Decimal(0), row.instrument.quote))
    return {
        "userId": "1",
        "symbol": row.instrument.name,
        "orderId": row.order_id,
        "tradeId": row.fill_id,
        "orderType": "limit" if row.is_maker else "market",
        "side": row.side.value,
        "priceAvg": plain(row.price),
        "size": plain(row.quantity),
        "amount": plain(row.worth),
        "feeDetail": {
            "deduction": "no",
            "feeCoin": currency,
            "totalDeductionFee": "",
            "totalFee": plain(EXACT.minus(amount)),
        },
        "tradeScope": "maker" if row.is_maker else "taker",
        "cTime": str(row.at_milliseconds),
        "uTime": str(row.at_milliseconds + 50),
    }


def _mix_fills(asked: Asked) -> Any:
    """``GET /api/v2/mix/order/fills``: of a week, null where there is nothing."""
    fills = asked.fills(_of_product(asked, "productType"), Pool.FUTURES)
    rows = after_id(
        newest_first(between(fills, *_span(asked, 7))), asked.text("idLessThan"), fill_id
    )[: _limit(asked)]
    told = [_mix_fill(row) for row in rows] or None
    return _ok(asked, {"fillList": told, "endId": rows[-1].fill_id if rows else None})


def _mix_fill(row: Fill) -> Any:
    is_hedged = row.position_side is not PositionSide.BOTH
    is_long = row.position_side is PositionSide.LONG
    opens = "open" if is_long is row.is_buy else "close"
    # A long position is bought when it opens, and still called a buy when it closes.
    side = ("buy" if is_long else "sell") if is_hedged else row.side.value
    return {
        "tradeId": row.fill_id,
        "symbol": row.instrument.name,
        "orderId": row.order_id,
        "price": plain(row.price),
        "baseVolume": plain(row.quantity),
        "quoteVolume": plain(row.worth),
        "feeDetail": [
            {
                "deduction": "no" if place == 0 else "yes",
                "feeCoin": currency,
                "totalDeductionFee": None,
                "totalFee": plain(EXACT.minus(amount)),
            }
            for place, (amount, currency) in enumerate(row.fees)
        ],
        "side": side,
        "profit": plain(row.realised),
        "enterPointSource": "api",
        "tradeSide": opens if is_hedged else f"{row.side.value}_single",
        "posMode": "hedge_mode" if is_hedged else "one_way_mode",
        "tradeScope": "maker" if row.is_maker else "taker",
        "cTime": str(row.at_milliseconds),
    }


def _all_positions(asked: Asked) -> Any:
    """``GET /api/v2/mix/position/all-position``: its time is when it was opened."""
    held = asked.positions(_of_product(asked, "productType"), Pool.FUTURES)
    return _ok(asked, [_mix_position(each, asked.mark(each.instrument)) for each in held])


def _mix_position(each: Position, mark: Decimal) -> Any:
    return {
        "marginCoin": each.instrument.settle,
        "symbol": each.instrument.name,
        "holdSide": "long" if each.is_long else "short",
        "available": plain(each.quantity.copy_abs()),
        "locked": "0",
        "total": plain(each.quantity.copy_abs()),
        "leverage": "20",
        "achievedProfits": plain(each.realised),
        "openPriceAvg": plain(each.entry),
        "marginMode": "crossed",
        "posMode": "hedge_mode" if each.is_hedged else "one_way_mode",
        "unrealizedPL": plain(each.unrealised(mark)),
        "liquidationPrice": "0",
        "markPrice": plain(mark),
        "cTime": str(each.opened_at),
    }


def _business(flow: Flow) -> str:
    if flow.kind is FlowKind.FUNDING:
        return "contract_settle_fee"
    return "trans_from_exchange" if flow.amount > 0 else "trans_to_exchange"


def _bills(asked: Asked) -> Any:
    """``GET /api/v2/mix/account/bill``: of fills, too."""
    mine, span = _of_product(asked, "productType"), _span(asked, 30)
    settles = {one.settle for one in _INSTRUMENTS if mine(one)}
    kinds = (FlowKind.FUNDING, FlowKind.TRANSFER, FlowKind.DEPOSIT, FlowKind.WITHDRAWAL)
    rows: list[tuple[int, Any]] = []
    for flow in between(asked.flows(kinds, Pool.FUTURES), *span):
        if flow.currency in settles:
            name = "" if flow.instrument is None else flow.instrument.name
            told = _bill(flow.flow_id, name, flow.amount, _business(flow), flow.currency)
            rows.append((flow.number, {**told, "cTime": str(flow.at_milliseconds)}))
    for fill in between(asked.fills(mine, Pool.FUTURES), *span):
        one = fill.instrument
        told = _bill(f"{fill.number}0", one.name, fill.realised, "close_long", one.settle)
        rows.append((fill.number, {**told, "cTime": str(fill.at_milliseconds)}))
    rows.sort(key=lambda row: row[0], reverse=True)
    told_rows = [row for _, row in rows]
    before = asked.text("idLessThan")
    ids = [row["billId"] for row in told_rows]
    page = told_rows[ids.index(before) + 1 if before in ids else 0 :][: _limit(asked)]
    return _ok(asked, {"bills": page, "endId": page[-1]["billId"] if page else None})


def _bill(row_id: str, symbol: str, amount: Decimal, kind: str, coin: str) -> Any:
    return {
        "billId": row_id,
        "symbol": symbol,
        "amount": plain(amount),
        "fee": "0",
        "feeByCoupon": "",
        "businessType": kind,
        "coin": coin,
        "balance": "0",
    }


def _unified_fills(asked: Asked) -> Any:
    """``GET /api/v3/trade/fills``: a fee that was paid is above zero."""
    fills = asked.fills(_of_product(asked, "category"), Pool.UNIFIED)
    rows = after_id(newest_first(between(fills, *_span(asked, 30))), asked.text("cursor"), fill_id)
    page = rows[: _limit(asked)]
    more = len(rows) > len(page)
    told = [_unified_fill(row) for row in page]
    return _ok(asked, {"list": told, "cursor": page[-1].fill_id if more else ""})


def _unified_fill(row: Fill) -> Any:
    side = (
        {"posSide": row.position_side.value} if row.position_side is not PositionSide.BOTH else {}
    )
    return {
        "execId": row.fill_id,
        "orderId": row.order_id,
        "clientOid": row.client_order_id,
        "category": _product_of(row.instrument),
        "symbol": row.instrument.name,
        "orderType": "limit" if row.is_maker else "market",
        "side": row.side.value,
        **side,
        "execPrice": plain(row.price),
        "execQty": plain(row.quantity),
        "execValue": plain(row.worth.quantize(Decimal("0.0001"))),
        "tradeScope": "maker" if row.is_maker else "taker",
        "feeDetail": [{"feeCoin": coin, "fee": plain(amount)} for amount, coin in row.fees],
        "createdTime": str(row.at_milliseconds),
        "updatedTime": str(row.at_milliseconds + 5),
        "execPnl": plain(row.realised),
    }


def _unified_positions(asked: Asked) -> Any:
    """``GET /api/v3/position/current-position``."""
    held: Sequence[Position] = asked.positions(_of_product(asked, "category"), Pool.UNIFIED)
    rows = [_unified_position(each, asked.mark(each.instrument)) for each in held]
    return _ok(asked, {"list": rows or None})


def _unified_position(each: Position, mark: Decimal) -> Any:
    return {
        "category": _product_of(each.instrument),
        "symbol": each.instrument.name,
        "marginCoin": each.instrument.settle,
        "holdMode": "hedge_mode" if each.is_hedged else "one_way_mode",
        "posSide": "long" if each.is_long else "short",
        "marginMode": "crossed",
        "available": plain(each.quantity.copy_abs()),
        "total": plain(each.quantity.copy_abs()),
        "leverage": "20",
        "curRealisedPnl": plain(each.realised),
        "avgPrice": plain(each.entry),
        "positionStatus": "normal",
        "unrealisedPnl": plain(each.unrealised(mark)),
        "liquidationPrice": "0",
        "markPrice": plain(mark),
        "totalFunding": plain(each.funding),
        "openFeeTotal": plain(EXACT.minus(each.fees)),
        "closeFeeTotal": "0",
        "createdTime": str(each.opened_at),
        "updatedTime": str(each.updated_at),
    }


TRADING = {
    "bitget": TradingVenue(
        _INSTRUMENTS,
        tuple(
            Question(path, answer, SCHEME, REFUSALS, pool=pool)
            for pool, path, answer in (
                (Pool.SPOT, "/api/v2/spot/trade/fills", _spot_fills),
                (Pool.FUTURES, "/api/v2/mix/order/fills", _mix_fills),
                (Pool.FUTURES, "/api/v2/mix/position/all-position", _all_positions),
                (Pool.FUTURES, "/api/v2/mix/account/bill", _bills),
                (Pool.UNIFIED, "/api/v3/trade/fills", _unified_fills),
                (Pool.UNIFIED, "/api/v3/position/current-position", _unified_positions),
            )
        ),
        most_fees=2,
    )
}
