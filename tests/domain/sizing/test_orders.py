"""What an order says about itself, and what is refused before any price is asked for."""

from dataclasses import replace
from decimal import Decimal

import pytest

from capital.domain.errors import CurrencyMismatch, InvalidOrder, OrderRefused, UnknownSymbol
from capital.domain.reasons import Code
from capital.domain.sizing.admission import LinkRules
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.prices import given_price
from strategies.markets import MarketType
from tests.domain.sizing.builders import D, admit, inverse, linear, order, spot

SPOT_LINK = LinkRules(
    strategy="grid",
    market=MarketType.SPOT,
    currency="USDT",
    idle=None,
    max_symbols=None,
    max_budget_percent=D(100),
)
FUTURES_LINK = replace(SPOT_LINK, market=MarketType.FUTURES)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"symbol": "", "qty": "1"}, Code.SYMBOL_MISSING, "symbol"),
        ({"side": "long", "qty": "1"}, Code.UNKNOWN_SIDE, "side"),
        ({"side": "BUY", "qty": "1"}, Code.UNKNOWN_SIDE, "side"),
        ({"order_type": "ICEBERG", "qty": "1"}, Code.UNKNOWN_ORDER_TYPE, "order_type"),
        ({"position_side": "up", "qty": "1"}, Code.UNKNOWN_POSITION_SIDE, "position_side"),
        ({}, Code.QUANTITY_MISSING, "qty_per"),
        ({"qty": "0"}, Code.QUANTITY_MISSING, "qty_per"),
        ({"qty_per": "0"}, Code.QUANTITY_MISSING, "qty_per"),
        ({"qty_per": "0", "qty": "0"}, Code.QUANTITY_MISSING, "qty_per"),
        ({"leverage": "0", "qty": "1"}, Code.LEVERAGE_NOT_POSITIVE, "leverage"),
        ({"leverage": "NaN", "qty": "1"}, Code.NUMBER_NOT_FINITE, "leverage"),
        ({"stake": "0"}, Code.STAKE_NOT_POSITIVE, "stake"),
        ({"stake": "NaN"}, Code.NUMBER_NOT_FINITE, "stake"),
        ({"stake": "1", "qty": "1"}, Code.STAKE_NOT_ALONE, "stake"),
        ({"stake": "1", "qty_per": "-100"}, Code.STAKE_NOT_ALONE, "stake"),
        ({"stake": "1", "stake_of": "all"}, Code.UNKNOWN_STAKE, "stake_of"),
        ({"stake_of": "margin", "qty": "1"}, Code.STAKE_MISSING, "stake_of"),
        ({"qty": "-1"}, Code.QUANTITY_NEGATIVE, "qty"),
        ({"qty": "NaN"}, Code.NUMBER_NOT_FINITE, "qty"),
        ({"qty_per": "Infinity"}, Code.NUMBER_NOT_FINITE, "qty_per"),
        ({"qty": "1", "price": "0"}, Code.PRICE_NOT_POSITIVE, "price"),
        ({"qty": "1", "stop_price": "-5"}, Code.PRICE_NOT_POSITIVE, "stop_price"),
        ({"risk_per": "1"}, Code.STOP_PRICE_MISSING, "stop_price"),
        ({"risk_per": "-1", "stop_price": "5"}, Code.RISK_OUT_OF_RANGE, "risk_per"),
        ({"risk_per": "100.1", "stop_price": "5"}, Code.RISK_OUT_OF_RANGE, "risk_per"),
        ({"risk_per": "0", "qty": "1", "stop_price": "5"}, Code.RISK_OUT_OF_RANGE, "risk_per"),
        (
            {"risk_per": "1", "qty_per": "-50", "stop_price": "5"},
            Code.RISK_OF_CLOSING,
            "risk_per",
        ),
        (
            {"risk_per": "1", "order_type": "STOP_MARKET", "stop_price": "5"},
            Code.RISK_OF_STOP_ORDER,
            "order_type",
        ),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_its_field(fields, code, field):
    with pytest.raises(InvalidOrder) as caught:
        order(**fields).check()

    assert (caught.value.code, caught.value.field) == (code, field)


