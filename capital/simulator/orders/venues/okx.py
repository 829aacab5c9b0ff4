"""OKX: an order comes in a list of one, and so does its refusal, each with a code of its own."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.sizing.instruments import InstrumentKind
from capital.simulator.orders.order import Order, PlacedOrder, State
from capital.simulator.orders.ordering import Ordering, Placing, refusing
from capital.simulator.orders.taking import Least
from capital.simulator.trading.book import plain
from capital.simulator.trading.question import Asked, Question, Refused
from capital.simulator.trading.venues.okx import TRADING
from capital.simulator.venues.okx import REFUSALS, SCHEME

_STATES = {State.OPEN: "live", State.FILLED: "filled", State.CANCELLED: "canceled"}
_SIZES = {one.name: one for one in TRADING["okx"].instruments}
_REFUSES = refusing(
    unknown=(200, "51001", "Instrument ID doesn't exist."),
    small=(200, "51020", "Your order should meet or exceed the minimum order amount."),
    poor=(200, "51008", "Order failed. Insufficient balance in account."),
    flat=(200, "51169", "Order failed because you don't have any positions to reduce."),
)


def _refused(code: int | str, text: str, _now: int) -> Any:
    row = {"clOrdId": "", "ordId": "", "sCode": code, "sMsg": text, "tag": ""}
    return {"code": "1", "data": [row], "msg": "All operations failed"}


def _read(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /api/v5/trade/batch-orders``: in contracts; on spot in what ``tgtCcy`` says.

    A market order on spot buys for an amount of quote currency unless it says otherwise.
    """
    (order,) = asked["orders"]
    size, name, is_market = Decimal(order["sz"]), order["instId"], order["ordType"] == "market"
    one = _SIZES.get(name)
    worth = EXACT.multiply(size, one.size) if one else size
    is_inverse = one is not None and one.kind is InstrumentKind.INVERSE
    buys_on_spot = one is not None and one.is_spot and order["side"] == "buy"
    is_for_money = is_market and buys_on_spot and order.get("tgtCcy") != "base_ccy"
    return PlacedOrder(
        name,
        order["side"],
        base=None if is_inverse or is_for_money else worth,
        quote=worth if is_inverse or is_for_money else None,
        price=None if is_market else Decimal(order["px"]),
        client_order_id=order.get("clOrdId", ""),
        reduces=str(order.get("reduceOnly", "")).lower() == "true",
    )


def _ok(row: Any) -> Any:
    return {"code": "0", "msg": "", "data": [row]}


def _placed(order: Order, now: int) -> Any:
    return _ok(
        {
            "ordId": order.order_id,
            "clOrdId": order.client_order_id,
            "tag": "",
            "ts": str(now),
            "sCode": "0",
            "sMsg": "",
        }
    )


def _one(asked: Asked) -> Any:
    """``GET /api/v5/trade/order``."""
    name = asked.text("instId")
    order = asked.order(lambda one: one.name == name, asked.text("ordId"), asked.text("clOrdId"))
    if order is None:
        raise Refused(200, "51603", "Order does not exist")
    return _ok(
        {
            "instType": "SPOT" if order.instrument.is_spot else "SWAP",
            "instId": name,
            "ordId": order.order_id,
            "clOrdId": order.client_order_id,
            "tag": "",
            "px": "" if order.price is None else plain(order.price),
            "sz": plain(order.size),
            "tgtCcy": "base_ccy" if order.instrument.is_spot else "",
            "ordType": "market" if order.is_market else "limit",
            "side": order.side.value,
            "posSide": "net",
            "accFillSz": plain(order.filled_size),
            "avgPx": plain(order.average) if order.fill else "",
            "state": _STATES[order.state],
            "fee": plain(EXACT.minus(order.fee)),
            "feeCcy": order.fee_currency,
            "reduceOnly": str(order.reduces).lower(),
            "fillTime": str(order.at_milliseconds) if order.fill else "",
            "cTime": str(order.at_milliseconds),
            "uTime": str(order.at_milliseconds),
        }
    )


ORDERS = {
    "okx": Ordering(
        (
            Placing(
                "/api/v5/trade/batch-orders",
                _read,
                _placed,
                SCHEME,
                REFUSALS,
                _REFUSES,
                body=_refused,
            ),
        ),
        (Question("/api/v5/trade/order", _one, SCHEME, REFUSALS),),
        Least(
            size={
                InstrumentKind.SPOT: Decimal("0.00001"),
                InstrumentKind.LINEAR: Decimal("0.01"),
                InstrumentKind.INVERSE: Decimal(1),
            }
        ),
    )
}
