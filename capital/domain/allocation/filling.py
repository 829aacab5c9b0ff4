"""Sharing an amount by claims, where each has a least and a most: like water in vessels."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from capital.domain.money import EXACT

_ZERO = Fraction(0)


@dataclass(frozen=True)
class Vessel:
    """One that shares.

    Attributes:
        claim: In what proportion; >= 0.
        least: What it gets in any case.
        most: What it gets at most, not below ``least``; None without a limit.
    """

    claim: Fraction
    least: Fraction = _ZERO
    most: Fraction | None = None

    def at(self, level: Fraction) -> Fraction:
        """What it holds where every claim is worth ``level`` times itself."""
        held = max(self.least, self.claim * level)
        return held if self.most is None else min(held, self.most)


def fill(total: Fraction, vessels: Sequence[Vessel]) -> list[Fraction]:
    """What each gets of ``total``: in proportion to the claims, within what each may have.

    What one cannot take goes to the others by their claims. What nobody can take is left over, and
    a total below the sum of the least amounts is no case of this: the caller cuts them first.
    """
    if sum((vessel.least for vessel in vessels), _ZERO) >= total:
        return [vessel.least for vessel in vessels]
    levels = _levels(vessels)

    def held(level: Fraction) -> Fraction:
        return sum((vessel.at(level) for vessel in vessels), _ZERO)

    # Between two levels at which one becomes full or begins to rise, what all hold is a line.
    above = bisect_left(levels, total, key=held)
    lower = levels[above - 1] if above else _ZERO
    rising = sum(
        (each.claim for each in vessels if each.claim and _rises(each, lower)), start=_ZERO
    )
    level = lower + (total - held(lower)) / rising if rising else lower
    return [vessel.at(level) for vessel in vessels]


def _levels(vessels: Sequence[Vessel]) -> list[Fraction]:
    found = {_ZERO}
    for vessel in vessels:
        if vessel.claim:
            found.add(vessel.least / vessel.claim)
            if vessel.most is not None:
                found.add(vessel.most / vessel.claim)
    return sorted(found)


def _rises(vessel: Vessel, level: Fraction) -> bool:
    """Whether it takes more just above ``level``."""
    by_claim = vessel.claim * level
    return by_claim >= vessel.least and (vessel.most is None or by_claim < vessel.most)


def in_quanta(amounts: Sequence[Fraction], *, quantum: Decimal) -> list[Decimal]:
    """The amounts in whole quanta: rounded down; what that leaves goes to the largest remainders.

    Equal remainders favour the earlier position. The sum is that of ``amounts``, rounded down.
    """
    step = Fraction(quantum)
    floors, remainders = [], []
    for amount in amounts:
        units = amount / step
        floors.append(units.numerator // units.denominator)
        remainders.append(units - floors[-1])
    left = sum(remainders, _ZERO)
    by_remainder = sorted(range(len(amounts)), key=lambda position: -remainders[position])
    favoured = set(by_remainder[: left.numerator // left.denominator])
    return [
        EXACT.multiply(Decimal(units + (position in favoured)), quantum)
        for position, units in enumerate(floors)
    ]


def whole(amount: Fraction, *, quantum: Decimal, up: bool = False) -> Fraction:
    """The amount in whole quanta, rounded down or ``up``."""
    step = Fraction(quantum)
    units = -(-amount // step) if up else amount // step
    return units * step
