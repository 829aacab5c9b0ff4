"""A name means one instrument, or it is refused with those that it may have meant."""

import pytest

from capital.domain.errors import UnknownSymbol
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.nearest import nearest
from capital.domain.sizing.symbols import Listed, Listing, Named
from strategies.markets import MarketType

SPOT, LINEAR, INVERSE = InstrumentKind.SPOT, InstrumentKind.LINEAR, InstrumentKind.INVERSE
BINANCE = [
    Listed("BTC/USDT", "BTCUSDT", SPOT, "BTC", "USDT", "USDT"),
    Listed("BTC/USDC", "BTCUSDC", SPOT, "BTC", "USDC", "USDC"),
    Listed("PEPE/USDT", "PEPEUSDT", SPOT, "PEPE", "USDT", "USDT"),
    Listed("BTC/USDT:USDT", "BTCUSDT", LINEAR, "BTC", "USDT", "USDT"),
    Listed("BTC/USDT:USDT-270326", "BTCUSDT_270326", LINEAR, "BTC", "USDT", "USDT"),
    Listed("BTC/USDC:USDC", "BTCUSDC", LINEAR, "BTC", "USDC", "USDC"),
    Listed("BTC/USD:BTC", "BTCUSD_PERP", INVERSE, "BTC", "USD", "BTC"),
    Listed("1000PEPE/USDT:USDT", "1000PEPEUSDT", LINEAR, "1000PEPE", "USDT", "USDT"),
    Listed("OLD/USDT:USDT", "OLDUSDT", LINEAR, "OLD", "USDT", "USDT", is_active=False),
]
FUTURES = MarketType.FUTURES


def listing(market: MarketType = FUTURES, currency: str = "USDT", **fields: object) -> Listing:
    return Listing(
        **{
            "venue": "binance",
            "listed": BINANCE,
            "market": market,
            "currency": currency,
            "prefixes": {"BINANCE"},
            **fields,
        }
    )


def refusal(asked: str, of: Listing | None = None) -> UnknownSymbol:
    with pytest.raises(UnknownSymbol) as refused:
        (of or listing()).find(asked)
    return refused.value


@pytest.mark.parametrize(
    "asked",
    ["BTC/USDT:USDT", "btc/usdt:usdt", "BTCUSDT", " btcusdt\n", "BTCUSDT.P", "btcusdt.p",
     "BINANCE:BTCUSDT", "BINANCE:BTCUSDT.P", "binance:btcusdt.p"],
)  # fmt: skip
def test_a_futures_strategy_means_the_perpetual_contract(asked: str) -> None:
    assert listing().find(asked) == Named("BTC/USDT:USDT")


@pytest.mark.parametrize("asked", ["BTC/USDT", "BTCUSDT", "BINANCE:BTCUSDT", "btcusdt"])
def test_a_spot_strategy_means_the_pair(asked: str) -> None:
    assert listing(MarketType.SPOT).find(asked) == Named("BTC/USDT")


def test_what_is_meant_is_paid_in_the_account_s_currency() -> None:
    assert listing(currency="BTC").find("BTCUSD.P").symbol == "BTC/USD:BTC"
    assert listing(currency="USDC").find("BTCUSDC").symbol == "BTC/USDC:USDC"
    assert refusal("BTCUSDC").code is Code.UNKNOWN_SYMBOL
    both = listing(currency="USD", stands_for={"USDT", "USDC"})
    assert both.find("BTCUSDC").symbol == "BTC/USDC:USDC"
    spot = listing(MarketType.SPOT, "USD", stands_for={"USDT"})
    assert refusal("BTCUSDT", spot).code is Code.UNKNOWN_SYMBOL


def test_a_perpetual_ticker_is_no_pair_of_spot() -> None:
    assert refusal("BTCUSDT.P", listing(MarketType.SPOT)).code is Code.UNKNOWN_SYMBOL


def test_a_symbol_of_the_other_market_stays_itself_and_is_refused_for_what_it_is() -> None:
    assert listing().find("btc/usdt") == Named("BTC/USDT")


def test_a_venue_s_own_id_names_a_contract_with_a_last_day() -> None:
    assert listing().find("btcusdt_270326").symbol == "BTC/USDT:USDT-270326"


