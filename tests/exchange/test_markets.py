"""Market rules and prices through ccxt, from the simulator over real HTTP."""

import json
import os
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ccxt.base.errors import InvalidOrder

from capital.domain.reasons import Code, Reason
from capital.domain.sizing.formulas import Terms
from capital.domain.sizing.instruments import (
    AmountUnit,
    InstrumentKind,
    InstrumentRules,
    LeverageBracket,
    PrecisionMode,
)
from capital.domain.sizing.leverage import LeverageSteps
from capital.domain.sizing.rounding import round_down
from capital.exchange.ccxt import brackets as ccxt_brackets
from capital.exchange.ccxt import markets as ccxt_markets
from capital.exchange.ccxt.clients import new_client
from capital.exchange.ccxt.markets import CcxtMarkets
from capital.exchange.contract import Listing, Quoted
from capital.exchange.venues import VENUES, get_venue
from capital.simulator.venues import bybit, okx
from tests.paths import ROOT

RESPONSES = Path(os.environ.get("EXCHANGE_RESPONSES", ROOT.parent / "shared" / "exchanges"))
D = Decimal


@pytest.fixture
def markets(exchange) -> CcxtMarkets:
    return CcxtMarkets(venue_urls=exchange.server.venue_urls, concurrency=10)


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


def quoted_as_listed(venue: str, listing: Listing) -> Quoted:
    rules = listing.rules
    return Quoted(
        venue,
        rules.symbol,
        listing.market_id,
        rules.kind,
        listing.base,
        rules.quote,
        rules.settle,
    )


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


# Of each venue one market of each kind: symbol, step of amounts, and what one contract is.
INSTRUMENTS = {
    "binance": {("BTC/USDT", "0.00001", 1), ("BTC/USDT:USDT", "0.001", 1)},
    "bybit": {("ETH/USDT", "0.00001", 1), ("ETH/USDT:USDT", "0.01", 1)},
    "okx": {("ETH/USDT", "0.000001", 1), ("ETH/USDT:USDT", "0.01", "0.1")},
    "bitget": {("BTC/USDT", "0.000001", 1), ("BTC/USD:BTC", "0.001", 1)},
    "gate": {("BTC/USDT", "0.000001", 1), ("BTC/USDT:USDT", 1, "0.0001"), ("BTC/USD:BTC", 1, 1)},
    "kucoin": {("BTC/USDT", "0.00001", 1), ("BTC/USDT:USDT", 1, "0.001"), ("BTC/USD:BTC", 1, 1)},
    "kraken": {("BTC/USD", "0.00000001", 1)},
    "krakenfutures": {("BTC/USD:USD", "0.0001", 1), ("BTC/USD:BTC", 1, 1)},
    "coinbase": {("BTC/USD", "0.00000001", 1), ("BTC/USD:USD", 1, "0.01")},
    "hyperliquid": {("BTC/USDC", "0.00001", 1), ("BTC/USDC:USDC", "0.00001", 1)},
    "deribit": {("BTC/USDC", "0.0001", 1), ("BTC/USD:BTC", 10, 10)},
    "mexc": {("ETH/USDT", "0.00001", 1), ("BTC/USDT:USDT", 1, "0.0001")},
    "htx": {("BTC/USDT", "0.000001", 1), ("BTC/USDT:USDT", 1, "0.001"), ("BTC/USD:BTC", 1, 100)},
    "bingx": {
        ("BTC/USDT", "0.000001", 1),
        ("BTC/USDT:USDT", "0.0001", 1),
        # ccxt knows no step of it: the smallest order is one.
        ("BTC/USD:BTC", 1, 100),
    },
    "upbit": {("BTC/KRW", "0.00000001", 1)},
    "bithumb": {("BTC/KRW", 4, 1)},
}


