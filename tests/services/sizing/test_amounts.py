"""What a bot sends: each venue's ``amount``, through ccxt's own ``create_order``, onto the wire."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from capital.domain.reasons import Code
from capital.domain.sizing.instruments import AmountUnit, InstrumentKind
from capital.exchange.unproven import generic_venue
from capital.exchange.venues import VENUES, get_venue
from capital.models import Market
from capital.services.markets.prices import forget_prices
from capital.services.markets.rules import sync_markets
from capital.services.sizing.orders import SizedOrder, size_orders
from tests.domain.sizing.builders import order
from tests.factories import make_account, make_link, make_market, make_position
from tests.simulator.orders.bots import MODES, Mode, account_of, bot_of

pytestmark = pytest.mark.django_db

CAPITAL = {"BTC": "0.5", "KRW": "5000000"}
PRICE = {"KRW": "95000000"}
RICH = dict.fromkeys(("USDT", "USDC", "USD", "BTC", "KRW"), "100000000000")


@pytest.fixture(autouse=True)
def _no_price_of_another_test() -> None:
    forget_prices()


def sized(market: Market, **fields: Any) -> SizedOrder:
    account = make_account(venue=market.venue, currency=market.settle, **fields.pop("account", {}))
    link = make_link(
        account=account,
        market_type="spot" if market.kind == "spot" else "futures",
        capital=CAPITAL.get(market.settle, "20000"),
    )
    (answer,) = size_orders([link.pk], [order(symbol=market.symbol, qty_per="50", **fields)])
    assert answer.error is None, answer.error
    assert answer.quantity, answer.code
    return answer


def send(
    exchange: Any, venue: str, answer: SizedOrder, order_type: str, *, is_unified: bool = False
) -> Any:
    """Place the sized order as a bot does, with plain ccxt, and return what arrived."""
    mode = Mode(venue, is_unified=is_unified)
    account = account_of(mode, f"{mode.name}-key", **RICH)
    if exchange.state.find(account.api_key) is None:
        exchange.state.add(account)
    bot = bot_of(mode, exchange.server, account)
    market = bot.market(answer.symbol)
    params = {"offset": "open"} if venue == "htx" and market["inverse"] else {}
    before = len(exchange.server.orders)
    bot.create_order(
        answer.symbol, order_type, "buy", float(answer.amount), float(answer.price), params
    )
    (placed,) = exchange.server.orders[before:]
    return placed


def worth_of(placed: Any, price: Decimal) -> Fraction:
    """What arrived, in the quote currency at ``price``, by the venue's own documentation."""
    if placed.quote is not None:
        return Fraction(placed.quote)
    return Fraction(placed.base) * Fraction(price)


def meant(market: Market, answer: SizedOrder) -> Fraction:
    """What was sized, in the quote currency at the answer's price."""
    if market.kind == "inverse":
        return Fraction(answer.notional) * Fraction(answer.price)
    return Fraction(answer.notional)


@pytest.mark.parametrize("order_type", ["limit", "market"])
@pytest.mark.parametrize("venue", VENUES)
def test_what_arrives_at_the_venue_is_what_was_sized(exchange, venue, order_type):
    sync_markets([venue])
    markets = Market.objects.filter(venue=venue, base="BTC", is_active=True)
    kinds = set()

    for market in markets:
        answer = sized(
            market, order_type=order_type.upper(), price=PRICE.get(market.quote, "61234.5")
        )
        placed = send(exchange, venue, answer, order_type)

        arrived = worth_of(placed, answer.price)
        assert placed.side == "buy"
        # Money to buy for is rounded to what the venue takes of it.
        most = meant(market, answer) * (1 + Fraction(1, 10**15))
        assert most * Fraction(999, 1000) < arrived <= most, (market.symbol, placed, answer)
        if order_type == "limit":
            assert abs(arrived - meant(market, answer)) < Fraction(1, 10**9)
        kinds.add(InstrumentKind(market.kind).market_type)
    assert kinds == get_venue(venue).markets


OTHER_MODES = [mode.venue for mode in MODES if mode.is_unified]


def test_every_venue_with_another_wallet_mode_is_tried_in_it():
    assert set(OTHER_MODES) == {
        venue.id for venue in VENUES.values() if len(venue.wallet_modes) > 1
    }


