from typing import get_args

import pytest

from capital.domain.errors import UnknownVenue
from capital.domain.pools import Pool, WalletMode
from capital.exchange.venues import VENUES, Credential, get_venue
from strategies.markets import MarketType

ROWS = pytest.mark.parametrize("venue", VENUES.values(), ids=VENUES)


@pytest.mark.parametrize(
    ("venue_id", "currency", "wallet_mode", "pools", "markets"),
    [
        ("binance", "USDT", "separate", ("spot", "futures"), {"spot", "futures"}),
        ("bybit", "USDT", "unified", ("unified",), {"spot", "futures"}),
        ("okx", "USDT", "unified", ("unified",), {"spot", "futures"}),
        ("upbit", "KRW", "separate", ("spot",), {"spot"}),
        ("bithumb", "KRW", "separate", ("spot",), {"spot"}),
    ],
)
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
def test_key_and_secret_are_needed_everywhere(venue):
    assert set(venue.credentials) <= set(get_args(Credential))
    assert {"api_key", "api_secret"} <= set(venue.credentials)
    assert len(set(venue.credentials)) == len(venue.credentials)


def test_okx_needs_a_passphrase():
    assert "api_passphrase" in get_venue("okx").credentials


@ROWS
def test_the_usual_currency_is_in_capitals(venue):
    assert venue.currency.isupper()


@ROWS
def test_ids_and_currencies_fit_their_columns(venue):
    assert len(venue.id) <= 32
    assert len(venue.currency) <= 16


@ROWS
def test_the_way_to_the_holdings_is_keys_and_positions(venue):
    for call in venue.calls.values():
        assert all(isinstance(step, str | int) for step in call.holdings)


def test_only_venues_that_document_it_may_leave_currencies_out():
    omitting = {
        (venue.id, pool)
        for venue in VENUES.values()
        for pool, call in venue.calls.items()
        if call.omits_empty
    }

    assert omitting == {("bybit", Pool.UNIFIED), ("okx", Pool.UNIFIED)}


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        VENUES["ftx"] = get_venue("binance")


@pytest.mark.parametrize("unknown", ["ftx", "", "Binance", "binance "])
def test_an_unknown_venue_is_refused_with_the_known_ones(unknown):
    with pytest.raises(UnknownVenue) as refused:
        get_venue(unknown)

    assert str(refused.value) == (
        f"{unknown} is not a known venue. Known are: binance, bithumb, bybit, okx, upbit."
    )