@pytest.mark.parametrize("venue", VENUES)
def test_what_a_venue_trades_has_its_step_and_contract_size(markets, venue):
    found = {symbol: each for symbol, each in listed(markets, venue).items() if each.is_active}

    expected = {(symbol, D(step), D(size)) for symbol, step, size in INSTRUMENTS[venue]}
    read = {
        (symbol, each.rules.amount_precision, each.rules.contract_size)
        for symbol, each in found.items()
    }
    assert expected <= read
    # One of each kind that strategies trade there.
    assert {found[symbol].rules.kind.market_type for symbol, _, _ in expected} == get_venue(
        venue
    ).markets


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
        max_leverage=D(100),
        brackets=(
            LeverageBracket(D(100), max_amount=D(30000)),
            LeverageBracket(D(50), max_amount=D(60000)),
            LeverageBracket(D(25), max_amount=D(120000)),
        ),
    )
    assert listed(markets, "binance")["BTC/USDT"].rules == InstrumentRules(
        symbol="BTC/USDT",
        kind=InstrumentKind.SPOT,
        quote="USDT",
        settle="USDT",
        precision_mode=PrecisionMode.TICK_SIZE,
        amount_precision=D("0.00001"),
        amount_unit=AmountUnit.BASE,
        min_amount=D("0.00001"),
        max_amount=D(9000),
        market_max_amount=D("112.2"),
        min_cost=D(5),
    )


# Of each venue, the maxima that ccxt does not pass on: symbol, field, value.
MAXIMA = [
    ("bybit", "BTC/USDT", "market_max_amount", "120"),
    ("bybit", "BTC/USDT:USDT", "market_max_amount", "500"),
    ("okx", "BTC/USD:BTC", "market_max_amount", "30000"),
    # Empty as maxMktSz, which ccxt takes for the maximum value.
    ("okx", "BTC/USDT", "market_max_cost", "1000000"),
    ("okx", "BTC/USDT", "max_cost", "2000000"),
    ("gate", "BTC/USDT", "max_cost", "5000000"),
    ("gate", "BTC/USDT", "market_max_cost", "1000000"),
    # 0G_USDT of Gate's documentation: 450,000, and 300,000 for market orders.
    ("gate", "BTC/USDT:USDT", "market_max_amount", "666666"),
    ("gate", "BTC/USD:BTC", "market_max_amount", "6666666"),
    ("htx", "BTC/USDT", "market_sell_max_amount", "100"),
    ("htx", "BTC/USDT", "market_buy_max_cost", "1000000"),
    ("bitget", "BTC/USDT:USDT", "max_amount", "1200"),
    ("bitget", "BTC/USD:BTC", "market_max_amount", "220"),
    ("kucoin", "BTC/USDT:USDT", "market_max_amount", "500000"),
    ("krakenfutures", "BTC/USD:USD", "max_amount", "1000000"),
    ("mexc", "BTC/USDT", "market_max_cost", "2000000"),
    ("bingx", "BTC/USDT", "market_max_cost", "100000"),
    # Its maximum leverage is 40.
    ("hyperliquid", "BTC/USDC:USDC", "market_max_cost", "15000000"),
    ("hyperliquid", "BTC/USDC:USDC", "max_cost", "150000000"),
    ("upbit", "BTC/KRW", "max_cost", "1000000000"),
]


@pytest.mark.parametrize(("venue", "symbol", "field", "most"), MAXIMA)
def test_maxima_that_ccxt_drops_are_read(markets, venue, symbol, field, most):
    assert getattr(listed(markets, venue)[symbol].rules, field) == D(most)


# Contracts that no question for brackets is about.
UNBRACKETED = {"bitget": {"BTC/USD:BTC"}, "kucoin": {"BTC/USD:BTC"}}


def test_every_path_to_a_limit_leads_to_one(markets):
    """Of each path of a row, at least one simulated market of its kind has the field."""
    paths = {
        "most": "max_amount",
        "market_most": "market_max_amount",
        "market_sell_most": "market_sell_max_amount",
        "market_dearest": "market_max_cost",
        "market_buy_dearest": "market_buy_max_cost",
    }
    for venue in VENUES.values():
        rules = [each.rules for each in listed(markets, venue.id).values()]
        for path, field in paths.items():
            for kind in getattr(venue.rules_call, path):
                of_kind = [each for each in rules if each.kind is kind]
                assert any(getattr(each, field) for each in of_kind), (venue.id, path, kind)
        if venue.rules_call.max_leverage:
            assert any(each.max_leverage for each in rules), venue.id
        if venue.rules_call.margins is not None:
            assert any(each.brackets for each in rules), venue.id
        if venue.rules_call.brackets is not None and venue.rules_call.brackets.tells_sizes:
            contracts = [each for each in rules if each.kind is not InstrumentKind.SPOT]
            silent = {each.symbol for each in contracts if not each.brackets}
            assert silent == UNBRACKETED.get(venue.id, set()), venue.id


