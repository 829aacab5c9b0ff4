"""Gate: contracts have a sign in place of a side; a market order has the price 0."""

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
from capital.simulator.trading.question import Asked, Question, Refused, number, seconds, whole
from capital.simulator.trading.venues.gate import TRADING
from capital.simulator.venues.gate import REFUSALS, SCHEME

_CONTRACTS = (InstrumentKind.LINEAR, InstrumentKind.INVERSE)
_BY_NAME = {
    (one.settle.lower(), one.name): one for one in TRADING["gate"].instruments if not one.is_spot
}
_STATES = {State.OPEN: "open", State.FILLED: "closed", State.CANCELLED: "cancelled"}
_SPOT_REFUSES = refusing(
    unknown=(400, "INVALID_CURRENCY_PAIR", "Invalid currency pair"),
    small=(400, "INVALID_PARAM_VALUE", "Your order size is too small. The minimum is 3 USDT"),
    poor=(400, "BALANCE_NOT_ENOUGH", "Not enough balance"),
    flat=(400, "INVALID_PARAM_VALUE", "reduce_only"),
)
_CONTRACT_REFUSES = refusing(
    unknown=(400, "CONTRACT_NOT_FOUND", "contract not found"),
    small=(400, "INVALID_PARAM_VALUE", "invalid size"),
    poor=(400, "INSUFFICIENT_AVAILABLE", "balance is not enough"),
    flat=(400, "REDUCE_ONLY_FAIL", "position is empty"),
)


def _read_spot(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /api/v4/spot/orders``: a market order buys for an amount of quote currency."""
    amount, is_market = Decimal(asked["amount"]), asked["type"] == "market"
    in_quote = is_market and asked["side"] == "buy"
    return PlacedOrder(
        asked["currency_pair"],
        asked["side"],
        base=None if in_quote else amount,
        quote=amount if in_quote else None,
        price=None if is_market else Decimal(asked["price"]),
        kinds=(InstrumentKind.SPOT,),
        client_order_id=asked.get("text", ""),
    )


def _read_contract(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /api/v4/futures/{settle}/orders``: in contracts, below zero to sell."""
    size, name, price = Decimal(str(asked["size"])), asked["contract"], Decimal(asked["price"])
    one = _BY_NAME.get((asked["settle"], name))
    worth = EXACT.multiply(abs(size), one.size if one else Decimal(1))
    in_quote = one is not None and one.kind is InstrumentKind.INVERSE
    return PlacedOrder(
        name,
        "buy" if size > 0 else "sell",
        base=None if in_quote else worth,
        quote=worth if in_quote else None,
        price=price or None,
        kinds=(one.kind,) if one else (),
        client_order_id=asked.get("text", ""),
        reduces=bool(asked.get("reduce_only")),
    )


def _spot(order: Order) -> Any:
    in_money = order.is_market and order.is_buy and order.money is not None
    told = {
        "id": order.order_id,
        "text": order.client_order_id or "apiv4",
        "create_time": str(order.at_milliseconds // 1000),
        "update_time": str(order.at_milliseconds // 1000),
        "create_time_ms": order.at_milliseconds,
        "update_time_ms": order.at_milliseconds,
        "status": _STATES[order.state],
        "currency_pair": order.instrument.name,
        "type": "market" if order.is_market else "limit",
        "account": "unified" if order.pool is Pool.UNIFIED else "spot",
        "side": order.side.value,
        "amount": plain(order.money if in_money and order.money else order.quantity),
        "price": plain(order.shown_price),
        "time_in_force": "ioc" if order.is_market else "gtc",
        "left": "0" if in_money else plain(order.left),
        "filled_total": text_of(order.worth),
        "fee": text_of(order.fee),
        "fee_currency": order.fee_currency,
        "finish_as": "filled" if order.is_filled else "open",
    }
    return told | ({"avg_deal_price": plain(order.average)} if order.fill else {})


def _contract(order: Order) -> Any:
    sign = 1 if order.is_buy else -1
    return {
        "id": whole(order.order_id),
        "contract": order.instrument.name,
        "create_time": number(Decimal(seconds(order.at_milliseconds))),
        "size": number(EXACT.multiply(order.size, Decimal(sign))),
        "left": number(EXACT.multiply(order.left_size, Decimal(sign))),
        "price": plain(order.shown_price),
        "fill_price": plain(order.average),
        "status": "open" if order.state is State.OPEN else "finished",
        "finish_as": "filled" if order.is_filled else _STATES[order.state],
        "tif": "ioc" if order.is_market else "gtc",
        "text": order.client_order_id or "api",
        "is_reduce_only": order.reduces,
        "tkfr": "0.0005",
        "mkfr": "0.0005",
    }


def _found(asked: Asked, *kinds: InstrumentKind) -> Order:
    order_id = asked.text("order_id")
    order = asked.order(lambda one: one.kind in kinds, order_id, order_id)
    if order is None:
        raise Refused(404, "ORDER_NOT_FOUND", "Order not found")
    return order


ORDERS = {
    "gate": Ordering(
        (
            Placing(
                "/api/v4/spot/orders",
                _read_spot,
                lambda order, _now: _spot(order),
                SCHEME,
                REFUSALS,
                _SPOT_REFUSES,
                pool=Pool.SPOT,
            ),
            Placing(
                "/api/v4/futures/{settle}/orders",
                _read_contract,
                lambda order, _now: _contract(order),
                SCHEME,
                REFUSALS,
                _CONTRACT_REFUSES,
                pool=Pool.FUTURES,
            ),
        ),
        (
            Question(
                "/api/v4/spot/orders/{order_id}",
                lambda asked: _spot(_found(asked, InstrumentKind.SPOT)),
                SCHEME,
                REFUSALS,
                pool=Pool.SPOT,
            ),
            Question(
                "/api/v4/futures/{settle}/orders/{order_id}",
                lambda asked: _contract(_found(asked, *_CONTRACTS)),
                SCHEME,
                REFUSALS,
                pool=Pool.FUTURES,
            ),
        ),
        Least(
            cost={InstrumentKind.SPOT: Decimal(3)},
            size=dict.fromkeys(_CONTRACTS, Decimal(1)),
        ),
    )
}
