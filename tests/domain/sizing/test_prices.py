"""The price that an order is sized at, and which prices are too far off the market's."""

from datetime import UTC, datetime, timedelta

import pytest

from capital.domain.errors import InvalidOrder, OrderRefused
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.prices import (
    Comparison,
    MarketPrice,
    SizedAt,
    check_stop,
    given_price,
)
from tests.domain.sizing.builders import D, order

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
# Where somebody buys at 99 and somebody sells at 101.
MARKET = MarketPrice(D(100), bid=D(99), ask=D(101))

BUY_LIMIT = {"order_type": "LIMIT", "side": "buy"}
SELL_LIMIT = {"order_type": "LIMIT", "side": "sell"}
BUY_STOP = {"order_type": "STOP_MARKET", "side": "buy"}
SELL_STOP = {"order_type": "STOP_MARKET", "side": "sell"}
BUY_STOP_LIMIT = {"order_type": "STOP_LIMIT", "side": "buy"}
SELL_STOP_LIMIT = {"order_type": "STOP_LIMIT", "side": "sell"}


def comparison(
    market: MarketPrice | None = MARKET,
    kind: InstrumentKind = InstrumentKind.LINEAR,
    *,
    limit: str = "5",
    is_judging: bool = True,
    **fields: str,
) -> Comparison:
    asked = order(qty_per="100", **fields)
    return Comparison(asked, kind, market, D(limit), is_judging=is_judging)


@pytest.mark.parametrize(
    ("market", "buy", "sell"),
    [
        (MARKET, "101", "99"),
        (MarketPrice(D(100)), "100", "100"),
        (MarketPrice(D(100), bid=D(99)), "100", "99"),
        (MarketPrice(D(100), ask=D(101)), "101", "100"),
        (MarketPrice(None, bid=D(99)), "99", "99"),
        (MarketPrice(None, ask=D(101)), "101", "101"),
    ],
    ids=["both", "last", "last_bid", "last_ask", "bid", "ask"],
)
def test_order_fills_at_the_other_side_or_else_at_what_is_known(
    market: MarketPrice, buy: str, sell: str
) -> None:
    assert (market.of("buy"), market.of("sell")) == (D(buy), D(sell))


@pytest.mark.parametrize(
    ("market", "minutes"),
    [
        (MarketPrice(D(100), traded_at=NOW - timedelta(minutes=10, microseconds=1)), 10),
        (MarketPrice(D(100), traded_at=NOW - timedelta(minutes=10)), None),
        (MarketPrice(D(100)), None),
        (MarketPrice(D(100), bid=D(99), traded_at=NOW - timedelta(days=1)), None),
        (MarketPrice(D(100), ask=D(99), traded_at=NOW - timedelta(days=1)), None),
    ],
    ids=["old", "ten_minutes", "no_time", "bid", "ask"],
)
def test_last_trade_is_too_old_after_ten_minutes_alone(
    market: MarketPrice, minutes: int | None
) -> None:
    age = market.age(NOW)

    assert (None if age is None else age // timedelta(minutes=1)) == minutes


@pytest.mark.parametrize(
    ("fields", "price", "riskiest"),
    [
        ({"side": "buy"}, "101", "101"),
        ({"side": "sell"}, "99", "99"),
        ({"side": "buy", "price": "100"}, "101", "101"),
        ({"side": "buy", "price": "102"}, "102", "102"),
        ({"side": "sell", "price": "98"}, "99", "98"),
        ({"side": "sell", "price": "100"}, "100", "99"),
        # They fill at once: at the other side's price or better.
        ({**BUY_LIMIT, "price": "101"}, "101", "101"),
        ({**BUY_LIMIT, "price": "102"}, "102", "102"),
        ({**SELL_LIMIT, "price": "98"}, "99", "98"),
        # They rest: their own price counts alone.
        ({**BUY_LIMIT, "price": "100.99"}, "100.99", "100.99"),
        ({**SELL_LIMIT, "price": "99.01"}, "99.01", "99.01"),
        ({**BUY_STOP, "stop_price": "101.01"}, "101.01", "101.01"),
        ({**SELL_STOP, "stop_price": "98.99"}, "98.99", "98.99"),
        # Triggered at once.
        ({**BUY_STOP, "stop_price": "100"}, "101", "101"),
        ({**SELL_STOP, "stop_price": "100"}, "100", "99"),
        ({**BUY_STOP_LIMIT, "stop_price": "102", "price": "103"}, "103", "103"),
        ({**SELL_STOP_LIMIT, "stop_price": "98", "price": "97"}, "98", "97"),
        ({**BUY_STOP_LIMIT, "stop_price": "100", "price": "102"}, "102", "102"),
        ({**BUY_STOP_LIMIT, "stop_price": "101", "price": "100"}, "101", "101"),
    ],
)
def test_order_is_sized_at_the_dearest_price_at_which_it_may_fill(
    fields: dict[str, str], price: str, riskiest: str
) -> None:
    assert comparison(**fields).sized_at() == SizedAt(D(price), D(riskiest))


def test_inverse_order_costs_most_at_the_lowest_price() -> None:
    asked = {"side": "buy", "price": "100"}

    assert comparison(kind=InstrumentKind.INVERSE, **asked).sized_at() == SizedAt(D(100), D(101))
    assert comparison(kind=InstrumentKind.SPOT, **asked).sized_at() == SizedAt(D(101), D(101))


def test_without_a_market_the_named_price_counts_and_nothing_is_judged() -> None:
    far = comparison(None, side="buy", price="1")

    assert far.sized_at() == SizedAt(D(1), D(1))
    assert far.warnings() == ()
    assert comparison(None, side="buy").sized_at() is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"side": "buy", "price": "94"}, "price"),
        ({"side": "buy", "price": "107"}, "price"),
        ({**BUY_LIMIT, "price": "107"}, "price"),
        ({**SELL_LIMIT, "price": "94"}, "price"),
        ({**BUY_STOP, "stop_price": "94"}, "stop_price"),
        ({**SELL_STOP, "stop_price": "107"}, "stop_price"),
        ({**BUY_STOP_LIMIT, "stop_price": "94", "price": "93"}, "stop_price"),
        ({**BUY_STOP_LIMIT, "stop_price": "100", "price": "107"}, "price"),
    ],
)
def test_price_at_which_an_order_fills_too_far_off_is_refused_and_warned_of(
    fields: dict[str, str], field: str
) -> None:
    with pytest.raises(OrderRefused) as refused:
        comparison(**fields).sized_at()
    assert (refused.value.code, refused.value.field) == (Code.PRICE_DEVIATES, field)

    lenient = comparison(**fields, is_judging=False)
    assert lenient.sized_at() is not None
    assert lenient.warnings() == (refused.value.reason,)


