"""Accounts that are read at once: each lane begins the next account as it reads the last answer."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from capital.domain.pools import Pool
from capital.exchange.contract import BalanceRequest, OnAccount

Fetch = Callable[[BalanceRequest, Pool], Awaitable[Any]]
"""Asks for a pool's balance. Never raises, unless it is cancelled."""


def lanes_of(
    requests: Sequence[BalanceRequest], at_once: int, *, by_venue: bool = False
) -> list[Iterator[BalanceRequest]]:
    """The lanes in which ``requests`` are read. Lanes that share an iterator share their work.

    Args:
        requests: One for each account, the first first.
        at_once: How many lanes there are at most, at least 1 for each iterator.
        by_venue: Whether each venue has its share of them, so that one that hangs does not keep the
            others waiting.
    """
    rows: dict[str, list[BalanceRequest]] = {}
    for request in requests:
        rows.setdefault(request.venue.id if by_venue else "", []).append(request)
    share = max(1, at_once // max(1, len(rows)))
    return [lane for row in rows.values() for lane in [iter(row)] * min(share, len(row))]


async def read_in_lanes(
    lanes: Sequence[Iterator[BalanceRequest]], fetch: Fetch, on_account: OnAccount | None = None
) -> dict[tuple[int, Pool], Any]:
    """What ``fetch`` returns for each pool of each account.

    The pools of an account are asked at the same time, and its lane goes on in the step in which
    the last of them is answered. If it waited for its turn in the event loop instead, every account
    would wait until the answers of all others that came meanwhile were read: requests then go out
    in bursts, and each burst adds the time of all its accounts to the venue's latency.

    Args:
        lanes: As ``lanes_of`` makes them.
        fetch: Asks for one pool.
        on_account: Told of each account with its answers; it must not wait.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            reading = _Reading(tasks, fetch, on_account)
            for lane in lanes:
                reading.begin(lane)
                # Those that began are to send their requests before the next one takes its time.
                await asyncio.sleep(0)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return reading.answers


@dataclass(frozen=True)
class _Reading:
    tasks: asyncio.TaskGroup
    fetch: Fetch
    on_account: OnAccount | None
    answers: dict[tuple[int, Pool], Any] = field(default_factory=dict)

    def begin(self, lane: Iterator[BalanceRequest]) -> None:
        """Ask for all pools of the lane's next account."""
        request = next(lane, None)
        if request is not None:
            for pool in request.pools:
                self.tasks.create_task(self._read_on(lane, request, pool))

    async def _read_on(
        self, lane: Iterator[BalanceRequest], request: BalanceRequest, pool: Pool
    ) -> None:
        """Read this pool and, if it is the last one of its account, the lane's next accounts."""
        while await self._reads_last(request, pool):
            following = next(lane, None)
            if following is None:
                return
            request, (pool, *others) = following, following.pools
            for other in others:
                self.tasks.create_task(self._read_on(lane, request, other))

    async def _reads_last(self, request: BalanceRequest, pool: Pool) -> bool:
        """Read a pool; whether it was the last one of its account."""
        self.answers[request.account_id, pool] = await self.fetch(request, pool)
        names = [(request.account_id, each) for each in request.pools]
        if not all(name in self.answers for name in names):
            return False
        if self.on_account is not None:
            told = {each: self.answers[name, each] for name, each in names}
            self.on_account(request.account_id, told)
        return True
