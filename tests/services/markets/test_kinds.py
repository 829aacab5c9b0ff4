"""Kinds of rules that were once read wrong at one venue, tried at every one.

Each walks over the venue table: a new venue is tried as well, and fails where nothing is stated.
"""

from decimal import Decimal
from typing import Any

import pytest

from capital.domain.money import plain
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import InstrumentKind
from capital.exchange.ccxt import markets as ccxt_markets
from capital.exchange.venues import VENUES, get_venue
from capital.models import Account, Market
from capital.services.markets.prices import forget_prices
from capital.services.markets.rules import sync_markets
from capital.services.markets.stored import RULE_COLUMNS, rules_of
from capital.services.sizing.orders import SizedOrder, size_orders
from capital.services.trading.positions import position_holds
from tests.domain.sizing.builders import order
from tests.factories import make_account, make_link, make_position

pytestmark = pytest.mark.django_db

EACH = pytest.mark.parametrize("venue", VENUES)
RICH = "1000000000000"


@pytest.fixture(autouse=True)
def _no_price_of_another_test() -> None:
    forget_prices()


def traded(venue: str) -> list[Market]:
    """One market in bitcoin of each kind and quote currency."""
    sync_markets([venue])
    markets = Market.objects.filter(venue=venue, base="BTC", is_active=True)
    assert {InstrumentKind(market.kind).market_type for market in markets} == get_venue(
        venue
    ).markets
    return list(markets)


def sized(market: Market, capital: str = RICH, position: str = "", **fields: Any) -> SizedOrder:
    account = make_account(venue=market.venue, currency=market.settle)
    link = make_link(
        account=account,
        market_type="spot" if market.kind == "spot" else "futures",
        capital=capital if market.settle in ("KRW", "USDT", "USD", "USDC") else "1000000",
    )
    if position:
        make_position(link, position, market.symbol)
    (answer,) = size_orders([link.pk], [order(symbol=market.symbol, **fields)])
    return answer


# Maxima: of each venue, by kind, the largest limit order and the largest market orders to buy and
# to sell, by amount or by value; None where the venue tells none to everyone.
MAXIMA: dict[str, dict[str, tuple[str | None, str | None, str | None]]] = {
    "binance": {
        "spot": ("9000", "112.2", "112.2"),
        "linear": ("1000", "120", "120"),
        "inverse": ("1000000", "60000", "60000"),
    },
    "bybit": {
        "spot": ("value 8000000", "120", "120"),
        "linear": ("1190", "500", "500"),
        "inverse": ("25000000", "5000000", "5000000"),
    },
    "okx": {
        "spot": ("value 2000000", "value 1000000", "value 1000000"),
        "linear": ("100000000", "30000", "30000"),
        "inverse": ("100000000", "30000", "30000"),
    },
    "bitget": {
        "spot": (None, None, None),
        "linear": ("1200", "220", "220"),
        "inverse": ("1200", "220", "220"),
    },
    "gate": {
        "spot": ("value 5000000", "value 1000000", "value 1000000"),
        "linear": ("1000000", "666666", "666666"),
        "inverse": ("10000000", "6666666", "6666666"),
    },
    "kucoin": {
        "spot": ("value 99999999", "value 99999999", "value 99999999"),
        "linear": ("1000000", "500000", "500000"),
        "inverse": ("10000000", "5000000", "5000000"),
    },
    "kraken": {"spot": (None, None, None)},
    "krakenfutures": {
        "linear": ("1000000", "1000000", "1000000"),
        "inverse": ("1000000", "1000000", "1000000"),
    },
    "coinbase": {
        "spot": ("value 150000000", "value 150000000", "value 150000000"),
        "linear": ("value 100000000", "value 100000000", "value 100000000"),
    },
    "hyperliquid": {
        "spot": (None, None, None),
        "linear": ("value 150000000", "value 15000000", "value 15000000"),
    },
    "deribit": {
        "spot": (None, None, None),
        "linear": (None, None, None),
        "inverse": (None, None, None),
    },
    "mexc": {
        "spot": ("value 4000000", "value 2000000", "value 2000000"),
        "linear": ("1000000", "1000000", "1000000"),
        "inverse": ("1000000", "1000000", "1000000"),
    },
    "htx": {
        "spot": ("1000", "value 1000000", "100"),
        "linear": (None, None, None),
        "inverse": (None, None, None),
    },
    "bingx": {
        "spot": ("value 500000", "value 100000", "value 100000"),
        "linear": (None, None, None),
        "inverse": (None, None, None),
    },
    "upbit": {"spot": ("value 1000000000", "value 1000000000", "value 1000000000")},
    "bithumb": {"spot": (None, None, None)},
}


