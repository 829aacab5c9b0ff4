"""Names against what a venue lists: of the right venue, market and currency."""

import pytest

from capital.domain.errors import UnknownSymbol
from capital.domain.reasons import Code
from capital.domain.sizing.symbols import Named
from capital.exchange.venues import VENUES
from capital.services.markets.symbols import Directory, canonical_symbols, unknown_symbol
from strategies.markets import MarketType
from tests.factories import make_market

pytestmark = pytest.mark.django_db

SWAP = "BTC/USDT:USDT"


def test_each_venue_has_its_own_names() -> None:
    make_market(SWAP)
    make_market("ETH/USDT:USDT", venue="okx", market_id="ETH-USDT-SWAP")
    directory = Directory.of(["binance", "okx", "bybit"])

    binance = directory.listing("binance", MarketType.FUTURES, "USDT")
    okx = directory.listing("okx", MarketType.FUTURES, "USDT")

    assert (binance.find("BTCUSDT"), okx.find("eth-usdt-swap")) == (
        Named(SWAP), Named("ETH/USDT:USDT"),
    )  # fmt: skip
    for listing, other in ((binance, "ETHUSDT"), (okx, "BTCUSDT")):
        with pytest.raises(UnknownSymbol):
            listing.find(other)
    assert [directory.is_synced(venue) for venue in ("binance", "okx", "bybit")] == [
        True, True, False,
    ]  # fmt: skip


def test_symbols_that_are_known_cost_one_query_and_names_one_more(
    django_assert_num_queries,
) -> None:
    make_market(SWAP)
    of = {"venue": "binance", "market": MarketType.FUTURES, "currency": "USDT"}

    with django_assert_num_queries(1):
        assert canonical_symbols({SWAP: "symbol"}, **of) == {SWAP: Named(SWAP)}
    with django_assert_num_queries(2):
        found = canonical_symbols({SWAP: "a", "OKX:BTCUSDT.P": "b", "BINANCE:BTCUSDT": "c"}, **of)
    assert found == {
        SWAP: Named(SWAP),
        "OKX:BTCUSDT.P": Named(SWAP, "OKX"),
        "BINANCE:BTCUSDT": Named(SWAP),
    }


def test_a_name_that_means_nothing_is_refused_at_its_field_unless_it_is_held() -> None:
    make_market(SWAP)
    of = {"venue": "binance", "market": MarketType.FUTURES, "currency": "USDT"}

    with pytest.raises(UnknownSymbol) as refused:
        canonical_symbols({SWAP: "a", "NO": "b"}, **of)

    assert (refused.value.code, refused.value.field) == (Code.UNKNOWN_SYMBOL, "b")
    assert canonical_symbols({"NO": "b"}, **of, held=frozenset({"NO"})) == {"NO": Named("NO")}
    assert canonical_symbols({"NO": "b"}, **{**of, "venue": "okx"}) == {"NO": Named("NO")}


def test_an_unknown_symbol_names_the_nearest_of_its_venue() -> None:
    make_market(SWAP)
    make_market("BTC/USDT", venue="okx")

    error = unknown_symbol("BTC/USTD:USDT", venue="binance", field="fills.3.symbol")

    assert (error.field, error.reason.figures["nearest"]) == ("fills.3.symbol", SWAP)


def test_a_venue_is_known_by_what_tradingview_calls_it() -> None:
    assert VENUES["gate"].ticker_prefixes == {"GATEIO", "GATE"}
    assert VENUES["upbit"].ticker_prefixes == {"UPBIT"}
    make_market(SWAP, venue="krakenfutures", market_id="PF_XBTUSDT")
    make_market(SWAP, venue="no_such_venue")
    directory = Directory.of(["krakenfutures", "no_such_venue"])

    futures = directory.listing("krakenfutures", MarketType.FUTURES, "USDT")
    other = directory.listing("no_such_venue", MarketType.FUTURES, "USDT")

    assert futures.find("KRAKEN:BTCUSDT.P") == Named(SWAP)
    assert futures.find("BYBIT:BTCUSDT.P") == Named(SWAP, "BYBIT")
    assert other.find("NO_SUCH_VENUE:BTCUSDT") == Named(SWAP)
