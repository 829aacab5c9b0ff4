"""The rows of trading: each venue has one, and ccxt knows every method that it names."""

import ccxt.async_support
import pytest

from capital.domain.errors import BalanceUnavailable
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.exchange.calls.balances import Pace
from capital.exchange.ccxt.accounts import spare
from capital.exchange.trading.contract import Instrument
from capital.exchange.trading.instruments import Instruments
from capital.exchange.trading.read import client_id_in, given_id
from capital.exchange.trading.rows import Call, FillFields, FlowFields, Trading
from capital.exchange.trading.venues import TRADING, trading_of
from capital.exchange.venues import VENUES
from strategies.markets import MarketType


def calls_of(trading: Trading) -> list[Call[object]]:
    return [
        call
        for calls_by_pool in (trading.fills, trading.positions, trading.flows)
        for calls in calls_by_pool.values()
        for call in calls
    ]


def test_every_venue_with_a_row_says_what_it_tells_of_trading() -> None:
    assert list(TRADING) == list(VENUES)


@pytest.mark.parametrize("venue", VENUES)
def test_ccxt_has_every_method(venue: str) -> None:
    client = getattr(ccxt.async_support, venue)()

    calls = calls_of(TRADING[venue])
    methods = [each.method for each in calls]
    methods += [each.order.method for each in calls if each.order is not None]
    missing = [method for method in methods if not hasattr(client, method)]

    assert missing == []


@pytest.mark.parametrize("venue", VENUES)
def test_fills_are_asked_for_in_every_pool_and_positions_in_those_of_futures(venue: str) -> None:
    row, trading = VENUES[venue], TRADING[venue]

    assert set(trading.fills) == set(row.calls)
    assert all(trading.fills.values())
    if MarketType.FUTURES in row.markets:
        assert trading.positions.keys() - {Pool.SPOT} == row.calls.keys() - {Pool.SPOT}
    assert trading.untold


@pytest.mark.parametrize("venue", VENUES)
def test_a_fill_can_always_be_told_from_another_one(venue: str) -> None:
    fields: list[FillFields] = [
        call.fields for calls in TRADING[venue].fills.values() for call in calls
    ]

    assert all(each.fill_id or each.order_id for each in fields)


@pytest.mark.parametrize("venue", VENUES)
def test_what_was_withdrawn_is_told_with_its_fee(venue: str) -> None:
    """What left the account, not what arrived elsewhere; Deribit tells how the balance changed."""
    fields: list[FlowFields] = [
        call.fields for calls in TRADING[venue].flows.values() for call in calls
    ]
    amounts = [
        each.amount
        for each in fields
        if FlowKind.WITHDRAWAL in {kind for said in each.kind for kind in said.meanings.values()}
    ]

    assert all("fee" in str(amount).lower() or amount == "change" for amount in amounts)


def test_an_order_says_its_client_order_id_or_is_none() -> None:
    (call,) = TRADING["binance"].fills[Pool.SPOT]
    assert call.order is not None

    assert client_id_in({"clientOrderId": "grid-1"}, call.order, "binance", None) == "grid-1"
    assert client_id_in({"orderId": 7}, call.order, "binance", None) == ""
    with pytest.raises(BalanceUnavailable):
        client_id_in([], call.order, "binance", None)


@pytest.mark.parametrize(
    ("venue", "told", "given"),
    [
        ("gate", "t-grid7", "t-grid7"),
        ("gate", "apiv4", ""),
        ("gate", "web", ""),
        ("gate", "", ""),
        ("binance", "grid7", "grid7"),
        ("binance", "adl_autoclose", ""),
        ("htx", "7", "7"),
    ],
)
def test_a_word_of_the_venue_is_no_name_of_an_order(venue: str, told: str, given: str) -> None:
    """Many orders bear it: they would be taken for one, and for the strategy of one of them."""
    ids = trading_of(venue).order_ids
    (call,) = TRADING["binance"].fills[Pool.SPOT]
    assert call.order is not None

    assert given_id(told, ids) == given
    assert client_id_in({"clientOrderId": told}, call.order, venue, ids) == given


@pytest.mark.parametrize("venue", VENUES)
def test_a_tag_as_it_is_written_there_is_told_again(venue: str) -> None:
    ids = trading_of(venue).order_ids

    if ids is not None:
        assert ids.given(f"{ids.prefix}{ids.written('grid7')}1") == f"{ids.prefix}grid71"


def test_a_venue_without_a_row_tells_nothing() -> None:
    trading = trading_of("whitebit")

    assert calls_of(trading) == []
    assert trading.untold == ("nothing: its answers were never verified",)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTC-USDT", "BTC/USDT"),
        ("btcusdt", "BTC/USDT"),
        ("POLY-USDT", "POLY/USDT"),
        ("POLY/USDT", "POLY/USDT"),
        ("KRW-POLY", "POLY/KRW"),
        ("polyusdt", "POLY/USDT"),
        ("XICNXXBT", "ICN/BTC"),
        ("POLY-EUR", None),
        ("POLY-XUSDT", None),
        ("USDT", None),
    ],
)
def test_a_pair_that_is_no_longer_listed_is_known_by_its_name(
    name: str, symbol: str | None
) -> None:
    listed = [
        Instrument(f"BTC/{quote}", f"BTC{quote}", InstrumentKind.SPOT, "BTC", quote, quote)
        for quote in ("USDT", "KRW")
    ]
    listed.append(Instrument("ETH/BTC", "XETHXXBT", InstrumentKind.SPOT, "ETH", "BTC", "BTC"))
    known = Instruments(listed, "pair", str.upper)

    found = known.find(name, {InstrumentKind.SPOT})

    assert (found and found.symbol) == symbol


def test_a_contract_that_is_not_listed_is_not_guessed() -> None:
    known = Instruments([], "id", str.upper)

    assert known.find("BTC-USDT-SWAP", {InstrumentKind.LINEAR}) is None


@pytest.mark.parametrize(
    ("pace", "part"),
    [
        (Pace(5400, 45), Pace(1080, 9)),
        (Pace(1080, 9), Pace(216, 1)),
        (Pace(None, 13, 45), Pace(None, 2, 45)),
        (Pace(4, 4, 2), Pace(1, 1, 3)),
    ],
)
def test_a_fifth_of_a_pace_is_spare(pace: Pace, part: Pace) -> None:
    assert spare(pace) == part
