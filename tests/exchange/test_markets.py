"""Market rules and prices through ccxt, from the simulator over real HTTP."""

import json
import os
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules, PrecisionMode
from capital.domain.sizing.rounding import round_down
from capital.exchange.ccxt import markets as ccxt_markets
from capital.exchange.ccxt.clients import new_client
from capital.exchange.ccxt.markets import CcxtMarkets
from capital.exchange.contract import Quoted
from capital.exchange.venues import VENUES, get_venue
from tests.paths import ROOT

RESPONSES = Path(os.environ.get("EXCHANGE_RESPONSES", ROOT.parent / "shared" / "exchanges"))
SIMULATED = ("binance", "bithumb", "bybit", "okx", "upbit")
D = Decimal


@pytest.fixture
def markets(exchange) -> CcxtMarkets:
    urls = dict.fromkeys(VENUES, exchange.server.base_url)
    return CcxtMarkets(venue_urls=urls, concurrency=10)


def listed(markets: CcxtMarkets, venue: str) -> dict[str, Any]:
    answer = markets.fetch_listings([get_venue(venue)])[venue]
    assert isinstance(answer, list), answer
    return {listing.rules.symbol: listing for listing in answer}


def quoted(venue: str, symbol: str) -> Quoted:
    pair, _, settle = symbol.partition(":")
    base, quote = pair.split("/")
    kind = InstrumentKind.SPOT
    if settle:
        kind = InstrumentKind.LINEAR if settle == quote else InstrumentKind.INVERSE
    market_id = {
        "binance": base + quote + ("_PERP" if kind is InstrumentKind.INVERSE else ""),
        "bybit": base + quote,
        "okx": f"{base}-{quote}" + ("-SWAP" if settle else ""),
    }.get(venue, f"{quote}-{base}")
    return Quoted(venue, symbol, market_id, kind, base, quote, settle or quote)


@pytest.mark.parametrize(
    ("venue", "symbols"),
    [
        ("binance", ["BTC/USD:BTC", "BTC/USDT", "BTC/USDT:USDT", "ETH/USDT", "ETH/USDT:USDT"]),
        ("bybit", ["BTC/USD:BTC", "BTC/USDT", "BTC/USDT:USDT", "ETH/USDT", "ETH/USDT:USDT"]),
        ("okx", ["BTC/USD:BTC", "BTC/USDT", "BTC/USDT:USDT", "ETH/USDT", "ETH/USDT:USDT"]),
        ("upbit", ["BTC/KRW", "ETH/KRW"]),
        ("bithumb", ["BTC/KRW", "ETH/KRW"]),
    ],
)
def test_every_venue_lists_its_markets(markets, venue, symbols):
    assert sorted(listed(markets, venue)) == symbols


def test_rules_are_read_exactly(markets):
    assert listed(markets, "okx")["BTC/USDT:USDT"].rules == InstrumentRules(
        symbol="BTC/USDT:USDT",
        kind=InstrumentKind.LINEAR,
        quote="USDT",
        settle="USDT",
        precision_mode=PrecisionMode.TICK_SIZE,
        amount_precision=D("0.01"),
        contract_size=D("0.01"),
        min_amount=D("0.01"),
        max_amount=D(100000000),
        market_max_amount=D(30000),
    )
    assert listed(markets, "binance")["BTC/USDT"].rules == InstrumentRules(
        symbol="BTC/USDT",
        kind=InstrumentKind.SPOT,
        quote="USDT",
        settle="USDT",
        precision_mode=PrecisionMode.TICK_SIZE,
        amount_precision=D("0.00001"),
        min_amount=D("0.00001"),
        max_amount=D(9000),
        market_max_amount=D("112.2"),
        min_cost=D(5),
    )


def test_an_inverse_contract_is_paid_in_the_coin(markets):
    for venue, contract_size, most in (("bybit", 1, 5000000), ("binance", 100, 60000)):
        rules = listed(markets, venue)["BTC/USD:BTC"].rules

        assert (rules.kind, rules.settle, rules.quote) == (InstrumentKind.INVERSE, "BTC", "USD")
        assert (rules.contract_size, rules.market_max_amount) == (contract_size, most)


@pytest.mark.parametrize("venue", ["upbit", "bithumb"])
def test_korean_venues_have_the_least_cost_that_ccxt_lacks(markets, venue):
    assert listed(markets, venue)["BTC/KRW"].rules.min_cost == 5000


def test_bithumb_counts_amounts_in_decimals(markets):
    rules = listed(markets, "bithumb")["BTC/KRW"].rules

    assert (rules.precision_mode, rules.amount_precision) == (PrecisionMode.DECIMAL_PLACES, 4)
    assert listed(markets, "upbit")["BTC/KRW"].rules.amount_precision == D("0.00000001")


@pytest.mark.parametrize("venue", SIMULATED)
def test_our_rounding_is_the_client_s_own(markets, venue):
    """Where ccxt truncates; the venue's own override of it included."""
    client = new_client(venue)
    for symbol, listing in listed(markets, venue).items():
        rules = listing.rules
        client.set_markets([ccxt_markets._market_of(client, quoted(venue, symbol))])
        precision = rules.amount_precision
        if rules.precision_mode is not PrecisionMode.TICK_SIZE:
            precision = int(precision)
        client.markets[symbol]["precision"]["amount"] = precision
        for amount in ("1.23456789123", "23.236", "1999.99999", "871.4999", "120.5"):
            ours = round_down(Fraction(amount), rules.precision_mode, rules.amount_precision)
            assert D(client.amount_to_precision(symbol, amount)) == ours, (symbol, amount)


