"""One order through ccxt, at every venue: sized, held, placed, filled and reported."""

from decimal import Decimal
from typing import Any

import ccxt
import ccxt_order
import pytest

from capital.exchange.venues import VENUES
from capital.models import Fill, Market, Position, Reservation
from tests.recipes.worlds import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]

D = Decimal


@pytest.fixture
def at(exchange: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(ccxt_order, "PATIENCE_SECONDS", 0)
    return lambda venue: World(venue, exchange, live_server.url)


@pytest.mark.parametrize("venue", VENUES)
def test_an_order_is_sized_held_placed_and_reported(at: Any, venue: str) -> None:
    world = at(venue)
    markets = Market.objects.filter(venue=venue, base="BTC", is_active=True)
    for market in markets.exclude(symbol__contains="-"):
        link = world.link_for(market)
        # HTX's want to be told whether an order opens or closes; Bitget's cannot be booked.
        if venue in ("htx", "bitget") and market.kind == "inverse":
            continue
        world.order(link, market.symbol, qty_per="50")

        book = world.exchange.state.book_of(world.account)
        filled = book.fills[-1]
        reported = Fill.objects.get(strategy_account=link)
        assert (reported.symbol, reported.price) == (market.symbol, filled.price)
        assert abs(reported.quantity / filled.quantity - 1) < D("1e-8")
        assert reported.order_id == filled.order_id
        held = Reservation.objects.get(strategy_account=link)
        # Money to buy for is cut by the venue, and what is left of it is given back.
        assert held.order_id == filled.order_id
        assert held.state in ("used", "released"), market.symbol
        position = Position.objects.get(strategy_account=link)
        assert position.quantity > 0


def test_an_order_that_the_exchange_refuses_holds_nothing(at: Any) -> None:
    world = at("binance")
    link = world.link_for(Market.objects.get(venue="binance", symbol="BTC/USDT"))
    world.exchange.state.set_balance(world.account.api_key, "spot", "USDT", "10")

    with pytest.raises(ccxt.InsufficientFunds):
        world.order(link, "BTC/USDT", qty_per="50")

    assert Reservation.objects.get().state == "released"
    assert not Fill.objects.exists()


def test_an_order_whose_answer_got_lost_is_found_and_not_sent_again(
    at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = at("binance")
    link = world.link_for(Market.objects.get(venue="binance", symbol="BTC/USDT"))
    create = world.bot.create_order
    sent = []

    def lost(*args: Any) -> Any:
        sent.append(create(*args))
        raise ccxt.RequestTimeout("timed out")

    monkeypatch.setattr(world.bot, "create_order", lost)
    monkeypatch.setattr(ccxt_order, "found", lambda *_: sent[0])

    world.order(link, "BTC/USDT", qty_per="50")

    assert len(world.exchange.server.orders) == 1
    assert Fill.objects.get().order_id == sent[0]["id"]


def test_what_nobody_knows_stays_held(at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = at("binance")
    link = world.link_for(Market.objects.get(venue="binance", symbol="BTC/USDT"))

    def lost(*_: Any) -> Any:
        raise ccxt.RequestTimeout("timed out")

    monkeypatch.setattr(world.bot, "create_order", lost)
    monkeypatch.setattr(ccxt_order, "found", lambda *_: None)

    with pytest.raises(ccxt.RequestTimeout):
        world.order(link, "BTC/USDT", qty_per="50")

    assert Reservation.objects.get().state == "open"


def test_an_order_that_rests_stays_held(at: Any) -> None:
    world = at("binance")
    link = world.link_for(Market.objects.get(venue="binance", symbol="BTC/USDT"))

    done = world.order(link, "BTC/USDT", qty_per="50", order_type="LIMIT", price="60000")

    assert done["status"] == "open"
    held = Reservation.objects.get()
    assert (held.state, held.order_id) == ("placed", done["id"])
    assert not Fill.objects.exists()


def test_nothing_is_sent_where_nothing_can_be_ordered(at: Any, capsys: Any) -> None:
    world = at("binance")
    link = world.link_for(Market.objects.get(venue="binance", symbol="BTC/USDT"))

    assert world.order(link, "BTC/USDT", qty_per="0.001") is None

    assert "Nothing to order: below_step" in capsys.readouterr().out
    assert world.exchange.server.orders == []
    assert not Reservation.objects.exists()


def test_a_close_only_reduces(at: Any) -> None:
    world = at("binance")
    link = world.link_for(Market.objects.get(venue="binance", symbol="BTC/USDT:USDT"))
    world.order(link, "BTC/USDT:USDT", qty_per="50")

    world.order(link, "BTC/USDT:USDT", "sell", qty_per="-100")

    opened, closed = world.exchange.server.orders
    assert (opened.reduces, closed.reduces) == (False, True)
    assert not Position.objects.exclude(quantity=0).exists()
