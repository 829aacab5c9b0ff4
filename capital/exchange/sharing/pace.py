"""The pace of all processes of one address: each takes a slice of what a venue allows a minute.

A venue counts the requests of an address, whichever process sends them. What was given out is kept
in a store that the processes share (``PaceStore``; services hand one in at the start). A process
takes a slice for several requests and uses it within three seconds, so that a single request costs
no query, and one that is killed loses its slice for little more than a minute. Without a store,
each process keeps the venue's limit by itself.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from capital.domain.errors import BalanceUnavailable
from capital.domain.reasons import Code
from capital.exchange.calls.balances import Pace
from capital.exchange.politeness import LONGEST_RETRY_AFTER, Line
from capital.exchange.sharing.slices import LEASE_SECONDS, Lease, LeaseRequest, PaceStore

logger = logging.getLogger(__name__)

# Where a venue does not count by address, only refusals and processes are shared.
_LOOK_SECONDS = 15
# A store that does not answer within this time counts as away, and is left alone for a while.
_STORE_SECONDS = 1.0
_AWAY_SECONDS = 5.0
# While it is away, each process keeps to this part of the limit.
_CAUTIOUS_PARTS = 4
_SHORTEST_WAIT = 0.05


@dataclass
class _Part:
    until: float
    weight: int
    is_urgent: bool


@dataclass
class _Held:
    """What this process holds of one endpoint. Times are of the monotonic clock."""

    parts: list[_Part] = field(default_factory=list)
    wanted: int = 0
    processes: int = 1
    nothing_until: dict[bool, float] = field(default_factory=dict)
    refused: dict[str, float] = field(default_factory=dict)

    def take(self, weight: int, now: float, *, is_urgent: bool) -> bool:
        """Use a part of what is held, if it is enough: of what is urgent, only who is."""
        part = self.fitting(weight, now, is_urgent=is_urgent)
        if part is not None:
            part.weight -= weight
        return part is not None

    def fitting(self, weight: int, now: float, *, is_urgent: bool) -> _Part | None:
        """What is held and is enough."""
        self.parts = [part for part in self.parts if part.until > now]
        fitting = (part for part in self.parts if is_urgent or not part.is_urgent)
        return next((part for part in fitting if part.weight >= weight), None)


class SharedPace:
    """The slices of this process. Safe to use from several threads and event loops."""

    def __init__(
        self, store: PaceStore | None = None, *, egress: str = "", holder: str = ""
    ) -> None:
        self._lock = threading.Lock()
        self.share_through(store, egress=egress, holder=holder)

    def share_through(self, store: PaceStore | None, *, egress: str = "", holder: str = "") -> None:
        """Share the pace through ``store`` from now on; None to keep it alone.

        Args:
            store: What the processes share.
            egress: The name of the address that the venues see.
            holder: The name of this process; another one after a fork.
        """
        self.store, self.egress, self.holder = store, egress, holder
        self._held: dict[str, _Held] = {}
        self._flights: dict[tuple[Any, str], asyncio.Future[None]] = {}
        self._away_until = 0.0
        self._is_away = False

    async def take(
        self, line: Line, weight: int, pace: Pace, *, deadline: float, is_urgent: bool
    ) -> bool:
        """Wait until one request may be sent.

        Args:
            line: Where it goes.
            weight: What it counts for.
            pace: The venue's limits.
            deadline: By when, by the time of the event loop.
            is_urgent: Whether somebody waits for the answer who cannot wait long.

        Returns:
            False where the store is away: the caller keeps to a cautious pace of its own.

        Raises:
            BalanceUnavailable: That would be after the deadline, or the venue is to be left alone.
        """
        held = self._held_of(line)
        with self._lock:
            held.wanted += weight
        try:
            while True:
                now = time.monotonic()
                with self._lock:
                    self._require_allowed(line, held, now)
                    if held.take(weight, now, is_urgent=is_urgent):
                        return True
                    wait = held.nothing_until.get(is_urgent, 0.0) - now
                if wait > 0:
                    if now + wait >= deadline:
                        raise too_late(line)
                    await asyncio.sleep(wait)
                elif not await self._renew(line, held, weight, pace, is_urgent=is_urgent):
                    return False
        except asyncio.CancelledError:
            if asyncio.get_running_loop().time() >= deadline:
                raise too_late(line) from None  # not the venue's time, which was not asked
            raise
        finally:
            with self._lock:
                held.wanted -= weight

    def own_share(self, line: Line, pace: Pace, *, is_away: bool = False) -> Pace:
        """What is left of the venue's limits for this process to keep by itself.

        A key is counted at the venue over all processes as well, and asked too rarely to lease
        slices of it: each process keeps to its part. While the store is away, so it does with the
        address.
        """
        with self._lock:
            processes = self._held_of(line, is_locked=True).processes
        if is_away:
            processes = max(processes, _CAUTIOUS_PARTS)
        rounds = -(-processes // pace.key_requests)
        limit = pace.weight_per_minute if is_away else None
        return replace(
            pace,
            weight_per_minute=None if limit is None else max(1, limit // processes),
            key_requests=max(1, pace.key_requests // processes),
            key_seconds=pace.key_seconds * rounds,
        )

    def refused(self, line: Line, span: timedelta, *, is_of_address: bool) -> None:
        """A venue asked to be left alone: tell all processes of the address.

        It does not wait for the store.
        """
        if self.store is None:
            return
        scope = "" if is_of_address else line.key_digest
        until = time.monotonic() + min(span, LONGEST_RETRY_AFTER).total_seconds()
        held, store, name = self._held_of(line), self.store, self.name_of(line)
        with self._lock:
            held.refused[scope] = max(held.refused.get(scope, 0.0), until)
        self._in_thread(lambda: self._tried(lambda: store.refuse(name, scope, span)))

    def name_of(self, line: Line) -> str:
        """The name of an endpoint in the store."""
        return "|".join((self.egress, *line.of_address))

    def _held_of(self, line: Line, *, is_locked: bool = False) -> _Held:
        if is_locked:
            return self._held.setdefault(self.name_of(line), _Held())
        with self._lock:
            return self._held.setdefault(self.name_of(line), _Held())

    @staticmethod
    def _require_allowed(line: Line, held: _Held, now: float) -> None:
        """Raises ``BalanceUnavailable`` while the venue, or this key, is to be left alone."""
        until = max(held.refused.get("", 0.0), held.refused.get(line.key_digest, 0.0))
        if until > now:
            kind = f"Retry-After, {int(until - now) + 1} s left"
            raise BalanceUnavailable(Code.EXCHANGE_RATE_LIMITED, venue=line.venue, kind=kind)

    async def _renew(
        self, line: Line, held: _Held, weight: int, pace: Pace, *, is_urgent: bool
    ) -> bool:
        """Take another slice; of those who wait for one, one asks. False where it is away."""
        await asyncio.sleep(0)  # so that those who begin together want one slice together
        now = time.monotonic()
        with self._lock:
            if held.fitting(weight, now, is_urgent=is_urgent) is not None:
                return True  # another one's question was answered meanwhile
        if self._away_until > now:
            return False
        loop, name, store = asyncio.get_running_loop(), self.name_of(line), self.store
        assert store is not None
        flight = self._flights.get((loop, name))
        if flight is None:
            flight = self._flights[loop, name] = loop.create_future()
            request = LeaseRequest(
                self.holder, weight, max(held.wanted, weight), pace.weight_per_minute, is_urgent
            )

            def ask() -> None:
                began = time.monotonic()
                lease = self._tried(lambda: store.lease(name, request))
                self._flights.pop((loop, name), None)
                if lease is not None:
                    self._hold(held, lease, request, began)
                _settle(loop, flight)

            self._in_thread(ask)
        try:
            await asyncio.wait_for(asyncio.shield(flight), _STORE_SECONDS)
        except TimeoutError:
            self._went_away("TimeoutError")
        return self._away_until <= time.monotonic()

    def _hold(self, held: _Held, lease: Lease, request: LeaseRequest, began: float) -> None:
        seconds = _LOOK_SECONDS if request.limit is None else LEASE_SECONDS
        with self._lock:
            held.processes = lease.processes
            for scope, left in lease.refused.items():
                held.refused[scope] = max(held.refused.get(scope, 0.0), began + left)
            if lease.weight:
                held.parts.append(_Part(began + seconds, lease.weight, request.is_urgent))
                held.nothing_until.pop(request.is_urgent, None)
            else:
                wait = max(lease.wait_seconds, _SHORTEST_WAIT)
                held.nothing_until[request.is_urgent] = began + wait

    def _tried(self, work: Callable[[], Any]) -> Any:
        """What the store answers; None where it is away, which is said once."""
        try:
            answer = work()
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, requests go on
            self._went_away(type(error).__name__)
            return None
        if self._is_away:
            self._is_away, self._away_until = False, 0.0
            logger.warning("The pace is shared with other processes again.")
        return answer

    def _went_away(self, kind: str) -> None:
        self._away_until = time.monotonic() + _AWAY_SECONDS
        if not self._is_away:
            self._is_away = True
            logger.warning(
                "The pace cannot be shared with other processes (%s): this one keeps to a part of "
                "what exchanges allow, until it can.",
                kind,
            )

    @staticmethod
    def _in_thread(work: Callable[[], None]) -> None:
        """Not in the event loop's own threads: it would wait for them at its end."""
        threading.Thread(target=work, name="shared-pace", daemon=True).start()


def _settle(loop: asyncio.AbstractEventLoop, flight: "asyncio.Future[None]") -> None:
    def settle() -> None:
        if not flight.done():
            flight.set_result(None)

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:
        return  # nobody waits any more: the loop is closed


def too_late(line: Line) -> BalanceUnavailable:
    """A turn would come after the deadline."""
    kind = "as many requests as it allows are on their way"
    return BalanceUnavailable(Code.EXCHANGE_RATE_LIMITED, venue=line.venue, kind=kind)


SHARED_PACE = SharedPace()
"""The one of this process."""