def test_leverage_is_bounded_by_what_the_venue_tells(markets):
    most = {
        "okx": 100,
        "bybit": 100,
        "gate": 125,
        "kucoin": 125,
        "bitget": 125,
        "hyperliquid": 40,
        "deribit": 50,
        "mexc": 200,
        "bingx": 125,
        # A night short needs a margin of 30.6375 %.
        "coinbase": "3.26397388",
    }
    for venue, leverage in most.items():
        rules = [each.rules for each in listed(markets, venue).values()]
        futures = [each for each in rules if each.kind is not InstrumentKind.SPOT]
        if venue == "bingx":
            # Of coin-margined contracts it tells none.
            silent = [each for each in futures if each.kind is InstrumentKind.INVERSE]
            assert [each.max_leverage for each in silent] == [None]
            futures = [each for each in futures if each not in silent]
        assert {each.max_leverage for each in futures} == {D(leverage)}, venue
        assert {each.max_leverage for each in rules} <= {D(leverage), None}


def test_brackets_are_read_from_margins_by_the_size_of_a_position(markets):
    assert listed(markets, "krakenfutures")["BTC/USD:USD"].rules.brackets == (
        LeverageBracket(D(50), max_notional=D(500000)),
        LeverageBracket(D(25), max_notional=D(1000000)),
        LeverageBracket(D(10)),
    )
    assert listed(markets, "mexc")["BTC/USDT:USDT"].rules.brackets == (
        LeverageBracket(D(200), max_amount=D(250000)),
        LeverageBracket(D(100), max_amount=D(500000)),
        LeverageBracket(D("66.66666666"), max_amount=D(750000)),
        LeverageBracket(D(50)),
    )


@pytest.mark.parametrize(
    ("venue", "symbol", "counted", "expected"),
    [
        (
            "bybit",
            "BTC/USDT:USDT",
            "max_notional",
            [("100", "2000000"), ("50", "10000000"), ("25", "20000000")],
        ),
        ("bybit", "ETH/USDT:USDT", "max_notional", [("100", "1500000"), ("50", "9000000")]),
        ("bybit", "BTC/USD:BTC", "max_settled", [("100", "150"), ("50", "300")]),
        ("okx", "ETH/USDT:USDT", "max_amount", [("100", "20000"), ("50", "50000")]),
        ("okx", "BTC/USD:BTC", "max_amount", [("100", "15000"), ("50", "40000")]),
        (
            "gate",
            "BTC/USDT:USDT",
            "max_notional",
            [("125", "1000000"), ("100", "5000000"), ("50", "20000000")],
        ),
        ("gate", "ETH/USDT:USDT", "max_notional", [("125", "500000"), ("50", "2000000")]),
        ("gate", "BTC/USD:BTC", "max_settled", [("125", "50"), ("50", "200")]),
        (
            "bitget",
            "BTC/USDT:USDT",
            "max_notional",
            [("125", "150000"), ("100", "600000"), ("50", "2000000")],
        ),
        ("bitget", "ETH/USDT:USDT", "max_notional", [("125", "100000"), ("75", "500000")]),
        ("bitget", "BTC/USDC:USDC", "max_notional", [("125", "50000"), ("50", "200000")]),
        (
            "kucoin",
            "BTC/USDT:USDT",
            "max_notional",
            [("125", "250000"), ("100", "600000"), ("50", "2000000")],
        ),
        ("kucoin", "ETH/USDT:USDT", "max_notional", [("100", "200000"), ("40", "1000000")]),
        # Levels that say where they start: the last one has no end.
        ("hyperliquid", "BTC/USDC:USDC", "max_notional", [("40", "150000000"), ("20", None)]),
        # A table below 50 is the leverage for any size.
        ("hyperliquid", "ETH/USDC:USDC", "max_notional", [("40", None)]),
    ],
)
def test_brackets_that_a_venue_tells_elsewhere_are_asked(markets, venue, symbol, counted, expected):
    assert listed(markets, venue)[symbol].rules.brackets == tuple(
        LeverageBracket(D(leverage), **({} if size is None else {counted: D(size)}))
        for leverage, size in expected
    )


