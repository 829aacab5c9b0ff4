"""Money that came or went without a fill: which of it was earned, and which is told twice."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from math import ceil


class FlowKind(StrEnum):
    """Why money came or went. ``value`` is stored and sent."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    TRANSFER = "transfer"
    CONVERSION = "conversion"
    ADJUSTMENT = "adjustment"
    FUNDING = "funding"
    INTEREST = "interest"
    REBATE = "rebate"

    @property
    def is_earned(self) -> bool:
        """Whether it is part of what was earned. The others were put in or taken out."""
        return self in _EARNED


_EARNED = frozenset({FlowKind.FUNDING, FlowKind.INTEREST, FlowKind.REBATE})


class FlowSource(StrEnum):
    """Who told of it. ``value`` is stored and sent."""

    VENUE = "venue"
    BOT = "bot"
    FILE = "file"
    PERSON = "person"


# An exchange books a deposit when it is confirmed; a person writes down when it was sent.
_AS_LONG_AS_SECONDS = 24 * 60 * 60


@dataclass(frozen=True)
class Movement:
    """What two rows of one flow agree in."""

    key: int
    currency: str
    amount: Decimal
    occurred_at: datetime

    def apart_seconds(self, other: "Movement") -> int:
        """How far apart two events are, by the clocks of those who tell of them, rounded up."""
        return ceil(abs(self.occurred_at.timestamp() - other.occurred_at.timestamp()))


def matching(told: Movement, entered: Iterable[Movement]) -> int | None:
    """The key of the flow that a person had entered for one that the exchange tells now.

    One of the same currency and amount, at most a day apart; the nearest in time of several, the
    earlier entered of equally near ones. None: nobody had entered it.

    Args:
        told: What the exchange tells.
        entered: What persons entered in the same pool, and nothing matches yet.
    """
    alike = [
        (told.apart_seconds(each), each.key)
        for each in entered
        if (each.currency, each.amount) == (told.currency, told.amount)
        and told.apart_seconds(each) <= _AS_LONG_AS_SECONDS
    ]
    return min(alike)[1] if alike else None
