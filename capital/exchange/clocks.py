"""Clocks: how far this machine's is ahead of a venue's, and whether an answer is of now.

Pure: times are Unix milliseconds, passed as arguments.
"""

import threading
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

LEAST_SKEW_MILLISECONDS = 250
LEAST_SKEW_IN_SECONDS_MILLISECONDS = 1000
# If this clock were a day off, little would work on this machine: the header is wrong.
MOST_SKEW_BY_DATE_MILLISECONDS = 86_400_000


# What is older than this is no answer to the question that was asked.
OLDEST_MILLISECONDS = 60_000
# The same where nothing but this machine's clock says how old it is: that may be off.
OLDEST_BY_THIS_CLOCK_MILLISECONDS = 600_000
# Numbers below these are in seconds, milliseconds and microseconds, for some thousand years.
_UNITS = ((10**11, 1), (10**14, 1000), (10**17, 1_000_000))


@dataclass(frozen=True)
class ToldTime:
    """A venue's time, from the response to a request.

    Attributes:
        venue_time: The venue's time.
        asked_at: When the request was sent, by this machine's clock.
        answered_at: When the response arrived, by this machine's clock.
    """

    venue_time: int
    asked_at: int
    answered_at: int

    @property
    def skew(self) -> int:
        """How far this machine's clock is ahead, if the venue read its clock halfway."""
        middle = (self.asked_at + self.answered_at) // 2
        # A time without its fraction is half a second old on average.
        return middle - self.venue_time - (500 if self._is_in_seconds else 0)

    @property
    def least_skew(self) -> int:
        """A smaller skew cannot be told from zero."""
        if self._is_in_seconds:
            return LEAST_SKEW_IN_SECONDS_MILLISECONDS
        return LEAST_SKEW_MILLISECONDS

    @property
    def _is_in_seconds(self) -> bool:
        return self.venue_time % 1000 == 0


def moment_of(told: object) -> int | None:
    """A time as venues write it, in milliseconds; None if it is none.

    Seconds, milliseconds or microseconds since 1970, or ISO 8601 with an offset.
    """
    text = str(told)
    if text.isascii() and text.isdecimal():
        number = int(text) if len(text) < 20 else 0
        return next((number * 1000 // unit for most, unit in _UNITS if 0 < number < most), None)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else int(moment.timestamp() * 1000)


def seconds_in_a_cache(age: str) -> int:
    """What the ``Age`` header says, by which a cache admits that it answers: RFC 9111, 5.1."""
    return int(age) if age.isascii() and age.isdecimal() and len(age) < 10 else 0


def told_by_date(date: str, *, asked_at: int, answered_at: int) -> ToldTime | None:
    """The time in a ``Date`` header; None if it is not a time, or absurd."""
    moment = milliseconds_of(date)
    if moment is None:
        return None
    told = ToldTime(moment, asked_at, answered_at)
    return told if abs(told.skew) <= MOST_SKEW_BY_DATE_MILLISECONDS else None


def seconds_to_wait(retry_after: str, *, date: str, now: int) -> float | None:
    """What ``Retry-After`` asks for, in seconds or as a time; None if it is neither.

    Args:
        retry_after: The header; RFC 9110, section 10.2.3.
        date: The response's ``Date`` header, to whose clock a time refers.
        now: This machine's time, used if there is no such header.
    """
    if retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after) if len(retry_after) < 9 else None
    moment = milliseconds_of(retry_after)
    if moment is None:
        return None
    told = milliseconds_of(date)
    return max(0, moment - (now if told is None else told)) / 1000


@lru_cache(maxsize=1024)
def milliseconds_of(date: str) -> int | None:
    """The time in a ``Date`` header; None if it is none."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return None if moment.tzinfo is None else int(moment.timestamp()) * 1000


_Venue = tuple[str, str]


class VenueTimes:
    """What the venues' clocks show at least, by which an old answer is known for one.

    An answer says when it was made, by the venue's clock. What that clock must show by now is known
    from earlier answers and from the monotonic clock, which nobody sets. Safe to use from any
    thread; monotonic times are in milliseconds.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[_Venue, tuple[int, int]] = {}

    def at(self, venue: _Venue, monotonic: int) -> int | None:
        """What the venue's clock shows at least at a moment of ours; None if it told nothing yet.

        Args:
            venue: Its id, and the base URL of requests.
            monotonic: The moment.
        """
        with self._lock:
            told = self._told.get(venue)
        return None if told is None else told[0] + monotonic - told[1]

    def learn(self, venue: _Venue, told: int, monotonic: int) -> None:
        """At ``monotonic`` an answer came that was made at ``told``: its clock shows no less."""
        known = self.at(venue, monotonic)
        if known is None or told > known:
            self.correct(venue, told, monotonic)

    def correct(self, venue: _Venue, told: int, monotonic: int) -> None:
        """The venue's clock shows ``told``, whatever was known."""
        with self._lock:
            self._told[venue] = told, monotonic

    def forget(self) -> None:
        """Forget everything, for tests."""
        with self._lock:
            self._told.clear()


VENUE_TIMES = VenueTimes()
"""Those of this process."""
