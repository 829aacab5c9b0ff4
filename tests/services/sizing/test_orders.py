"""Sizing over the database: links, market rules, positions and prices in one answer."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import translation

from capital.domain.errors import (
    CurrencyMismatch,
    InvalidOrder,
    OrderRefused,
    PriceUnavailable,
    UnknownSymbol,
)
from capital.domain.reasons import Code
from capital.models import AccountAccess, Market
from capital.services.access import Viewer
from capital.services.markets.prices import PriceSource, forget_prices
from capital.services.sentences import sentence
from capital.services.sizing import admitting
from capital.services.sizing.orders import OrderRequest, SizedOrder, size_orders
from tests.domain.sizing.builders import order
from tests.factories import make_account, make_link, make_market, make_position

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SWAP = "BTC/USDT:USDT"


def now() -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def _no_price_of_another_test() -> None:
    forget_prices()


def size(link, clock=now, **fields) -> SizedOrder:
    (answer,) = size_orders([link.pk], [order(**fields)], clock=clock)
    return answer


def spot_link(capital="10369", **account):
    return make_link(account=make_account(**account), market_type="spot", capital=capital)


def futures_link(capital="5000", leverage="3", **account):
    return make_link(
        account=make_account(**account),
        market_type="futures",
        capital=capital,
        leverage=Decimal(leverage),
    )


def swap(**fields) -> Market:
    rules = {"amount_precision": Decimal(1), "contract_size": Decimal("0.01"), "fetched_at": NOW}
    return make_market(SWAP, **{**rules, **fields})


# The answer


def test_leverage_may_be_asked_for_up_to_the_links_and_the_markets(exchange):
    swap(max_leverage=Decimal(2))
    link = futures_link(leverage="3")
    asked = {"symbol": SWAP, "qty_per": "100", "price": "61234.5"}

    answers = [size(link, **asked, leverage=each) for each in ("1", "2.5", "5")]

    assert [answer.leverage for answer in answers] == [1, 2, 2]
    assert [answer.contracts for answer in answers] == [8, 16, 16]
    assert [[each.code for each in answer.warnings] for answer in answers] == [
        [Code.NO_ROOM_FOR_FEES, Code.LEVERAGE_BELOW_LINK],
        [Code.NO_ROOM_FOR_FEES, Code.LEVERAGE_CAPPED],
        [Code.NO_ROOM_FOR_FEES, Code.LEVERAGE_CAPPED, Code.LEVERAGE_ABOVE_LINK],
    ]


def test_spot_has_no_leverage_to_ask_for(exchange):
    make_market(fetched_at=NOW)

    answer = size(spot_link(), qty_per="50", price="61234.5", leverage="2")

    assert answer.leverage == 1
    assert [each.code for each in answer.warnings] == [Code.LEVERAGE_ABOVE_LINK]


def test_a_close_of_nothing_says_that_it_must_not_be_sent():
    swap()
    link = futures_link()
    make_position(link, "0.005", SWAP)

    answer = size(link, symbol=SWAP, side="sell", qty_per="-100").as_json()

    assert (answer["amount"], answer["reduce_only"], answer["stake"]) == ("0", True, None)
    assert "do_not_send" in [each["code"] for each in answer["warnings"]]


def test_the_worked_linear_answer_has_every_key_in_its_order_and_numbers_as_text(exchange):
    swap(max_leverage=Decimal(125))
    link = futures_link(fee_rate=Decimal("0.0005"), utilisation=Decimal("0.95"))

    answer = size(link, symbol=SWAP, qty_per="100", price="61234.5").as_json()

    assert list(answer.items()) == [
        ("strategy", link.strategy.key),
        ("account", link.account.name),
        ("symbol", SWAP),
        ("side", "buy"),
        ("quantity", "0.23"),
        ("contracts", "23"),
        ("amount", "23"),
        ("reduce_only", False),
        ("price", "61234.5"),
        ("price_source", "given"),
        ("capital", "5000"),
        ("available", "5000"),
        ("in_use", None),
        ("reserved", "0"),
        ("budget", "5000"),
        ("leverage", "3"),
        ("raw_quantity", "0.23236340648618479"),
        ("step", "0.01"),
        ("notional", "14083.935"),
        ("margin", "4694.645"),
        ("fee", "7.0419675"),
        ("stake", "4796.7025"),
        ("stake_step", "204.115"),
        ("min_stake", "204.115"),
        ("max_stake", None),
        ("bound_by", "budget"),
        ("code", "sized"),
        ("warnings", []),
    ]


def test_the_worked_spot_answer():
    make_market(fetched_at=NOW)
    link = spot_link(fee_rate=Decimal("0.001"), utilisation=Decimal("0.95"))

    answer = size(link, qty_per="100", price="61234.5").as_json()

    assert (answer["quantity"], answer["contracts"], answer["leverage"]) == ("0.16070", None, "1")


def test_the_worked_inverse_answer_counts_contracts():
    make_market(
        "BTC/USD:BTC",
        venue="okx",
        amount_precision=Decimal(1),
        contract_size=Decimal(100),
        fetched_at=NOW,
    )
    link = futures_link(
        "0.5",
        venue="okx",
        currency="BTC",
        fee_rate=Decimal("0.0005"),
        utilisation=Decimal("0.95"),
    )

    answer = size(link, symbol="BTC/USD:BTC", qty_per="100", price="61234.5").as_json()

    assert (answer["quantity"], answer["contracts"], answer["step"]) == ("871", "871", "1")


def test_half_a_percent_is_an_entry():
    make_market(fetched_at=NOW)

    answer = size(spot_link("1000"), qty_per="0.5", price="100")

    assert (answer.quantity, answer.reduce_only, answer.error) == (Decimal("0.05"), False, None)


def test_spot_knows_no_leverage():
    make_market(fetched_at=NOW)
    link = make_link(
        account=make_account(), market_type="spot", capital="1000", leverage=Decimal(5)
    )

    assert size(link, qty_per="100", price="100").quantity == 10


def test_too_small_is_an_answer_that_says_which_limit_in_figures(exchange):
    exchange.server.market_place.set_price("BTC/USDT", "100")
    make_market(min_cost=Decimal(10), fetched_at=NOW)

    answer = size(spot_link("9"), qty_per="100", price="100")

    assert (answer.quantity, answer.error, answer.bound_by) == (0, None, "min_cost")
    assert answer.as_json()["code"] == "below_min_cost"
    assert answer.as_json()["warnings"] == [
        {
            "code": "below_min_cost",
            "reason": "The order value of 9.00 USDT is less than the minimum of 10.00 USDT.",
        }
    ]


def test_warnings_speak_the_reader_s_language(exchange):
    exchange.server.market_place.set_price("BTC/USDT", "100")
    make_market(min_cost=Decimal(10), fetched_at=NOW)

    with translation.override("ko"):
        (warning,) = size(spot_link("9"), qty_per="100", price="100").as_json()["warnings"]

    assert warning["reason"] == "주문 금액 9.00 USDT가 최소 주문 금액 10.00 USDT보다 작습니다."


def test_a_link_that_never_held_capital_gets_nothing():
    make_market(fetched_at=NOW)

    answer = size(spot_link(None), qty_per="100", price="100")

    assert (answer.quantity, answer.code, answer.error) == (0, Code.NO_CAPITAL, None)


def test_rules_older_than_a_day_serve_and_say_their_age(exchange):
    exchange.server.market_place.set_price("BTC/USDT", "100")
    make_market(fetched_at=NOW - timedelta(hours=24))
    link = spot_link()
    assert size(link, qty_per="1", price="100").warnings == ()

    Market.objects.update(fetched_at=NOW - timedelta(hours=49, minutes=30))

    answer = size(link, qty_per="1", price="100")
    assert answer.quantity == Decimal("1.0369")
    assert [(each.code, each.figures) for each in answer.warnings] == [
        (Code.MARKET_RULES_OLD, {"hours": "49"})
    ]


# Refusals


def refusal(link, **fields):
    answer = size(link, **{"price": "100", **fields})
    assert (answer.quantity, answer.bound_by) == (0, "")
    assert answer.as_json()["code"] == answer.error.code.value
    assert answer.as_json()["warnings"][0]["reason"] == str(answer.error)
    return answer.error


def test_a_request_that_makes_no_sense_is_refused():
    make_market(fetched_at=NOW)

    error = refusal(spot_link())

    assert isinstance(error, InvalidOrder)
    assert (error.code, error.field) == (Code.QUANTITY_MISSING, "qty_per")


def test_an_unknown_symbol_is_told_from_rules_that_were_never_fetched():
    link = spot_link()

    never = refusal(link, symbol="XYZ/USDT", qty_per="1")
    make_market(fetched_at=NOW)
    unknown = refusal(link, symbol="XYZ/USDT", qty_per="1")

    assert isinstance(never, UnknownSymbol)
    assert (never.code, unknown.code) == (Code.MARKETS_NOT_SYNCED, Code.UNKNOWN_SYMBOL)
    assert "A job fetches them soon after the first account" in str(never)


@pytest.mark.parametrize("asked", ["btc/usdt:usdt", "BTCUSDT", " BTCUSDT.P ", "BINANCE:BTCUSDT.P"])
def test_a_ticker_is_sized_and_answered_as_the_symbol_that_it_means(asked):
    swap()
    make_market(fetched_at=NOW)
    link = futures_link()

    answer = size(link, symbol=asked, qty_per="100", price="61234.5")

    assert (answer.symbol, answer.contracts, answer.error) == (SWAP, Decimal(24), None)
    assert answer.warnings == size(link, symbol=SWAP, qty_per="100", price="61234.5").warnings


def test_each_account_reads_a_ticker_as_its_venue_and_its_currency_have_it():
    swap()
    make_market("BTC/USD:BTC", market_id="BTCUSDT", fetched_at=NOW)
    make_market(SWAP, venue="okx", market_id="BTC-USDT-SWAP", fetched_at=NOW)
    make_market(fetched_at=NOW)
    links = [
        futures_link(),
        futures_link(currency="BTC", capital="1"),
        futures_link(venue="okx"),
        spot_link(),
        futures_link(venue="bybit"),
    ]

    answers = size_orders(
        [link.pk for link in links],
        [order(symbol="BYBIT:BTCUSDT", qty_per="10", price="60000")],
        clock=now,
    )

    assert [answer.symbol for answer in answers] == [
        SWAP, "BTC/USD:BTC", SWAP, "BTC/USDT", "BYBIT:BTCUSDT",
    ]  # fmt: skip
    told = [
        warning.figures.get("exchange")
        for answer in answers
        for warning in answer.warnings
        if warning.code is Code.OTHER_EXCHANGE
    ]
    assert told == ["BYBIT"] * 4
    assert answers[4].code is Code.MARKETS_NOT_SYNCED


def test_an_order_for_a_ticker_knows_what_is_held_of_its_symbol():
    swap()
    link = futures_link()
    make_position(link, "0.5", SWAP)

    answer = size(link, symbol="BTCUSDT.P", side="sell", qty_per="-100")

    assert (answer.symbol, answer.quantity) == (SWAP, Decimal("0.50"))


def test_a_ticker_of_several_contracts_is_refused_with_their_names():
    for day in ("261225", "270326"):
        make_market(f"{SWAP}-{day}", settle="USDT", kind="linear", market_id=day, fetched_at=NOW)

    error = refusal(futures_link(), symbol="BTCUSDT", qty_per="1")

    assert isinstance(error, UnknownSymbol)
    assert error.code is Code.AMBIGUOUS_SYMBOL
    assert error.reason.figures["symbols"] == f"{SWAP}-261225, {SWAP}-270326"


def test_a_market_that_is_no_longer_traded_is_refused():
    make_market(is_active=False, fetched_at=NOW)

    assert refusal(spot_link(), qty_per="1").code is Code.SYMBOL_NOT_TRADED


def test_a_market_paid_in_another_currency_is_refused():
    make_market("BTC/USD:BTC", fetched_at=NOW)

    error = refusal(futures_link(), symbol="BTC/USD:BTC", qty_per="1")

    assert isinstance(error, CurrencyMismatch)
    assert error.reason.figures["settle"] == "BTC"


@pytest.mark.parametrize("settle", ["USDT", "USDC"])
def test_credits_of_the_eu_stand_for_dollars(exchange, settle):
    """26,200 BNFCR, of which 10 % at 60,000 are 0.0436 BTC."""
    exchange.server.market_place.set_price("BTC/USDT", "60000")
    symbol = f"BTC/{settle}:{settle}"
    make_market(symbol, market_id="BTCUSDT", fetched_at=NOW, amount_precision=Decimal("0.001"))
    link = futures_link("26200", "1", currency="BNFCR")

    answer = size(link, symbol=symbol, qty_per="10", price="60000")

    assert (answer.error, answer.quantity) == (None, Decimal("0.043"))


@pytest.mark.parametrize(
    ("account", "symbol"),
    [
        ({"currency": "BNFCR"}, "BTC/USD:BTC"),
        ({"currency": "BNFCR"}, "BTC/FDUSD:FDUSD"),
        # Dollars do not stand for credits, nor for each other.
        ({"currency": "USDT"}, "BTC/USDC:USDC"),
        ({"currency": "USDT"}, "BTC/BNFCR:BNFCR"),
        ({"currency": "USDT", "venue": "bybit"}, "BTC/USDC:USDC"),
    ],
)
def test_no_other_currency_stands_for_one(account, symbol):
    make_market(symbol, fetched_at=NOW, venue=account.get("venue", "binance"))

    assert refusal(futures_link(**account), symbol=symbol, qty_per="1").code is (
        Code.CURRENCY_MISMATCH
    )


@pytest.mark.parametrize(
    ("status", "code"), [("PAUSED", Code.CLOSING_ONLY), ("ARCHIVED", Code.STRATEGY_ARCHIVED)]
)
def test_a_strategy_that_is_not_active_may_not_enter(status, code):
    make_market(fetched_at=NOW)

    error = refusal(make_link(status=status, capital="1000"), qty_per="1")

    assert isinstance(error, OrderRefused)
    assert error.code is code


def test_a_paused_strategy_may_close():
    make_market(fetched_at=NOW)
    link = make_link(status="PAUSED", capital="0")
    make_position(link, "0.5")

    answer = size(link, side="sell", qty_per="-100", price="100")

    assert (answer.quantity, answer.reduce_only, answer.error) == (Decimal("0.5"), True, None)


def test_what_is_switched_off_may_do_nothing():
    make_market(fetched_at=NOW)
    link = make_link(capital="1000", is_active=False)
    off = make_link(account=make_account(is_active=False), capital="1000")
    make_position(link, "0.5")

    assert refusal(link, side="sell", qty_per="-100").code is Code.LINK_INACTIVE
    assert refusal(off, qty_per="10").code is Code.ACCOUNT_INACTIVE


def test_a_budget_above_the_account_s_limit_is_refused_and_a_raised_one_is_not():
    make_market(fetched_at=NOW)

    assert refusal(spot_link(), qty_per="101").code is Code.BUDGET_ABOVE_LIMIT
    generous = spot_link("1000", max_budget_percent=Decimal(250))
    assert size(generous, qty_per="250", price="100").quantity == 25


def test_a_link_that_is_gone_is_refused():
    (answer,) = size_orders([999], [order(qty_per="1")], clock=now)

    assert answer.error.code is Code.UNKNOWN_LINK


def test_an_order_is_checked_and_its_link_s_state_asked_once(monkeypatch):
    asked = []
    check, admit_state = OrderRequest._check_fields, admitting.admit_state
    monkeypatch.setattr(
        OrderRequest, "_check_fields", lambda order: asked.append("order") or check(order)
    )
    monkeypatch.setattr(
        admitting, "admit_state", lambda *given: asked.append("state") or admit_state(*given)
    )
    make_market(fetched_at=NOW)
    link, signal = spot_link(), order(qty_per="10", price="100")

    signal.check()
    first, second = size_orders([link.pk], [signal, signal], clock=now)

    assert (first.error, second.error) == (None, None)
    assert asked == ["order", "state", "state"]


# Positions


def test_a_position_is_closed_in_the_unit_of_a_sized_quantity():
    swap()
    link = futures_link()
    make_position(link, "-0.23", SWAP)

    answer = size(link, symbol=SWAP, side="buy", qty_per="-50", price="61234.5")

    assert (answer.contracts, answer.quantity) == (11, Decimal("0.11"))
    assert (answer.margin, answer.budget, answer.leverage) == (0, None, 3)


def test_another_link_s_position_is_not_closed():
    make_market(fetched_at=NOW)
    make_position(spot_link(), "1")

    error = refusal(spot_link(), side="sell", qty_per="-100")

    assert error.code is Code.NOTHING_TO_CLOSE


def test_most_symbols_count_positions_and_entries_of_the_same_batch():
    for symbol in ("BTC/USDT", "ETH/USDT", "ADA/USDT"):
        make_market(symbol, fetched_at=NOW)
    link = make_link(capital="1000", max_symbols=2)
    make_position(link, "1", "ADA/USDT")
    make_position(link, "0", "XRP/USDT")

    answers = size_orders(
        [link.pk],
        [
            order(symbol=symbol, qty_per="10", price="100")
            for symbol in ("ADA/USDT", "BTC/USDT", "ETH/USDT", "BTC/USDT")
        ],
        clock=now,
    )

    assert [answer.code.value for answer in answers] == [
        "sized",
        "sized",
        "too_many_symbols",
        "sized",
    ]


def test_a_close_takes_no_symbol():
    for symbol in ("BTC/USDT", "ADA/USDT"):
        make_market(symbol, fetched_at=NOW)
    link = make_link(capital="1000", max_symbols=2)
    make_position(link, "1", "ADA/USDT")

    answers = size_orders(
        [link.pk],
        [
            order(symbol="ADA/USDT", side="sell", qty_per="-50", price="100"),
            order(symbol="BTC/USDT", qty_per="10", price="100"),
        ],
        clock=now,
    )

    assert [answer.code.value for answer in answers] == ["sized", "sized"]


def test_a_spot_sale_takes_no_symbol_and_needs_none():
    for symbol in ("BTC/USDT", "ADA/USDT"):
        make_market(symbol, fetched_at=NOW)
    link = make_link(capital="1000", max_symbols=1)
    sale = order(symbol="ADA/USDT", side="sell", qty="1", price="100")

    answers = size_orders(
        [link.pk], [sale, order(symbol="BTC/USDT", qty_per="10", price="100"), sale], clock=now
    )

    assert [answer.code.value for answer in answers] == ["sized", "sized", "sized"]


def test_each_link_has_its_own_number_of_symbols_in_a_batch():
    for symbol in ("BTC/USDT", "ADA/USDT"):
        make_market(symbol, fetched_at=NOW)
    links = [make_link(capital="1000", max_symbols=1) for _ in range(2)]
    make_position(links[0], "1", "ADA/USDT")

    answers = size_orders(
        [link.pk for link in links], [order(qty_per="10", price="100")], clock=now
    )

    assert [answer.code.value for answer in answers] == ["too_many_symbols", "sized"]


def test_rules_of_another_venue_or_symbol_do_not_count():
    make_market(fetched_at=NOW, min_cost=Decimal(5000), venue="okx")
    make_market("ETH/USDT", fetched_at=NOW, min_cost=Decimal(5000))
    make_market(fetched_at=NOW)

    answer = size(spot_link("1000"), qty_per="10", price="100")

    assert (answer.code, answer.quantity) == (Code.SIZED, 1)


def test_venue_without_rules_says_so_where_another_has_them():
    make_market(fetched_at=NOW, venue="okx")

    assert refusal(spot_link(), qty_per="1").code is Code.MARKETS_NOT_SYNCED


def test_an_order_that_got_nothing_takes_no_symbol():
    make_market("BTC/USDT", min_cost=Decimal(5000), fetched_at=NOW)
    make_market("ETH/USDT", fetched_at=NOW)
    link = make_link(capital="1000", max_symbols=1)

    answers = size_orders(
        [link.pk],
        [order(symbol=symbol, qty_per="10", price="1") for symbol in ("BTC/USDT", "ETH/USDT")],
        clock=now,
    )

    assert [answer.code.value for answer in answers] == ["below_min_cost", "sized"]


# Prices


def test_a_price_is_read_once_and_then_kept_for_two_seconds(exchange):
    make_market(fetched_at=NOW)
    link, moment = spot_link("61234.5"), [NOW]

    first = size(link, qty_per="100", clock=lambda: moment[0])
    exchange.server.market_place.set_price("BTC/USDT", "30617.25")
    moment[0] += timedelta(seconds=1.9)
    kept = size(link, qty_per="100", clock=lambda: moment[0])
    moment[0] += timedelta(seconds=0.2)
    again = size(link, qty_per="100", clock=lambda: moment[0])

    assert [each.price_source for each in (first, kept, again)] == [
        PriceSource.TICKER,
        PriceSource.CACHE,
        PriceSource.TICKER,
    ]
    assert [each.quantity for each in (first, kept, again)] == [1, 1, 2]
    assert len(exchange.server.market_place.requests) == 2


def test_a_given_price_is_compared_with_the_venue_s(exchange):
    make_market(fetched_at=NOW)

    answer = size(spot_link(), qty_per="1", price="61000")

    assert len(exchange.server.market_place.requests) == 1
    assert (answer.price, answer.price_source) == (Decimal("61234.5"), PriceSource.TICKER)


def test_a_refused_order_asks_nobody(exchange):
    make_market(fetched_at=NOW)

    size(spot_link(), qty_per="500")

    assert exchange.server.market_place.requests == []


def test_without_a_price_an_entry_is_refused_with_the_cause(exchange):
    make_market(fetched_at=NOW)
    exchange.server.market_place.fail("server_error")

    answer = size(spot_link(), qty_per="1")

    assert isinstance(answer.error, PriceUnavailable)
    assert str(answer.error) == (
        "Could not get a price of BTC/USDT from binance (exchange_unreachable). "
        "Give a price with the order, or try again."
    )


def test_without_a_price_a_close_is_answered(exchange):
    make_market(fetched_at=NOW)
    exchange.server.market_place.fail("server_error")
    link = spot_link()
    make_position(link, "0.5")

    answer = size(link, side="sell", qty_per="-100")

    assert (answer.quantity, answer.price, answer.notional) == (Decimal("0.5"), None, None)
    assert [each.code for each in answer.warnings] == [Code.PRICE_NOT_NEEDED]


def test_a_venue_that_fails_is_not_asked_again_by_every_order(exchange):
    make_market(fetched_at=NOW)
    exchange.server.market_place.fail("server_error")
    link = spot_link()

    size(link, qty_per="1")
    size(link, qty_per="1")

    assert len(exchange.server.market_place.requests) == 1


def test_live_reading_switched_off_asks_nobody(exchange, settings):
    settings.CAPITAL_LIVE_BALANCES = False
    make_market(fetched_at=NOW)

    answer = size(spot_link(), qty_per="1")

    assert answer.error.reason.figures["cause"] == "live_disabled"
    assert exchange.server.market_place.requests == []


def test_many_orders_on_many_links_ask_each_price_once(exchange):
    for symbol in ("BTC/USDT", "ETH/USDT"):
        make_market(symbol, fetched_at=NOW)
    links = [spot_link("1000") for _ in range(3)]

    answers = size_orders(
        [link.pk for link in links],
        [order(symbol=symbol, qty_per="50") for symbol in ("BTC/USDT", "ETH/USDT")],
        clock=now,
    )

    assert [(answer.link_id, answer.symbol) for answer in answers] == [
        (link.pk, symbol) for link in links for symbol in ("BTC/USDT", "ETH/USDT")
    ]
    assert all(answer.quantity for answer in answers)
    assert len(exchange.server.market_place.requests) == 2


# Cost


@pytest.mark.parametrize("number", [1, 7])
def test_it_costs_three_queries_whatever_the_number(django_assert_num_queries, number):
    symbols = ["BTC/USDT", "ETH/USDT", "ADA/USDT"]
    for symbol in symbols:
        make_market(symbol, fetched_at=NOW)
    links = [spot_link() for _ in range(number)]
    for link in links:
        make_position(link, "1")
    orders = [order(symbol=symbol, qty_per="10", price="5") for symbol in symbols[:number]]

    with django_assert_num_queries(3):
        answers = size_orders([link.pk for link in links], orders, clock=now)

    assert len(answers) == number * len(orders)


def test_where_no_position_is_open_it_costs_two(django_assert_num_queries):
    make_market("BTC/USDT", fetched_at=NOW)
    link, other = spot_link(), spot_link()
    make_position(link, "0")
    make_position(other, "1")

    with django_assert_num_queries(2):
        assert size(link, qty_per="10", price="5").quantity


def test_a_link_that_the_asker_does_not_see_is_one_that_is_not_there():
    make_market("BTC/USDT", fetched_at=NOW)
    link, other = spot_link(), spot_link()
    wanted = order(qty_per="10", price="5")
    owner = Viewer(link.account.owner)

    def codes(viewer, *asked):
        answers = size_orders([each.pk for each in asked], [wanted], viewer=viewer, clock=now)
        return [answer.code for answer in answers]

    assert codes(owner, link, other) == [Code.SIZED, Code.UNKNOWN_LINK]
    assert codes(Viewer(other.account.owner), link, other) == [Code.UNKNOWN_LINK, Code.SIZED]
    assert codes(Viewer(link.account.owner, other.account_id), link) == [Code.UNKNOWN_LINK]
    assert codes(Viewer(link.account.owner, link.account_id), link) == [Code.SIZED]
    AccountAccess.objects.create(account=other.account, user=link.account.owner, role="viewer")
    assert codes(owner, link, other) == [Code.SIZED, Code.SIZED]


def test_rules_that_change_are_the_next_orders_rules():
    market = make_market("BTC/USDT", fetched_at=NOW)
    link = spot_link()
    before = size(link, qty_per="10", price="5")

    # As the acceptance of rules and a person's hand do: at the same time of fetching.
    Market.objects.filter(pk=market.pk).update(is_active=False)
    assert size_orders([link.pk], [order(qty_per="10", price="5")], clock=now)[0].code is (
        Code.SYMBOL_NOT_TRADED
    )
    Market.objects.filter(pk=market.pk).update(is_active=True, amount_precision=Decimal(10))
    coarse = size_orders([link.pk], [order(qty_per="10", price="5")], clock=now)[0]

    assert before.step != coarse.step == Decimal(10)


def test_an_unknown_symbol_costs_one_more(django_assert_num_queries):
    link = spot_link()

    with django_assert_num_queries(3):
        size(link, symbol="XYZ/USDT", qty_per="1", price="1")


def test_a_ticker_costs_two_more_whatever_the_number_of_links(django_assert_num_queries):
    swap()
    links = [futures_link() for _ in range(3)]

    with django_assert_num_queries(4):
        size_orders(
            [link.pk for link in links],
            [order(symbol=symbol, qty_per="1", price="1") for symbol in ("BTCUSDT", "btcusdt.p")],
            clock=now,
        )


@pytest.mark.parametrize(
    ("rules", "english", "korean"),
    [
        ({}, "The order can be sent as it is.", "이대로 주문"),
        (
            {"amount_precision": Decimal(1)},
            "The quantity 0.5 is less than one order step (1).",
            "1",
        ),
        ({"min_amount": Decimal(2)}, "The quantity 0.5 is less than the minimum of 2.", "2"),
    ],
)
def test_answer_says_in_a_sentence_whether_it_can_be_sent(rules, english, korean):
    make_market(fetched_at=NOW, **rules)

    answer = size(spot_link(), qty="0.5", price="100")

    with translation.override("en"):
        assert sentence(answer.reason) == english
    with translation.override("ko"):
        assert korean in sentence(answer.reason)


def test_a_close_that_is_refused_must_not_be_sent_either():
    market = make_market("BTC/USDT:USDT")
    link = make_link(market_type="futures", capital="1000")

    close, entry = size_orders(
        [link.pk],
        [order(symbol="NO/SUCH:SUCH", qty_per="-100"), order(symbol="NO/SUCH:SUCH", qty_per="50")],
    )

    assert market.symbol != "NO/SUCH:SUCH"
    assert [str(each.code) for each in close.warnings] == ["unknown_symbol", "do_not_send"]
    assert (close.reduce_only, close.amount) == (True, 0)
    assert [str(each.code) for each in entry.warnings] == ["unknown_symbol"]


@pytest.mark.parametrize("how", [{"qty_per": "50"}, {"stake": "500"}])
def test_spot_has_no_leverage_below_one_either(exchange, how):
    make_market(fetched_at=NOW)
    link = spot_link()

    plain = size(link, price="61234.5", **how)
    asked = size(link, price="61234.5", leverage="0.5", **how)

    assert (asked.leverage, asked.quantity, asked.margin) == (1, plain.quantity, plain.notional)
    assert (asked.stake, asked.max_stake) == (plain.stake, plain.max_stake)
    assert [each.code for each in asked.warnings] == [Code.LEVERAGE_ON_SPOT]


def test_what_is_sized_with_less_leverage_says_how_it_will_be_counted():
    swap(max_leverage=Decimal(20))
    link = futures_link(leverage="10")
    make_position(link, "1", SWAP)

    def told(**fields):
        asked = {"symbol": SWAP, "price": "100", "side": "buy", **fields}
        answer = size(link, **asked)
        return [
            each.figures for each in answer.warnings if each.code is Code.LEVERAGE_BELOW_LINK
        ], answer.leverage

    assert told(qty_per="10", leverage="1") == ([{"asked": "1", "limit": "10"}], 1)
    assert told(stake="100", leverage="0.5")[0] == [{"asked": "0.5", "limit": "10"}]
    for other in ({"qty_per": "10"}, {"qty_per": "10", "leverage": "10"}):
        assert told(**other) == ([], 10)
    # What only lowers a position ties nothing up.
    assert told(side="sell", qty="1", leverage="1")[0] == []
    assert told(side="sell", qty_per="-100", leverage="1")[0] == []
