"""Coinbase: how to execute an order is an object; ``base_size`` is in contracts on futures."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.sizing.instruments import InstrumentKind
from capital.simulator.orders.order import Order, PlacedOrder, State
from capital.simulator.orders.ordering import Ordering, Placing, refusing
from capital.simulator.orders.taking import Least, text_of
from capital.simulator.trading.book import plain
from capital.simulator.trading.question import Asked, Question, Refused, iso
from capital.simulator.trading.venues.coinbase import TRADING
from capital.simulator.venues.coinbase import REFUSALS, SCHEME

_BY_NAME = {one.name: one for one in TRADING["coinbase"].instruments}
_STATES = {State.OPEN: "OPEN", State.FILLED: "FILLED", State.CANCELLED: "CANCELLED"}
_REFUSES = refusing(
    unknown=(200, "UNKNOWN_FAILURE_REASON", "INVALID_PRODUCT_ID"),
    small=(200, "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL", "Order size is too small"),
    poor=(200, "INSUFFICIENT_FUND", "Insufficient balance in source account"),
    flat=(200, "UNKNOWN_FAILURE_REASON", "reduce only"),
)


def _refused(code: int | str, text: str, _now: int) -> Any:
    error = {"error": code, "message": text, "error_details": "", "preview_failure_reason": code}
    return {"success": False, "error_response": error, "order_configuration": {}}


def _read(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /api/v3/brokerage/orders``."""
    (how,) = asked["order_configuration"].values()
    name, base, quote = asked["product_id"], None, None
    if "quote_size" in how:
        quote = Decimal(how["quote_size"])
    else:
        one = _BY_NAME.get(name)
        base = EXACT.multiply(Decimal(how["base_size"]), one.size if one else Decimal(1))
    price = how.get("limit_price")
    return PlacedOrder(
        name,
        asked["side"].lower(),
        base,
        quote,
        price=None if price is None else Decimal(price),
        client_order_id=asked.get("client_order_id", ""),
    )


def _configuration(order: Order) -> Any:
    size = text_of(order.size)
    if order.price is not None:
        how = {"base_size": size, "limit_price": plain(order.price), "post_only": False}
        return {"limit_limit_gtc": how}
    if order.money is not None:
        return {"market_market_ioc": {"quote_size": plain(order.money)}}
    return {"market_market_ioc": {"base_size": size}}


def _placed(order: Order, _now: int) -> Any:
    ids = {
        "order_id": order.order_id,
        "product_id": order.instrument.name,
        "side": order.side.upper(),
        "client_order_id": order.client_order_id,
    }
    return {
        "success": True,
        "success_response": ids,
        "order_configuration": _configuration(order),
    }


def _one(asked: Asked) -> Any:
    """``GET /api/v3/brokerage/orders/historical/{order_id}``."""
    order = asked.order(lambda _: True, asked.text("order_id"))
    if order is None:
        raise Refused(404, "NOT_FOUND", "order with this orderID was not found")
    return {
        "order": {
            "order_id": order.order_id,
            "product_id": order.instrument.name,
            "user_id": "1111111-1111-1111-1111-111111111111",
            "order_configuration": _configuration(order),
            "side": order.side.upper(),
            "client_order_id": order.client_order_id,
            "status": _STATES[order.state],
            "time_in_force": "IMMEDIATE_OR_CANCEL" if order.is_market else "GOOD_UNTIL_CANCELLED",
            "created_time": iso(order.at_milliseconds),
            "completion_percentage": "100.00" if order.is_filled else "0",
            "filled_size": text_of(order.filled_size),
            "average_filled_price": text_of(order.average),
            "number_of_fills": "1" if order.fill else "0",
            "filled_value": text_of(order.worth),
            "total_fees": text_of(order.fee),
            "order_type": "MARKET" if order.is_market else "LIMIT",
            "settled": order.is_filled,
        }
    }


_ROOT = "/api/v3/brokerage/orders"
ORDERS = {
    "coinbase": Ordering(
        (Placing(_ROOT, _read, _placed, SCHEME, REFUSALS, _REFUSES, body=_refused),),
        (Question(f"{_ROOT}/historical/{{order_id}}", _one, SCHEME, REFUSALS),),
        Least(
            cost={InstrumentKind.SPOT: Decimal(1)},
            size={InstrumentKind.LINEAR: Decimal(1)},
        ),
    )
}
