from decimal import Decimal
from textwrap import dedent
from typing import Any, get_args

import pytest

from capital.domain.balances import BalanceBasis
from capital.domain.errors import UnknownVenue
from capital.domain.pools import Pool, WalletMode
from capital.exchange.answers import read_balance
from capital.exchange.calls.places import TheRow
from capital.exchange.venue_table import BEGIN, END, brackets_table, venues_table, with_table
from capital.exchange.venues import VENUES, Credential, get_venue
from strategies.markets import MarketType
from tests.paths import ROOT


def calls_of(venue):
    return [call for calls in venue.calls.values() for call in calls]


ROWS = pytest.mark.parametrize("venue", VENUES.values(), ids=VENUES)


# Venue, usual currency, usual wallet mode, its pools, and markets.
THE_VENUES = [
    ("binance", "USDT", "separate", ("spot", "futures"), {"spot", "futures"}),
    ("bybit", "USDT", "unified", ("unified",), {"spot", "futures"}),
    ("okx", "USDT", "unified", ("unified",), {"spot", "futures"}),
    ("bitget", "USDT", "separate", ("spot", "futures"), {"spot", "futures"}),
    ("gate", "USDT", "separate", ("spot", "futures"), {"spot", "futures"}),
    ("kucoin", "USDT", "separate", ("spot", "futures"), {"spot", "futures"}),
    ("kraken", "USD", "separate", ("spot",), {"spot"}),
    ("krakenfutures", "USD", "separate", ("futures",), {"futures"}),
    ("coinbase", "USD", "separate", ("spot", "futures"), {"spot", "futures"}),
    ("hyperliquid", "USDC", "separate", ("spot", "futures"), {"spot", "futures"}),
    ("deribit", "BTC", "unified", ("unified",), {"spot", "futures"}),
    ("mexc", "USDT", "separate", ("spot", "futures"), {"spot", "futures"}),
    ("htx", "USDT", "separate", ("spot", "futures"), {"spot", "futures"}),
    ("bingx", "USDT", "separate", ("spot", "futures"), {"spot", "futures"}),
    ("upbit", "KRW", "separate", ("spot",), {"spot"}),
    ("bithumb", "KRW", "separate", ("spot",), {"spot"}),
]


def test_every_venue_is_one_of_these():
    assert sorted(row[0] for row in THE_VENUES) == sorted(VENUES)


@pytest.mark.parametrize(("venue_id", "currency", "wallet_mode", "pools", "markets"), THE_VENUES)
def test_the_venues_are_these(venue_id, currency, wallet_mode, pools, markets):
    venue = get_venue(venue_id)

    assert venue.currency == currency
    assert venue.usual_wallet_mode == wallet_mode
    assert venue.pools(venue.usual_wallet_mode) == pools
    assert venue.markets == markets


@ROWS
def test_a_row_is_found_by_its_id(venue):
    assert get_venue(venue.id) is venue


@ROWS
def test_a_call_exists_for_each_pool_of_each_mode_and_for_no_other(venue):
    pools = {pool for mode in venue.wallet_modes for pool in venue.pools(mode)}

    assert set(venue.calls) == pools
    assert pools


@ROWS
def test_markets_and_modes_are_given_once(venue):
    assert venue.markets
    assert venue.markets <= set(MarketType)
    assert venue.wallet_modes
    assert len(set(venue.wallet_modes)) == len(venue.wallet_modes)


@ROWS
def test_a_single_market_venue_keeps_separate_wallets(venue):
    if len(venue.markets) == 1:
        assert venue.wallet_modes == (WalletMode.SEPARATE,)


@ROWS
def test_what_signs_is_needed_everywhere_but_where_an_address_is_enough(venue):
    needed = {"api_key"} if venue.id == "hyperliquid" else {"api_key", "api_secret"}
    assert set(venue.credentials) <= set(get_args(Credential))
    assert needed <= set(venue.credentials)
    assert set(venue.credentials) <= set(venue.ccxt_credentials)
    assert len(set(venue.credentials)) == len(venue.credentials)


def test_three_venues_need_a_passphrase():
    needing = {venue.id for venue in VENUES.values() if "api_passphrase" in venue.credentials}

    assert needing == {"okx", "bitget", "kucoin"}


@ROWS
def test_the_usual_currency_is_in_capitals(venue):
    assert venue.currency.isupper()


@ROWS
def test_ids_and_currencies_fit_their_columns(venue):
    assert len(venue.id) <= 32
    assert len(venue.currency) <= 16


@ROWS
def test_every_pool_gives_or_refuses_each_basis(venue):
    for call in calls_of(venue):
        assert set(call.formulas) | set(call.refused) == set(BalanceBasis)
        assert not set(call.formulas) & set(call.refused)


