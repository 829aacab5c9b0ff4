"""The slices of one process: one question to the store for several requests, and none too late."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from capital.domain.balances import Observation
from capital.domain.errors import BalanceUnavailable
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.exchange.calls.balances import Pace
from capital.exchange.ccxt import balances as ccxt_gateway
from capital.exchange.politeness import Line, Politeness
from capital.exchange.sharing import pace as sharing
from capital.exchange.sharing.pace import SharedPace
from capital.exchange.sharing.slices import (
    LEASE_SECONDS,
    Lease,
    LeaseRequest,
    State,
    granted,
    with_refusal,
)
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState
from tests.exchange.asking import NOW, gateway_to, request_for, simulated_account

LINE = Line.to("binance", "", "key", "spot")
OTHER = Line.to("binance", "", "another key", "spot")
PACE = Pace(weight_per_minute=100, key_requests=9)
BY_KEY = Pace(weight_per_minute=None, key_requests=9)


@dataclass
class Store:
    """What processes share, in memory."""

    states: dict[str, State] = field(default_factory=dict)
    asked: list[LeaseRequest] = field(default_factory=list)
    error: Exception | None = None
    delay: float = 0.0

    def lease(self, name: str, request: LeaseRequest) -> Lease:
        self.asked.append(request)
        time.sleep(self.delay)
        if self.error is not None:
            raise self.error
        self.states[name], lease = granted(self.states.get(name, {}), request, datetime.now(UTC))
        return lease

    def refuse(self, name: str, scope: str, span: timedelta) -> None:
        if self.error is not None:
            raise self.error
        self.states[name] = with_refusal(self.states.get(name, {}), scope, span, datetime.now(UTC))


def process(store: Store, name: str = "a:1") -> SharedPace:
    return SharedPace(store, egress="one", holder=name)


def run(*work: Callable[[], Awaitable[Any]]) -> list[Any]:
    """What each of them gives, or raises."""

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*(each() for each in work), return_exceptions=True)

    return asyncio.run(all_of_them())


def taking(
    pace: SharedPace,
    line: Line = LINE,
    *,
    limits: Pace = PACE,
    seconds: float = 0.5,
    is_urgent: bool = False,
) -> Callable[[], Awaitable[bool]]:
    async def take() -> bool:
        deadline = asyncio.get_running_loop().time() + seconds
        return await pace.take(line, 1, limits, deadline=deadline, is_urgent=is_urgent)

    return take


def refusals(answers: list[Any]) -> list[str]:
    return [each.reason.figures["kind"] for each in answers if isinstance(each, BalanceUnavailable)]


def wait_for(holds: Callable[[], object]) -> None:
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_many_requests_are_one_question() -> None:
    store = Store()
    pace = process(store)

    answers = run(*[taking(pace)] * 9)

    assert answers == [True] * 9
    assert [each.wanted for each in store.asked] == [9]


def test_two_processes_together_send_what_one_may() -> None:
    store = Store()
    one, two = process(store, "a:1"), process(store, "a:2")

    first, second = run(*[taking(one)] * 80), run(*[taking(two)] * 80)

    assert first == [True] * 80
    assert second.count(True) == 15
    assert set(refusals(second)) == {"as many requests as it allows are on their way"}
    assert len(store.asked) < 20


def test_who_is_in_a_hurry_does_not_wait_behind_the_rest() -> None:
    store = Store()
    pace = process(store)
    run(*[taking(pace)] * 95)

    urgent, late = run(taking(pace, is_urgent=True), taking(pace))

    assert urgent is True
    assert refusals([late])


def test_who_waits_for_a_turn_until_the_end_is_not_told_that_the_venue_is_slow(
    exchange: SimulatedExchange,
) -> None:
    store = Store(delay=5)
    request = request_for(exchange.state.accounts[0], ["spot"])
    hurried = gateway_to(
        exchange, politeness=Politeness(), shared=process(store), deadline_seconds=0.3
    )

    answer: Any = hurried.fetch_balances([request], clock=lambda: NOW)[1, Pool.SPOT]

    assert answer.code is Code.EXCHANGE_RATE_LIMITED
    assert exchange.requests == []


def test_slice_that_was_not_used_in_time_is_not_used_later() -> None:
    pace = process(Store())
    began = time.monotonic()
    run(*[taking(pace)] * 9)
    held = pace._held[pace.name_of(LINE)]
    (part,) = held.parts
    part.weight = 5

    assert part.until <= time.monotonic() + LEASE_SECONDS
    assert part.until >= began + LEASE_SECONDS
    assert held.take(1, part.until - 0.1, is_urgent=False)
    assert not held.take(1, part.until, is_urgent=False)


def test_refusal_of_one_process_holds_for_all_of_its_address() -> None:
    store = Store()
    one, two = process(store, "a:1"), process(store, "a:2")
    one.refused(LINE, timedelta(seconds=60), is_of_address=True)
    wait_for(lambda: store.states)

    answers = run(taking(one), taking(two), taking(two, OTHER))
    elsewhere = run(taking(two, replace(LINE, pool="futures")))

    assert [kind.partition(",")[0] for kind in refusals(answers)] == ["Retry-After"] * 3
    assert elsewhere == [True]


def test_refusal_of_a_key_holds_for_the_key_in_all_processes() -> None:
    store = Store()
    one, two = process(store, "a:1"), process(store, "a:2")
    one.refused(LINE, timedelta(seconds=60), is_of_address=False)
    wait_for(lambda: store.states)

    run(taking(two, OTHER, limits=BY_KEY))
    answers = run(taking(two, LINE, limits=BY_KEY), taking(two, OTHER, limits=BY_KEY))

    assert len(refusals(answers[:1])) == 1
    assert answers[1] is True


def test_key_is_shared_by_parts() -> None:
    store = Store()
    for number in range(3):
        run(taking(process(store, f"a:{number}")))
    pace = process(store, "a:3")
    run(taking(pace))

    assert pace.own_share(LINE, PACE) == Pace(None, key_requests=2, key_seconds=1)
    slow = Pace(weight_per_minute=None, key_requests=1, key_seconds=2)
    assert pace.own_share(LINE, slow) == Pace(None, key_requests=1, key_seconds=8)


@pytest.mark.parametrize("how", ["raises", "hangs"])
def test_store_that_is_away_is_said_once_and_leaves_each_process_its_cautious_part(
    how: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "_STORE_SECONDS", 0.05)
    store = Store(error=OSError("secret") if how == "raises" else None)
    store.delay = 0.5 if how == "hangs" else 0
    pace = process(store)

    answers = run(*[taking(pace)] * 5)
    again = run(*[taking(pace)] * 5)

    assert answers == again == [False] * 5
    assert len(store.asked) == 1
    away = [record.getMessage() for record in caplog.records]
    assert len(away) == 1
    assert "cannot be shared" in away[0]
    assert "secret" not in away[0]
    assert pace.own_share(LINE, PACE, is_away=True) == Pace(25, key_requests=2)


def test_store_that_comes_back_is_used_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(sharing, "_AWAY_SECONDS", 0.05)
    store = Store(error=OSError())
    pace = process(store)
    away = run(taking(pace))
    store.error = None
    time.sleep(0.1)

    answers = run(taking(pace), taking(pace))

    assert away == [False]
    assert answers == [True, True]
    assert [record.getMessage() for record in caplog.records][1:] == [
        "The pace is shared with other processes again."
    ]


def test_refusal_that_cannot_be_told_is_kept_by_the_process() -> None:
    pace = process(Store(error=OSError()))
    pace.refused(LINE, timedelta(seconds=60), is_of_address=True)

    assert refusals(run(taking(pace)))


# The gateway


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedExchange]:
    monkeypatch.setattr(ccxt_gateway, "RETRY_PAUSE_SECONDS", 0.001)
    with SimulatedExchange(
        ExchangeState([simulated_account(wallets={"spot": {"USDT": "5"}})])
    ) as server:
        yield server


def answer_of(exchange: SimulatedExchange, pace: SharedPace) -> Any:
    request = request_for(exchange.state.accounts[0], ["spot"])
    gateway = gateway_to(exchange, politeness=Politeness(), shared=pace)
    return gateway.fetch_balances([request], clock=lambda: NOW)[1, Pool.SPOT]


def test_gateway_takes_a_turn_among_all_processes(exchange: SimulatedExchange) -> None:
    store = Store()

    assert isinstance(answer_of(exchange, process(store)), Observation)

    # Binance's limit for the endpoint, and what one request counts for.
    assert [(each.weight, each.limit) for each in store.asked] == [(20, 5400)]


@pytest.mark.parametrize(("number", "is_urgent"), [(10, True), (11, False)])
def test_few_accounts_do_not_wait_behind_a_sync(
    exchange: SimulatedExchange, number: int, is_urgent: bool
) -> None:
    store = Store()
    account = exchange.state.accounts[0]
    requests = [request_for(account, ["spot"], key=key) for key in range(number)]

    gateway_to(exchange, politeness=Politeness(), shared=process(store)).fetch_balances(
        requests, clock=lambda: NOW
    )

    assert {each.is_urgent for each in store.asked} == {is_urgent}


def test_each_attempt_is_a_turn_of_its_own(exchange: SimulatedExchange) -> None:
    exchange.state.set_fault(exchange.state.accounts[0].api_key, "server_error", "spot")
    store = Store()

    answer_of(exchange, process(store))

    (state,) = store.states.values()
    assert len(exchange.requests) == 3
    assert sum(weight for _, weight, _ in state["grants"]) == 60


@pytest.mark.parametrize("fault", ["banned", "rate_limited"])
def test_ban_and_retry_after_are_told_to_the_other_processes(
    exchange: SimulatedExchange, fault: str
) -> None:
    exchange.state.set_fault(exchange.state.accounts[0].api_key, fault, "spot")
    store = Store()
    answer_of(exchange, process(store, "a:1"))
    (name,) = store.states
    wait_for(lambda: store.states[name].get("refused"))
    asked = len(exchange.requests)

    answer = answer_of(exchange, process(store, "a:2"))

    assert answer.code is Code.EXCHANGE_RATE_LIMITED
    assert "Retry-After" in answer.figures["kind"]
    assert len(exchange.requests) == asked


def test_without_a_store_that_answers_balances_are_read_all_the_same(
    exchange: SimulatedExchange,
) -> None:
    assert isinstance(answer_of(exchange, process(Store(error=OSError()))), Observation)
