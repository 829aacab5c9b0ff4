"""Clocks: how far this machine's clock is ahead of a venue's, by the venue's own time.

Pure: times are Unix milliseconds, passed as arguments.
"""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime

LEAST_SKEW_MILLISECONDS = 250
LEAST_SKEW_IN_SECONDS_MILLISECONDS = 1000
# If this clock were a day off, little would work on this machine: the header is wrong.
MOST_SKEW_BY_DATE_MILLISECONDS = 86_400_000


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


def told_by_date(date: str, *, asked_at: int, answered_at: int) -> ToldTime | None:
    """The time in a ``Date`` header; None if it is not a time, or absurd."""
    moment = _milliseconds_of(date)
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
    moment = _milliseconds_of(retry_after)
    if moment is None:
        return None
    told = _milliseconds_of(date)
    return max(0, moment - (now if told is None else told)) / 1000


def _milliseconds_of(date: str) -> int | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return None if moment.tzinfo is None else int(moment.timestamp()) * 1000
