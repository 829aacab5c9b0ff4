"""An answer of another account, or of an hour ago, is no balance; whose clock is off is known."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from capital.domain.balances import BalanceBasis, Observation
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange.ccxt.balances import CcxtGateway
from capital.exchange.ccxt.clients import _ExactAnswers
from capital.exchange.clocks import VENUE_TIMES, moment_of, seconds_in_a_cache
from capital.exchange.politeness import Politeness
from capital.exchange.venues import VENUES
from capital.simulator.faults import Fault
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState, SimulatedAccount
from tests.exchange.asking import NOW, gateway_to, request_for, simulated_account

EVERY_CALL = [(venue, pool.value) for venue, row in VENUES.items() for pool in row.calls]
HOUR = 3600


def basis_of(venue: str, pool: str) -> BalanceBasis:
    row = VENUES[venue]
    return next(iter(row.call(Pool(pool), row.currency).formulas))


def read(
    server: SimulatedExchange, account: SimulatedAccount, pool: str, **request: Any
) -> Observation | Reason:
    asked = replace(request_for(account, [pool], basis=basis_of(account.venue, pool)), **request)
    gateway = gateway_to(server, politeness=Politeness())
    return gateway.fetch_balances([asked], clock=lambda: NOW)[1, Pool(pool)]


def holding(venue: str, pool: str, **fields: Any) -> SimulatedAccount:
    return simulated_account(venue, wallets={pool: {VENUES[venue].currency: "5"}}, **fields)


def code_of(answer: Observation | Reason) -> str:
    return answer.code if isinstance(answer, Reason) else "live"


@pytest.mark.parametrize(("venue", "pool"), EVERY_CALL)
def test_answer_of_an_hour_ago_is_refused_everywhere(venue: str, pool: str) -> None:
    """Also as the very first answer, by this machine's clock."""
    account = holding(venue, pool)
    with SimulatedExchange(ExchangeState([account])) as server:
        account.set_fault(Fault.OLD_ANSWER, pool=pool, times=1)
        old = read(server, account, pool)
        new = read(server, account, pool)

    assert [code_of(old), code_of(new)] == [Code.ANSWER_OLD, "live"]
    assert isinstance(old, Reason)
    assert old.figures == {"venue": venue, "pool": pool}


