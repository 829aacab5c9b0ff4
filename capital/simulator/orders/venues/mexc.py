"""MEXC: the side of a contract's order is a number, and so is its type."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.simulator.orders.order import Order, PlacedOrder, State
from capital.simulator.orders.ordering import Ordering, Placing, refusing
from capital.simulator.orders.taking import Least, text_of
from capital.simulator.trading.book import plain
from capital.simulator.trading.question import Asked, Question, Refused, number
from capital.simulator.trading.venues.mexc import TRADING
from capital.simulator.venues.mexc import (
    FUTURES_REFUSALS,
    FUTURES_SCHEME,
    SPOT_REFUSALS,
    SPOT_SCHEME,
)

_CONTRACTS = {one.name: one for one in TRADING["mexc"].instruments if not one.is_spot}
_SPOT_STATES = {State.OPEN: "NEW", State.FILLED: "FILLED", State.CANCELLED: "CANCELED"}
_STATES = {State.OPEN: 2, State.FILLED: 3, State.CANCELLED: 4}
_MARKET = (5, 6)
_SPOT_REFUSES = refusing(
    unknown=(400, -1121, "Invalid symbol."),
    small=(400, 30002, "The minimum transaction volume cannot be less than：1USDT"),
    poor=(400, 30004, "Insufficient position"),
    flat=(400, 30005, "Oversold"),
)
_CONTRACT_REFUSES = refusing(
    unknown=(200, 1001, "Contract does not exist"),
    small=(200, 2011, "Order quantity error"),
    poor=(200, 2005, "Balance insufficient"),
    flat=(200, 2009, "Position is not exists or closed."),
)


def _read_spot(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /api/v3/order``: in the base asset, or in the quote one where that is named."""
    in_quote = "quoteOrderQty" in asked
    return PlacedOrder(
        asked["symbol"],
        asked["side"].lower(),
        base=None if in_quote else Decimal(asked["quantity"]),
        quote=Decimal(asked["quoteOrderQty"]) if in_quote else None,
        price=Decimal(asked["price"]) if asked["type"] == "LIMIT" else None,
        kinds=(InstrumentKind.SPOT,),
        client_order_id=asked.get("newClientOrderId", ""),
    )


def _read_contract(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /api/v1/private/order/create``: in contracts; sides 1 and 2 buy, 3 and 4 sell."""
    name, one = asked["symbol"], _CONTRACTS.get(asked["symbol"])
    worth = EXACT.multiply(Decimal(str(asked["vol"])), one.size if one else Decimal(1))
    in_quote = one is not None and one.kind is InstrumentKind.INVERSE
    return PlacedOrder(
        name,
        "buy" if asked["side"] in (1, 2) else "sell",
        base=None if in_quote else worth,
        quote=worth if in_quote else None,
        price=None if asked["type"] in _MARKET else Decimal(str(asked["price"])),
        kinds=(one.kind,) if one else (),
        client_order_id=asked.get("externalOid", ""),
        reduces=asked["side"] in (2, 4) or bool(asked.get("reduceOnly")),
    )


def _spot(order: Order) -> Any:
    return {
        "symbol": order.instrument.name,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id or None,
        "price": plain(order.shown_price),
        "origQty": plain(order.quantity),
        "executedQty": plain(order.filled),
        "cummulativeQuoteQty": text_of(order.worth),
        "status": _SPOT_STATES[order.state],
        "type": "MARKET" if order.is_market else "LIMIT",
        "side": order.side.upper(),
        "time": order.at_milliseconds,
        "updateTime": order.at_milliseconds,
        "isWorking": True,
    }


def _one_spot(asked: Asked) -> Any:
    """``GET /api/v3/order``."""
    order = asked.order(
        lambda one: one.is_spot, asked.text("orderId"), asked.text("origClientOrderId")
    )
    if order is None:
        raise Refused(400, -2013, "Order does not exist.")
    return _spot(order)


def _ok(data: Any) -> Any:
    return {"success": True, "code": 0, "data": data}


def _one_contract(asked: Asked) -> Any:
    """``GET /api/v1/private/order/get/{order_id}``."""
    order = asked.order(lambda one: not one.is_spot, asked.text("order_id"))
    if order is None:
        raise Refused(200, 2040, "The order does not exist")
    return _ok(
        {
            "orderId": order.order_id,
            "symbol": order.instrument.name,
            "price": number(order.shown_price),
            "vol": number(order.size),
            "leverage": 10,
            "side": _side(order),
            "category": 1,
            "orderType": 5 if order.is_market else 1,
            "dealAvgPrice": number(order.average),
            "dealVol": number(order.filled_size),
            "takerFee": number(order.fee),
            "makerFee": 0,
            "feeCurrency": order.fee_currency,
            "externalOid": order.client_order_id,
            "state": _STATES[order.state],
            "createTime": order.at_milliseconds,
            "updateTime": order.at_milliseconds,
        }
    )


def _side(order: Order) -> int:
    if order.is_buy:
        return 2 if order.reduces else 1
    return 4 if order.reduces else 3


ORDERS = {
    "mexc": Ordering(
        (
            Placing(
                "/api/v3/order",
                _read_spot,
                lambda order, _now: {
                    "symbol": order.instrument.name,
                    "orderId": order.order_id,
                    "orderListId": -1,
                    "price": plain(order.shown_price),
                    "origQty": plain(order.quantity),
                    "type": "MARKET" if order.is_market else "LIMIT",
                    "side": order.side.upper(),
                    "transactTime": order.at_milliseconds,
                },
                SPOT_SCHEME,
                SPOT_REFUSALS,
                _SPOT_REFUSES,
                pool=Pool.SPOT,
            ),
            Placing(
                "/api/v1/private/order/create",
                _read_contract,
                lambda order, now: _ok({"orderId": order.order_id, "ts": now}),
                FUTURES_SCHEME,
                FUTURES_REFUSALS,
                _CONTRACT_REFUSES,
                pool=Pool.FUTURES,
            ),
        ),
        (
            Question("/api/v3/order", _one_spot, SPOT_SCHEME, SPOT_REFUSALS, pool=Pool.SPOT),
            Question(
                "/api/v1/private/order/get/{order_id}",
                _one_contract,
                FUTURES_SCHEME,
                FUTURES_REFUSALS,
                pool=Pool.FUTURES,
            ),
        ),
        Least(
            cost={InstrumentKind.SPOT: Decimal(1)},
            size={InstrumentKind.LINEAR: Decimal(1), InstrumentKind.INVERSE: Decimal(1)},
        ),
    )
}