@pytest.mark.parametrize(
    ("venue", "symbol", "capital", "leverage", "notional"),
    [
        # Of 100,000 hundredfold 10,000,000 would be beyond the first 2,000,000: fiftyfold.
        ("bybit", "BTC/USDT:USDT", "100000", 50, 5000000),
        # One bitcoin hundredfold is below the first 150; five would be beyond it.
        ("bybit", "BTC/USD:BTC", "1", 100, 5000000),
        ("bybit", "BTC/USD:BTC", "5", 50, 12500000),
        # 60,000 contracts of 0.01 are 30,000,000 at 50,000.
        ("okx", "BTC/USDT:USDT", "400000", 50, 20000000),
        ("gate", "BTC/USDT:USDT", "8000", 125, 1000000),
        ("gate", "BTC/USDT:USDT", "40000", 100, 4000000),
        ("gate", "BTC/USD:BTC", "2", 50, 5000000),
        ("bitget", "BTC/USDT:USDT", "1000", 125, 125000),
        ("bitget", "BTC/USDT:USDT", "5000", 100, 500000),
        ("kucoin", "BTC/USDT:USDT", "10000", 100, 600000),
        ("hyperliquid", "BTC/USDC:USDC", "3000000", 40, 120000000),
        ("hyperliquid", "BTC/USDC:USDC", "10000000", 20, 200000000),
    ],
)
def test_an_order_is_sized_with_the_leverage_of_its_size(
    markets, venue, symbol, capital, leverage, notional
):
    rules = replace(listed(markets, venue)[symbol].rules, market_max_amount=None, max_amount=None)
    price = D(50000)
    terms = Terms(D(capital), leverage=D(125), utilisation=D(1), fee_rate=D(0))
    steps = LeverageSteps(rules, terms, price, D(0))

    amount = steps.amount_for(Fraction(capital))

    assert steps.of(amount).leverage == leverage
    assert amount * rules.quoted_worth_of_one(price) == notional


def with_brackets(monkeypatch, venue: str, **fields: Any) -> None:
    """From now on the row's brackets are asked in another way."""
    row = get_venue(venue)
    assert row.rules_call.brackets is not None
    call = replace(row.rules_call.brackets, pause_seconds=0, **fields)
    changed = replace(row, rules_call=replace(row.rules_call, brackets=call))
    monkeypatch.setattr(
        ccxt_markets, "get_venue", lambda each: changed if each == venue else get_venue(each)
    )


def asked_for_brackets(exchange) -> list[str]:
    paths = ("risk-limit", "position-tiers", "risk_limit_tiers", "position-lever")
    return [each for each in exchange.server.market_place.requests if any(p in each for p in paths)]


def test_all_pages_of_brackets_are_read_and_none_twice(markets, exchange, monkeypatch):
    with_brackets(monkeypatch, "gate", page_size=1)

    assert len(listed(markets, "gate")["ETH/USDT:USDT"].rules.brackets) == 2
    assert [each.rpartition("/")[2] for each in asked_for_brackets(exchange)] == [
        f"risk_limit_tiers?limit=1&offset={offset}" for offset in (0, 1, 2, 0, 1)
    ]


def test_the_cursor_of_a_page_leads_to_the_next(markets, exchange):
    listed(markets, "bybit")

    assert [each.rpartition("?")[2] for each in asked_for_brackets(exchange)] == [
        "category=linear",
        "category=linear&cursor=1",
        "category=inverse",
    ]


def test_names_are_asked_a_few_at_once(markets, exchange, monkeypatch):
    with_brackets(monkeypatch, "okx", names_at_once=2)

    listed(markets, "okx")

    assert [each.rpartition("=")[2].split("%2C") for each in asked_for_brackets(exchange)] == [
        ["BTC-USD", "BTC-USDT"],
        ["ETH-USDT"],
    ]


