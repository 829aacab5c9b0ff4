"""BingX: everything in the query, at three paths with three shapes of an answer."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.simulator.orders.order import Order, PlacedOrder, State
from capital.simulator.orders.ordering import Ordering, Placing, refusing
from capital.simulator.orders.taking import Least, text_of
from capital.simulator.trading.book import plain
from capital.simulator.trading.question import Asked, Question, Refused, number, whole
from capital.simulator.venues.bingx import REFUSALS, SCHEME

_SPOT, _LINEAR, _INVERSE = InstrumentKind.SPOT, InstrumentKind.LINEAR, InstrumentKind.INVERSE
_DOLLARS = Decimal(100)
_STATES = {State.OPEN: "NEW", State.FILLED: "FILLED", State.CANCELLED: "CANCELLED"}
_REFUSES = refusing(
    unknown=(200, 109425, "this symbol is not exist"),
    small=(200, 101400, "The minimum order amount is 5 USDT."),
    poor=(200, 101204, "Insufficient margin"),
    flat=(200, 101205, "No position to close"),
)
_SPOT_REFUSES = refusing(
    unknown=(200, 100400, "symbol not exist"),
    small=(200, 100421, "The minimum order amount is 5 USDT."),
    poor=(200, 100202, "insufficient balance"),
    flat=(200, 100400, "reduceOnly"),
)


def _read(kind: InstrumentKind) -> Callable[[Mapping[str, Any]], PlacedOrder]:
    """In the coin; on spot for money where that is named; of coin margin in contracts."""

    def read(asked: Mapping[str, Any]) -> PlacedOrder:
        base = quote = None
        if "quoteOrderQty" in asked:
            quote = Decimal(asked["quoteOrderQty"])
        elif kind is _INVERSE:
            quote = EXACT.multiply(Decimal(asked["quantity"]), _DOLLARS)
        else:
            base = Decimal(asked["quantity"])
        return PlacedOrder(
            asked["symbol"],
            asked["side"].lower(),
            base,
            quote,
            price=Decimal(asked["price"]) if asked["type"] == "LIMIT" else None,
            kinds=(kind,),
            client_order_id=asked.get("newClientOrderId") or asked.get("clientOrderID", ""),
            reduces=str(asked.get("reduceOnly", "")).lower() == "true",
        )

    return read


def _ok(data: Any) -> Any:
    return {"code": 0, "msg": "", "data": data}


def _told(order: Order) -> dict[str, Any]:
    return {
        "symbol": order.instrument.name,
        "orderId": whole(order.order_id),
        "side": order.side.upper(),
        "type": "MARKET" if order.is_market else "LIMIT",
        "price": plain(order.shown_price),
        "origQty": text_of(order.size if order.instrument.kind is _INVERSE else order.quantity),
        "executedQty": text_of(
            order.filled_size if order.instrument.kind is _INVERSE else order.filled
        ),
        "status": _STATES[order.state],
        "time": order.at_milliseconds,
        "updateTime": order.at_milliseconds,
    }


def _spot(order: Order) -> Any:
    fee = {"fee": number(EXACT.minus(order.fee)), "feeAsset": order.fee_currency}
    return {
        **_told(order),
        "transactTime": order.at_milliseconds,
        "cummulativeQuoteQty": text_of(order.worth),
        "avgPrice": number(order.average),
        "clientOrderID": order.client_order_id,
        **(fee if order.fill else {}),
    }


def _contract(order: Order) -> Any:
    return {
        **_told(order),
        "positionSide": "BOTH",
        "avgPrice": text_of(order.average),
        "cumQuote": text_of(order.worth),
        "commission": text_of(EXACT.minus(order.fee)),
        "reduceOnly": order.reduces,
        "clientOrderId": order.client_order_id,
    }


def _found(asked: Asked, kind: InstrumentKind) -> Order:
    name = asked.text("symbol")
    order = asked.order(
        lambda one: one.kind is kind and one.name == name,
        asked.text("orderId"),
        asked.text("clientOrderID"),
    )
    if order is None:
        raise Refused(200, 109414, "order not exist")
    return order


def _coin_placed(order: Order, _now: int) -> Any:
    told = {"orderId": order.order_id, "symbol": order.instrument.name, "positionSide": "BOTH"}
    return {"code": 0, "msg": "", **told}


ORDERS = {
    "bingx": Ordering(
        tuple(
            Placing(path, _read(kind), answer, SCHEME, REFUSALS, refuses, pool=pool)
            for pool, path, kind, answer, refuses in (
                (
                    Pool.SPOT,
                    "/openApi/spot/v1/trade/order",
                    _SPOT,
                    lambda order, _now: _ok(_spot(order)),
                    _SPOT_REFUSES,
                ),
                (
                    Pool.FUTURES,
                    "/openApi/swap/v2/trade/order",
                    _LINEAR,
                    lambda order, _now: _ok({"order": _contract(order)}),
                    _REFUSES,
                ),
                (
                    Pool.FUTURES,
                    "/openApi/cswap/v1/trade/order",
                    _INVERSE,
                    _coin_placed,
                    _REFUSES,
                ),
            )
        ),
        tuple(
            Question(path, answer, SCHEME, REFUSALS, pool=pool)
            for pool, path, answer in (
                (
                    Pool.SPOT,
                    "/openApi/spot/v1/trade/query",
                    lambda asked: _ok(_spot(_found(asked, _SPOT))),
                ),
                (
                    Pool.FUTURES,
                    "/openApi/swap/v2/trade/order",
                    lambda asked: _ok({"order": _contract(_found(asked, _LINEAR))}),
                ),
                (
                    Pool.FUTURES,
                    "/openApi/cswap/v1/trade/orderDetail",
                    lambda asked: _ok({"order": _contract(_found(asked, _INVERSE))}),
                ),
            )
        ),
        Least(cost={_SPOT: Decimal(5), _LINEAR: Decimal(2)}, size={_INVERSE: Decimal(1)}),
    )
}
