"""Rate limits and pauses: how often a venue is called, and when it is left alone for a while.

One object serves all threads of the process. It knows neither network nor clock: callers say what
happened and when, by a clock that is never set, and ask whether and when to send a request. Limits
are by venue, base URL, key and pool, so that one pool's failures do not affect the others. A ban
(418) is of the machine's address and applies to every key.
"""

import hashlib
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from capital.domain.reasons import Code, Reason
from capital.exchange.calls.balances import Pace

FAILURES_TO_PAUSE = 5
FIRST_PAUSE = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(minutes=5)
LONGEST_TRY = timedelta(seconds=15)
# The longest pause that a venue's header can ask for: it may contain any number.
LONGEST_RETRY_AFTER = timedelta(minutes=15)
# By how many decimals a venue shifts amounts does not change, but new currencies come.
OLD_CURRENCIES = timedelta(hours=1)
BANNED = 418
_REMEMBERED = 20_000

_Name = TypeVar("_Name")
_State = TypeVar("_State")


@dataclass(frozen=True)
class Line:
    """Where a request goes: a venue at a base URL, with one key, for one pool."""

    venue: str
    base_url: str
    key_digest: str
    pool: str

    @classmethod
    def to(cls, venue: str, base_url: str, api_key: str, pool: str) -> "Line":
        """The line of a key, of which only a digest is kept."""
        return cls(venue, base_url, hashlib.sha256(api_key.encode()).hexdigest(), pool)

    @property
    def of_key(self) -> tuple[str, ...]:
        """What a limit by key is counted on."""
        return (self.venue, self.base_url, self.key_digest)

    @property
    def of_address(self) -> tuple[str, ...]:
        """What a limit by the machine's address is counted on."""
        return (self.venue, self.base_url, self.pool)


@dataclass
class Window:
    """At most ``limit`` of weight in any ``seconds``: the reserved times."""

    given: deque[tuple[datetime, int]] = field(default_factory=deque)
    total: int = 0

    def next_time(self, weight: int, limit: int, span: timedelta, now: datetime) -> datetime:
        """The earliest time at which ``weight`` fits."""
        while self.given and self.given[0][0] <= now - span:
            self.total -= self.given.popleft()[1]
        over = self.total + weight - limit
        moment = now
        for given_at, given in self.given:
            if over <= 0:
                break
            over -= given
            moment = given_at + span
        return moment

    def give(self, weight: int, moment: datetime) -> None:
        """Count a reserved time."""
        self.given.append((moment, weight))
        self.total += weight


@dataclass
class Circuit:
    """Consecutive failures on one line. Open until a time, half open afterwards."""

    failures: int = 0
    open_until: datetime | None = None
    pauses: int = 0
    retry_at: datetime | None = None


