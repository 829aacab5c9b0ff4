"""Kraken: an order is described in a sentence; its futures tell events of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from capital.domain.sizing.instruments import InstrumentKind
from capital.simulator.orders.order import Order, PlacedOrder, State
from capital.simulator.orders.ordering import Ordering, Placing, refusing
from capital.simulator.orders.taking import Least, text_of
from capital.simulator.trading.book import plain
from capital.simulator.trading.question import Asked, Question, Refused, iso, number, seconds
from capital.simulator.venues import kraken

_SPOT = (kraken.SPOT_SCHEME, kraken.SPOT_REFUSALS)
_FUTURES = (kraken.FUTURES_SCHEME, kraken.FUTURES_REFUSALS)
_STATES = {State.OPEN: "open", State.FILLED: "closed", State.CANCELLED: "canceled"}
_SPOT_REFUSES = refusing(
    unknown=(200, "EQuery:Unknown asset pair", ""),
    small=(200, "EOrder:Order minimum not met", ""),
    poor=(200, "EOrder:Insufficient funds", ""),
    flat=(200, "EOrder:Reduce only:No position exists", ""),
)
_FUTURES_REFUSES = refusing(
    unknown=(200, "contractNotFound", ""),
    small=(200, "invalidSize", ""),
    poor=(200, "insufficientAvailableFunds", ""),
    flat=(200, "wouldNotReducePosition", ""),
)


def _read(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /0/private/AddOrder``: in the base asset, unless a flag says otherwise."""
    is_market, volume = asked["ordertype"] == "market", Decimal(asked["volume"])
    in_quote = "viqc" in asked.get("oflags", "")
    return PlacedOrder(
        asked["pair"],
        asked["type"],
        base=None if in_quote else volume,
        quote=volume if in_quote else None,
        price=None if is_market else Decimal(asked["price"]),
        client_order_id=asked.get("cl_ord_id", ""),
    )


def _spot_refused(code: int | str, _text: str, _now: int) -> Any:
    return {"error": [code]}


def _kind(order: Order) -> str:
    return "market" if order.is_market else "limit"


def _sentence(order: Order) -> str:
    price = "market" if order.price is None else f"limit {plain(order.price)}"
    return f"{order.side.value} {plain(order.quantity)} {order.instrument.name} @ {price}"


def _placed(order: Order, _now: int) -> Any:
    return {
        "error": [],
        "result": {"descr": {"order": _sentence(order)}, "txid": [order.order_id]},
    }


def _queried(asked: Asked) -> Any:
    """``POST /0/private/QueryOrders``."""
    order = asked.order(lambda _: True, asked.text("txid"))
    if order is None:
        raise Refused(200, "EOrder:Unknown order", "")
    told = {
        "refid": None,
        "cl_ord_id": order.client_order_id,
        "status": _STATES[order.state],
        "opentm": number(Decimal(seconds(order.at_milliseconds, 4))),
        "descr": {
            "pair": order.instrument.name,
            "type": order.side.value,
            "ordertype": _kind(order),
            "price": plain(order.shown_price),
            "price2": "0",
            "leverage": "none",
            "order": _sentence(order),
        },
        "vol": plain(order.quantity),
        "vol_exec": plain(order.filled),
        "cost": text_of(order.worth),
        "fee": text_of(order.fee),
        "price": text_of(order.average),
        "misc": "",
        "oflags": "fciq",
        "trades": [order.fill.fill_id] if order.fill else [],
    }
    return {"error": [], "result": {order.order_id: told}}


def _read_contract(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /derivatives/api/v3/sendorder``: inverse contracts are a dollar each."""
    size, name = Decimal(asked["size"]), asked["symbol"]
    in_quote = name.startswith("PI_")
    return PlacedOrder(
        name,
        asked["side"],
        base=None if in_quote else size,
        quote=size if in_quote else None,
        price=None if asked["orderType"] == "mkt" else Decimal(asked["limitPrice"]),
        client_order_id=asked.get("cliOrdId", ""),
        reduces=str(asked.get("reduceOnly", "")).lower() == "true",
    )


def _contract_refused(code: int | str, _text: str, now: int) -> Any:
    sent: Any = {"status": code, "order_id": "", "receivedTime": iso(now), "orderEvents": []}
    return {"result": "success", "sendStatus": sent, "serverTime": iso(now)}


def _details(order: Order) -> dict[str, Any]:
    return {
        "orderId": order.order_id,
        "cliOrdId": order.client_order_id or None,
        "type": "mkt" if order.is_market else "lmt",
        "symbol": order.instrument.name,
        "side": order.side.value,
        "quantity": number(order.size),
        "filled": number(order.filled_size),
        "limitPrice": number(order.price or order.average),
        "reduceOnly": order.reduces,
        "timestamp": iso(order.at_milliseconds),
        "lastUpdateTimestamp": iso(order.at_milliseconds),
    }


def _sent(order: Order, now: int) -> Any:
    if order.fill is None:
        event = {"type": "PLACE", "order": _details(order)}
    else:
        before = {**_details(order), "filled": 0}
        event = {
            "type": "EXECUTION",
            "executionId": order.fill.fill_id,
            "price": number(order.average),
            "amount": number(order.filled_size),
            "orderPriorExecution": before,
        }
    sent: dict[str, Any] = {
        "order_id": order.order_id,
        "cliOrdId": order.client_order_id or None,
        "status": "placed",
        "receivedTime": iso(now),
        "orderEvents": [event],
    }
    return {"result": "success", "sendStatus": sent, "serverTime": iso(now)}


_STATUS = {
    State.OPEN: "ENTERED_BOOK",
    State.FILLED: "FULLY_EXECUTED",
    State.CANCELLED: "CANCELLED",
}


def _status(asked: Asked) -> Any:
    """``GET`` or ``POST /derivatives/api/v3/orders/status``: what it cost is not told."""
    order = asked.order(lambda _: True, asked.text("orderIds"), asked.text("cliOrdIds"))
    found = []
    if order is not None:
        found.append({"order": _details(order), "status": _STATUS[order.state], "error": None})
    return {"result": "success", "orders": found, "serverTime": iso(asked.now_milliseconds)}


ORDERS = {
    "kraken": Ordering(
        (
            Placing(
                "/0/private/AddOrder", _read, _placed, *_SPOT, _SPOT_REFUSES, body=_spot_refused
            ),
        ),
        (Question("/0/private/QueryOrders", _queried, *_SPOT, method="POST"),),
        Least(
            cost={InstrumentKind.SPOT: Decimal("0.5")},
            size={InstrumentKind.SPOT: Decimal("0.00005")},
        ),
    ),
    "krakenfutures": Ordering(
        (
            Placing(
                "/derivatives/api/v3/sendorder",
                _read_contract,
                _sent,
                *_FUTURES,
                _FUTURES_REFUSES,
                body=_contract_refused,
            ),
        ),
        (Question("/derivatives/api/v3/orders/status", _status, *_FUTURES),),
        Least(size={InstrumentKind.LINEAR: Decimal("0.0001"), InstrumentKind.INVERSE: Decimal(1)}),
    ),
}