def bound(answer: SizedOrder, *values: Decimal | None) -> str | None:
    """What bounds an order: its amount, the least of ``values``, or nothing that is told."""
    assert answer.error is None, answer.error
    if answer.bound_by == "max_amount":
        return plain(answer.amount.normalize())
    if answer.bound_by == "max_cost":
        return f"value {plain(min(each for each in values if each).normalize())}"
    return None


@EACH
def test_largest_order_is_what_the_venue_allows(exchange, venue: str) -> None:
    """Of an account that could pay for far more."""
    for market in traded(venue):
        Market.objects.filter(pk=market.pk).update(leverage_brackets=[])
        price = "95000000" if market.quote == "KRW" else "61234.5"
        # A sale on spot is of what is there, so it is asked for by quantity.
        selling = {"qty": "100000000"} if market.kind == "spot" else {"qty_per": "50"}
        of_any, of_market = market.max_cost, market.market_max_cost

        found = (
            bound(sized(market, qty_per="50", order_type="LIMIT", price=price), of_any),
            bound(sized(market, qty_per="50"), of_any, of_market, market.market_buy_max_cost),
            bound(sized(market, side="sell", **selling), of_any, of_market),
        )

        assert found == MAXIMA[venue][market.kind], market.symbol


# Duplicates


@pytest.fixture
def everything_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on every list of markets has each market twice, first as one that is delisted."""
    new_client = ccxt_markets.new_client

    def doubling(venue_id: str) -> Any:
        client = new_client(venue_id)
        fetch = client.fetch_markets

        async def twice() -> list[Any]:
            markets = await fetch()
            return [{**each, "active": False, "id": "old"} for each in markets] + markets

        client.fetch_markets = twice
        return client

    monkeypatch.setattr(ccxt_markets, "new_client", doubling)


def test_symbol_listed_twice_is_stored_once_at_every_venue(exchange, everything_twice) -> None:
    syncs = sync_markets(list(VENUES))

    assert {sync.venue: sync.problem for sync in syncs} == dict.fromkeys(VENUES)
    for sync in syncs:
        stored = Market.objects.filter(venue=sync.venue)
        symbols = list(stored.values_list("symbol", flat=True))
        assert len(symbols) == len(set(symbols)) == sync.counts["added"]
        assert sync.counts["duplicate"] == len(symbols) > 0
        # The one that is traded, under its own name.
        assert not stored.filter(market_id="old").exists(), sync.venue


# Dust


@EACH
def test_less_than_any_order_is_dust_and_the_smallest_order_is_none(exchange, venue: str) -> None:
    for market in traded(venue):
        row = Market.objects.values("venue", "symbol", *RULE_COLUMNS).get(pk=market.pk)
        rules = rules_of(row)
        step = Decimal(1).scaleb(-int(rules.amount_precision))
        if rules.precision_mode == "tick_size":
            step = rules.amount_precision
        # Steps and minima are in what an order counts; positions in coins, or in contracts.
        smallest = max(step, rules.min_amount or Decimal(0))
        whole = smallest * rules.quantity_of_one.numerator / rules.quantity_of_one.denominator
        for quantity, is_dust in ((whole * Decimal("0.9"), True), (whole, False)):
            answer = sized(market, position=f"{quantity:f}", side="sell", qty_per="-100")
            account = Account.objects.latest("pk").pk

            assert answer.error is None, answer.error
            assert (Code.DUST in {each.code for each in answer.warnings}) is is_dust, market.symbol
            assert answer.amount == (0 if is_dust else smallest), market.symbol
            assert (account in position_holds([account])) is not is_dust
