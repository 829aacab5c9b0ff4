"""Limits, pauses and clocks: what the gateway does not ask, and when."""

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from capital.domain.balances import Observation
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange import ccxt_gateway
from capital.exchange.ccxt_gateway import CcxtGateway
from capital.exchange.politeness import Line, Politeness
from capital.exchange.simulator.desk import Desk
from capital.exchange.simulator.server import SimulatedExchange
from capital.exchange.venues import VENUES
from capital.exchange.venues.row import Pace
from tests.gateway.desk import NOW, gateway_to, request_for, twin

LINE = Line.to("binance", "", "key", "spot")
START = datetime(2026, 3, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Clock:
    """This machine's time, as the gateway's limits see it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        monkeypatch.setattr(ccxt_gateway, "_now", lambda: self.now)
        monkeypatch.setattr(ccxt_gateway, "RETRY_PAUSE_SECONDS", 0.001)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def exchange() -> Iterator[SimulatedExchange]:
    with SimulatedExchange(Desk([twin(wallets={"spot": {"USDT": "5"}})])) as server:
        yield server


def fail(exchange: SimulatedExchange, fault: str | None) -> None:
    exchange.desk.set_fault(exchange.desk.accounts[0].api_key, fault, "spot")


def answer_of(exchange: SimulatedExchange, politeness: Politeness) -> Any:
    request = request_for(exchange.desk.accounts[0], ["spot"])
    gateway = gateway_to(exchange, politeness=politeness)
    return gateway.fetch_balances([request], clock=lambda: NOW)[1, Pool.SPOT]


def code_of(answer: Any) -> Code | None:
    return answer.code if isinstance(answer, Reason) else None


# Limits


def test_weight_in_any_minute_stays_below_the_limit() -> None:
    politeness, pace = Politeness(), Pace(weight_per_minute=100, key_requests=1000)

    waits = [politeness.wait_seconds(LINE, 20, pace, START) for _ in range(11)]

    assert waits == [0] * 5 + [60] * 5 + [120]


def test_limit_slides_with_the_time() -> None:
    politeness, pace = Politeness(), Pace(weight_per_minute=40, key_requests=1000)
    politeness.wait_seconds(LINE, 20, pace, START)
    politeness.wait_seconds(LINE, 20, pace, after(30))

    assert politeness.wait_seconds(LINE, 20, pace, after(50)) == 10
    assert politeness.wait_seconds(LINE, 20, pace, after(61)) == 29


def test_key_has_a_limit_of_its_own_over_all_its_pools() -> None:
    politeness, pace = Politeness(), Pace(key_requests=2)
    futures = replace(LINE, pool="futures")
    other_key = Line.to("binance", "", "another key", "spot")

    waits = [politeness.wait_seconds(line, 1, pace, START) for line in (LINE, futures, LINE)]

    assert waits == [0, 0, 1]
    assert politeness.wait_seconds(other_key, 1, pace, START) == 0


def test_turn_that_comes_too_late_is_not_given_out() -> None:
    """Otherwise those who cannot wait push the others further back, minute by minute."""
    politeness, pace = Politeness(), Pace(weight_per_minute=2, key_requests=1000)

    waits = [politeness.wait_seconds(LINE, 1, pace, START, most=15) for _ in range(100)]

    assert waits == [0, 0] + [None] * 98
    assert politeness.wait_seconds(LINE, 1, pace, after(60), most=15) == 0


def test_venue_that_counts_by_account_only_is_not_held_up_by_other_accounts() -> None:
    politeness, pace = Politeness(), Pace(weight_per_minute=None, key_requests=1)
    lines = [Line.to("upbit", "", f"key {number}", "spot") for number in range(5000)]

    assert {politeness.wait_seconds(line, 1, pace, START) for line in lines} == {0}
    assert politeness.wait_seconds(lines[0], 1, pace, START) == 1


def test_limit_holds_over_all_threads() -> None:
    politeness, pace = Politeness(), Pace(weight_per_minute=50, key_requests=1000)
    waits: list[float | None] = []

    def ask() -> None:
        for _ in range(25):
            waits.append(politeness.wait_seconds(LINE, 1, pace, START))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(filter(None, waits)) == [60] * 50 + [120] * 50 + [180] * 50
    assert waits.count(0) == 50


def test_request_that_would_wait_past_its_deadline_is_not_made(
    exchange: SimulatedExchange, clock: Clock
) -> None:
    politeness = Politeness()
    pace = VENUES["binance"].call(Pool.SPOT, "USDT").pace
    line = Line.to("binance", exchange.base_url, exchange.desk.accounts[0].api_key, "spot")
    assert pace.weight_per_minute is not None
    politeness.wait_seconds(line, pace.weight_per_minute, pace, clock.now)

    assert code_of(answer_of(exchange, politeness)) is Code.EXCHANGE_RATE_LIMITED
    assert exchange.requests == []


# Retry-After


def test_retry_after_is_honoured(exchange: SimulatedExchange, clock: Clock) -> None:
    politeness = Politeness()
    fail(exchange, "rate_limited")
    first = answer_of(exchange, politeness)
    fail(exchange, None)

    too_early = answer_of(exchange, politeness)
    clock.now = after(1)
    in_time = answer_of(exchange, politeness)

    assert code_of(first) is code_of(too_early) is Code.EXCHANGE_RATE_LIMITED
    assert "Retry-After" in too_early.figures["kind"]
    assert isinstance(in_time, Observation)
    assert len(exchange.requests) == 2


def test_ban_of_the_address_counts_for_every_key_of_that_pool(
    exchange: SimulatedExchange, clock: Clock
) -> None:
    politeness = Politeness()
    fail(exchange, "banned")
    answer_of(exchange, politeness)
    line = Line.to("binance", exchange.base_url, "another key", "spot")

    assert politeness.refusal(line, clock.now) is not None
    assert politeness.refusal(replace(line, pool="futures"), clock.now) is None
    assert politeness.refusal(line, after(60)) is None


# The circuit


@pytest.mark.parametrize("fault", ["unauthorized", "server_error", "html", "reset"])
def test_line_that_fails_again_and_again_is_left_alone_for_a_while(
    exchange: SimulatedExchange, clock: Clock, fault: str
) -> None:
    politeness = Politeness()
    fail(exchange, fault)
    for _ in range(5):
        assert code_of(answer_of(exchange, politeness)) is not Code.EXCHANGE_PAUSED
    asked = len(exchange.requests)

    paused = answer_of(exchange, politeness)

    assert code_of(paused) is Code.EXCHANGE_PAUSED
    assert paused.english == (
        "binance failed 5 times in a row, so it is not asked again before 00:01:00 UTC."
    )
    assert len(exchange.requests) == asked


def test_paused_line_is_tried_again_and_forgiven_once_it_answers(
    exchange: SimulatedExchange, clock: Clock
) -> None:
    politeness = Politeness()
    fail(exchange, "server_error")
    for _ in range(5):
        answer_of(exchange, politeness)
    clock.now = after(60)
    # Half open: one try, and a longer pause where it fails.
    assert code_of(answer_of(exchange, politeness)) is Code.EXCHANGE_UNREACHABLE
    clock.now = after(60 + 119)
    assert code_of(answer_of(exchange, politeness)) is Code.EXCHANGE_PAUSED
    fail(exchange, None)
    clock.now = after(60 + 120)

    assert isinstance(answer_of(exchange, politeness), Observation)
    fail(exchange, "server_error")
    assert code_of(answer_of(exchange, politeness)) is Code.EXCHANGE_UNREACHABLE


def test_pause_is_never_longer_than_five_minutes() -> None:
    politeness = Politeness()
    for _ in range(40):
        politeness.failed(LINE, START)

    assert politeness.refusal(LINE, after(299)) is not None
    assert politeness.refusal(LINE, after(300)) is None


def test_currency_that_is_not_listed_is_not_held_against_the_venue(
    exchange: SimulatedExchange, clock: Clock
) -> None:
    politeness = Politeness()
    fail(exchange, "missing_currency")

    codes = {code_of(answer_of(exchange, politeness)) for _ in range(8)}

    assert codes == {Code.EXCHANGE_CURRENCY_MISSING}


def test_refused_key_is_asked_once_a_call(exchange: SimulatedExchange, clock: Clock) -> None:
    fail(exchange, "unauthorized")

    answer_of(exchange, Politeness())

    assert len(exchange.requests) == 1


# Clocks

TOLD = [
    (venue, pool)
    for venue, pool in (
        ("binance", "spot"),
        ("binance", "futures"),
        ("bybit", "unified"),
        ("okx", "unified"),
        ("bitget", "spot"),
        ("kucoin", "spot"),
        ("mexc", "spot"),
    )
]


@pytest.mark.parametrize("ahead_seconds", [-90, 90])
@pytest.mark.parametrize(("venue", "pool"), TOLD)
def test_clock_that_is_off_is_put_right_once_from_the_venues_time(
    venue: str, pool: str, ahead_seconds: int
) -> None:
    account = twin(venue, wallets={pool: {VENUES[venue].currency: "5"}})
    with SimulatedExchange(
        Desk([account]), clock_ahead_milliseconds=ahead_seconds * 1000
    ) as server:
        politeness = Politeness()
        gateway = gateway_to(server, politeness=politeness)
        request = request_for(account, [pool])
        first = gateway.fetch_balances([request], clock=lambda: NOW)[1, Pool(pool)]
        asked = len(server.requests)
        second = gateway.fetch_balances([request], clock=lambda: NOW)[1, Pool(pool)]

    assert isinstance(first, Observation), first
    assert isinstance(second, Observation), second
    # Refused, corrected, answered; and answered at once from then on.
    assert (asked, len(server.requests)) == (2, 3)
    skew = politeness.skew_milliseconds(venue, server.base_url)
    assert abs(skew + ahead_seconds * 1000) < 2000


def test_clock_that_stays_refused_is_asked_about_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A venue that refuses a right clock is not argued with."""
    from ccxt.base import errors

    asked: list[str] = []

    async def run() -> None:
        gateway = CcxtGateway(venue_urls={}, concurrency=1, politeness=Politeness())
        request = request_for(twin(), ["spot"])
        call = request.venue.call(Pool.SPOT, "USDT")
        exchange = gateway._exchange(request, None, call)  # type: ignore[arg-type]

        async def fetch_balance(_params: Any) -> Any:
            asked.append("balance")
            raise errors.InvalidNonce("-1021")

        async def fetch_time() -> int:
            asked.append("time")
            return time.time_ns() // 1_000_000 + 60_000

        exchange.fetch_balance, exchange.fetch_time = fetch_balance, fetch_time
        with pytest.raises(errors.InvalidNonce):
            await gateway._fetch_with_retries(exchange, request, call, LINE)

    asyncio.run(run())

    assert asked == ["balance", "time", "balance"]
