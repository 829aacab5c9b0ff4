"""Deribit: a path for each side; in dollars on inverse contracts, else in the coin."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.sizing.instruments import InstrumentKind
from capital.simulator.orders.order import Order, PlacedOrder, State
from capital.simulator.orders.ordering import Ordering, Placing, refusing
from capital.simulator.orders.taking import Least
from capital.simulator.trading.question import Asked, Question, Refused, number
from capital.simulator.venues.deribit import REFUSALS, SCHEME

_STATES = {State.OPEN: "open", State.FILLED: "filled", State.CANCELLED: "cancelled"}
_REFUSES = refusing(
    unknown=(400, 13020, "instrument_not_found"),
    small=(400, 10040, "too_small_amount"),
    poor=(400, 10009, "not_enough_funds"),
    flat=(400, 11030, "other_reject reduce_only_failed"),
)


def _read(side: str) -> Callable[[Mapping[str, Any]], PlacedOrder]:
    """``GET /api/v2/private/buy``, or sell."""

    def read(asked: Mapping[str, Any]) -> PlacedOrder:
        name, amount = asked["instrument_name"], Decimal(asked["amount"])
        in_dollars = name.endswith("-PERPETUAL") and "_" not in name
        return PlacedOrder(
            name,
            side,
            base=None if in_dollars else amount,
            quote=amount if in_dollars else None,
            price=Decimal(asked["price"]) if asked["type"] == "limit" else None,
            client_order_id=asked.get("label", ""),
            reduces=str(asked.get("reduce_only", "")).lower() == "true",
        )

    return read


def _ok(result: Any) -> Any:
    return {"jsonrpc": "2.0", "id": 1, "result": result, "testnet": False}


def _amount(order: Order, quantity: Decimal) -> str:
    is_inverse = order.instrument.kind is InstrumentKind.INVERSE
    return number(EXACT.multiply(quantity, order.instrument.size) if is_inverse else quantity)


def _told(order: Order) -> Any:
    return {
        "order_id": order.order_id,
        "instrument_name": order.instrument.name,
        "direction": order.side.value,
        "order_type": "market" if order.is_market else "limit",
        "order_state": _STATES[order.state],
        "price": number(order.price or order.average),
        "amount": _amount(order, order.quantity),
        "filled_amount": _amount(order, order.filled),
        "average_price": number(order.average),
        "commission": number(order.fee),
        "label": order.client_order_id,
        "reduce_only": order.reduces,
        "post_only": False,
        "time_in_force": "good_til_cancelled",
        "creation_timestamp": order.at_milliseconds,
        "last_update_timestamp": order.at_milliseconds,
        "api": True,
    }


def _one(asked: Asked) -> Any:
    """``GET /api/v2/private/get_order_state``."""
    order = asked.order(lambda _: True, asked.text("order_id"))
    if order is None:
        raise Refused(400, 10004, "order_not_found")
    return _ok(_told(order))


ORDERS = {
    "deribit": Ordering(
        tuple(
            Placing(
                f"/api/v2/private/{side}",
                _read(side),
                lambda order, _now: _ok({"trades": [], "order": _told(order)}),
                SCHEME,
                REFUSALS,
                _REFUSES,
                method="GET",
            )
            for side in ("buy", "sell")
        ),
        (Question("/api/v2/private/get_order_state", _one, SCHEME, REFUSALS),),
        Least(
            size={
                InstrumentKind.SPOT: Decimal("0.0001"),
                InstrumentKind.LINEAR: Decimal("0.0001"),
                InstrumentKind.INVERSE: Decimal(1),
            }
        ),
    )
}