@pytest.mark.parametrize(
    ("fields", "figures"),
    [
        ({"side": "l" * 50}, {"side": "'" + "l" * 39, "known": "buy, sell"}),
        (
            {"order_type": "I" * 50},
            {
                "order_type": "'" + "I" * 39,
                "known": "MARKET, LIMIT, STOP_MARKET, STOP_LIMIT",
            },
        ),
        ({"position_side": "u" * 50}, {"side": "'" + "u" * 39}),
        ({"price": "NaN"}, {"name": "price"}),
        ({"stop_price": "-1E+1"}, {"name": "stop_price", "price": "-10"}),
        ({"qty": "-1E+1"}, {"quantity": "-10"}),
        ({"risk_per": "1E+3", "stop_price": "5"}, {"percent": "1000"}),
    ],
)
def test_a_refusal_says_what_was_asked(fields, figures):
    with pytest.raises(InvalidOrder) as caught:
        order(**{"qty_per": "1", **fields}).check()

    assert caught.value.reason.figures == figures


@pytest.mark.parametrize(
    "fields",
    [
        {"qty_per": "100"},
        {"qty_per": "-100", "side": "sell"},
        {"qty": "0.001", "order_type": "STOP_LIMIT"},
        {"qty_per": "0", "qty": "1"},
        {"risk_per": "100", "stop_price": "5"},
    ],
)
def test_an_order_that_makes_sense_is_not(fields):
    assert order(**fields).check() is None


@pytest.mark.parametrize(
    ("qty_per", "closes"),
    [("0.01", False), ("0.5", False), ("0", False), (None, False), ("-0.01", True), ("-1", True)],
)
def test_only_a_share_below_zero_closes(qty_per, closes):
    assert order(qty_per=qty_per, qty="1").is_closing is closes


def refusal(asked, link=SPOT_LINK, rules=None, held=()):
    """Why the order is refused; None where it is admitted."""
    try:
        admit(asked, link, rules or spot(), held_symbols=frozenset(held))
    except (OrderRefused, UnknownSymbol, CurrencyMismatch) as error:
        return error
    return None


def test_a_market_paid_in_another_currency_is_refused():
    error = refusal(order(qty="1"), FUTURES_LINK, inverse())

    assert isinstance(error, CurrencyMismatch)
    assert error.field == "symbol"
    assert str(error) == ("BTC/USDT is settled in BTC, but the capital of this account is in USDT.")


@pytest.mark.parametrize(("link", "rules"), [(SPOT_LINK, linear()), (FUTURES_LINK, spot())])
def test_a_symbol_of_the_other_market_is_refused(link, rules):
    error = refusal(order(qty="1"), link, rules)

    assert (error.code, error.field) == (Code.SYMBOL_OF_OTHER_MARKET, "symbol")
    assert error.reason.figures == {
        "symbol": "BTC/USDT",
        "kind": rules.kind.value,
        "strategy": "grid",
        "market": link.market.value,
    }


def test_a_currency_that_the_accounts_stands_for_is_not_another():
    link = replace(FUTURES_LINK, stands_for=frozenset({"BTC"}))

    assert refusal(order(qty="1"), link, inverse()) is None


def test_an_amount_that_the_venue_counts_otherwise_is_refused():
    error = refusal(order(qty="1"), replace(SPOT_LINK, venue="okx"), spot(amount_unit=None))

    assert (error.code, error.field) == (Code.AMOUNT_UNIT_UNKNOWN, "symbol")
    assert error.reason.figures == {"symbol": "BTC/USDT", "venue": "okx"}


def test_a_paused_strategy_may_only_close():
    paused = replace(FUTURES_LINK, idle=Code.STRATEGY_PAUSED)

    error = refusal(order(qty_per="10"), paused, linear())
    assert (error.code, error.field) == (Code.CLOSING_ONLY, "qty_per")
    assert refusal(order(qty="10"), paused, linear()).code is Code.CLOSING_ONLY
    assert refusal(order(qty_per="-10"), paused, linear()) is None


