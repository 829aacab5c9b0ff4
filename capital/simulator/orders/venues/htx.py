"""HTX: spot names side and type in one word, and writes *field* where it means filled."""

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
from capital.simulator.trading.venues.htx import TRADING
from capital.simulator.venues.htx import REFUSALS, SCHEME

_LINEAR, _INVERSE = InstrumentKind.LINEAR, InstrumentKind.INVERSE
_CONTRACTS = {one.name: one for one in TRADING["htx"].instruments if not one.is_spot}
_SPOT_STATES = {State.OPEN: "submitted", State.FILLED: "filled", State.CANCELLED: "canceled"}
_STATES = {State.OPEN: 3, State.FILLED: 6, State.CANCELLED: 7}
_NEW_STATES = {State.OPEN: "new", State.FILLED: "filled", State.CANCELLED: "canceled"}


def _spot_refused(code: int | str, text: str, _now: int) -> Any:
    return {"status": "error", "err-code": code, "err-msg": text, "data": None}


def _contract_refused(code: int | str, text: str, now: int) -> Any:
    return {"status": "error", "err_code": code, "err_msg": text, "ts": now}


_SPOT_REFUSES = refusing(
    unknown=(200, "invalid-symbol", "invalid symbol"),
    small=(200, "order-value-min-error", "Order total cannot be lower than: 10 USDT"),
    poor=(200, "account-frozen-balance-insufficient-error", "trade account balance is not enough"),
    flat=(200, "invalid-type", "reduce-only"),
)
_CONTRACT_REFUSES = refusing(
    unknown=(200, 1013, "This contract symbol doesnt exist."),
    small=(200, 1037, "The order amount must be at least 1."),
    poor=(200, 1047, "Insufficient margin available."),
    flat=(200, 1048, "Insufficient close amount available."),
)