class Politeness:
    """The requests of each line, and their results. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: OrderedDict[tuple[str, ...], Window] = OrderedDict()
        self._circuits: OrderedDict[Line, Circuit] = OrderedDict()
        self._bans: dict[tuple[str, ...], datetime] = {}
        self._skews: dict[tuple[str, str], int] = {}
        self._account_ids: OrderedDict[tuple[str, ...], object] = OrderedDict()
        self._currencies: dict[tuple[str, str], tuple[datetime, Mapping[str, Any]]] = {}

    def refusal(
        self,
        line: Line,
        now: datetime,
        *,
        may_try: bool = True,
        clock_change: timedelta = timedelta(),
    ) -> Reason | None:
        """Why no request may be sent now; None if one may.

        After a pause, one caller may try. The others wait for the result.

        Args:
            line: Where the request would go.
            now: The current time.
            may_try: Whether the caller's attempt would count as that try; else it waits like the
                others.
            clock_change: How far the clock that people read is ahead of the caller's.
        """
        with self._lock:
            circuit = self._circuits.get(line)
            until = self._bans.get(line.of_address)
            if circuit is not None and circuit.retry_at is not None:
                until = max(until or circuit.retry_at, circuit.retry_at)
            if until is not None and now < until:
                seconds = f"Retry-After, {int((until - now).total_seconds()) + 1} s left"
                figures = {"venue": line.venue, "kind": seconds}
                return Reason(Code.EXCHANGE_RATE_LIMITED, figures)
            if circuit is not None and circuit.open_until is not None:
                if now < circuit.open_until or not may_try:
                    until = max(now, circuit.open_until) + clock_change
                    figures = {
                        "venue": line.venue,
                        "failures": str(circuit.failures),
                        "until": until.isoformat(timespec="seconds"),
                    }
                    return Reason(Code.EXCHANGE_PAUSED, figures)
                circuit.open_until = now + LONGEST_TRY
        return None

    def untried(self, line: Line, now: datetime) -> None:
        """The caller that was to try sent no request: another one may try."""
        with self._lock:
            circuit = self._circuits.get(line)
            if circuit is not None and circuit.open_until is not None:
                circuit.open_until = now

    def wait_seconds(
        self, line: Line, weight: int, pace: Pace, now: datetime, *, most: float | None = None
    ) -> float | None:
        """Reserve a turn, and say how long to wait for it.

        Args:
            line: Where the request goes.
            weight: What the request counts for.
            pace: The venue's limits.
            now: The current time.
            most: The longest that the caller can wait; None for any time.

        Returns:
            Seconds; None if the turn would come too late. Then none is reserved, so that callers
            that cannot wait do not delay the others more and more.
        """
        with self._lock:
            by_key = self._remembered(self._windows, line.of_key, Window)
            by_address = self._remembered(self._windows, ("address", *line.of_address), Window)
            span, minute = timedelta(seconds=pace.key_seconds), timedelta(minutes=1)
            moment = by_key.next_time(1, pace.key_requests, span, now)
            if pace.weight_per_minute is not None:
                limit = pace.weight_per_minute
                moment = max(moment, by_address.next_time(weight, limit, minute, now))
            wait = max(0.0, (moment - now).total_seconds())
            if most is not None and wait and wait >= most:
                return None
            by_key.give(1, moment)
            if pace.weight_per_minute is not None:
                by_address.give(weight, moment)
        return wait

    def succeeded(self, line: Line) -> None:
        """A request succeeded: earlier failures are forgotten."""
        with self._lock:
            self._circuits.pop(line, None)

    def failed(
        self,
        line: Line,
        now: datetime,
        *,
        status: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        """A request failed.

        Args:
            line: Where it went.
            now: The current time.
            status: The HTTP status, if there was one.
            retry_after_seconds: What its ``Retry-After`` header asked for.
        """
        with self._lock:
            circuit = self._remembered(self._circuits, line, Circuit)
            circuit.failures += 1
            self._account_ids.pop(line.of_key, None)
            if retry_after_seconds is not None:
                wanted = timedelta(seconds=max(0.0, retry_after_seconds))
                circuit.retry_at = now + min(wanted, LONGEST_RETRY_AFTER)
                if status == BANNED:
                    self._bans[line.of_address] = circuit.retry_at
            if circuit.failures >= FAILURES_TO_PAUSE:
                pause = min(FIRST_PAUSE * 2**circuit.pauses, LONGEST_PAUSE)
                circuit.pauses = min(circuit.pauses + 1, 8)
                circuit.open_until = now + pause

    def skew_milliseconds(self, venue: str, base_url: str) -> int:
        """How far this machine's clock is ahead of the venue's, as far as known."""
        with self._lock:
            return self._skews.get((venue, base_url), 0)

    def learn_skew(self, venue: str, base_url: str, milliseconds: int) -> None:
        """Remember the skew for every later request."""
        with self._lock:
            self._skews[venue, base_url] = milliseconds

    def account_ids(self, line: Line) -> object | None:
        """The key's account numbers, at a venue that needs one in each request."""
        with self._lock:
            return self._account_ids.get(line.of_key)

    def learn_account_ids(self, line: Line, account_ids: object) -> None:
        """Remember them: they do not change."""
        with self._lock:
            self._remembered(self._account_ids, line.of_key, lambda: account_ids)

    def currencies(self, venue: tuple[str, str], now: datetime) -> Mapping[str, Any] | None:
        """What a venue lists about currencies; None if that is unknown, or old."""
        with self._lock:
            learned_at, known = self._currencies.get(venue, (None, None))
        return None if learned_at is None or now - learned_at > OLD_CURRENCIES else known

    def learn_currencies(
        self, venue: tuple[str, str], currencies: Mapping[str, Any], now: datetime
    ) -> None:
        """Remember them for an hour."""
        with self._lock:
            self._currencies[venue] = now, currencies

    def forget(self) -> None:
        """Forget everything, for tests."""
        with self._lock:
            self._windows.clear()
            self._circuits.clear()
            self._bans.clear()
            self._skews.clear()
            self._account_ids.clear()
            self._currencies.clear()

    @staticmethod
    def _remembered(
        memory: "OrderedDict[_Name, _State]", name: _Name, make: Callable[[], _State]
    ) -> _State:
        state = memory.get(name)
        if state is None:
            state = memory[name] = make()
        memory.move_to_end(name)
        while len(memory) > _REMEMBERED:
            memory.popitem(last=False)
        return state


SHARED = Politeness()
"""The one of this process."""