def test_one_name_in_each_request_starts_anywhere_and_all_are_asked(markets, exchange, monkeypatch):
    """Bitget, whose contracts may be more than a sync gets through."""
    with_brackets(monkeypatch, "bitget")
    monkeypatch.setattr(ccxt_brackets.random, "randrange", lambda number: number - 1)

    listed(markets, "bitget")

    assert [each.rpartition("?")[2] for each in asked_for_brackets(exchange)] == [
        "productType=USDC-FUTURES&symbol=BTCPERP",
        "productType=USDT-FUTURES&symbol=BTCUSDT",
        "productType=USDT-FUTURES&symbol=ETHUSDT",
    ]


def test_requests_at_once_start_a_pause_apart(markets, exchange, monkeypatch):
    """However long the answers take: three that wait are not three at once."""
    with_brackets(monkeypatch, "okx", names_at_once=1, requests_at_once=3)
    row = ccxt_markets.get_venue("okx")
    call = replace(row.rules_call.brackets, pause_seconds=0.2)
    paused = replace(row, rules_call=replace(row.rules_call, brackets=call))
    monkeypatch.setattr(ccxt_markets, "get_venue", lambda _: paused)
    started = []
    note = exchange.server.market_place.note
    monkeypatch.setattr(
        exchange.server.market_place,
        "note",
        lambda target: (started.append((time.monotonic(), target)), note(target)),
    )

    listed(markets, "okx")

    times = [at for at, target in started if "position-tiers" in target]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(gaps) == 2
    assert all(gap > 0.15 for gap in gaps)


def test_no_venue_waits_for_the_lists_or_the_brackets_of_another(exchange, monkeypatch):
    """Not even where prices are asked for one at a time."""
    monkeypatch.setattr(ccxt_markets, "LISTING_SECONDS", 4)
    exchange.server.market_place.fail_at("/v5/market/instruments-info", "timeout")
    markets = CcxtMarkets(venue_urls=exchange.server.venue_urls, concurrency=1)
    venues = ["bybit", "upbit", "bithumb", "kraken"]

    answers = markets.fetch_listings([get_venue(venue) for venue in venues])

    assert answers.pop("bybit").code is Code.EXCHANGE_TIMEOUT
    assert {venue for venue, answer in answers.items() if isinstance(answer, Reason)} == set()


def test_perpetuals_of_other_exchanges_on_the_chain_have_no_table_of_the_first():
    call = get_venue("hyperliquid").rules_call.brackets
    rules = InstrumentRules(
        symbol="XYZ-TSLA/USDC:USDC",
        kind=InstrumentKind.LINEAR,
        quote="USDC",
        settle="USDC",
        precision_mode=PrecisionMode.TICK_SIZE,
        amount_precision=D("0.001"),
    )
    (question,) = call.questions

    assert ccxt_brackets.is_about(question, rules, {"marginTableId": 56})
    assert not ccxt_brackets.is_about(question, rules, {"marginTableId": 56, "dex": "xyz"})


@pytest.mark.parametrize(
    ("name", "table", "expected"),
    [
        ("50", [], ()),
        ("0", [], ()),
        ("49", [], (LeverageBracket(D(49)),)),
        # What is listed says more than its number.
        ("49", [("0", 20)], (LeverageBracket(D(20)),)),
        (
            "56",
            [("100", 10), ("0.0", 40), ("20.5", 25)],
            (
                LeverageBracket(D(40), max_notional=D("20.5")),
                LeverageBracket(D(25), max_notional=D(100)),
                LeverageBracket(D(10)),
            ),
        ),
        ("56", [("0", 40), (None, 25)], ()),
        ("56", [("0", 40), ("100", None)], ()),
        ("56", [("0", 40), ("100", 0)], ()),
        ("56", [("0", 1)] * 101, ()),
        ("None", [], ()),
    ],
)
def test_tables_say_where_each_level_starts(name, table, expected):
    call = get_venue("hyperliquid").rules_call.brackets
    levels = [{"lowerBound": start, "maxLeverage": leverage} for start, leverage in table]

    assert ccxt_brackets._brackets(levels, name, call, InstrumentKind.LINEAR) == expected


BRACKETS_AT = {
    "bybit": "/v5/market/risk-limit",
    "okx": "/api/v5/public/position-tiers",
    "gate": "/api/v4/futures/{settle}/risk_limit_tiers",
    "bitget": "/api/v2/mix/market/query-position-lever",
    "kucoin": "/api/ua/v1/market/position-tiers",
    "hyperliquid": "/info#meta",
}


