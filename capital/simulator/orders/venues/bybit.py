"""Bybit: one path for every category; an order that was filled is told with those that rest."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from capital.domain.sizing.instruments import InstrumentKind
from capital.simulator.orders.order import Order, PlacedOrder, State
from capital.simulator.orders.ordering import Ordering, Placing, refusing
from capital.simulator.orders.taking import Least, text_of
from capital.simulator.trading.book import plain
from capital.simulator.trading.question import Asked, Question
from capital.simulator.venues.bybit import REFUSALS, SCHEME

_KINDS = {
    "spot": InstrumentKind.SPOT,
    "linear": InstrumentKind.LINEAR,
    "inverse": InstrumentKind.INVERSE,
}
_STATES = {State.OPEN: "New", State.FILLED: "Filled", State.CANCELLED: "Cancelled"}
_REFUSES = refusing(
    unknown=(200, 10001, "params error: symbol invalid"),
    small=(200, 170140, "Order value exceeded lower limit."),
    poor=(200, 110007, "ab not enough for new order"),
    flat=(200, 110017, "current position is zero, cannot fix reduce-only order qty"),
)


def _read(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /v5/order/create``: in the base coin; in dollars on inverse contracts.

    A market order on spot buys for an amount of quote coin unless ``marketUnit`` says otherwise.
    """
    quantity, side, category = Decimal(asked["qty"]), asked["side"], asked["category"]
    is_spot_buy = category == "spot" and side == "Buy"
    unit = asked.get("marketUnit", "quoteCoin" if is_spot_buy else "baseCoin")
    is_for_money = asked["orderType"] == "Market" and unit == "quoteCoin" and category == "spot"
    in_quote = category == "inverse" or is_for_money
    return PlacedOrder(
        asked["symbol"],
        side.lower(),
        base=None if in_quote else quantity,
        quote=quantity if in_quote else None,
        price=Decimal(asked["price"]) if asked["orderType"] == "Limit" else None,
        kinds=(_KINDS[category],),
        client_order_id=asked.get("orderLinkId", ""),
        reduces=asked.get("reduceOnly") is True,
    )


def _ok(result: Any, now: int) -> Any:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now}


def _placed(order: Order, now: int) -> Any:
    return _ok({"orderId": order.order_id, "orderLinkId": order.client_order_id}, now)


def _told(order: Order) -> Any:
    return {
        "symbol": order.instrument.name,
        "orderId": order.order_id,
        "orderLinkId": order.client_order_id,
        "orderType": "Market" if order.is_market else "Limit",
        "side": order.side.capitalize(),
        "price": plain(order.shown_price),
        "qty": plain(order.quantity),
        "marketUnit": "baseCoin",
        "orderStatus": _STATES[order.state],
        "avgPrice": plain(order.average) if order.fill else "",
        "leavesQty": plain(order.left),
        "cumExecQty": plain(order.filled),
        "cumExecValue": text_of(order.worth),
        "cumExecFee": text_of(order.fee),
        "cumFeeDetail": {order.fee_currency: text_of(order.fee)} if order.fill else {},
        "timeInForce": "IOC" if order.is_market else "GTC",
        "reduceOnly": order.reduces,
        "positionIdx": 0,
        "createdTime": str(order.at_milliseconds),
        "updatedTime": str(order.at_milliseconds),
    }


def _realtime(asked: Asked) -> Any:
    """``GET /v5/order/realtime``: what rests, and what ended lately."""
    kind, category = _KINDS.get(asked.text("category")), asked.text("category")
    order = asked.order(
        lambda one: one.kind is kind, asked.text("orderId"), asked.text("orderLinkId")
    )
    found = [] if order is None else [_told(order)]
    result = {"category": category, "list": found, "nextPageCursor": ""}
    return _ok(result, asked.now_milliseconds)


ORDERS = {
    "bybit": Ordering(
        (Placing("/v5/order/create", _read, _placed, SCHEME, REFUSALS, _REFUSES),),
        (Question("/v5/order/realtime", _realtime, SCHEME, REFUSALS),),
        Least(
            cost={InstrumentKind.SPOT: Decimal(5), InstrumentKind.LINEAR: Decimal(5)},
            size={InstrumentKind.INVERSE: Decimal(1)},
        ),
    )
}
