"""Limits, pauses and clocks: what the gateway does not ask, and when."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from capital.domain.balances import BalanceBasis, Observation
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange.calls.balances import Pace
from capital.exchange.ccxt import accounts
from capital.exchange.ccxt import balances as ccxt_gateway
from capital.exchange.ccxt.balances import CcxtGateway
from capital.exchange.ccxt.clients import new_client
from capital.exchange.clocks import seconds_to_wait
from capital.exchange.politeness import Line, Politeness
from capital.exchange.venues import VENUES
from capital.simulator import server as simulator
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState, SimulatedAccount
from capital.simulator.venues import kraken
from tests.exchange.asking import NOW, gateway_to, request_for, simulated_account

LINE = Line.to("binance", "", "key", "spot")
START = datetime(2026, 3, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Clock:
    """This machine's time, as the gateway's limits see it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        monkeypatch.setattr(accounts, "now", lambda: self.now)
        monkeypatch.setattr(ccxt_gateway, "RETRY_PAUSE_SECONDS", 0.001)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def exchange() -> Iterator[SimulatedExchange]:
    with SimulatedExchange(
        ExchangeState([simulated_account(wallets={"spot": {"USDT": "5"}})])
    ) as server:
        yield server


def fail(exchange: SimulatedExchange, fault: str | None) -> None:
    exchange.state.set_fault(exchange.state.accounts[0].api_key, fault, "spot")


def answer_of(exchange: SimulatedExchange, politeness: Politeness) -> Any:
    request = request_for(exchange.state.accounts[0], ["spot"])
    gateway = gateway_to(exchange, politeness=politeness)
    return gateway.fetch_balances([request], clock=lambda: NOW)[1, Pool.SPOT]


def code_of(answer: Any) -> Code | None:
    return answer.code if isinstance(answer, Reason) else None


# Limits


def used_up(exchange: SimulatedExchange, clock: Clock) -> Politeness:
    """One that has given out all that the venue allows in this minute."""
    politeness = Politeness()
    pace = VENUES["binance"].call(Pool.SPOT, "USDT").pace
    line = Line.to("binance", exchange.base_url, exchange.state.accounts[0].api_key, "spot")
    assert pace.weight_per_minute is not None
    politeness.wait_seconds(line, pace.weight_per_minute, pace, clock.now)
    return politeness


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
    politeness = used_up(exchange, clock)

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


DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("header", "date", "seconds"),
    [
        ("60", "", 60),
        ("0", DATE, 0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", DATE, 30),
        # By this machine's clock, where the venue does not tell its own.
        ("Wed, 21 Oct 2026 07:28:30 GMT", "", 90),
        ("Wed, 21 Oct 2026 07:27:30 GMT", DATE, 0),
        ("", DATE, None),
        ("soon", DATE, None),
        ("-5", DATE, None),
        ("1" * 9, DATE, None),
        ("６０", DATE, None),
    ],
)
def test_retry_after_is_seconds_or_a_time(header: str, date: str, seconds: float | None) -> None:
    now = datetime(2026, 10, 21, 7, 27, tzinfo=UTC)

    assert seconds_to_wait(header, date=date, now=int(now.timestamp()) * 1000) == seconds


@pytest.mark.parametrize(("status", "is_asked_once"), [(503, True), (500, False)])
def test_overloaded_venue_that_says_when_to_come_back_is_not_asked_again_before(
    status: int, is_asked_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ccxt.base import errors

    monkeypatch.setattr(ccxt_gateway, "RETRY_PAUSE_SECONDS", 0.001)
    client, asked, headers = new_client("binance"), [], {"Retry-After": "60"}

    async def fetch_balance(_params: Any) -> None:
        asked.append("balance")
        client.handle_errors(status, "", "https://x", "GET", headers, "<html>", None, {}, None)
        raise errors.ExchangeNotAvailable

    client.fetch_balance = fetch_balance
    request = request_for(simulated_account(), ["spot"])
    call = request.venue.call(Pool.SPOT, "USDT")
    gateway = CcxtGateway(venue_urls={}, concurrency=1, politeness=Politeness())
    with pytest.raises(errors.ExchangeNotAvailable):
        asyncio.run(gateway._fetch_with_retries(client, request, call, LINE))

    assert len(asked) == (1 if is_asked_once else ccxt_gateway.ATTEMPTS)


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
        "binance failed 5 times in a row, so no requests are sent until 2026-03-01T00:01:00+00:00."
    )
    assert len(exchange.requests) == asked