@pytest.mark.parametrize("venue", SIMULATED)
def test_every_market_has_a_price(markets, venue):
    asked = [quoted(venue, symbol) for symbol in listed(markets, venue)]

    answers = markets.fetch_prices(asked)

    for each in asked:
        expected = {"BTC": "61234.5", "ETH": "2987.65"}[each.base]
        if each.quote == "KRW":
            expected = {"BTC": "95000000", "ETH": "4600000"}[each.base]
        assert answers[each] == D(expected)


def test_a_changed_price_is_read_to_the_last_digit(markets, exchange):
    exchange.server.market_place.set_price("BTC/USDT", "61234.123456789012345")
    asked = quoted("bybit", "BTC/USDT:USDT")

    assert markets.fetch_prices([asked])[asked] == D("61234.123456789012345")


def test_a_price_asks_for_no_list_of_markets(markets, exchange):
    markets.fetch_prices([quoted("okx", "BTC/USDT")])

    assert exchange.server.market_place.requests == ["/api/v5/market/ticker?instId=BTC-USDT"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("server_error", Code.EXCHANGE_UNREACHABLE),
        ("rate_limited", Code.EXCHANGE_RATE_LIMITED),
        ("html", Code.EXCHANGE_BAD_MARKETS),
    ],
)
@pytest.mark.parametrize("venue", SIMULATED)
def test_a_failing_list_is_a_reason(markets, exchange, venue, fault, code):
    exchange.server.market_place.fail(fault)

    answer = markets.fetch_listings([get_venue(venue)])[venue]

    assert isinstance(answer, Reason)
    assert answer.code is code


@pytest.mark.parametrize("venue", SIMULATED)
def test_an_empty_list_is_a_failure_and_not_a_venue_without_markets(markets, exchange, venue):
    exchange.server.market_place.fail("empty_object")

    assert isinstance(markets.fetch_listings([get_venue(venue)])[venue], Reason)


@pytest.mark.parametrize("fault", ["server_error", "rate_limited", "html", "empty_object"])
@pytest.mark.parametrize("venue", SIMULATED)
def test_a_failing_price_is_a_reason(markets, exchange, venue, fault):
    exchange.server.market_place.fail(fault)
    asked = quoted(venue, "BTC/KRW" if venue in ("upbit", "bithumb") else "BTC/USDT")

    assert isinstance(markets.fetch_prices([asked])[asked], Reason)


def test_a_price_is_waited_for_no_longer_than_the_deadline(exchange):
    exchange.server.market_place.fail("timeout")
    urls = dict.fromkeys(VENUES, exchange.server.base_url)
    asked = quoted("binance", "BTC/USDT")

    answer = CcxtMarkets(venue_urls=urls, concurrency=10, price_seconds=0.3).fetch_prices([asked])

    assert answer[asked] == Reason(Code.EXCHANGE_TIMEOUT, {"venue": "binance", "seconds": "0.3"})


def test_one_failing_price_leaves_the_others(markets, exchange):
    wrong = Quoted("binance", "XYZ/USDT", "XYZUSDT", InstrumentKind.SPOT, "XYZ", "USDT", "USDT")
    right = quoted("binance", "BTC/USDT")

    answers = markets.fetch_prices([wrong, right])

    assert isinstance(answers[wrong], Reason)
    assert answers[right] == D("61234.5")


@pytest.mark.parametrize(
    "change",
    [
        {"type": "option"},
        {"precision": {"amount": None}},
        {"precision": {"amount": D(0)}},
        {"type": "swap", "linear": True, "settle": "USDT", "contractSize": None},
        {"type": "swap", "linear": False, "inverse": False, "settle": "USDC"},
    ],
)
def test_what_nobody_could_size_is_left_out(change):
    market = {
        "symbol": "BTC/USDT",
        "id": "BTCUSDT",
        "base": "BTC",
        "quote": "USDT",
        "type": "spot",
        "active": True,
        "precision": {"amount": 0.001},
        "limits": {},
        "info": {},
    }
    binance = get_venue("binance")

    assert ccxt_markets._listing(market, binance, PrecisionMode.TICK_SIZE) is not None
    assert ccxt_markets._listing({**market, **change}, binance, PrecisionMode.TICK_SIZE) is None


# The venues' real rules, kept beside the repository

RULES = sorted(RESPONSES.glob("markets/*.json"))


@pytest.mark.skipif(not RULES, reason="no recorded rules: set EXCHANGE_RESPONSES to their folder")
@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_recorded_rules_are_read_and_round_as_ccxt_does(path):
    venue, client = get_venue(path.stem), new_client(path.stem)
    for symbol, market in json.loads(path.read_text(encoding="utf-8")).items():
        market = {**market, "info": market["raw"]}
        listing = ccxt_markets._listing(market, venue, PrecisionMode.TICK_SIZE)
        if listing is None:
            assert {market["linear"], market["inverse"]} <= {None, False}
            continue
        rules = listing.rules
        assert rules.amount_precision == D(repr(market["precision"]["amount"]))
        client.set_markets([client.safe_market_structure(market)])
        for amount in ("0.123456789", "9.87654321", "871.4999", "1234.5"):
            expected = (
                client.amount_to_precision(symbol, amount)
                if D(amount) >= (rules.amount_precision)
                else "0"
            )
            ours = round_down(Fraction(amount), rules.precision_mode, rules.amount_precision)
            assert D(expected) == ours, (symbol, amount)
