"""Many who need a price at once ask the venue once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier, Event

import pytest

from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.prices import MarketPrice
from capital.exchange.contract import Quoted
from capital.services.markets import prices
from capital.services.markets.prices import PriceSource, forget_prices, last_prices

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
BTC, ETH = (
    Quoted("binance", f"{base}/USDT", f"{base}USDT", InstrumentKind.SPOT, base, "USDT", "USDT")
    for base in ("BTC", "ETH")
)


def now() -> datetime:
    return NOW


class SlowVenue:
    """Answers only once it is told to, and counts."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.may_answer = Event()

    def fetch_prices(self, quoted):
        self.asked.update(each.symbol for each in quoted)
        assert self.may_answer.wait(10)
        return dict.fromkeys(quoted, MarketPrice(Decimal(7)))


@pytest.fixture
def venue(monkeypatch) -> SlowVenue:
    venue = SlowVenue()
    monkeypatch.setattr(prices, "get_market_gateway", lambda: venue)
    forget_prices()
    yield venue
    forget_prices()


def test_a_burst_of_orders_is_one_question(venue):
    together = Barrier(9)

    def ask():
        together.wait()
        return last_prices([BTC], clock=now)[BTC]

    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(ask) for _ in range(8)]
        together.wait()
        venue.may_answer.set()
        found = [answer.result(timeout=10) for answer in answers]

    assert venue.asked == {"BTC/USDT": 1}
    assert Counter(price.source for price in found) == {
        PriceSource.TICKER: 1,
        PriceSource.CACHE: 7,
    }
    assert {price.market.last for price in found} == {Decimal(7)}


def test_batches_in_any_order_do_not_wait_for_each_other(venue):
    venue.may_answer.set()

    with ThreadPoolExecutor(8) as threads:
        answers = [
            threads.submit(last_prices, pair, clock=now)
            for _ in range(20)
            for pair in ([BTC, ETH], [ETH, BTC])
        ]
        for answer in answers:
            assert len(answer.result(timeout=10)) == 2

    assert venue.asked == {"BTC/USDT": 1, "ETH/USDT": 1}


def test_a_price_of_the_future_is_not_kept(venue):
    """Clocks are put back."""
    venue.may_answer.set()
    last_prices([BTC], clock=lambda: datetime(2026, 11, 24, 10, 0, tzinfo=UTC))

    assert last_prices([BTC], clock=now)[BTC].source is PriceSource.TICKER


def test_each_venue_has_a_price_of_its_own_for_the_same_symbol(monkeypatch):
    amounts = {"binance": Decimal(7), "okx": Decimal(8)}

    class Venues:
        def fetch_prices(self, quoted):
            return {each: MarketPrice(amounts[each.venue]) for each in quoted}

    monkeypatch.setattr(prices, "get_market_gateway", Venues)
    forget_prices()
    on_okx = replace(BTC, venue="okx")

    assert last_prices([BTC], clock=now)[BTC].market.last == 7
    assert last_prices([on_okx], clock=now)[on_okx].market.last == 8
    found = last_prices([BTC, on_okx], clock=now)
    assert {each.venue: price.market.last for each, price in found.items()} == amounts
    forget_prices()


def test_a_price_of_before_the_clock_was_set_back_does_not_come_back(venue, monkeypatch):
    venue.may_answer.set()
    elapsed = [timedelta(hours=1)]
    monkeypatch.setattr(prices, "steady_clock", lambda: elapsed[0])
    first = last_prices([BTC], clock=now)[BTC]
    kept = last_prices([BTC], clock=now)[BTC]

    # The clock was set back, and is where it was.
    elapsed[0] += timedelta(minutes=10)
    again = last_prices([BTC], clock=now)[BTC]

    assert [first.source, kept.source, again.source] == [
        PriceSource.TICKER, PriceSource.CACHE, PriceSource.TICKER,
    ]  # fmt: skip