@pytest.mark.parametrize(
    "idle",
    [Code.STRATEGY_ARCHIVED, Code.LINK_INACTIVE, Code.ACCOUNT_INACTIVE, Code.MARKET_NOT_ON_VENUE],
)
@pytest.mark.parametrize("qty_per", ["10", "-10"])
def test_what_is_switched_off_may_neither_enter_nor_close(idle, qty_per):
    error = refusal(order(qty_per=qty_per), replace(SPOT_LINK, idle=idle))

    assert error.code is idle


@pytest.mark.parametrize("fields", [{"qty_per": "10"}, {"risk_per": "1", "stop_price": "5"}])
def test_a_spot_sale_enters_nothing(fields):
    error = refusal(order(side="sell", **fields))

    assert (error.code, error.field) == (Code.SPOT_SELL_NOT_ENTRY, "side")


def test_a_spot_sale_may_close_and_may_name_a_quantity():
    assert refusal(order(side="sell", qty_per="-10")) is None
    assert refusal(order(side="sell", qty="10")) is None


def test_a_futures_sale_enters_a_short():
    assert refusal(order(side="sell", qty_per="10"), FUTURES_LINK, linear()) is None


def test_a_budget_above_the_account_s_limit_is_refused():
    error = refusal(order(qty_per="100.01"))
    assert (error.code, error.field) == (Code.BUDGET_ABOVE_LIMIT, "qty_per")
    assert error.reason.figures == {"percent": "100.01", "limit": "100"}
    half = replace(SPOT_LINK, max_budget_percent=D(50))
    assert refusal(order(qty_per="51"), half).code is Code.BUDGET_ABOVE_LIMIT
    more = replace(SPOT_LINK, max_budget_percent=D(200))
    assert refusal(order(qty_per="200"), more) is None


def test_a_new_symbol_beyond_the_most_is_refused():
    link = replace(SPOT_LINK, max_symbols=2)

    error = refusal(order(qty="1"), link, held=["ETH/USDT", "ADA/USDT"])

    assert (error.code, error.field) == (Code.TOO_MANY_SYMBOLS, "symbol")
    assert error.reason.figures == {"limit": "2", "held": "ADA/USDT, ETH/USDT"}
    assert refusal(order(qty="1"), link, held=["ETH/USDT"]) is None


def test_a_held_symbol_and_a_close_never_are_too_many():
    link = replace(SPOT_LINK, max_symbols=1)

    assert refusal(order(qty="1"), link, held=["BTC/USDT"]) is None
    close = order(qty_per="-1", side="sell")
    assert refusal(close, link, held=["ETH/USDT", "ADA/USDT"]) is None


def test_a_spot_sale_of_a_quantity_takes_no_symbol():
    link = replace(SPOT_LINK, max_symbols=1)

    assert refusal(order(qty="1", side="sell"), link, held=["ETH/USDT"]) is None


@pytest.mark.parametrize(
    ("order_type", "price", "stop_price", "kind", "expected"),
    [
        ("LIMIT", "10", None, InstrumentKind.SPOT, "10"),
        ("LIMIT", "10", "8", InstrumentKind.SPOT, "10"),
        ("MARKET", "10", "8", InstrumentKind.SPOT, "10"),
        ("MARKET", None, "8", InstrumentKind.SPOT, None),
        ("MARKET", None, None, InstrumentKind.SPOT, None),
        ("STOP_MARKET", None, "8", InstrumentKind.LINEAR, "8"),
        ("STOP_MARKET", "10", "8", InstrumentKind.LINEAR, "8"),
        ("STOP_MARKET", "10", None, InstrumentKind.LINEAR, "10"),
        ("STOP_LIMIT", "10", "8", InstrumentKind.LINEAR, "10"),
        ("STOP_LIMIT", "8", "10", InstrumentKind.LINEAR, "10"),
        ("STOP_LIMIT", None, "8", InstrumentKind.LINEAR, "8"),
        ("STOP_LIMIT", "10", "8", InstrumentKind.INVERSE, "8"),
        ("STOP_LIMIT", None, None, InstrumentKind.SPOT, None),
    ],
)
def test_each_order_type_names_its_price(order_type, price, stop_price, kind, expected):
    asked = order(order_type=order_type, price=price, stop_price=stop_price, qty="1")

    assert given_price(asked, kind) == (expected and Decimal(expected))
