"""An order's own price beside the market's: refused, believed, or the dearer of the two."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from capital.domain.errors import OrderRefused
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.prices import MarketPrice
from capital.models import Market
from capital.services.markets import prices
from capital.services.markets.prices import PriceSource, forget_prices
from capital.services.sizing.orders import SizedOrder, size_orders
from tests.domain.sizing.builders import order
from tests.factories import make_account, make_link, make_market, make_position

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SWAP = "BTC/USDT:USDT"
# Of the docs: what 100 % of 4,265.37 buys at the market's price.
BUDGET = "4265.37"
NOTHING: dict[str, Decimal] = {}


def now() -> datetime:
    return NOW


class Venue:
    """Says what a test tells it, at once."""

    def __init__(self) -> None:
        self.answer: MarketPrice | Reason = MarketPrice(Decimal("61234.5"))

    def fetch_prices(self, quoted):
        return dict.fromkeys(quoted, self.answer)


@pytest.fixture(autouse=True)
def venue(monkeypatch) -> Venue:
    venue = Venue()
    monkeypatch.setattr(prices, "get_market_gateway", lambda **_: venue)
    forget_prices()
    yield venue
    forget_prices()


def size(symbol: str = "BTC/USDT", capital: str = BUDGET, account=NOTHING, **fields) -> SizedOrder:
    currency = symbol.partition(":")[2] or "USDT"
    if not Market.objects.filter(symbol=symbol).exists():
        make_market(symbol, fetched_at=NOW)
    link = make_link(
        account=make_account(**{"currency": currency, "fee_rate": Decimal("0.001"), **account}),
        market_type="futures" if ":" in symbol else "spot",
        capital=capital,
    )
    asked = {"symbol": symbol, "qty_per": "100", **fields}
    if asked["qty_per"] is None:
        del asked["qty_per"]
    (answer,) = size_orders([link.pk], [order(**asked)], clock=now)
    return answer


def codes(answer: SizedOrder) -> list[Code]:
    return [warning.code for warning in answer.warnings]


def test_a_hint_six_hundred_times_too_low_is_refused_with_both_figures():
    answer = size(price="100")

    assert (answer.quantity, answer.amount) == (0, 0)
    assert isinstance(answer.error, OrderRefused)
    assert (answer.error.code, answer.error.field) == (Code.PRICE_DEVIATES, "price")
    assert answer.error.reason.figures == {
        "price": "100",
        "observed": "61234.5",
        "percent": "99.84",
        "limit": "5",
    }


@pytest.mark.parametrize("price", ["100", "58000", "64500", "99999999"])
def test_a_hint_is_refused_on_both_sides(price):
    assert size(price=price).code is Code.PRICE_DEVIATES


@pytest.mark.parametrize(
    ("price", "used", "source"),
    [
        ("61000", "61234.5", PriceSource.TICKER),
        ("62000", "62000", PriceSource.GIVEN),
        ("61234.5", "61234.5", PriceSource.GIVEN),
    ],
)
def test_a_hint_is_used_where_it_is_dearer(price, used, source):
    answer = size(price=price)

    assert (answer.price, answer.price_source) == (Decimal(used), source)
    assert answer.margin + answer.fee <= Decimal(BUDGET)


def test_an_inverse_order_costs_more_at_the_lower_price():
    cheaper, dearer = (
        size("BTC/USD:BTC", "0.5", price=price).price for price in ("62000", "61000")
    )

    assert (cheaper, dearer) == (Decimal("61234.5"), Decimal("61000"))


def test_exactly_the_limit_is_allowed_and_the_account_sets_it(venue):
    venue.answer = MarketPrice(Decimal(100))

    assert size(price="105").code is Code.SIZED
    assert size(price="105.000001").code is Code.PRICE_DEVIATES
    # What is too much does not look allowed.
    assert size(price="105.000001").error.reason.figures["percent"] == "5.01"
    wide = {"max_price_deviation_percent": Decimal(20)}
    assert size(price="119", account=wide).code is Code.SIZED
    assert size(price="121", account=wide).code is Code.PRICE_DEVIATES


@pytest.mark.parametrize(
    ("fields", "price"),
    [
        ({"order_type": "LIMIT", "side": "buy", "price": "100"}, "100"),
        ({"order_type": "LIMIT", "side": "sell", "price": "900000"}, "900000"),
        ({"order_type": "STOP_MARKET", "side": "buy", "stop_price": "900000"}, "900000"),
        ({"order_type": "STOP_MARKET", "side": "sell", "stop_price": "100"}, "100"),
        (
            {"order_type": "STOP_LIMIT", "side": "buy", "stop_price": "900000", "price": "900100"},
            "900100",
        ),
        ({"order_type": "STOP_LIMIT", "side": "sell", "stop_price": "100", "price": "90"}, "100"),
    ],
)
def test_what_rests_on_its_own_side_may_lie_at_any_distance(fields, price):
    answer = size(SWAP, "9000000", **fields)

    assert (answer.error, answer.price, answer.price_source) == (
        None,
        Decimal(price),
        PriceSource.GIVEN,
    )
    assert codes(answer) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"order_type": "LIMIT", "side": "buy", "price": "900000"}, "price"),
        ({"order_type": "LIMIT", "side": "sell", "price": "100"}, "price"),
        ({"order_type": "STOP_MARKET", "side": "buy", "stop_price": "100"}, "stop_price"),
        ({"order_type": "STOP_MARKET", "side": "sell", "stop_price": "900000"}, "stop_price"),
        # It is triggered at once, and then fills at once.
        (
            {"order_type": "STOP_LIMIT", "side": "buy", "stop_price": "61000", "price": "900000"},
            "price",
        ),
        # It is triggered at once, and then rests; its trigger is far off all the same.
        (
            {"order_type": "STOP_LIMIT", "side": "buy", "stop_price": "100", "price": "90"},
            "stop_price",
        ),
        # Without a stop price, a stop order is a market order with a hint.
        ({"order_type": "STOP_MARKET", "side": "buy", "price": "100"}, "price"),
    ],
)
def test_what_fills_at_once_may_not(fields, field):
    answer = size(SWAP, "9000000", **fields)

    assert (answer.code, answer.error.field) == (Code.PRICE_DEVIATES, field)


def test_what_fills_at_once_near_the_market_is_sized_at_the_dearer_price():
    above = size(SWAP, order_type="LIMIT", price="62000")
    trigger = size(SWAP, order_type="STOP_MARKET", stop_price="61000")

    assert (above.price, trigger.price) == (Decimal(62000), Decimal("61234.5"))


def test_a_buyer_pays_the_ask_and_a_seller_gets_the_bid(venue):
    venue.answer = MarketPrice(Decimal(100), bid=Decimal(99), ask=Decimal(103))

    assert (size(SWAP).price, size(SWAP, side="sell").price) == (103, 99)
    # Between the last price and the ask, a limit to buy rests.
    assert size(SWAP, order_type="LIMIT", price="101").price == 101
    # 107 is 7 % off the last price, and less than 5 % off the ask.
    assert size(SWAP, price="107").code is Code.SIZED


def test_a_venue_that_names_one_side_only_is_asked_for_the_last_price(venue):
    venue.answer = MarketPrice(Decimal(100), bid=Decimal(99))

    assert size(SWAP).price == 100
    venue.answer = MarketPrice(None, bid=Decimal(99))
    forget_prices()
    assert size(SWAP).price == 99


def test_a_risk_is_that_of_the_worse_fill(venue):
    """A short that is sold at the bid of 98 loses more until 110 than one sold at 100."""
    venue.answer = MarketPrice(Decimal(100), bid=Decimal(98), ask=Decimal(100))

    answer = size(SWAP, side="sell", price="100", risk_per="1", stop_price="110", qty_per=None)

    assert answer.price == 100
    loss = answer.quantity * (110 - 98) + answer.quantity * Decimal("0.001") * (110 + 98)
    assert loss <= Decimal(BUDGET) / 100


def test_an_old_trade_without_bid_and_ask_only_warns(venue):
    traded_at = NOW - timedelta(minutes=11)
    venue.answer = MarketPrice(Decimal("61234.5"), traded_at=traded_at)

    answer = size(price="100")

    assert answer.code is Code.SIZED
    assert codes(answer) == [Code.PRICE_IS_OLD]
    assert answer.warnings[0].figures["minutes"] == "11"
    # The dearer one still counts.
    assert answer.price == Decimal("61234.5")


@pytest.mark.parametrize(
    "market",
    [
        MarketPrice(Decimal("61234.5"), traded_at=NOW - timedelta(minutes=10)),
        MarketPrice(Decimal("61234.5"), ask=Decimal("61234.5"), traded_at=NOW - timedelta(days=1)),
        MarketPrice(Decimal("61234.5"), bid=Decimal("61234.5"), traded_at=NOW - timedelta(days=1)),
        MarketPrice(Decimal("61234.5")),
    ],
)
def test_ten_minutes_a_bid_or_an_ask_are_enough_to_judge_by(venue, market):
    venue.answer = market

    assert size(price="100").code is Code.PRICE_DEVIATES


def test_a_venue_that_gives_no_price_in_time_only_warns(venue):
    venue.answer = Reason(Code.EXCHANGE_TIMEOUT, {"venue": "binance", "seconds": "2"})

    answer = size(price="100")

    assert (answer.code, answer.price, answer.price_source) == (
        Code.SIZED,
        100,
        PriceSource.GIVEN,
    )
    assert [(each.code, each.figures) for each in answer.warnings] == [
        (Code.PRICE_NOT_COMPARED, {"price": "100", "cause": "exchange_timeout"})
    ]


def test_nothing_keeps_a_position_open(venue):
    make_market(fetched_at=NOW)
    link = make_link(account=make_account(), capital="0")
    make_position(link, "0.5")

    (answer,) = size_orders([link.pk], [order(side="sell", qty_per="-100", price="100")], clock=now)

    assert (answer.quantity, answer.error) == (Decimal("0.5"), None)
    assert codes(answer) == [Code.PRICE_DEVIATES]
    assert answer.price == Decimal("61234.5")


def test_a_budget_of_everything_without_a_fee_rate_warns_once():
    """Upbit locked 5.01 for an order of 5."""
    account = {"fee_rate": Decimal(0)}

    whole = size(capital="5", account=account)
    assert [(each.code, each.figures) for each in whole.warnings] == [
        (Code.NO_ROOM_FOR_FEES, {"percent": "100"})
    ]
    for room in (
        size(capital="5", account=account, qty_per="99"),
        size(capital="5"),
        size(capital="5", account={**account, "utilisation": Decimal("0.99")}),
    ):
        assert codes(room) == []


# A price that the order does not name, and a stop that is no stop


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"order_type": "LIMIT"}, "price"),
        ({"order_type": "STOP_MARKET"}, "stop_price"),
        ({"order_type": "STOP_MARKET", "price": "61234.5"}, "stop_price"),
        ({"order_type": "STOP_LIMIT"}, "price, stop_price"),
        ({"order_type": "STOP_LIMIT", "stop_price": "62000"}, "price"),
        ({"order_type": "STOP_LIMIT", "price": "62000"}, "stop_price"),
        ({"order_type": "STOP_LIMIT", "price": "62000", "stop_price": "62000"}, None),
        ({"order_type": "LIMIT", "price": "61234.5"}, None),
        ({"order_type": "STOP_MARKET", "stop_price": "62000"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("is_silent", [False, True])
def test_an_order_without_a_price_of_its_type_says_at_which_it_was_sized(
    venue, fields, names, is_silent
):
    if is_silent and not ("price" in fields or "stop_price" in fields):
        return
    if is_silent:
        venue.answer = Reason(Code.EXCHANGE_TIMEOUT, {"venue": "binance", "seconds": "2"})

    answer = size(**fields)

    told = [each.figures for each in answer.warnings if each.code is Code.ORDER_PRICE_MISSING]
    assert answer.quantity > 0
    if names is None:
        assert told == []
        return
    assert [(each["names"], Decimal(each["price"])) for each in told] == [(names, answer.price)]


def test_a_close_without_a_price_says_nothing_of_that():
    link = make_link(account=make_account(), market_type="spot", capital="100")
    make_market("BTC/USDT", fetched_at=NOW)
    make_position(link, "1")
    close = order(symbol="BTC/USDT", side="sell", qty_per="-100", order_type="LIMIT")

    (answer,) = size_orders([link.pk], [close], clock=now)

    assert (answer.quantity, Code.ORDER_PRICE_MISSING in codes(answer)) == (1, False)


@pytest.mark.parametrize(
    ("side", "price", "stop", "is_reached"),
    [
        ("buy", "61300", "61250", True),
        ("buy", "61300", "61234.5", True),
        ("buy", "61300", "61234.4", False),
        ("sell", "61200", "61220", True),
        ("sell", "61200", "61234.6", False),
        ("buy", "61000", "60900", False),
    ],
)
@pytest.mark.parametrize("order_type", ["MARKET", "LIMIT"])
def test_a_stop_that_the_market_has_reached_is_told(side, price, stop, is_reached, order_type):
    fields = {"order_type": order_type, "price": price, "stop_price": stop}

    answer = size(SWAP, side=side, qty_per=None, risk_per="1", **fields)

    assert answer.quantity > 0
    assert (Code.STOP_REACHED in codes(answer)) is is_reached


def test_the_risk_at_bithumb_is_that_of_the_price_that_is_sent(venue):
    """ccxt rounds 12,345.6 to 12,350: of that, 50 are lost at 12,300, and not 45.6."""
    venue.answer = MarketPrice(Decimal(12400))
    make_market("XRP/KRW", venue="bithumb", amount_precision=Decimal("0.0001"), fetched_at=NOW)
    link = make_link(
        account=make_account(venue="bithumb", currency="KRW"), market_type="spot", capital="1000000"
    )
    limit = {"order_type": "LIMIT", "price": "12345.6", "stop_price": "12300", "risk_per": "0.1"}

    (answer,) = size_orders([link.pk], [order(symbol="XRP/KRW", **limit)], clock=now)

    assert (answer.price, answer.quantity, answer.bound_by) == (12350, 20, "risk")
