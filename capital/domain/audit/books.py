"""The books of a position against its fills and flows: does what is recorded follow from them?"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from capital.domain.audit.pools import shown
from capital.domain.money import EXACT, add_to
from capital.domain.performance.pnl import Booked
from capital.domain.reasons import Code, Reason

_ZERO = Decimal(0)
_SUMS = ("realized", "fees", "volume", "cost_unknown")


@dataclass(frozen=True)
class Standing:
    """How a position stands. What is None is not compared.

    Attributes:
        held: In the unit of the books: base units, of inverse instruments the quote currency.
        cost: What that cost.
        realized: What was earned so far.
        quantity: As it is shown, in the unit of an order.
    """

    held: Decimal = _ZERO
    cost: Decimal = _ZERO
    realized: Decimal = _ZERO
    quantity: Decimal | None = None


@dataclass
class BookedDay:
    """What one position earned on one day in one currency: as recorded, or as its fills say.

    Attributes:
        held: At the end of the day; None where that is not known.
        cost: What that cost.
    """

    realized: Decimal = _ZERO
    fees: Decimal = _ZERO
    funding: Decimal = _ZERO
    volume: Decimal = _ZERO
    cost_unknown: Decimal = _ZERO
    fills: int = 0
    fees_unvalued: dict[str, Decimal] = field(default_factory=dict)
    held: Decimal | None = None
    cost: Decimal | None = None

    def add(self, entry: Booked, *, is_position: bool) -> None:
        """Count what one fill or payment did; it may be of no position, as interest is."""
        for name in (*_SUMS, "funding"):
            setattr(self, name, EXACT.add(getattr(self, name), getattr(entry, name)))
        self.fills += not entry.is_funding
        for currency, amount in entry.fees_unvalued.items():
            add_to(self.fees_unvalued, currency, amount)
        if is_position and not entry.currency:
            self.held, self.cost = entry.position.amount, entry.position.cost


def check_standing(
    recorded: Standing, expected: Standing, figures: dict[str, str]
) -> Iterator[Reason]:
    """Whether a position is what its fills come to.

    Args:
        recorded: What is stored.
        expected: What its fills and flows come to.
        figures: Which position: ``link``, ``symbol``, ``position_side``.
    """
    for name in ("held", "cost", "realized", "quantity"):
        before, after = getattr(recorded, name), getattr(expected, name)
        if before is not None and after is not None and before != after:
            told = {"what": name, "recorded": shown(before), "expected": shown(after)}
            yield Reason(Code.POSITION_NOT_OF_FILLS, {**figures, **told})
            return


def check_booked_day(
    recorded: BookedDay, expected: BookedDay, figures: dict[str, str], *, day: date
) -> Iterator[Reason]:
    """Whether the day of a position is what its fills and flows come to.

    Args:
        recorded: What is stored; of a day that is missing, an empty one.
        expected: What follows from the fills and flows; an empty one where there are none.
        figures: Which position, and in which currency.
        day: Which day.
    """
    named = {**figures, "date": day.isoformat()}
    if recorded.funding != expected.funding:
        told = {"recorded": shown(recorded.funding), "expected": shown(expected.funding)}
        yield Reason(Code.FUNDING_NOT_OF_FLOWS, {**named, **told})
    for name in (*_SUMS, "fills", "fees_unvalued", "held", "cost"):
        before, after = getattr(recorded, name), getattr(expected, name)
        # Other versions did not write what is held.
        if before is not None and before != after:
            told = {"what": name, "recorded": _text(before), "expected": _text(after)}
            yield Reason(Code.DAY_NOT_OF_FILLS, {**named, **told})
            return


def _text(figure: Any) -> str:
    if isinstance(figure, dict):
        parts = (f"{shown(amount)} {currency}" for currency, amount in sorted(figure.items()))
        return ", ".join(parts) or "0"
    return shown(figure) if isinstance(figure, Decimal | None) else str(figure)
