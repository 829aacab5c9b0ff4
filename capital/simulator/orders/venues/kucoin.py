"""KuCoin: two hosts with one path, told apart by the symbol; the unified account has its own."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.simulator.errors import SimulatorError
from capital.simulator.orders.order import Order, PlacedOrder, State
from capital.simulator.orders.ordering import Ordering, Placing, refusing
from capital.simulator.orders.taking import Least, text_of
from capital.simulator.trading.book import plain
from capital.simulator.trading.question import Asked, Question, Refused
from capital.simulator.trading.venues.kucoin import TRADING
from capital.simulator.venues.kucoin import REFUSALS, SCHEME

_BY_NAME = {one.name: one for one in TRADING["kucoin"].instruments}
_REFUSES = refusing(
    unknown=(200, "900001", "Symbol not exists"),
    small=(200, "400100", "Order size below the minimum requirement."),
    poor=(200, "200004", "Balance insufficient!"),
    flat=(200, "300009", "No open positions to close."),
)


def _read(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /api/v1/orders``: in the base currency on spot, in contracts on the futures host."""
    name, one, is_market = asked["symbol"], _BY_NAME.get(asked["symbol"]), asked["type"] == "market"
    base = quote = None
    if "funds" in asked:
        quote = Decimal(asked["funds"])
    else:
        worth = EXACT.multiply(Decimal(str(asked["size"])), one.size if one else Decimal(1))
        in_quote = one is not None and one.kind is InstrumentKind.INVERSE
        base, quote = (None, worth) if in_quote else (worth, None)
    return PlacedOrder(
        name,
        asked["side"],
        base,
        quote,
        price=None if is_market else Decimal(str(asked["price"])),
        client_order_id=asked.get("clientOid", ""),
        reduces=bool(asked.get("reduceOnly")),
    )


def _read_unified(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /api/ua/v1/unified/order/place``: in the unit that it names, which is contracts."""
    units = {"BASECCY": asked["tradeType"] == "SPOT", "UNIT": asked["tradeType"] == "FUTURES"}
    if not units.get(asked["sizeUnit"]):
        raise SimulatorError(f"{asked['sizeUnit']} is no unit of {asked['tradeType']} orders.")
    return _read({**asked, "side": asked["side"].lower(), "type": asked["orderType"].lower()})


def _ok(data: Any) -> Any:
    return {"code": "200000", "data": data}


def _placed(order: Order, _now: int) -> Any:
    return _ok({"orderId": order.order_id, "clientOid": order.client_order_id})


def _found(asked: Asked) -> Order:
    order = asked.order(lambda _: True, asked.text("orderId"), asked.text("clientOid"))
    if order is None:
        raise Refused(200, "400100", "The order does not exist.")
    return order


def _one(asked: Asked) -> Any:
    """``GET /api/v1/orders/{orderId}`` of both hosts."""
    order = _found(asked)
    told = {
        "id": order.order_id,
        "symbol": order.instrument.name,
        "type": "market" if order.is_market else "limit",
        "side": order.side.value,
        "price": plain(order.shown_price),
        "clientOid": order.client_order_id,
        "isActive": order.state is State.OPEN,
        "cancelExist": order.state is State.CANCELLED,
        "timeInForce": "GTC",
        "createdAt": order.at_milliseconds,
    }
    if order.instrument.is_spot:
        return _ok(
            {
                **told,
                "size": plain(order.quantity),
                "funds": "0",
                "dealFunds": text_of(order.worth),
                "dealSize": plain(order.filled),
                "fee": text_of(order.fee),
                "feeCurrency": order.fee_currency,
                "tradeType": "TRADE",
            }
        )
    return _ok(
        {
            **told,
            "size": text_of(order.size),
            "filledSize": text_of(order.filled_size),
            "filledValue": text_of(order.worth),
            "avgDealPrice": text_of(order.average),
            "value": text_of(order.worth),
            "status": "open" if order.state is State.OPEN else "done",
            "reduceOnly": order.reduces,
            "settleCurrency": order.instrument.settle.replace("BTC", "XBT"),
            "updatedAt": order.at_milliseconds,
        }
    )


_STATES = {State.OPEN: "2", State.FILLED: "3", State.CANCELLED: "4"}


def _unified(asked: Asked) -> Any:
    """``GET /api/ua/v1/unified/order/detail``: times in nanoseconds."""
    order = _found(asked)
    is_spot = order.instrument.is_spot
    return _ok(
        {
            "orderId": order.order_id,
            "clientOid": order.client_order_id,
            "symbol": order.instrument.name,
            "tradeType": "SPOT" if is_spot else "FUTURES",
            "orderType": "MARKET" if order.is_market else "LIMIT",
            "side": order.side.upper(),
            "price": plain(order.shown_price),
            "size": text_of(order.size),
            "sizeUnit": "BASECCY" if is_spot else "UNIT",
            "filledSize": text_of(order.filled_size),
            "avgPrice": text_of(order.average),
            "status": _STATES[order.state],
            "fee": text_of(order.fee),
            "feeCurrency": order.fee_currency,
            "timeInForce": "GTC",
            "orderTime": order.at_milliseconds * 1_000_000,
            "updatedTime": order.at_milliseconds * 1_000_000,
        }
    )


ORDERS = {
    "kucoin": Ordering(
        (
            Placing("/api/v1/orders", _read, _placed, SCHEME, REFUSALS, _REFUSES),
            Placing(
                "/api/ua/v1/unified/order/place",
                _read_unified,
                _placed,
                SCHEME,
                REFUSALS,
                _REFUSES,
                pool=Pool.UNIFIED,
            ),
        ),
        (
            Question("/api/v1/orders/{orderId}", _one, SCHEME, REFUSALS),
            Question(
                "/api/ua/v1/unified/order/detail", _unified, SCHEME, REFUSALS, pool=Pool.UNIFIED
            ),
        ),
        Least(
            cost={InstrumentKind.SPOT: Decimal("0.1")},
            size={InstrumentKind.LINEAR: Decimal(1), InstrumentKind.INVERSE: Decimal(1)},
        ),
    )
}
