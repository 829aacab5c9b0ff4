"""Moments of the clock that nobody sets: by when an answer is due, whatever the machine's time."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Self


@dataclass(frozen=True, order=True)
class Moment:
    """A moment of this process's monotonic clock. It means nothing to another process.

    Attributes:
        seconds: As ``time.monotonic()`` and asyncio's event loops count them.
    """

    seconds: float

    @classmethod
    def now(cls) -> Self:
        """This moment."""
        return cls(time.monotonic())

    def __add__(self, span: timedelta) -> "Moment":
        return Moment(self.seconds + span.total_seconds())

    def __sub__(self, span: timedelta) -> "Moment":
        return self + -span

    @property
    def left(self) -> timedelta:
        """How long it is until then; nothing once it has passed."""
        return timedelta(seconds=max(0.0, self.seconds - time.monotonic()))