def test_limits_and_pauses_go_on_when_the_clock_is_set_back() -> None:
    clock_as_it_is = accounts.now()
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=10)):
        set_back = accounts.now()
        change = accounts._clock_change()

    assert timedelta() <= set_back - clock_as_it_is < timedelta(minutes=1)
    assert change == timedelta(minutes=-10)


def test_end_of_a_pause_is_told_by_the_clock_that_people_read() -> None:
    politeness = Politeness()
    for _ in range(5):
        politeness.failed(LINE, START)

    told = politeness.refusal(LINE, START, clock_change=timedelta(minutes=-10))

    assert told is not None
    assert told.figures["until"] == "2026-02-28T23:51:00+00:00"


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


def test_only_one_tries_after_a_pause() -> None:
    politeness = Politeness()
    for _ in range(5):
        politeness.failed(LINE, START)

    answers = [politeness.refusal(LINE, after(60)) for _ in range(10)]

    assert answers[0] is None
    assert {code_of(answer) for answer in answers[1:]} == {Code.EXCHANGE_PAUSED}
    # Whoever tried was not heard of again.
    assert politeness.refusal(LINE, after(75)) is None


def test_try_is_neither_taken_by_who_cannot_judge_nor_lost_by_who_did_not_ask() -> None:
    politeness = Politeness()
    for _ in range(5):
        politeness.failed(LINE, START)

    hurried = politeness.refusal(LINE, after(60), may_try=False)
    patient = politeness.refusal(LINE, after(60))
    politeness.untried(LINE, after(61))

    assert code_of(hurried) is Code.EXCHANGE_PAUSED
    assert patient is None
    assert politeness.refusal(LINE, after(61)) is None


def test_hurried_reading_leaves_the_try_to_others(
    exchange: SimulatedExchange, clock: Clock
) -> None:
    politeness = Politeness()
    fail(exchange, "server_error")
    for _ in range(5):
        answer_of(exchange, politeness)
    fail(exchange, None)
    clock.now = after(60)
    request = request_for(exchange.state.accounts[0], ["spot"])
    hurried = gateway_to(exchange, politeness=politeness, deadline_seconds=1.3)

    answer = hurried.fetch_balances([request], clock=lambda: NOW)[1, Pool.SPOT]

    assert code_of(answer) is Code.EXCHANGE_PAUSED
    assert isinstance(answer_of(exchange, politeness), Observation)
    assert isinstance(
        hurried.fetch_balances([request], clock=lambda: NOW)[1, Pool.SPOT], Observation
    )


def test_answer_without_the_currency_ends_a_row_of_failures(
    exchange: SimulatedExchange, clock: Clock
) -> None:
    politeness = Politeness()
    for fault in ("html",) * 4 + ("missing_currency",) + ("html",) * 4:
        fail(exchange, fault)
        answer_of(exchange, politeness)
    fail(exchange, None)

    assert isinstance(answer_of(exchange, politeness), Observation)


def test_own_limits_are_not_held_against_the_venue(
    exchange: SimulatedExchange, clock: Clock
) -> None:
    politeness = used_up(exchange, clock)

    codes = {code_of(answer_of(exchange, politeness)) for _ in range(10)}
    clock.now = after(61)

    assert codes == {Code.EXCHANGE_RATE_LIMITED}
    assert isinstance(answer_of(exchange, politeness), Observation)


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

# Whose requests carry a time that the venue checks.
TIMED = [
    "binance",
    "bybit",
    "okx",
    "bitget",
    "gate",
    "kucoin",
    "coinbase",
    "deribit",
    "mexc",
    "htx",
    "bingx",
    "bithumb",
]
TOLD = [(venue, pool.value) for venue in TIMED for pool in VENUES[venue].calls]
UNTIMED = [("krakenfutures", "futures"), ("hyperliquid", "spot"), ("upbit", "spot")]


def ask_by_clock(
    account: SimulatedAccount, pool: str, ahead_seconds: int, **credentials: str
) -> tuple[list[Any], list[int], int]:
    """Two answers, how many requests had been counted after each, and the skew that was learned."""
    answers, counts = [], []
    politeness = Politeness()
    with SimulatedExchange(
        ExchangeState([account]), clock_ahead_milliseconds=ahead_seconds * 1000
    ) as server:
        gateway = gateway_to(server, politeness=politeness)
        basis = BalanceBasis.EQUITY if account.venue == "gate" else BalanceBasis.WALLET
        request = request_for(account, [pool], basis=basis)
        request = replace(request, credentials=replace(request.credentials, **credentials))
        for _ in range(2):
            answers.append(gateway.fetch_balances([request], clock=lambda: NOW)[1, Pool(pool)])
            counts.append(len(server.requests))
        return (
            answers,
            counts,
            politeness.skew_milliseconds(account.venue, server.venue_urls[account.venue]),
        )