@pytest.mark.parametrize("ahead_seconds", [-2 * HOUR, 2 * HOUR])
@pytest.mark.parametrize("venue", ["bybit", "hyperliquid"])
def test_clock_of_this_machine_that_is_off_makes_no_answer_old(
    venue: str, ahead_seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The venue tells its time; from then on its answers are compared with one another."""
    pool = "unified" if venue == "bybit" else "spot"
    account = holding(venue, pool)

    async def venue_time(_exchange: Any) -> int:
        return time.time_ns() // 1_000_000 + ahead_seconds * 1000

    monkeypatch.setattr("capital.exchange.ccxt.accounts._venue_time", venue_time)
    with SimulatedExchange(
        ExchangeState([account]), clock_ahead_milliseconds=ahead_seconds * 1000
    ) as server:
        first, second = read(server, account, pool), read(server, account, pool)
        account.set_fault(Fault.OLD_ANSWER, pool=pool, times=1)
        old = read(server, account, pool)

    assert [code_of(first), code_of(second), code_of(old)] == ["live", "live", Code.ANSWER_OLD]


def test_answer_older_than_an_earlier_one_is_refused_whatever_the_clock_says() -> None:
    """This machine's clock may have been set back by that hour: it is not asked."""
    account = holding("upbit", "spot")
    with SimulatedExchange(ExchangeState([account])) as server:
        assert code_of(read(server, account, "spot")) == "live"
        known = VENUE_TIMES.at(("upbit", server.venue_urls["upbit"]), time.monotonic_ns() // 10**6)
        assert known is not None
        VENUE_TIMES.correct(
            ("upbit", server.venue_urls["upbit"]),
            known + 61_000 + 2_000,
            time.monotonic_ns() // 10**6,
        )
        old, next_one = (read(server, account, "spot") for _ in range(2))

    assert code_of(old) == Code.ANSWER_OLD
    assert code_of(next_one) == "live", "one wrong answer does not keep all others out"


OWNED = [
    (venue, pool)
    for venue, pool in EVERY_CALL
    if VENUES[venue].call(Pool(pool), VENUES[venue].currency).owner
]


def test_venues_that_say_whose_account_it_is() -> None:
    assert sorted(OWNED) == [
        ("binance", "spot"),
        ("bingx", "futures"),
        ("deribit", "unified"),
        ("gate", "futures"),
        ("gate", "unified"),
        ("htx", "spot"),
    ]


@pytest.mark.parametrize(("venue", "pool"), OWNED)
def test_answer_of_another_account_is_refused(venue: str, pool: str) -> None:
    account = holding(venue, pool)
    with SimulatedExchange(ExchangeState([account])) as server:
        mine = read(server, account, pool)
        assert isinstance(mine, Observation)
        assert mine.owner == "1"
        again = read(server, account, pool, owners={Pool(pool): mine.owner})
        account.set_fault(Fault.WRONG_ACCOUNT, pool=pool, times=1)
        other = read(server, account, pool, owners={Pool(pool): mine.owner})

    assert [code_of(again), code_of(other)] == ["live", Code.WRONG_ACCOUNT]
    assert "1" not in other.figures.values() if isinstance(other, Reason) else False


@pytest.fixture
def cache() -> Iterator[Callable[..., Any]]:
    """Upbit behind a cache: what it answers with, and what it was asked with."""
    headers: dict[str, str] = {}
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(dict(self.headers))
            body = json.dumps([{"currency": "KRW", "balance": "5", "locked": "0"}]).encode()
            self.send_response_only(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()

    def ask(**given: str) -> tuple[Observation | Reason, dict[str, str]]:
        headers.clear()
        headers.update(given)
        gateway = CcxtGateway(
            venue_urls={"upbit": f"http://127.0.0.1:{server.server_port}"},
            concurrency=1,
            politeness=Politeness(),
        )
        answers = gateway.fetch_balances(
            [request_for(simulated_account("upbit"), ["spot"])], clock=lambda: NOW
        )
        return answers[1, Pool.SPOT], seen[-1]

    yield ask
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "live"),
        ({"Date": "now"}, "live"),
        ({"Date": "no time at all"}, "live"),
        ({"Age": "59"}, "live"),
        ({"Age": "61"}, Code.ANSWER_OLD),
        ({"Age": "soon"}, "live"),
        # A day and more ago is no clock that is off.
        ({"Date": "Tue, 01 Jan 2019 00:00:00 GMT"}, Code.ANSWER_OLD),
    ],
)
def test_cache_admits_what_it_does_by_its_headers(
    cache: Any, headers: dict[str, str], code: str
) -> None:
    if headers.get("Date") == "now":
        # Of this moment, not of the one in which the tests were collected.
        headers = {"Date": formatdate(usegmt=True)}

    answer, _ = cache(**headers)

    assert code_of(answer) == code


def test_requests_want_no_answer_of_a_cache(cache: Any) -> None:
    _, sent = cache()

    assert sent["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(("venue", "pool"), EVERY_CALL)
def test_row_says_whether_an_address_is_asked_twice(
    venue: str, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is, no parameter is documented that would tell two requests apart."""
    account, asked = holding(venue, pool), []
    fetch = _ExactAnswers.fetch

    async def note(client: Any, url: str, method: str, *args: Any) -> Any:
        if not urlsplit(url).path.endswith("/v1/account/accounts"):
            asked.append((method, url))
        return await fetch(client, url, method, *args)

    monkeypatch.setattr(_ExactAnswers, "fetch", note)
    with SimulatedExchange(ExchangeState([account])) as server:
        read(server, account, pool)
        time.sleep(1.01 if venue == "htx" else 0.01)  # its requests name the second
        read(server, account, pool)

    call = VENUES[venue].call(Pool(pool), VENUES[venue].currency)
    is_posted = {method for method, _ in asked} == {"POST"}
    assert call.has_own_address is (is_posted or len(set(asked)) == len(asked))


@pytest.mark.parametrize(
    ("told", "milliseconds"),
    [
        (1690872862, 1690872862000),
        ("1690872862481", 1690872862481),
        (1690872862481123, 1690872862481),
        ("2022-04-12T07:48:07.475Z", 1649749687475),
        ("2022-04-12T07:48:07", None),
        ("soon", None),
        (None, None),
        (0, None),
        ("9" * 400, None),
    ],
)
def test_time_is_read_in_every_form_that_venues_write(
    told: object, milliseconds: int | None
) -> None:
    assert moment_of(told) == milliseconds


@pytest.mark.parametrize(("age", "seconds"), [("61", 61), ("", 0), ("-1", 0), ("9" * 40, 0)])
def test_age_is_a_number_of_seconds_or_nothing(age: str, seconds: int) -> None:
    assert seconds_in_a_cache(age) == seconds
