"""Orders that other projects reported as sized wrong, each with its right answer.

Real ccxt over real HTTP, for the rules as well as for the price. What a report is about is listed
by the simulated venue as the report says.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from capital.domain.reasons import Code
from capital.exchange.venues import get_venue
from capital.models import Market, StrategyAccount
from capital.services.allocation import allocate_capital
from capital.services.markets.prices import forget_prices
from capital.services.markets.rules import sync_markets
from capital.services.sizing.orders import SizedOrder, size_orders
from capital.services.trading.positions import position_holds
from capital.simulator.venues import korea, mexc, okx
from tests.domain.sizing.builders import order
from tests.factories import make_account, make_link, make_position

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_price_of_another_test() -> None:
    forget_prices()


def a_link(venue: str, capital: str, *, currency: str = "USDT", **fields: Any) -> StrategyAccount:
    account = {
        name: fields.pop(name) for name in ("fee_rate", "max_budget_percent") if name in fields
    }
    return make_link(
        account=make_account(venue=venue, currency=currency, **account), capital=capital, **fields
    )


def sized(link: StrategyAccount, symbol: str, *, days: int = 0, **fields: Any) -> SizedOrder:
    asked = {"symbol": symbol, "qty_per": "100", **fields}
    now = timezone.now() + timedelta(days=days)
    (answer,) = size_orders([link.pk], [order(**asked)], clock=lambda: now)
    return answer


def codes(answer: SizedOrder) -> list[Code]:
    return [warning.code for warning in answer.warnings]


def price_of(exchange: Any, monkeypatch: Any, pair: str, price: str) -> None:
    """From now on a pair costs that: one that is not traded before, or a price of 0."""
    place = exchange.server.market_place
    monkeypatch.setitem(place._prices, pair, price)
    forget_prices()


def lists_om(monkeypatch: Any, size: str, lever: str) -> None:
    """From now on OKX lists OM-USDT-SWAP as the reports say."""
    om = {**okx._swap("OM", "USDT", "USDT", size, "1"), "lever": lever, "maxMktSz": "100000"}
    monkeypatch.setitem(okx._LISTED, "SWAP", [om])


OM = "OM/USDT:USDT"


def test_07e_contracts_in_dollars_are_sized_with_credits(exchange) -> None:
    """26,200 BNFCR, of which 10 % at 60,000 are 0.0436 BTC, in steps of 0.001."""
    sync_markets(["binance"])
    link = a_link("binance", "26200", currency="BNFCR", market_type="futures")

    answer = sized(link, "BTC/USDT:USDT", qty_per="10", order_type="LIMIT", price="60000")

    assert answer.error is None
    assert (answer.quantity, answer.amount) == (Decimal("0.043"), Decimal("0.043"))


def test_07e_credits_buy_nothing_on_spot(exchange) -> None:
    sync_markets(["binance"])
    link = a_link("binance", "26200", currency="BNFCR")

    answer = sized(link, "BTC/USDT", qty_per="10")

    assert answer.error is not None
    assert (answer.amount, answer.error.code) == (0, Code.CURRENCY_MISMATCH)


def test_12_contract_that_became_a_tenth_waits_for_a_person(exchange, monkeypatch) -> None:
    lists_om(monkeypatch, "10", "20")
    price_of(exchange, monkeypatch, "OM/USDT", "3.66")
    sync_markets(["okx"])
    link = a_link("okx", "1000", market_type="futures")
    before = sized(link, OM)
    assert (before.quantity, before.contracts) == (270, 27)

    lists_om(monkeypatch, "1", "20")
    (sync,) = sync_markets(["okx"])

    assert sync.counts["suspect"] == 1
    entry = sized(link, OM)
    assert (entry.amount, entry.contracts) == (0, None)
    assert entry.error is not None
    assert entry.error.code is Code.MARKET_RULES_SUSPECT
    # Closing goes on, by the contracts that are in force.
    make_position(link, "270", OM)
    close = sized(link, OM, side="sell", qty_per="-100")
    assert (close.amount, close.contracts, close.reduce_only) == (27, 27, True)
    assert Code.MARKET_RULES_SUSPECT in codes(close)


def test_14_leverage_above_the_maximum_is_not_used(exchange, monkeypatch) -> None:
    """5,000 at 0.25: fiftyfold 1,000,000 coins; the venue would refuse the 2,500,000 of 125."""
    price_of(exchange, monkeypatch, "BTC/USDT", "0.25")
    sync_markets(["binance"])
    market = Market.objects.get(venue="binance", symbol="BTC/USDT:USDT")
    # Binance says it to nobody without a key, so it is entered here.
    market.max_leverage = Decimal(50)
    market.max_amount = market.market_max_amount = market.max_cost = None
    market.save()
    link = a_link("binance", "5000", market_type="futures", leverage=125)

    answer = sized(link, "BTC/USDT:USDT")

    assert (answer.quantity, answer.margin, answer.leverage) == (1000000, 5000, 50)
    assert Code.LEVERAGE_CAPPED in codes(answer)


@pytest.mark.parametrize(
    ("fee_rate", "quantity", "warned"),
    [("0", "0.00008333", True), ("0.0025", "0.00008312", False)],
)
def test_17b_whole_budget_without_fees_is_warned_of_once(
    exchange, monkeypatch, fee_rate, quantity, warned
) -> None:
    """5 at 60,000, where Upbit locks 5.01; a fee rate leaves room for it."""
    price_of(exchange, monkeypatch, "BTC/KRW", "60000")
    sync_markets(["upbit"])
    Market.objects.update(min_cost=None)
    link = a_link("upbit", "5", currency="KRW", fee_rate=Decimal(fee_rate))

    answer = sized(link, "BTC/KRW")

    assert answer.quantity == Decimal(quantity)
    assert codes(answer).count(Code.NO_ROOM_FOR_FEES) == int(warned)


def test_18_market_with_price_0_and_then_withdrawn(exchange, monkeypatch) -> None:
    symbol = "ETH/USDT:USDT"
    sync_markets(["mexc"])
    link = a_link("mexc", "100", market_type="futures")
    make_position(link, "12.345", symbol)
    price_of(exchange, monkeypatch, "ETH/USDT", "0")

    entry = sized(link, symbol)
    close = sized(link, symbol, side="sell", qty_per="-100")

    assert entry.amount == 0
    assert entry.error is not None
    assert entry.error.code is Code.PRICE_UNAVAILABLE
    # 1,234 contracts of 0.01; half a contract stays.
    assert (close.error, close.quantity, close.amount) == (None, Decimal("12.34"), 1234)
    assert set(codes(close)) == {Code.CLOSE_LEAVES_REST, Code.PRICE_NOT_NEEDED}

    monkeypatch.setattr(
        mexc, "_CONTRACTS", [each for each in mexc._CONTRACTS if each["symbol"] != "ETH_USDT"]
    )
    (sync,) = sync_markets(["mexc"])

    assert sync.counts["withdrawn"] == 1
    withdrawn = sized(link, symbol, side="sell", qty_per="-100")
    assert withdrawn.error is not None
    assert withdrawn.error.code is Code.SYMBOL_NOT_TRADED
    assert "report a quantity of 0, or force a reallocation" in str(withdrawn.error)


@pytest.mark.parametrize(("quantity", "is_dust"), [("0.00001234", True), ("0.0001", False)])
def test_19_rest_that_no_order_could_close_holds_nothing(exchange, quantity, is_dust) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "500"}, "futures": {"USDT": "0"}})
    link = make_link(account=account)
    sync_markets(["binance"])
    assert Market.objects.get(venue="binance", symbol="ETH/USDT").amount_precision == Decimal(
        "0.0001"
    )
    make_position(link, quantity, "ETH/USDT")

    close = sized(link, "ETH/USDT", side="sell", qty_per="-100")
    (run,) = allocate_capital([account.pk])

    assert close.amount == (0 if is_dust else Decimal(quantity))
    assert (Code.DUST in codes(close)) is is_dust
    assert (account.pk in position_holds([account.pk])) is not is_dust
    assert run.outcome == ("applied" if is_dust else "held")


def test_71_symbol_listed_twice_is_stored_once_and_stops_no_other_venue(
    exchange, monkeypatch
) -> None:
    class BitcoinTwice(dict):  # type: ignore[type-arg]
        def items(self) -> Any:
            return [*super().items(), ("BTC", self["BTC"])]

    monkeypatch.setattr(korea, "_LISTED", BitcoinTwice(korea._LISTED))

    syncs = sync_markets(["upbit", "okx"])

    assert {sync.venue: sync.problem for sync in syncs} == {"upbit": None, "okx": None}
    assert syncs[0].counts["duplicate"] == 1
    stored = Market.objects.filter(venue="upbit", is_active=True)
    assert sorted(stored.values_list("market_id", flat=True)) == ["KRW-BTC", "KRW-ETH"]


@pytest.mark.parametrize(
    ("venue", "mode", "leverage"),
    [
        ("bitget", "separate", 100),
        ("bitget", "unified", 125),
        ("kucoin", "separate", 125),
        ("kucoin", "unified", 100),
        ("hyperliquid", "separate", 40),
        ("hyperliquid", "unified", 40),
    ],
)
def test_74_brackets_bound_the_accounts_that_they_are_of(exchange, venue, mode, leverage) -> None:
    """4,500 of capital: 125-fold they are more than the first bracket allows."""
    sync_markets([venue])
    currency = get_venue(venue).currency
    account = make_account(venue=venue, currency=currency, wallet_mode=mode)
    link = make_link(account=account, market_type="futures", capital="4500", leverage=125)

    answer = sized(link, f"BTC/{currency}:{currency}")

    assert (answer.leverage, answer.margin <= 4500) == (leverage, True)
    assert (Code.LEVERAGE_CAPPED in codes(answer)) is (leverage < 125)


def test_74_listed_leverage_bounds_a_link_that_wants_more(exchange, monkeypatch) -> None:
    """OKX lists 20: 1,000 at 3.66 are 546 contracts of ten, not the 3,415 of 125."""
    lists_om(monkeypatch, "10", "20")
    price_of(exchange, monkeypatch, "OM/USDT", "3.66")
    sync_markets(["okx"])
    link = a_link("okx", "1000", market_type="futures", leverage=125)

    answer = sized(link, OM)

    assert (answer.contracts, answer.leverage, answer.notional) == (546, 20, Decimal("19983.6"))
    assert Code.LEVERAGE_CAPPED in codes(answer)