def test_every_venue_that_is_asked_for_brackets_is_tested_without_them():
    calls = {each.id: each.rules_call.brackets for each in VENUES.values()}
    asked = {name for name, call in calls.items() if call is not None and call.tells_sizes}
    assert asked == BRACKETS_AT.keys()


@pytest.mark.parametrize("fault", ["server_error", "rate_limited", "html", "empty_object"])
@pytest.mark.parametrize("venue", BRACKETS_AT)
def test_a_list_stands_without_its_brackets(markets, exchange, venue, fault, caplog):
    exchange.server.market_place.fail_at(BRACKETS_AT[venue], fault)

    found = listed(markets, venue)

    for each in found.values():
        is_spot = each.rules.kind is InstrumentKind.SPOT
        assert (each.rules.brackets, each.has_brackets) == ((), is_spot)
    first = next(each for each in found.values() if each.rules.kind is InstrumentKind.LINEAR)
    assert first.rules.max_leverage in (40, 100, 125)
    assert [venue in each.message for each in caplog.records if "brackets" in each.message] == [
        True
    ]


def test_brackets_have_what_the_lists_left_of_the_time(markets, exchange, monkeypatch):
    monkeypatch.setattr(ccxt_markets, "LISTINGS_WITHIN", timedelta(seconds=5))
    monkeypatch.setattr(ccxt_markets, "LISTING_SECONDS", 4)
    exchange.server.market_place.fail_at("/v5/market/instruments-info", "timeout")
    exchange.server.market_place.fail_at(BRACKETS_AT["okx"], "timeout")
    began_at = time.monotonic()

    answers = markets.fetch_listings([get_venue("bybit"), get_venue("okx")])

    # Not the four seconds and then another 65.
    assert time.monotonic() - began_at < 15
    assert isinstance(answers["bybit"], Reason)
    assert not any(each.has_brackets for each in answers["okx"] if ":" in each.rules.symbol)


def test_brackets_that_do_not_come_in_time_hold_up_no_list(markets, exchange, monkeypatch):
    monkeypatch.setattr(ccxt_markets, "BRACKETS_SECONDS", 0.3)
    exchange.server.market_place.fail_at(BRACKETS_AT["bybit"], "timeout")

    assert not listed(markets, "bybit")["BTC/USDT:USDT"].has_brackets


def test_a_refused_question_leaves_the_others(markets, monkeypatch, caplog):
    with_brackets(monkeypatch, "okx", names_at_once=1)
    monkeypatch.setattr(
        okx, "_TIERS", {name: each for name, each in okx._TIERS.items() if name != "BTC-USDT"}
    )

    found = listed(markets, "okx")

    assert {symbol: each.has_brackets for symbol, each in found.items() if ":" in symbol} == {
        "BTC/USDT:USDT": False,
        "ETH/USDT:USDT": True,
        "BTC/USD:BTC": True,
    }
    assert "okx refused 1 of the questions for leverage brackets." in caplog.text


@pytest.mark.parametrize(
    ("limits", "known"),
    [
        # A level without an end, one without a leverage, and more levels than there can be.
        ([("", "100")], 0),
        ([("2000000", "100"), ("4000000", "")], 0),
        ([(str(number), "100") for number in range(1, 102)], 0),
        ([("4000000", "50"), ("2000000", "100")], 2),
    ],
)
def test_levels_that_say_less_than_they_should_are_no_brackets(markets, monkeypatch, limits, known):
    monkeypatch.setattr(
        bybit, "_RISK_LIMITS", {**bybit._RISK_LIMITS, "linear": {"BTCUSDT": limits}}
    )

    found = listed(markets, "bybit")

    assert len(found["BTC/USDT:USDT"].rules.brackets) == known
    assert found["BTC/USDT:USDT"].has_brackets is (known > 0)
    # The other contract is not mentioned, and the one of the other question is.
    assert not found["ETH/USDT:USDT"].has_brackets
    assert found["BTC/USD:BTC"].has_brackets
    assert [each.leverage for each in found["BTC/USDT:USDT"].rules.brackets] == ([100, 50][:known])