def account_in(venue: str, pool: str) -> SimulatedAccount:
    return simulated_account(venue, wallets={pool: {VENUES[venue].currency: "5"}})


@pytest.mark.parametrize("ahead_seconds", [-90, 90])
@pytest.mark.parametrize(("venue", "pool"), TOLD)
def test_clock_that_is_off_is_put_right_once_from_the_venues_time(
    venue: str, pool: str, ahead_seconds: int
) -> None:
    answers, counts, skew = ask_by_clock(account_in(venue, pool), pool, ahead_seconds)

    assert all(isinstance(answer, Observation) for answer in answers), answers
    # Refused, corrected, answered; and answered at once from then on. HTX refuses the question
    # for the number of the spot account, which is not counted.
    refused = 0 if (venue, pool) == ("htx", "spot") else 1
    assert counts == [refused + 1, refused + 2]
    assert abs(skew + ahead_seconds * 1000) < 2000


def test_kraken_is_asked_with_a_higher_number_where_the_clock_is_behind() -> None:
    answers, counts, skew = ask_by_clock(account_in("kraken", "spot"), "spot", 90)

    assert all(isinstance(answer, Observation) for answer in answers), answers
    assert counts == [2, 3]
    assert abs(skew + 90_000) < 2000


def test_kraken_is_never_asked_with_a_lower_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program's number was higher: by a later clock it would be higher still."""
    monkeypatch.setattr(kraken, "TOLERANCE_MILLISECONDS", -10_000_000)

    answers, counts, skew = ask_by_clock(account_in("kraken", "spot"), "spot", -90)

    assert {code_of(answer) for answer in answers} == {Code.EXCHANGE_REFUSED_KEY}
    assert (counts, skew) == ([1, 2], 0)


@pytest.mark.parametrize("ahead_seconds", [-90, 90])
@pytest.mark.parametrize(("venue", "pool"), UNTIMED)
def test_clock_does_not_matter_where_requests_carry_no_time(
    venue: str, pool: str, ahead_seconds: int
) -> None:
    answers, counts, skew = ask_by_clock(account_in(venue, pool), pool, ahead_seconds)

    assert all(isinstance(answer, Observation) for answer in answers), answers
    assert (counts, skew) == ([1, 2], 0)


def test_every_venue_is_known_to_check_the_time_or_not_to() -> None:
    assert {*TIMED, *(venue for venue, _ in UNTIMED), "kraken"} == set(VENUES)


