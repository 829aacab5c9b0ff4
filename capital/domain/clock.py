"""The clock is an argument, so that a decision can be repeated at a time of choice."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
