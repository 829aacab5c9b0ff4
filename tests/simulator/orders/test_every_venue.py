"""Orders through real ccxt: placed, filled at the simulator's price, told, and refused."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from capital.simulator.orders.order import Trouble
from capital.simulator.orders.venues import ORDERS
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState
from capital.simulator.venues import VENUES
from tests.simulator.orders.bots import MODES, Mode, account_of, bot_of

D = Decimal
RICH = {"USDT": "1000000", "USDC": "1000000", "USD": "1000000", "KRW": "9000000000", "BTC": "10"}
PRICES = {"KRW": D(95000000)}
PRICE = D("61234.5")


@pytest.fixture
def exchange() -> Iterator[SimulatedExchange]:
    with SimulatedExchange(ExchangeState()) as exchange:
        yield exchange


def opened(exchange: SimulatedExchange, mode: Mode, **wallet: str) -> Any:
    account = account_of(mode, **(wallet or RICH))
    exchange.state.add(account)
    return bot_of(mode, exchange, account)


def traded(bot: Any) -> list[Any]:
    """One market of each kind; dated ones are not traded here, and Coinbase has no others."""
    found: dict[str, Any] = {}
    for symbol, market in bot.markets.items():
        is_dated = "-" in symbol and bot.id != "coinbase"
        if market["base"] == "BTC" and not is_dated:
            found.setdefault(kind_of(market), market)
    assert found
    return list(found.values())


def kind_of(market: Any) -> str:
    if market["spot"]:
        return "spot"
    return "inverse" if market["inverse"] else "linear"


def amount_of(bot: Any, market: Any, worth: Decimal) -> str:
    """What ccxt's create_order takes for this worth in the quote currency."""
    price = price_of(market)
    if market["inverse"] and bot.id == "bitget":
        amount = worth / price
    elif market["inverse"]:
        amount = worth if bot.id == "deribit" else worth / D(str(market["contractSize"]))
    else:
        is_counted = market["contract"] and bot.id in CONTRACTS
        amount = worth / price / (D(str(market["contractSize"])) if is_counted else 1)
    if market["precision"]["amount"] is None:
        return str(int(amount))
    return str(bot.amount_to_precision(market["symbol"], amount))


CONTRACTS = {"okx", "gate", "kucoin", "mexc", "htx", "coinbase"}


def price_of(market: Any) -> Decimal:
    return PRICES.get(market["quote"], PRICE)


def worth_of(market: Any) -> Decimal:
    return D(5_000_000) if market["quote"] == "KRW" else D(2000)


def placed(bot: Any, market: Any, kind: str, side: str, amount: str, price: Decimal) -> Any:
    """As a bot does: with the answer's amount and price, and an id of its own."""
    params: dict[str, Any] = {"clientOrderId": client_id(bot)}
    in_money = bot.id == "bitget" and bot.options.get("uta") and market["spot"]
    if in_money and (kind, side) == ("market", "buy"):
        amount = str(D(amount) * price)
    if bot.id == "htx" and market["inverse"]:
        params["offset"] = "open"
    return bot.create_order(market["symbol"], kind, side, float(amount), float(price), params)


def client_id(bot: Any) -> str:
    return f"0x{7:032x}" if bot.id == "hyperliquid" else "1234567890123"


def told(bot: Any, market: Any, order_id: str) -> Any:
    params = {"acknowledged": True} if bot.id == "bybit" else {}
    return bot.fetch_order(order_id, market["symbol"], params)


# ccxt knows these codes by the venue's own hosts only, or not at all.
POOR_IS_NOT_KNOWN = {("binance", "linear"), ("binance", "inverse"), ("bithumb", "spot")}
# What the venue's answer does not say.
NO_AVERAGE = {"krakenfutures", "hyperliquid", "bithumb"}