@pytest.mark.parametrize("order_type", ["limit", "market"])
@pytest.mark.parametrize("venue", OTHER_MODES)
def test_what_arrives_from_another_wallet_mode_is_what_was_sized(exchange, venue, order_type):
    sync_markets([venue])
    row = get_venue(venue)
    mode = row.wallet_modes[1]
    kinds = set()

    for market in Market.objects.filter(venue=venue, base="BTC", is_active=True):
        if market.kind in row.rules_call.unknown_units.get(mode, ()):
            continue
        answer = sized(
            market,
            account={
                "wallet_mode": mode.value,
                "balance_basis": "equity" if venue == "gate" else "wallet",
            },
            order_type=order_type.upper(),
            price="61234.5",
        )
        placed = send(exchange, venue, answer, order_type, is_unified=True)

        arrived = worth_of(placed, answer.price)
        most = meant(market, answer) * (1 + Fraction(1, 10**15))
        assert most * Fraction(999, 1000) < arrived <= most, (market.symbol, placed, answer)
        kinds.add(InstrumentKind(market.kind).market_type)
    assert kinds == row.markets


def test_a_unified_account_at_bitget_buys_spot_at_the_market_for_money(exchange):
    sync_markets(["bitget"])
    market = Market.objects.get(venue="bitget", symbol="BTC/USDT")
    unified = {"wallet_mode": "unified"}

    answer = sized(market, account=unified)
    placed = send(exchange, "bitget", answer, "market", is_unified=True)

    assert answer.amount == Decimal("9999.961257")
    assert placed.quote == answer.amount
    # What it is worth is what was sized; a limit order, or a sale, is in coins.
    assert Fraction(answer.amount) <= Fraction(answer.notional) < Fraction(answer.amount) + 1
    limit = sized(market, account=unified, order_type="LIMIT", price="61234.5")
    assert limit.amount == limit.quantity
    assert send(exchange, "bitget", limit, "limit", is_unified=True).base == limit.quantity


@pytest.mark.parametrize("order_type", ["market", "limit"])
@pytest.mark.parametrize("price", ["4186543", "4186456", "4600000", "95126", "9.9996"])
def test_bithumb_gets_no_more_money_than_was_sized_for(exchange, monkeypatch, price, order_type):
    """ccxt rounds prices, and money to buy for, to four digits there, up as well as down."""
    sync_markets(["bithumb"])
    monkeypatch.setitem(exchange.server.market_place._prices, "ETH/KRW", price)
    forget_prices()
    market = Market.objects.get(venue="bithumb", symbol="ETH/KRW")

    answer = sized(market, order_type=order_type.upper(), price=price)
    placed = send(exchange, "bithumb", answer, order_type)

    assert answer.price >= Decimal(price)
    arrived = placed.quote
    if order_type == "limit":
        arrived = placed.base * round(Decimal(price), 3 - Decimal(price).adjusted())
    assert Fraction(998, 1000) * Fraction(answer.notional) < arrived <= answer.notional
    assert answer.notional <= answer.budget == 2_500_000


def at_deribit(symbol: str, **rules: Any) -> Market:
    return make_market(symbol, venue="deribit", market_id=symbol, **rules)


@pytest.mark.parametrize(
    ("capital", "amount", "contracts"), [("0.01", "610", "61"), ("0.0015", "90", "9")]
)
def test_deribit_takes_dollars_on_inverse_contracts(exchange, capital, amount, contracts):
    at_deribit("BTC/USD:BTC", contract_size=Decimal(10), amount_precision=Decimal(10))
    link = make_link(
        account=make_account(venue="deribit", currency="BTC"),
        market_type="futures",
        capital=capital,
    )
    asked = order(symbol="BTC/USD:BTC", qty_per="100", order_type="LIMIT", price="61234.5")

    answer = size_orders([link.pk], [asked])[0].as_json()

    assert (answer["amount"], answer["contracts"], answer["quantity"]) == (
        amount,
        contracts,
        contracts,
    )
    assert answer["step"] == "1"


def test_deribit_takes_coins_on_linear_contracts(exchange):
    at_deribit("BTC/USDC:USDC", contract_size=Decimal("0.001"), amount_precision=Decimal("0.001"))
    link = make_link(
        account=make_account(venue="deribit", currency="USDC"),
        market_type="futures",
        capital="6123.45",
    )
    asked = order(symbol="BTC/USDC:USDC", qty_per="100", order_type="LIMIT", price="61234.5")

    answer = size_orders([link.pk], [asked])[0].as_json()

    assert Decimal(answer["amount"]) == Decimal("0.1")
    assert Decimal(answer["quantity"]) == Decimal("0.1")
    assert Decimal(answer["contracts"]) == 100


