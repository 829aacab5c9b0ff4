"""Accounts that are read at once: in which steps of the event loop they begin."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from capital.domain.pools import Pool
from capital.exchange.ccxt.lanes import lanes_of, read_in_lanes
from capital.exchange.contract import BalanceRequest, Credentials
from capital.exchange.venues import get_venue


def requests_to(venue: str, pools: Sequence[Pool], ids: Sequence[int]) -> list[BalanceRequest]:
    row, none = get_venue(venue), Credentials("", "", "")
    return [BalanceRequest(each, row, row.currency, tuple(pools), none) for each in ids]


class Answers:
    """Answers when told to, and writes down what was asked and read."""

    def __init__(self) -> None:
        self.open: dict[tuple[int, Pool], asyncio.Future[None]] = {}
        self.events: list[str] = []

    async def fetch(self, request: BalanceRequest, pool: Pool) -> str:
        name = f"{request.account_id} {pool.value}"
        self.events.append(f"ask {name}")
        future = asyncio.get_running_loop().create_future()
        self.open[request.account_id, pool] = future
        await future
        self.events.append(f"read {name}")
        return name

    def answer(self, *names: tuple[int, Pool]) -> list[str]:
        """Answer these in one step, and forget what happened before."""
        self.events.clear()
        for name in names:
            self.open.pop(name).set_result(None)
        return self.events


async def steps(count: int = 1) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_next_account_is_asked_before_the_next_answer_is_read() -> None:
    requests = requests_to("bybit", [Pool.UNIFIED], range(4))

    async def scene() -> tuple[list[str], Any]:
        answers = Answers()
        lanes = lanes_of(requests, 2)
        work = asyncio.create_task(read_in_lanes(lanes, answers.fetch))
        await steps(5)
        seen = answers.answer((0, Pool.UNIFIED), (1, Pool.UNIFIED))
        await steps()
        seen = list(seen)
        answers.answer((2, Pool.UNIFIED), (3, Pool.UNIFIED))
        return seen, await work

    seen, answers = asyncio.run(scene())
    assert seen == ["read 0 unified", "ask 2 unified", "read 1 unified", "ask 3 unified"]
    assert answers == {(n, Pool.UNIFIED): f"{n} unified" for n in range(4)}


@pytest.mark.parametrize("last", [Pool.SPOT, Pool.FUTURES])
def test_account_of_two_pools_ends_with_the_last_of_them(last: Pool) -> None:
    requests = requests_to("binance", [Pool.SPOT, Pool.FUTURES], range(2))
    first = Pool.FUTURES if last is Pool.SPOT else Pool.SPOT
    told: list[tuple[int, Any]] = []

    async def scene() -> list[list[str]]:
        answers = Answers()
        work = asyncio.create_task(
            read_in_lanes(
                lanes_of(requests, 1),
                answers.fetch,
                lambda account_id, of_account: told.append((account_id, dict(of_account))),
            )
        )
        await steps(5)
        seen = []
        for pool in (first, last):
            events = answers.answer((0, pool))
            await steps(3)
            seen.append(list(events))
        answers.answer((1, Pool.SPOT), (1, Pool.FUTURES))
        await work
        return seen

    after_first, after_last = asyncio.run(scene())
    assert after_first == [f"read 0 {first.value}"]
    assert after_last[0] == f"read 0 {last.value}"
    assert after_last[1:] == ["ask 1 spot", "ask 1 futures"]
    assert told == [(n, {Pool.SPOT: f"{n} spot", Pool.FUTURES: f"{n} futures"}) for n in range(2)]


def test_lanes_begin_one_after_the_other_so_that_their_requests_go_out() -> None:
    """An account that began has had a step to itself before the next one begins."""
    requests = requests_to("bybit", [Pool.UNIFIED], range(3))
    events: list[str] = []

    async def fetch(request: BalanceRequest, pool: Pool) -> None:
        events.append(f"begin {request.account_id}")
        await asyncio.sleep(0)
        events.append(f"send {request.account_id}")

    asyncio.run(read_in_lanes(lanes_of(requests, 3), fetch))
    assert events.index("send 0") < events.index("begin 2")


def test_each_venue_has_its_share_where_asked() -> None:
    requests = [
        *requests_to("bybit", [Pool.UNIFIED], range(10)),
        *requests_to("upbit", [Pool.SPOT], range(10, 12)),
    ]
    assert len(lanes_of(requests, 8)) == 8
    assert len(lanes_of(requests, 8, by_venue=True)) == 4 + 2
    assert len(lanes_of(requests, 1, by_venue=True)) == 2
    assert lanes_of([], 8) == []


def test_error_comes_as_itself_and_ends_the_others() -> None:
    requests = requests_to("bybit", [Pool.UNIFIED], range(3))
    ended: list[int] = []

    async def fetch(request: BalanceRequest, pool: Pool) -> None:
        if request.account_id == 1:
            raise LookupError("gone")
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(request.account_id)

    with pytest.raises(LookupError, match="gone"):
        asyncio.run(read_in_lanes(lanes_of(requests, 3), fetch))
    assert 0 in ended