def test_a_contract_with_a_last_day_is_meant_where_there_is_no_perpetual_one() -> None:
    dated = [each for each in BINANCE if each.symbol != "BTC/USDT:USDT"]

    assert listing(listed=dated).find("BTCUSDT").symbol == "BTC/USDT:USDT-270326"
    assert refusal("BTCUSDT.P", listing(listed=dated)).code is Code.UNKNOWN_SYMBOL


def test_several_that_fit_are_named_and_none_is_chosen() -> None:
    later = Listed("BTC/USDT:USDT-270625", "BTCUSDT_270625", LINEAR, "BTC", "USDT", "USDT")
    dated = [*(each for each in BINANCE if each.symbol != "BTC/USDT:USDT"), later]

    error = refusal("BTCUSDT", listing(listed=dated))

    assert error.code is Code.AMBIGUOUS_SYMBOL
    assert error.reason.figures["symbols"] == "BTC/USDT:USDT-270326, BTC/USDT:USDT-270625"


def test_letters_of_the_right_case_go_before_others() -> None:
    names = [
        Listed("kPEPE/USDC:USDC", "1", LINEAR, "kPEPE", "USDC", "USDC"),
        Listed("KPEPE/USDC:USDC", "2", LINEAR, "KPEPE", "USDC", "USDC"),
    ]
    one = listing(currency="USDC", listed=names)

    assert one.find("kPEPEUSDC").symbol == "kPEPE/USDC:USDC"
    assert one.find("KPEPEUSDC").symbol == "KPEPE/USDC:USDC"
    assert refusal("kpepeusdc", one).code is Code.AMBIGUOUS_SYMBOL


@pytest.mark.parametrize("asked", ["PEPEUSDT.P", "PEPEUSDT", "PEPE/USDT:USDT"])
def test_a_thousand_of_a_coin_is_never_one_of_it(asked: str) -> None:
    error = refusal(asked)

    assert error.code is Code.UNKNOWN_SYMBOL
    assert error.reason.figures["nearest"].startswith("1000PEPE/USDT:USDT")


def test_another_exchange_s_name_is_ignored_and_told() -> None:
    assert listing().find("BYBIT:BTCUSDT.P") == Named("BTC/USDT:USDT", "BYBIT")
    assert listing().find("binance : BTCUSDT") == Named("BTC/USDT:USDT")


def test_what_stands_before_a_colon_of_a_symbol_is_its_own() -> None:
    names = [
        Listed("XYZ:T/USDC:USDC", "110001", LINEAR, "XYZ:T", "USDC", "USDC"),
        Listed("T/USDC:USDC", "12", LINEAR, "T", "USDC", "USDC"),
    ]

    found = listing(currency="USDC", listed=names).find("xyz:t/usdc:usdc")

    assert found == Named("XYZ:T/USDC:USDC")


def test_upbit_s_ticker_turns_its_id_round() -> None:
    rows = [
        Listed("BTC/KRW", "KRW-BTC", SPOT, "BTC", "KRW", "KRW"),
        Listed("BTC/USDT", "USDT-BTC", SPOT, "BTC", "USDT", "USDT"),
    ]
    upbit = Listing(
        "upbit", rows, market=MarketType.SPOT, currency="KRW", prefixes=frozenset({"UPBIT"})
    )

    for asked in ("UPBIT:BTCKRW", "BTCKRW", "KRW-BTC", "BTC/KRW"):
        assert upbit.find(asked) == Named("BTC/KRW")


def test_what_is_no_longer_traded_is_meant_only_where_nothing_traded_is() -> None:
    dated = Listed("OLD/USDT:USDT-270326", "OLDUSDT_270326", LINEAR, "OLD", "USDT", "USDT")

    assert listing().find("OLDUSDT").symbol == "OLD/USDT:USDT"
    assert listing(listed=[*BINANCE, dated]).find("OLDUSDT").symbol == "OLD/USDT:USDT-270326"


def test_a_name_like_nothing_still_gets_names() -> None:
    assert refusal("§").reason.figures["nearest"] == "1000PEPE/USDT:USDT, BTC/USD:BTC, BTC/USDC"


def test_the_nearest_names_are_those_with_most_in_common() -> None:
    names = ["BTC/USDT", "ETH/USDT", "BTC/KRW", "XRP/EUR"]

    assert nearest("BTCUST", names, most=2) == ["BTC/USDT", "BTC/KRW"]
    assert nearest("", names) == nearest("§", names) == []
    assert nearest("sdie", ["side", "symbol", "qty"], most=1) == ["side"]