@pytest.mark.parametrize(
    "fields",
    [
        {**BUY_LIMIT, "price": "1"},
        {**SELL_LIMIT, "price": "900"},
        {**BUY_STOP, "stop_price": "900"},
        {**SELL_STOP, "stop_price": "1"},
        {**BUY_STOP_LIMIT, "stop_price": "900", "price": "901"},
        # Triggered at once, it rests far below.
        {**BUY_STOP_LIMIT, "stop_price": "100", "price": "1"},
    ],
)
def test_price_at_which_an_order_rests_may_be_anywhere(fields: dict[str, str]) -> None:
    assert comparison(**fields).sized_at() is not None
    assert comparison(**fields).warnings() == ()


def test_refusal_names_both_prices_and_never_less_than_the_deviation() -> None:
    with pytest.raises(OrderRefused) as refused:
        comparison(MarketPrice(D(300)), limit="33.33", side="buy", price="400").sized_at()

    assert refused.value.reason.figures == {
        "price": "400",
        "observed": "300",
        "percent": "33.34",
        "limit": "33.33",
    }


def test_deviation_of_exactly_the_limit_is_allowed() -> None:
    for price in ("95", "105"):
        assert comparison(MarketPrice(D(100)), side="buy", price=price).sized_at() is not None


@pytest.mark.parametrize(
    ("fields", "dearest", "inverse"),
    [
        ({"side": "buy"}, None, None),
        ({"side": "buy", "price": "7", "stop_price": "6"}, "7", "7"),
        ({**BUY_STOP, "price": "7", "stop_price": "9"}, "9", "9"),
        ({**BUY_STOP, "price": "7"}, "7", "7"),
        ({**BUY_STOP_LIMIT, "price": "7", "stop_price": "9"}, "9", "7"),
        ({**BUY_STOP_LIMIT, "stop_price": "9"}, "9", "9"),
    ],
)
def test_given_price_is_the_dearest_that_the_order_names(
    fields: dict[str, str], dearest: str | None, inverse: str | None
) -> None:
    asked = order(qty_per="100", **fields)

    for kind, price in (
        (InstrumentKind.SPOT, dearest),
        (InstrumentKind.LINEAR, dearest),
        (InstrumentKind.INVERSE, inverse),
    ):
        assert given_price(asked, kind) == (None if price is None else D(price))


@pytest.mark.parametrize(("side", "loses", "gains"), [("buy", "99", "101"), ("sell", "101", "99")])
def test_protective_stop_lies_where_the_position_loses(side: str, loses: str, gains: str) -> None:
    assert check_stop(order(side=side, risk_per="1", stop_price=loses), D(100)) == D(loses)
    for stop in ("100", gains):
        with pytest.raises(InvalidOrder) as refused:
            check_stop(order(side=side, risk_per="1", stop_price=stop), D("1E+2"))
        assert refused.value.reason.figures == {"stop": stop, "price": "100"}
        assert (refused.value.code, refused.value.field) == (
            Code.STOP_ON_WRONG_SIDE,
            "stop_price",
        )
