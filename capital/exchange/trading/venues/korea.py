"""Upbit and Bithumb: they list orders, each with one fee for all its fills."""

from datetime import timedelta

from capital.domain.pools import Pool
from capital.exchange.trading.rows import (
    BUY,
    SELL,
    SPOT,
    Call,
    FeeField,
    FillFields,
    Moment,
    OrderIds,
    Pages,
    Quotient,
    Said,
    Trading,
)

_ORDERS = FillFields(
    symbol="market",
    quantity="executed_volume",
    # A list of orders does not tell their fills: this is the average of the order.
    price=Quotient("executed_funds", "executed_volume"),
    time=(Moment("created_at", "iso"),),
    side=(Said(("side",), {"bid": BUY, "ask": SELL}),),
    fees=(FeeField("paid_fee", "=quote"),),
    order_id="uuid",
    client_order_id=("identifier", "client_order_id"),
)
_ABOUT = "orders as a whole, with the time when they were placed"


def _upbit(state: str) -> Call[FillFields]:
    return Call(
        "privateGetOrdersClosed",
        f"GET /v1/orders/closed of state {state}",
        rows=((),),
        fields=_ORDERS,
        kinds=SPOT,
        params={
            "state": state,
            "start_time": "{since}",
            "end_time": "{until}",
            "limit": 1000,
        },
        # docs.upbit.com, "종료 주문 목록 조회": 7 days at most.
        span=timedelta(days=7),
        pages=Pages(1000),
        about=_ABOUT,
    )


def _bithumb(state: str) -> Call[FillFields]:
    return Call(
        "privateGetV1Orders",
        f"GET /v1/orders of state {state}",
        rows=((),),
        fields=_ORDERS,
        kinds=SPOT,
        params={"state": state, "limit": 100, "order_by": "desc"},
        pages=Pages(100, "page", by_page=True),
        about=_ABOUT,
    )


_UNTOLD = ("single fills", "deposits and withdrawals are not read")

TRADING = {
    "upbit": Trading(
        fills={Pool.SPOT: (_upbit("done"), _upbit("cancel"))},
        # identifier: at most 64 characters, never used before.
        order_ids=OrderIds(longest=64, told="all"),
        untold=_UNTOLD,
    ),
    "bithumb": Trading(
        fills={Pool.SPOT: (_bithumb("done"), _bithumb("cancel"))},
        # client_order_id: a text; its longest length is not documented.
        order_ids=OrderIds(told="all"),
        untold=_UNTOLD,
    ),
}