def test_pages_that_do_not_end_are_no_answer(markets, monkeypatch):
    monkeypatch.setattr(ccxt_brackets, "_MOST_PAGES", 1)

    found = listed(markets, "bybit")

    assert not found["BTC/USDT:USDT"].has_brackets
    assert found["BTC/USDT"].has_brackets


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


@pytest.mark.parametrize("venue", sorted(set(VENUES) - {"hyperliquid"}))
def test_our_rounding_is_the_client_s_own(markets, venue):
    """Where ccxt truncates, not on Hyperliquid; the venue's own override of it included."""
    client = new_client(venue)
    for symbol, listing in listed(markets, venue).items():
        rules = listing.rules
        client.set_markets([ccxt_markets._market_of(client, quoted_as_listed(venue, listing))])
        precision = rules.amount_precision
        if rules.precision_mode is not PrecisionMode.TICK_SIZE:
            precision = int(precision)
        client.markets[symbol]["precision"]["amount"] = precision
        for amount in ("1.23456789123", "23.236", "1999.99999", "871.4999", "120.5"):
            ours = round_down(Fraction(amount), rules.precision_mode, rules.amount_precision)
            if ours:
                assert D(client.amount_to_precision(symbol, amount)) == ours, (symbol, amount)
            else:
                with pytest.raises(InvalidOrder):
                    client.amount_to_precision(symbol, amount)


@pytest.mark.parametrize("venue", VENUES)
def test_every_market_has_a_price(markets, venue):
    asked = [quoted_as_listed(venue, each) for each in listed(markets, venue).values()]

    answers = markets.fetch_prices(asked)

    for each in asked:
        expected = {"BTC": "61234.5", "ETH": "2987.65"}[each.base]
        if each.quote == "KRW":
            expected = {"BTC": "95000000", "ETH": "4600000"}[each.base]
        answer = answers[each]
        assert answer.last == D(expected)
        # Of a contract at Gate, and at Hyperliquid, nobody says what it is bought for.
        assert {answer.bid, answer.ask} <= {None, D(expected)}


def test_a_changed_price_is_read_to_the_last_digit(markets, exchange):
    exchange.server.market_place.set_price("BTC/USDT", "61234.123456789012345")
    asked = quoted("bybit", "BTC/USDT:USDT")

    assert markets.fetch_prices([asked])[asked].last == D("61234.123456789012345")


@pytest.mark.parametrize("price", ["0", "0.00000000", "-1"])
@pytest.mark.parametrize("venue", VENUES)
def test_a_price_that_is_not_above_zero_is_none(markets, exchange, monkeypatch, venue, price):
    """A market that is listed and not traded."""
    asked = [quoted_as_listed(venue, each) for each in listed(markets, venue).values()]
    place = exchange.server.market_place
    monkeypatch.setattr(place, "_prices", dict.fromkeys(place._prices, price))

    answers = markets.fetch_prices(asked)

    assert {answer.code for answer in answers.values()} == {Code.EXCHANGE_BAD_ANSWER}


def test_the_mark_of_a_derivative_is_the_venues_own(markets, exchange):
    exchange.server.market_place.set_price("BTC/USDT", "61234.123456789012345")
    linear, spot = quoted("binance", "BTC/USDT:USDT"), quoted("binance", "BTC/USDT")
    inverse = Quoted(
        "binance", "BTC/USD:BTC", "BTCUSD_PERP", InstrumentKind.INVERSE, "BTC", "USD", "BTC"
    )

    answers = markets.fetch_marks([linear, spot, inverse])

    assert answers[linear] == answers[spot] == D("61234.123456789012345")
    assert answers[inverse] == D("61234.5")
    assert {request.split("?")[0] for request in exchange.server.market_place.requests} == {
        "/fapi/v1/premiumIndex",
        "/dapi/v1/premiumIndex",
        "/api/v3/ticker/24hr",
    }


def test_a_mark_that_the_ticker_does_not_tell_is_none(markets):
    asked = quoted("hyperliquid", "BTC/USDC:USDC")

    assert markets.fetch_marks([asked])[asked].code is Code.EXCHANGE_BAD_ANSWER


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
@pytest.mark.parametrize("venue", VENUES)
def test_a_failing_list_is_a_reason(markets, exchange, venue, fault, code):
    exchange.server.market_place.fail(fault)

    answer = markets.fetch_listings([get_venue(venue)])[venue]

    assert isinstance(answer, Reason)
    assert answer.code is code


