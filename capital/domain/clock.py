"""The clock is an argument, so that a decision can be repeated at a time of choice."""

from collections.abc import Callable
from datetime import datetime, timedelta

Clock = Callable[[], datetime]

SteadyClock = Callable[[], timedelta]
"""The time since some moment, by a clock that is never set: what durations are measured by."""
