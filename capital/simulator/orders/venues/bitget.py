"""Bitget: contracts in the base coin, whatever the margin; a unified account has its own paths."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.simulator.orders.order import Order, PlacedOrder, State
from capital.simulator.orders.ordering import Ordering, Placing, refusing
from capital.simulator.orders.taking import Least, text_of
from capital.simulator.trading.book import Instrument, plain
from capital.simulator.trading.question import Asked, Question, Refused
from capital.simulator.venues.bitget import REFUSALS, SCHEME

_CONTRACTS = (InstrumentKind.LINEAR, InstrumentKind.INVERSE)
_STATES = {State.OPEN: "live", State.FILLED: "filled", State.CANCELLED: "canceled"}
_REFUSES = refusing(
    unknown=(400, "40034", "Parameter does not exist"),
    small=(400, "45110", "less than the minimum amount 5 USDT"),
    poor=(400, "43012", "Insufficient balance"),
    flat=(400, "22002", "No position to close"),
)


def _read_spot(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /api/v2/spot/trade/place-order``: a market order buys for an amount of quote coin."""
    return _read(asked, asked["size"], is_spot=True)


def _read_contract(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /api/v2/mix/order/place-order``: in the base coin, whatever the margin."""
    return _read(asked, asked["size"], is_spot=False)


def _read_unified(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /api/v3/trade/place-order``: in the base coin but for a market order to buy spot."""
    return _read(asked, asked["qty"], is_spot=asked["category"] == "SPOT")


def _read(asked: Mapping[str, Any], size: str, *, is_spot: bool) -> PlacedOrder:
    is_market, quantity = asked["orderType"] == "market", Decimal(size)
    in_quote = is_spot and is_market and asked["side"] == "buy"
    return PlacedOrder(
        asked["symbol"],
        asked["side"],
        base=None if in_quote else quantity,
        quote=quantity if in_quote else None,
        price=None if is_market else Decimal(asked["price"]),
        kinds=(InstrumentKind.SPOT,) if is_spot else _CONTRACTS,
        client_order_id=asked.get("clientOid", ""),
        reduces=str(asked.get("reduceOnly", "")).lower() in ("yes", "true"),
    )


def _ok(data: Any, now: int) -> Any:
    return {"code": "00000", "msg": "success", "requestTime": now, "data": data}


def _placed(order: Order, now: int) -> Any:
    return _ok({"orderId": order.order_id, "clientOid": order.client_order_id}, now)


def _in_base(order: Order, quantity: Decimal) -> str:
    """Contracts of the coin margin are counted in dollars here, and told in coins."""
    if order.instrument.kind is not InstrumentKind.INVERSE or not quantity:
        return plain(quantity)
    return text_of(order.worth) if order.fill else "0"


def _common(order: Order) -> dict[str, Any]:
    return {
        "symbol": order.instrument.name,
        "orderId": order.order_id,
        "clientOid": order.client_order_id,
        "price": plain(order.shown_price),
        "orderType": "market" if order.is_market else "limit",
        "side": order.side.value,
        "priceAvg": plain(order.average),
        "force": "gtc",
        "cTime": str(order.at_milliseconds),
        "uTime": str(order.at_milliseconds),
    }


def _found(asked: Asked, *kinds: InstrumentKind) -> Order:
    order = asked.order(
        lambda one: one.kind in kinds, asked.text("orderId"), asked.text("clientOid")
    )
    if order is None:
        raise Refused(400, "43001", "The order does not exist")
    return order


def _spot(asked: Asked) -> Any:
    """``GET /api/v2/spot/trade/orderInfo``: fees in a text of JSON, below zero."""
    order = _found(asked, InstrumentKind.SPOT)
    fee = {"feeCoinCode": order.fee_currency, "totalFee": text_of(EXACT.minus(order.fee))}
    in_money = order.is_market and order.is_buy
    size = order.money if in_money and order.money is not None else order.quantity
    told = {
        **_common(order),
        "size": plain(size),
        "status": _STATES[order.state],
        "baseVolume": plain(order.filled),
        "quoteVolume": text_of(order.worth),
        **({"feeDetail": json.dumps({order.fee_currency: fee})} if order.fill else {}),
    }
    return _ok([told], asked.now_milliseconds)


def _contract(asked: Asked) -> Any:
    """``GET /api/v2/mix/order/detail``."""
    order = _found(asked, *_CONTRACTS)
    told = {
        **_common(order),
        "size": _in_base(order, order.quantity),
        "baseVolume": _in_base(order, order.filled),
        "quoteVolume": text_of(order.worth),
        "fee": text_of(EXACT.minus(order.fee)),
        "state": _STATES[order.state],
        "posSide": "net",
        "posMode": "one_way_mode",
        "reduceOnly": "YES" if order.reduces else "NO",
        "marginCoin": order.instrument.settle,
    }
    return _ok(told, asked.now_milliseconds)


def _category(one: Instrument) -> str:
    if one.is_spot:
        return "SPOT"
    return "COIN-FUTURES" if one.kind is InstrumentKind.INVERSE else f"{one.settle}-FUTURES"


def _unified(asked: Asked) -> Any:
    """``GET /api/v3/trade/order-info``."""
    order = _found(asked, *InstrumentKind)
    fee = {"feeCoin": order.fee_currency, "fee": text_of(EXACT.minus(order.fee))}
    common = _common(order)
    del common["priceAvg"], common["cTime"], common["uTime"], common["force"]
    told = {
        **common,
        "category": _category(order.instrument),
        "qty": _in_base(order, order.quantity),
        "baseVolume": _in_base(order, order.filled),
        "cumExecQty": _in_base(order, order.filled),
        "cumExecValue": text_of(order.worth),
        "avgPrice": plain(order.average),
        "priceAvg": plain(order.average),
        "orderStatus": _STATES[order.state],
        "timeInForce": "gtc",
        "feeDetail": [fee] if order.fill else [],
        "reduceOnly": "NO",
        "createdTime": str(order.at_milliseconds),
        "updatedTime": str(order.at_milliseconds),
    }
    return _ok(told, asked.now_milliseconds)


ORDERS = {
    "bitget": Ordering(
        tuple(
            Placing(path, read, _placed, SCHEME, REFUSALS, _REFUSES, pool=pool)
            for pool, path, read in (
                (Pool.SPOT, "/api/v2/spot/trade/place-order", _read_spot),
                (Pool.FUTURES, "/api/v2/mix/order/place-order", _read_contract),
                (Pool.UNIFIED, "/api/v3/trade/place-order", _read_unified),
            )
        ),
        tuple(
            Question(path, answer, SCHEME, REFUSALS, pool=pool)
            for pool, path, answer in (
                (Pool.SPOT, "/api/v2/spot/trade/orderInfo", _spot),
                (Pool.FUTURES, "/api/v2/mix/order/detail", _contract),
                (Pool.UNIFIED, "/api/v3/trade/order-info", _unified),
            )
        ),
        Least(
            cost={InstrumentKind.SPOT: Decimal(1), InstrumentKind.LINEAR: Decimal(5)},
            size={InstrumentKind.INVERSE: Decimal(1)},
        ),
    )
}
