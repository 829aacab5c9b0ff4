"""A day at noon, and clocks that tell a time after it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def at(**later: int) -> Callable[[], datetime]:
    """A clock that stands so much after noon: ``at(minutes=4)``."""
    return lambda: NOON + timedelta(**later)
