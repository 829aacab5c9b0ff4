"""The clock is an argument: whoever decides something is told what time it is."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
