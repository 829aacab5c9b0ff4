"""The clock that durations are measured by, and how far the clocks of machines may differ.

The latter is one figure, for all that compares times of two machines:
``CAPITAL_CLOCK_TOLERANCE_SECONDS`` says how far a machine may be off the database's clock. A
cluster that is further off takes no work.
"""

import time
from datetime import timedelta

from django.conf import settings


def steady_clock() -> timedelta:
    """The time since some moment, whatever is done to the machine's clock. Only differences count.

    Every duration of a process is measured by it: somebody may set the clock in between.
    """
    return timedelta(microseconds=time.monotonic_ns() // 1000)


def clock_tolerance() -> timedelta:
    """How far the clock of a machine may be off the database's."""
    return timedelta(seconds=settings.CAPITAL_CLOCK_TOLERANCE_SECONDS)


def is_too_far(ahead: timedelta) -> bool:
    """Whether a clock that is so far ahead of the database's, or behind it, is of no use."""
    return abs(ahead) > clock_tolerance()


def clock_difference() -> timedelta:
    """How far the clocks of two machines may differ: one is ahead and the other behind.

    What is stored with a later time than now plus this was stored before a clock was set back.
    """
    return 2 * clock_tolerance()