def test_wrong_key_is_refused_once_where_the_clock_is_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Deribit does not say whether it refuses the key or the time: it is asked for its time."""
    import ccxt.async_support as ccxt

    asked: list[Any] = []
    fetch_time = ccxt.deribit.fetch_time

    async def counted(exchange: Any) -> Any:
        asked.append(exchange)
        return await fetch_time(exchange)

    monkeypatch.setattr(ccxt.deribit, "fetch_time", counted)

    answers, counts, skew = ask_by_clock(
        account_in("deribit", "unified"), "unified", 0, api_secret="wrong"
    )

    figures = {"venue": "deribit", "kind": "AuthenticationError"}
    assert answers == [Reason(Code.EXCHANGE_REFUSED_KEY, figures)] * 2
    assert (counts, len(asked), skew) == ([1, 2], 2, 0)


@pytest.mark.parametrize(
    ("venue_time", "skew"),
    [
        (1_700_000_000_999, 0),
        (1_700_000_000_001, 998),
        # Without the fraction the clock may be right.
        (1_700_000_000_000, 0),
        (1_700_000_001_000, 0),
        (1_700_000_002_000, -1501),
        (1_699_999_999_000, 1499),
        (None, 0),
    ],
)
def test_skew_is_what_the_venues_time_can_tell(
    monkeypatch: pytest.MonkeyPatch, venue_time: int | None, skew: int
) -> None:
    monkeypatch.setattr(accounts, "milliseconds_now", lambda: 1_700_000_000_999)
    politeness = Politeness()

    async def run() -> bool:
        gateway = CcxtGateway(venue_urls={}, concurrency=1, politeness=politeness)
        request = request_for(simulated_account("coinbase"), ["spot"])
        exchange = gateway.client(request, None)  # type: ignore[arg-type]

        async def fetch_time() -> int | None:
            return venue_time

        exchange.fetch_time = fetch_time
        return await gateway.put_clock_right(exchange, replace(LINE, venue="coinbase"))

    assert asyncio.run(run()) is (skew != 0)
    assert politeness.skew_milliseconds("coinbase", "") == skew


@pytest.mark.parametrize(
    "date",
    ["", "yesterday", "Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "1" * 400],
)
def test_date_that_is_missing_or_absurd_corrects_nothing(
    monkeypatch: pytest.MonkeyPatch, date: str
) -> None:
    monkeypatch.setattr(simulator, "date_header", lambda _now: date)

    answers, counts, skew = ask_by_clock(account_in("bithumb", "spot"), "spot", 90)

    assert {code_of(answer) for answer in answers} == {Code.EXCHANGE_REFUSED_KEY}
    assert (counts, skew) == ([1, 2], 0)


@pytest.mark.parametrize(
    ("venue", "url", "status", "body"),
    [
        (
            "binance",
            "https://papi.binance.com/papi/v1/balance",
            400,
            {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."},
        ),
        (
            "gate",
            "https://api.gateio.ws/api/v4/spot/accounts",
            403,
            {
                "label": "REQUEST_EXPIRED",
                "message": "gap between request Timestamp and server time exceeds 60",
            },
        ),
        (
            "htx",
            "https://api.hbdm.com/swap-api/v1/swap_account_info",
            200,
            {"status": "error", "err_code": 12001, "err_msg": "Invalid submission time", "ts": 1},
        ),
        (
            "htx",
            "https://api.hbdm.com/v5/account/balance",
            200,
            {"code": "1003", "message": "invalid signature"},
        ),
        (
            "bingx",
            "https://open-api.bingx.com/openApi/swap/v3/user/balance",
            200,
            {"code": 80014, "msg": "timestamp is invalid"},
        ),
        (
            "coinbase",
            "https://api.coinbase.com/api/v3/brokerage/accounts",
            401,
            {"errors": [{"id": "authentication_error", "message": "request timestamp expired"}]},
        ),
        ("coinbase", "https://api.coinbase.com/api/v3/brokerage/accounts", 401, "Unauthorized"),
        (
            "deribit",
            "https://www.deribit.com/api/v2/private/get_account_summaries",
            400,
            {"jsonrpc": "2.0", "error": {"code": 13009, "message": "unauthorized"}},
        ),
        (
            "bithumb",
            "https://api.bithumb.com/v1/accounts",
            401,
            {"error": {"name": "expired_jwt", "message": "Jwt가 만료되었습니다."}},
        ),
    ],
)
def test_refusal_of_the_clock_is_known_by_the_venues_words(
    venue: str, url: str, status: int, body: Any
) -> None:
    from ccxt.base import errors

    answer = None if isinstance(body, str) else body
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)

    with pytest.raises(errors.InvalidNonce) as caught:
        new_client(venue).handle_errors(status, "", url, "GET", {}, text, answer, {}, None)

    assert str(caught.value) == f"HTTP {status}"


def test_venue_that_does_not_tell_its_time_has_refused_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = account_in("deribit", "unified")
    time_path = "/api/v2/public/get_time"
    deribit = simulator.VENUES["deribit"]
    notices = tuple(notice for notice in deribit.notices if notice.path != time_path)
    assert notices != deribit.notices
    silent = {**simulator.VENUES, "deribit": replace(deribit, notices=notices)}
    monkeypatch.setattr(simulator, "VENUES", silent)

    answers, counts, _ = ask_by_clock(account, "unified", 90)

    assert {code_of(answer) for answer in answers} == {Code.EXCHANGE_REFUSED_KEY}
    assert counts == [1, 2]


def test_clock_that_stays_refused_is_asked_about_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A venue that refuses a right clock is not argued with."""
    from ccxt.base import errors

    asked: list[str] = []

    async def run() -> None:
        gateway = CcxtGateway(venue_urls={}, concurrency=1, politeness=Politeness())
        request = request_for(simulated_account(), ["spot"])
        call = request.venue.call(Pool.SPOT, "USDT")
        exchange = gateway.client(request, None, call)  # type: ignore[arg-type]

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