@pytest.mark.parametrize("venue", VENUES)
def test_an_empty_list_is_a_failure_and_not_a_venue_without_markets(markets, exchange, venue):
    exchange.server.market_place.fail("empty_object")

    assert isinstance(markets.fetch_listings([get_venue(venue)])[venue], Reason)


@pytest.mark.parametrize("fault", ["server_error", "rate_limited", "html", "empty_object"])
@pytest.mark.parametrize("venue", VENUES)
def test_a_failing_price_is_a_reason(markets, exchange, venue, fault):
    asked = quoted_as_listed(venue, next(iter(listed(markets, venue).values())))
    exchange.server.market_place.fail(fault)

    assert isinstance(markets.fetch_prices([asked])[asked], Reason)


def test_a_price_is_waited_for_no_longer_than_the_deadline(exchange):
    exchange.server.market_place.fail("timeout")
    asked = quoted("binance", "BTC/USDT")

    answer = CcxtMarkets(
        venue_urls=exchange.server.venue_urls, concurrency=10, price_seconds=0.3
    ).fetch_prices([asked])

    assert answer[asked] == Reason(Code.EXCHANGE_TIMEOUT, {"venue": "binance", "seconds": "0.3"})


def test_one_failing_price_leaves_the_others(markets, exchange):
    wrong = Quoted("binance", "XYZ/USDT", "XYZUSDT", InstrumentKind.SPOT, "XYZ", "USDT", "USDT")
    right = quoted("binance", "BTC/USDT")

    answers = markets.fetch_prices([wrong, right])

    assert isinstance(answers[wrong], Reason)
    assert answers[right].last == D("61234.5")


@pytest.mark.parametrize(
    "change",
    [
        {"type": "option"},
        {"precision": {"amount": None}},
        # Only a row may say what is a step where ccxt knows none.
        {"precision": {"amount": None}, "info": {"minQty": "1.00000000"}},
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


@pytest.mark.parametrize(
    ("quote", "expected"),
    [("USDT", 20000000), ("USDC", 20000000), ("USD", 20000000), ("EUR", None), ("BTC", None)],
)
@pytest.mark.parametrize("kind", ["spot", "swap"])
def test_values_in_dollars_bound_what_is_quoted_in_dollars(kind, quote, expected):
    """OKX's recorded contracts have a maxLmtAmt of 20,000,000, which ccxt drops."""
    market = {
        "symbol": f"ETH/{quote}" + (f":{quote}" if kind == "swap" else ""),
        "id": "ETH",
        "base": "ETH",
        "quote": quote,
        "settle": quote if kind == "swap" else None,
        "type": kind,
        "linear": kind == "swap",
        "inverse": False,
        "contractSize": D("0.1") if kind == "swap" else None,
        "active": True,
        "precision": {"amount": D("0.01")},
        "limits": {},
        "info": {"maxLmtAmt": "20000000", "maxMktAmt": ""},
    }

    listing = ccxt_markets._listing(market, get_venue("okx"), PrecisionMode.TICK_SIZE)

    assert listing.rules.max_cost == expected
    assert listing.rules.market_max_cost is None


@pytest.mark.parametrize(
    ("info", "step"),
    [
        ({"minQty": "1.00000000"}, 1),
        ({"minQty": "0.1"}, D("0.1")),
        ({"minQty": 5}, 5),
        ({"minQty": "0"}, None),
        ({"minQty": None}, None),
        ({}, None),
    ],
)
def test_the_smallest_order_is_a_step_where_ccxt_knows_none(info, step):
    """BingX's coin-margined contracts: what is accepted is a multiple of the step."""
    market = {
        "symbol": "BTC/USD:BTC",
        "id": "BTC-USD",
        "base": "BTC",
        "quote": "USD",
        "settle": "BTC",
        "type": "swap",
        "linear": False,
        "inverse": True,
        "contractSize": D(100),
        "active": True,
        "precision": {"amount": None},
        "limits": {},
        "info": info,
    }

    listing = ccxt_markets._listing(market, get_venue("bingx"), PrecisionMode.TICK_SIZE)

    assert (None if listing is None else listing.rules.amount_precision) == step


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