@pytest.mark.parametrize("kind", ["market", "limit"])
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_an_order_is_filled_at_the_price_of_now(
    exchange: SimulatedExchange, mode: Mode, kind: str
) -> None:
    bot = opened(exchange, mode)
    account = exchange.state.accounts[0]

    for market in traded(bot):
        price, tick = price_of(market), D(5)
        amount = amount_of(bot, market, worth_of(market))
        limit = price + tick * (1000 if market["quote"] == "KRW" else 1)
        order = placed(bot, market, kind, "buy", amount, price if kind == "market" else limit)
        found = told(bot, market, order["id"])

        fill = exchange.state.book_of(account).fills[-1]
        assert (fill.instrument.symbol, fill.price, fill.is_buy) == (market["symbol"], price, True)
        assert found["id"] == order["id"] == fill.order_id
        assert (found["symbol"], found["side"]) == (market["symbol"], "buy"), found
        assert found["status"] in ("closed", "canceled"), found
        # Money to buy for is cut to what the venue takes of it.
        # ccxt does not read what Bithumb's trades say.
        filled = found["info" if mode.venue == "bithumb" else "filled"]
        filled = D(filled["executed_volume"] if mode.venue == "bithumb" else filled)
        assert D("0.999") < filled / D(amount) <= 1, found
        if mode.venue not in NO_AVERAGE:
            assert D(found["average"]) == price, found


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_a_limit_order_rests_until_the_market_is_there(
    exchange: SimulatedExchange, mode: Mode
) -> None:
    bot = opened(exchange, mode)
    account = exchange.state.accounts[0]

    for market in traded(bot):
        pair, price = f"{market['base']}/{market['quote']}", price_of(market)
        exchange.market_place.set_price(pair, str(price))
        own = D(50_000_000) if market["quote"] == "KRW" else D(50_000)
        amount = amount_of(bot, market, worth_of(market))
        order = placed(bot, market, "limit", "buy", amount, own)
        assert told(bot, market, order["id"])["status"] == "open"

        exchange.market_place.set_price(pair, str(own - 1000))
        found = told(bot, market, order["id"])

        assert found["status"] == "closed", found
        fill = exchange.state.book_of(account).fills[-1]
        assert (fill.price, fill.is_maker, fill.order_id) == (own, True, order["id"])


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_what_was_filled_shows_in_trades_positions_and_balances(
    exchange: SimulatedExchange, mode: Mode
) -> None:
    bot = opened(exchange, mode)
    account = exchange.state.accounts[0]

    for market in traded(bot):
        before = exchange.state.book_of(account)
        wallet = {pool: dict(amounts) for pool, amounts in account.wallets.items()}
        amount = amount_of(bot, market, worth_of(market))
        placed(bot, market, "market", "buy", amount, price_of(market))
        book = exchange.state.book_of(account)
        (fill,) = book.fills[len(before.fills) :]

        for currency, move in fill.moves.items():
            was = D(wallet[fill.pool].get(currency, "0"))
            assert D(account.wallets[fill.pool][currency]) == was + move
        ((amount_paid, paid_in),) = fill.fees
        assert amount_paid > 0
        assert paid_in in (market["base"], market["quote"], market["settle"])
        if market["contract"]:
            (held,) = [each for each in book.positions if each.instrument == fill.instrument]
            assert (held.quantity, held.entry) == (fill.quantity, fill.price)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_an_order_that_the_account_cannot_pay_is_refused(
    exchange: SimulatedExchange, mode: Mode
) -> None:
    bot = opened(exchange, mode, USDT="1", USDC="1", USD="1", KRW="1", BTC="0.000001")

    for market in traded(bot):
        amount = amount_of(bot, market, worth_of(market))
        with pytest.raises(ccxt.ExchangeError) as caught:
            placed(bot, market, "limit", "buy", amount, price_of(market))
        if (mode.venue, kind_of(market)) not in POOR_IS_NOT_KNOWN:
            assert isinstance(caught.value, ccxt.InsufficientFunds), caught.value
    assert exchange.state.book_of(exchange.state.accounts[0]).fills == []


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_coins_that_are_not_there_are_not_sold(exchange: SimulatedExchange, mode: Mode) -> None:
    bot = opened(exchange, mode, **{**RICH, "BTC": "0.000001"})

    for market in traded(bot):
        if market["spot"]:
            amount = amount_of(bot, market, worth_of(market))
            with pytest.raises(ccxt.ExchangeError):
                placed(bot, market, "market", "sell", amount, price_of(market))
    assert exchange.state.book_of(exchange.state.accounts[0]).fills == []


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_an_order_below_the_least_is_refused(exchange: SimulatedExchange, mode: Mode) -> None:
    bot, least = opened(exchange, mode), ORDERS[mode.venue].least

    for market in traded(bot):
        cost = least.cost.get(kind_of(market))
        if cost is None:
            continue
        limits = market["limits"]["cost"]["min"]
        if limits is not None:
            assert D(str(limits)) == cost, market["symbol"]
        small = (cost * D("0.9") / price_of(market)).quantize(D("1e-8"))
        bot.amount_to_precision = lambda _symbol, amount: format(D(str(amount)), "f")
        with pytest.raises(ccxt.ExchangeError):
            placed(bot, market, "limit", "buy", str(small), price_of(market))
        del bot.amount_to_precision
    assert exchange.state.book_of(exchange.state.accounts[0]).fills == []


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_a_market_that_is_not_there_is_refused(exchange: SimulatedExchange, mode: Mode) -> None:
    bot = opened(exchange, mode)

    for market in traded(bot):
        amount = amount_of(bot, market, worth_of(market))
        market["id"], market["baseId"] = "NOSUCH", "777"
        # ccxt takes a no that it does not know for an order that was rejected.
        if bot.id == "krakenfutures":
            order = placed(bot, market, "limit", "buy", amount, price_of(market))
            assert order["status"] == "rejected"
            continue
        with pytest.raises(ccxt.ExchangeError):
            placed(bot, market, "limit", "buy", amount, price_of(market))
    assert exchange.state.book_of(exchange.state.accounts[0]).fills == []


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_an_order_is_signed(exchange: SimulatedExchange, mode: Mode) -> None:
    bot = opened(exchange, mode)
    market = traded(bot)[0]
    bot.secret, bot.privateKey = "d3JvbmcA" * 4, "0x" + "12" * 32

    with pytest.raises(ccxt.BaseError):
        placed(bot, market, "limit", "buy", amount_of(bot, market, worth_of(market)), PRICE)

    assert exchange.orders == []


def test_every_venue_takes_orders_and_says_each_no() -> None:
    assert ORDERS.keys() == VENUES.keys()
    for ordering in ORDERS.values():
        assert ordering.placings
        assert ordering.questions
        for placing in ordering.placings:
            assert placing.refuses.keys() == set(Trouble)
