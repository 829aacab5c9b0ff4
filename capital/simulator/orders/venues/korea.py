"""Upbit and Bithumb: ``price`` alone is money to buy for; what is left of it is cancelled."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from capital.domain.sizing.instruments import InstrumentKind
from capital.simulator.orders.order import Order, PlacedOrder, State
from capital.simulator.orders.ordering import Ordering, Placing, refusing
from capital.simulator.orders.taking import Least, text_of
from capital.simulator.signatures import SignedRequest, token_part
from capital.simulator.trading.book import plain
from capital.simulator.trading.question import Asked, Question, Refused
from capital.simulator.venues.korea import (
    BITHUMB_REFUSALS,
    BITHUMB_SCHEME,
    UPBIT_REFUSALS,
    UPBIT_SCHEME,
)

_SEOUL = timezone(timedelta(hours=9))
_STATES = {State.OPEN: "wait", State.FILLED: "done", State.CANCELLED: "cancel"}
_REFUSES = refusing(
    unknown=(404, "market_not_found", "해당 마켓을 찾을 수 없습니다."),
    small=(400, "under_min_total_bid", "최소 주문 금액 이상으로 주문해주세요."),
    poor=(400, "insufficient_funds_bid", "주문가능한 금액(KRW)이 부족합니다."),
    flat=(400, "validation_error", "잘못된 요청입니다."),
)


def _read(asked: Mapping[str, Any]) -> PlacedOrder:
    """``POST /v1/orders`` (Upbit) and ``POST /v2/orders`` (Bithumb)."""
    kind = asked.get("ord_type") or asked["order_type"]
    volume, price = asked.get("volume"), asked.get("price")
    return PlacedOrder(
        asked["market"],
        "buy" if asked["side"] == "bid" else "sell",
        base=None if volume is None else Decimal(volume),
        quote=None if volume is not None else Decimal(str(price)),
        price=Decimal(str(price)) if kind == "limit" else None,
        client_order_id=asked.get("identifier") or asked.get("client_order_id", ""),
    )


def _told(order: Order, identifier: str) -> dict[str, Any]:
    in_money = order.is_market and order.is_buy
    kind = "limit" if not order.is_market else "price" if order.is_buy else "market"
    placed = datetime.fromtimestamp(order.at_milliseconds // 1000, UTC).astimezone(_SEOUL)
    return {
        "uuid": order.order_id,
        "side": "bid" if order.is_buy else "ask",
        "ord_type": kind,
        "price": plain(order.money or order.worth) if in_money else plain(order.shown_price),
        # A purchase for money ends cancelled: what is left of the money is given back.
        "state": "cancel" if in_money and order.is_filled else _STATES[order.state],
        "market": order.instrument.name,
        "created_at": placed.isoformat(),
        "volume": None if in_money else plain(order.quantity),
        "remaining_volume": None if in_money else plain(order.left),
        "reserved_fee": "0",
        "remaining_fee": "0",
        "paid_fee": text_of(order.fee),
        "locked": "0",
        "executed_volume": plain(order.filled),
        "trades_count": 1 if order.fill else 0,
        identifier: order.client_order_id or None,
    }


def _trades(order: Order) -> Any:
    if order.fill is None:
        return []
    return [
        {
            "market": order.instrument.name,
            "uuid": order.fill.fill_id,
            "price": plain(order.fill.price),
            "volume": plain(order.fill.quantity),
            "funds": text_of(order.worth),
            "created_at": _told(order, "identifier")["created_at"],
            "side": "bid" if order.is_buy else "ask",
        }
    ]


def _one(identifier: str) -> Any:
    """``GET /v1/order`` of both: with the trades."""

    def answer(asked: Asked) -> Any:
        order = asked.order(lambda _: True, asked.text("uuid"), asked.text(identifier))
        if order is None:
            raise Refused(404, "order_not_found", "주문을 찾지 못했습니다.")
        return {**_told(order, identifier), "trades": _trades(order)}

    return answer


def _bithumb_placed(order: Order, _now: int) -> Any:
    return {
        "order_id": order.order_id,
        "market": order.instrument.name,
        "side": "bid" if order.is_buy else "ask",
        "order_type": "limit" if not order.is_market else "price" if order.is_buy else "market",
        "created_at": _told(order, "client_order_id")["created_at"],
    }


def _is_of_bithumb(request: SignedRequest) -> bool:
    """Both have this path; only the tokens of Bithumb say when they were made."""
    return "timestamp" in token_part(request, 1)


_LEAST = Least(cost={InstrumentKind.SPOT: Decimal(5000)})
ORDERS = {
    "upbit": Ordering(
        (
            Placing(
                "/v1/orders",
                _read,
                lambda order, _now: _told(order, "identifier"),
                UPBIT_SCHEME,
                UPBIT_REFUSALS,
                _REFUSES,
            ),
        ),
        (
            Question(
                "/v1/order",
                _one("identifier"),
                UPBIT_SCHEME,
                UPBIT_REFUSALS,
                accepts=lambda request: not _is_of_bithumb(request),
            ),
        ),
        _LEAST,
    ),
    "bithumb": Ordering(
        (
            Placing(
                "/v2/orders", _read, _bithumb_placed, BITHUMB_SCHEME, BITHUMB_REFUSALS, _REFUSES
            ),
        ),
        (
            Question(
                "/v1/order",
                _one("client_order_id"),
                BITHUMB_SCHEME,
                BITHUMB_REFUSALS,
                accepts=_is_of_bithumb,
            ),
        ),
        _LEAST,
    ),
}