def test_contracts_that_no_decimal_counts_are_cut_and_never_rounded_up(exchange):
    """Five coins in contracts of three are one and two thirds."""
    at_deribit("BTC/USDC:USDC", contract_size=Decimal(3), amount_precision=Decimal(1))
    link = make_link(
        account=make_account(venue="deribit", currency="USDC"),
        market_type="futures",
        capital="450000",
    )
    asked = order(symbol="BTC/USDC:USDC", qty_per="100", order_type="LIMIT", price="80000")

    answer = size_orders([link.pk], [asked])[0].as_json()

    assert (Decimal(answer["amount"]), Decimal(answer["quantity"])) == (5, 5)
    assert answer["contracts"] == "1.666666666666666666"


def test_bitget_takes_coins_on_coin_margined_contracts(exchange):
    make_market(
        "BTC/USD:BTC", venue="bitget", market_id="BTCUSD", amount_precision=Decimal("0.001")
    )
    link = make_link(
        account=make_account(venue="bitget", currency="BTC"), market_type="futures", capital="0.5"
    )

    (answer,) = size_orders(
        [link.pk], [order(symbol="BTC/USD:BTC", qty_per="100", price="61234.5")]
    )

    assert (answer.amount, answer.quantity, answer.notional) == (Decimal("0.5"),) * 3


@pytest.mark.parametrize(("side", "percent"), [("buy", "100"), ("sell", "-100")])
def test_what_coin_margined_contracts_count_in_on_a_unified_account_is_not_known(
    exchange, side, percent
):
    """Bitget documents base coin for classic accounts, and for unified ones quote coin."""
    make_market(
        "BTC/USD:BTC", venue="bitget", market_id="BTCUSD", amount_precision=Decimal("0.001")
    )
    account = make_account(venue="bitget", currency="BTC", wallet_mode="unified")
    link = make_link(account=account, market_type="futures", capital="0.5")
    make_position(link, "0.25", "BTC/USD:BTC")
    asked = order(symbol="BTC/USD:BTC", side=side, qty_per=percent, price="61234.5")

    (answer,) = size_orders([link.pk], [asked])

    assert (answer.amount, answer.error.code) == (0, Code.AMOUNT_UNIT_UNKNOWN)


def test_a_risk_on_coin_margined_coins_is_lost_at_the_stop_and_no_more(exchange):
    """1 % of 0.5 BTC: q coins at 61,234.5 lose q × (61,234.5 - 55,000) ÷ 55,000 coins."""
    make_market(
        "BTC/USD:BTC", venue="bitget", market_id="BTCUSD", amount_precision=Decimal("0.0001")
    )
    link = make_link(
        account=make_account(venue="bitget", currency="BTC"), market_type="futures", capital="0.5"
    )
    asked = order(symbol="BTC/USD:BTC", risk_per="1", stop_price="55000", price="61234.5")

    (answer,) = size_orders([link.pk], [asked])

    lost = Fraction(answer.amount) * Fraction("6234.5") / 55000
    assert Fraction("0.0049") < lost <= Fraction("0.005")


def test_every_venue_says_what_an_amount_counts_for_each_kind_that_it_trades(exchange):
    sync_markets(list(VENUES))

    for venue in VENUES.values():
        kinds = set(Market.objects.filter(venue=venue.id).values_list("kind", flat=True))
        assert kinds <= {kind.value for kind in venue.rules_call.amount_units}
    assert not Market.objects.filter(amount_unit="").exists()


def test_what_contracts_count_in_at_an_unproven_venue_is_refused_by_name():
    call = generic_venue("phemex").rules_call
    assert call.amount_unit(InstrumentKind.SPOT, Decimal(1)) is AmountUnit.BASE
    # A contract of one coin is a coin, whatever it is counted in.
    assert call.amount_unit(InstrumentKind.LINEAR, Decimal(1)) is AmountUnit.BASE
    assert call.amount_unit(InstrumentKind.LINEAR, Decimal("0.01")) is None
    make_market("BTC/USDT:USDT", venue="phemex", contract_size=Decimal("0.01"))
    link = make_link(account=make_account(venue="phemex"), market_type="futures", capital="1000")

    (answer,) = size_orders([link.pk], [order(symbol="BTC/USDT:USDT", qty_per="1", price="1")])

    assert (answer.amount, answer.error.code) == (0, Code.AMOUNT_UNIT_UNKNOWN)
    assert answer.error.field == "symbol"