def _read_spot(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /v1/order/orders/place``: a market order buys for an amount of quote currency."""
    side, _, kind = asked["type"].partition("-")
    amount, is_market = Decimal(asked["amount"]), kind == "market"
    in_quote = is_market and side == "buy"
    return PlacedOrder(
        asked["symbol"],
        side,
        base=None if in_quote else amount,
        quote=amount if in_quote else None,
        price=None if is_market else Decimal(asked["price"]),
        kinds=(InstrumentKind.SPOT,),
        client_order_id=str(asked.get("client-order-id", "")),
    )


def _read_contract(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /v5/trade/order`` and ``…/swap_order``: in contracts."""
    name, one = asked["contract_code"], _CONTRACTS.get(asked["contract_code"])
    side = asked.get("side") or asked["direction"]
    kind = asked.get("type") or asked["order_price_type"]
    worth = EXACT.multiply(Decimal(str(asked["volume"])), one.size if one else Decimal(1))
    in_quote = not name.endswith("-USDT")
    return PlacedOrder(
        name,
        side,
        base=None if in_quote else worth,
        quote=worth if in_quote else None,
        price=None if kind == "market" else Decimal(str(asked["price"])),
        kinds=(one.kind,) if one else (),
        client_order_id=str(asked.get("client_order_id", "")),
        reduces=asked.get("offset") == "close" or str(asked.get("reduce_only")) in ("True", "1"),
    )


def _spot_placed(order: Order, _now: int) -> Any:
    return {"status": "ok", "data": order.order_id}


def _ids(order: Order) -> dict[str, Any]:
    return {
        "order_id": whole(order.order_id),
        "order_id_str": order.order_id,
        "client_order_id": order.client_order_id,
    }


def _found(asked: Asked, kind: InstrumentKind, name: str, *, code: int | str) -> Order:
    order = asked.order(
        lambda one: one.kind is kind, asked.text(name), asked.text("client_order_id")
    )
    if order is None:
        raise Refused(200, code, "The order does not exist.")
    return order


def _spot(asked: Asked) -> Any:
    """``GET /v1/order/orders/{order-id}``: of a purchase for money, the amount is the money."""
    order = _found(asked, InstrumentKind.SPOT, "order_id", code="base-record-invalid")
    in_money = order.is_market and order.is_buy and order.money is not None
    amount = order.money if in_money and order.money is not None else order.quantity
    return {
        "status": "ok",
        "data": {
            "id": whole(order.order_id),
            "client-order-id": order.client_order_id,
            "symbol": order.instrument.name,
            "account-id": 1,
            "amount": plain(amount),
            "price": plain(order.shown_price),
            "created-at": order.at_milliseconds,
            "type": f"{order.side.value}-{'market' if order.is_market else 'limit'}",
            "field-amount": plain(order.filled),
            "field-cash-amount": text_of(order.worth),
            "field-fees": text_of(order.fee),
            "finished-at": order.at_milliseconds if order.is_filled else 0,
            "source": "spot-api",
            "state": _SPOT_STATES[order.state],
        },
    }


def _linear(asked: Asked) -> Any:
    """``GET /v5/trade/order``."""
    order = _found(asked, _LINEAR, "order_id", code=1061)
    return {
        "code": 200,
        "message": "Success",
        "data": {
            **_ids(order),
            "id": order.order_id,
            "contract_code": order.instrument.name,
            "side": order.side.value,
            "position_side": "both",
            "type": "market" if order.is_market else "limit",
            "price": plain(order.shown_price),
            "volume": text_of(order.size),
            "trade_volume": text_of(order.filled_size),
            "trade_avg_price": text_of(order.average),
            "trade_turnover": text_of(order.worth),
            "fee": text_of(order.fee),
            "fee_currency": order.fee_currency,
            "state": _NEW_STATES[order.state],
            "reduce_only": order.reduces,
            "time_in_force": "gtc",
            "created_time": str(order.at_milliseconds),
            "updated_time": str(order.at_milliseconds),
        },
        "ts": asked.now_milliseconds,
    }


def _inverse(asked: Asked) -> Any:
    """``POST /swap-api/v1/swap_order_info``: a fee that was paid is below zero."""
    order = _found(asked, _INVERSE, "order_id", code=1061)
    told = {
        **_ids(order),
        "symbol": order.instrument.base,
        "contract_code": order.instrument.name,
        "volume": number(order.size),
        "price": number(order.shown_price),
        "order_price_type": "market" if order.is_market else "limit",
        "direction": order.side.value,
        "offset": "close" if order.reduces else "open",
        "created_at": order.at_milliseconds,
        "trade_volume": number(order.filled_size),
        "trade_turnover": number(EXACT.multiply(order.filled, order.instrument.size)),
        "fee": number(EXACT.minus(order.fee)),
        "fee_asset": order.fee_currency,
        "trade_avg_price": number(order.average) if order.fill else None,
        "status": _STATES[order.state],
    }
    return {"status": "ok", "data": [told], "ts": asked.now_milliseconds}


def _contracts(path: str, answer: Callable[[Order, int], Any]) -> Placing:
    return Placing(
        path,
        _read_contract,
        answer,
        SCHEME,
        REFUSALS,
        _CONTRACT_REFUSES,
        pool=Pool.FUTURES,
        body=_contract_refused,
    )


def _old(order: Order, now: int) -> Any:
    return {"status": "ok", "data": _ids(order), "ts": now}


def _new(order: Order, now: int) -> Any:
    ids = {**_ids(order), "order_id": order.order_id}
    return {"code": 200, "message": "Success", "data": ids, "ts": now}


ORDERS = {
    "htx": Ordering(
        (
            Placing(
                "/v1/order/orders/place",
                _read_spot,
                _spot_placed,
                SCHEME,
                REFUSALS,
                _SPOT_REFUSES,
                pool=Pool.SPOT,
                body=_spot_refused,
            ),
            _contracts("/v5/trade/order", _new),
            _contracts("/swap-api/v1/swap_order", _old),
            _contracts("/api/v1/contract_order", _old),
        ),
        tuple(
            Question(path, answer, SCHEME, REFUSALS, method=method, pool=pool)
            for pool, method, path, answer in (
                (Pool.SPOT, "GET", "/v1/order/orders/{order_id}", _spot),
                (Pool.FUTURES, "GET", "/v5/trade/order", _linear),
                (Pool.FUTURES, "POST", "/swap-api/v1/swap_order_info", _inverse),
            )
        ),
        Least(
            cost={InstrumentKind.SPOT: Decimal(10)},
            size={_LINEAR: Decimal(1), _INVERSE: Decimal(1)},
        ),
    )
}
