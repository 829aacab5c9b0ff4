"""What a link may have at least and at most, whatever its policy claims for it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

_ZERO = Decimal(0)
_HUNDRED = Decimal(100)
USUAL_PRIORITY = 100


class Compounding(StrEnum):
    """How much of what a link earned it goes on trading with. ``value`` is stored and sent."""

    FULL = "full"
    HALF = "half"
    NONE = "none"


@dataclass(frozen=True)
class Bounds:
    """The bounds of one link, as people set them; amounts in account currency.

    Attributes:
        fixed_amount: What it gets before the others, and no more; None: it takes part with its
            claim.
        priority: Of fixed amounts and minimums the lower is served first, then the lower key.
        min_amount: What it gets at least, as far as there is enough.
        max_amount: What it gets at most.
        max_percent: The same, as a percentage of the pool's base.
        drawdown_scaling: Whether its claim shrinks with its drawdown.
        max_drawdown_percent: The drawdown at which nothing of its claim is left.
        compounding: Whether its claim may exceed ``base_capital``.
        base_capital: What it trades with without what it earned.
    """

    fixed_amount: Decimal | None = None
    priority: int = USUAL_PRIORITY
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    max_percent: Decimal | None = None
    drawdown_scaling: bool = False
    max_drawdown_percent: Decimal | None = None
    compounding: Compounding = Compounding.FULL
    base_capital: Decimal | None = None

    @property
    def bind(self) -> bool:
        """Whether any of them can change what the link gets."""
        return self != Bounds(
            priority=self.priority,
            max_drawdown_percent=self.max_drawdown_percent,
            base_capital=self.base_capital,
        )

    def ceiling(self, base: Decimal) -> Fraction | None:
        """The lower of its ceilings, for a pool of this base; None where it has none."""
        ceilings = []
        if self.max_amount is not None:
            ceilings.append(Fraction(self.max_amount))
        if self.max_percent is not None:
            part = Fraction(self.max_percent) / Fraction(_HUNDRED)
            ceilings.append(Fraction(max(base, _ZERO)) * part)
        return min(ceilings, default=None)

    def scale(self, drawdown_percent: Decimal | None) -> Fraction:
        """What is left of its claim at this drawdown, from 1 down to 0."""
        limit = self.max_drawdown_percent
        if not self.drawdown_scaling or not limit or drawdown_percent is None:
            return Fraction(1)
        return max(Fraction(0), 1 - Fraction(drawdown_percent) / Fraction(limit))

    def compounded(self, claim: Fraction) -> Fraction | None:
        """The most that compounding lets it have by this claim; None where it does not limit."""
        if self.compounding is Compounding.FULL or self.base_capital is None:
            return None
        base = Fraction(self.base_capital)
        earned = max(Fraction(0), claim - base)
        return base + earned / 2 if self.compounding is Compounding.HALF else base


UNBOUND = Bounds()