@ROWS
def test_every_pool_is_asked_for_in_any_currency(venue):
    for mode in venue.wallet_modes:
        for pool in venue.pools(mode):
            for currency in ("USDT", "USDC", "USD", "KRW", "BTC", "DOGE", venue.currency):
                assert venue.call(pool, currency)


@ROWS
def test_the_way_to_the_holdings_is_keys_and_positions(venue):
    for call in calls_of(venue):
        assert all(isinstance(step, str | int | TheRow) for step in call.holdings.path)


def test_only_venues_that_document_it_may_leave_currencies_out():
    omitting = {
        (venue.id, pool)
        for venue in VENUES.values()
        for pool, calls in venue.calls.items()
        for call in calls
        if call.omits_empty
    }

    assert omitting == {
        ("bybit", Pool.UNIFIED),
        ("okx", Pool.UNIFIED),
        ("bitget", Pool.SPOT),
        ("bitget", Pool.UNIFIED),
        ("hyperliquid", Pool.SPOT),
        ("hyperliquid", Pool.UNIFIED),
        ("krakenfutures", Pool.FUTURES),
    }


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        VENUES["ftx"] = get_venue("binance")


@pytest.mark.parametrize("unknown", ["ftx", "", "Binance", "binance "])
def test_an_unknown_venue_is_refused_with_the_known_ones(unknown):
    with pytest.raises(UnknownVenue) as refused:
        get_venue(unknown)

    known = ", ".join(sorted(VENUES))
    assert (
        str(refused.value)
        == f"Unknown exchange: {unknown}. Tested ones: {known}. Name any other by its ccxt id."
    )


def test_the_page_says_what_the_rows_say():
    page = (ROOT / "docs" / "venues.md").read_text(encoding="utf-8")

    assert with_table(page) == page, "run make venues"


def test_the_table_has_a_line_for_every_pool():
    table = venues_table()

    for venue in VENUES.values():
        for mode in venue.wallet_modes:
            for pool in venue.pools(mode):
                assert f"| `{venue.id}` | {markets_of(venue)} | {mode} | {pool}" in table


def markets_of(venue):
    return " and ".join(sorted(venue.markets, reverse=True))


def test_a_page_without_a_place_for_the_table_is_refused():
    with pytest.raises(ValueError, match="no place for the table"):
        with_table("# Venues")
    with pytest.raises(ValueError, match="no place for the table"):
        with_table(f"{BEGIN}\n{END}")


@ROWS
def test_a_venue_that_trades_futures_says_where_its_brackets_are_or_why_nowhere(venue):
    call = venue.rules_call
    told = [call.margins is not None, call.asks_for_brackets, bool(call.no_brackets)]

    assert sum(told) == (MarketType.FUTURES in venue.markets)
    assert (f"| `{venue.id}` |" in brackets_table()) is any(told)


def test_brackets_of_one_wallet_mode_are_of_no_other():
    holding = {
        (venue.id, mode.value)
        for venue in VENUES.values()
        for mode in venue.wallet_modes
        if not venue.rules_call.brackets_hold_for(mode)
    }

    assert holding == {("bitget", "unified"), ("kucoin", "separate")}


@pytest.mark.parametrize("venue_id", ["phemex", "whitebit"])
def test_a_venue_that_only_ccxt_knows_is_generic_and_unproven(venue_id):
    venue = get_venue(venue_id)

    assert not venue.is_proven
    assert venue.markets == set(MarketType)
    assert venue.wallet_modes == (WalletMode.SEPARATE,)
    assert venue.bases(WalletMode.SEPARATE, "USDT") == (BalanceBasis.WALLET, BalanceBasis.FREE)
    assert venue.sandbox is None


@pytest.mark.parametrize("not_one", ["base", "__init__", "../binance", "ws", "exchange"])
def test_what_is_no_venue_of_ccxt_is_none_here(not_one):
    with pytest.raises(UnknownVenue):
        get_venue(not_one)


def test_the_worked_example_of_the_page_reads_what_it_says():
    page = (ROOT / "docs" / "venues.md").read_text(encoding="utf-8")
    example = dedent(page.partition("   ```python\n")[2].partition("   ```\n")[0])
    module: dict[str, Any] = {}
    exec(compile(example, "docs/venues.md", "exec"), module)
    (venue,) = module["ROWS"]
    body = {
        "BTC": {"available": "0.123", "freeze": "1"},
        "XMR": {"available": "3013", "freeze": "100"},
    }

    read = [
        read_balance(
            {"total": {}},
            venue.call(Pool.SPOT, "BTC"),
            pages=[body],
            venue=venue.id,
            currency="BTC",
            basis=basis,
            code_of=str.upper,
        )
        for basis in BalanceBasis
    ]

    assert read == [Decimal("1.123"), Decimal("1.123"), Decimal("0.123")]
