"""Binance: one path for an order, by which it is placed and told; spot answers with its fills."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide
from capital.simulator.orders.order import Order, PlacedOrder, State
from capital.simulator.orders.ordering import Ordering, Placing, refusing
from capital.simulator.orders.taking import Least, text_of
from capital.simulator.trading.book import plain
from capital.simulator.trading.question import Asked, Question, Refused, whole
from capital.simulator.venues.binance import REFUSALS, SCHEME

_SPOT, _LINEAR, _INVERSE = InstrumentKind.SPOT, InstrumentKind.LINEAR, InstrumentKind.INVERSE
_STATES = {State.OPEN: "NEW", State.FILLED: "FILLED", State.CANCELLED: "CANCELED"}
_UNKNOWN, _POOR = (400, -1121, "Invalid symbol."), "Margin is insufficient."
_ON_SPOT = refusing(
    unknown=_UNKNOWN,
    small=(400, -1013, "Filter failure: NOTIONAL"),
    poor=(400, -2010, "Account has insufficient balance for requested action."),
    flat=(400, -2022, "ReduceOnly Order is rejected."),
)
_ON_CONTRACTS = refusing(
    unknown=_UNKNOWN,
    small=(400, -4164, "Order's notional must be no smaller than 100 (unless reduce only)."),
    poor=(400, -2019, _POOR),
    flat=(400, -2022, "ReduceOnly Order is rejected."),
)


def _read(kind: InstrumentKind) -> Callable[[Mapping[str, Any]], PlacedOrder]:
    """In the base asset, on spot in the quote one where that is named; of COIN-M in contracts."""

    def read(asked: Mapping[str, Any]) -> PlacedOrder:
        base = quote = None
        if "quoteOrderQty" in asked:
            quote = Decimal(asked["quoteOrderQty"])
        elif kind is _INVERSE:
            quote = Decimal(asked["quantity"]) * 100
        else:
            base = Decimal(asked["quantity"])
        return PlacedOrder(
            asked["symbol"],
            asked["side"].lower(),
            base,
            quote,
            price=Decimal(asked["price"]) if asked["type"] == "LIMIT" else None,
            kinds=(kind,),
            client_order_id=asked.get("newClientOrderId", ""),
            reduces=str(asked.get("reduceOnly", "")).lower() == "true",
            position_side=PositionSide(asked.get("positionSide", "BOTH").lower()),
        )

    return read


def _told(order: Order) -> dict[str, Any]:
    return {
        "symbol": order.instrument.name,
        "orderId": whole(order.order_id),
        "clientOrderId": order.client_order_id or f"web_{order.order_id}",
        "price": plain(order.shown_price),
        "origQty": plain(order.quantity),
        "executedQty": plain(order.filled),
        "status": _STATES[order.state],
        "timeInForce": "GTC",
        "type": "MARKET" if order.is_market else "LIMIT",
        "side": order.side.upper(),
        "time": order.at_milliseconds,
        "updateTime": order.at_milliseconds,
    }


def _spot(order: Order) -> Any:
    quote = text_of(order.worth)
    return {**_told(order), "orderListId": -1, "cummulativeQuoteQty": quote, "isWorking": True}


def _contract(order: Order) -> Any:
    is_inverse = order.instrument.kind is _INVERSE
    worth = {"cumBase" if is_inverse else "cumQuote": text_of(order.worth)}
    return {
        **_told(order),
        "avgPrice": plain(order.average),
        **worth,
        "reduceOnly": order.reduces,
        "positionSide": order.position_side.upper(),
        "origType": "MARKET" if order.is_market else "LIMIT",
    }


def _placed(order: Order, now: int) -> Any:
    if not order.instrument.is_spot:
        return _contract(order)
    told = {**_spot(order), "transactTime": now, "fills": []}
    if order.fill is not None:
        told["fills"] = [
            {
                "price": plain(order.fill.price),
                "qty": plain(order.fill.quantity),
                "commission": plain(order.fee),
                "commissionAsset": order.fee_currency,
                "tradeId": whole(order.fill.fill_id),
            }
        ]
    return told


def _one(kind: InstrumentKind) -> Callable[[Asked], Any]:
    """``GET …/order``: by the exchange's id or the bot's."""

    def answer(asked: Asked) -> Any:
        name = asked.text("symbol")
        order = asked.order(
            lambda one: one.kind is kind and one.name == name,
            asked.text("orderId"),
            asked.text("origClientOrderId"),
        )
        if order is None:
            raise Refused(400, -2013, "Order does not exist.")
        return _spot(order) if kind is _SPOT else _contract(order)

    return answer


_PATHS = (
    (Pool.SPOT, "/api/v3/order", _SPOT),
    (Pool.FUTURES, "/fapi/v1/order", _LINEAR),
    (Pool.FUTURES, "/dapi/v1/order", _INVERSE),
    # Portfolio margin counts as the others do.
    (Pool.UNIFIED, "/papi/v1/margin/order", _SPOT),
    (Pool.UNIFIED, "/papi/v1/um/order", _LINEAR),
    (Pool.UNIFIED, "/papi/v1/cm/order", _INVERSE),
)
ORDERS = {
    "binance": Ordering(
        tuple(
            Placing(
                path,
                _read(kind),
                _placed,
                SCHEME,
                REFUSALS,
                _ON_SPOT if kind is _SPOT else _ON_CONTRACTS,
                pool=pool,
            )
            for pool, path, kind in _PATHS
        ),
        tuple(
            Question(path, _one(kind), SCHEME, REFUSALS, pool=pool) for pool, path, kind in _PATHS
        ),
        Least(cost={_SPOT: Decimal(5), _LINEAR: Decimal(100)}, size={_INVERSE: Decimal(1)}),
    )
}
