"""What was earned: what fees and funding are of it, and what several days come to."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT, add_to

_ZERO = Decimal(0)


def after_costs(realized: Decimal, *, fees: Decimal, funding: Decimal) -> Decimal:
    """What is left of what was realised before fees and funding.

    Args:
        realized: Before both.
        fees: Above zero was paid.
        funding: Above zero was received.
    """
    return EXACT.add(EXACT.subtract(realized, fees), funding)


def before_costs(realized: Decimal, *, fees: Decimal, funding: Decimal) -> Decimal:
    """The inverse of ``after_costs``: ``realized`` is after both."""
    return EXACT.subtract(EXACT.add(realized, fees), funding)


@dataclass
class Sums:
    """What some days come to, in one currency.

    Attributes:
        realized: Before fees and funding.
        fees: Above zero was paid.
        funding: Above zero was received.
        volume: What was traded, at its prices.
        fills: How many there were.
        trades: How many round trips ended.
        fees_unvalued: By currency, the fees whose worth nobody knows; in no other figure.
    """

    realized: Decimal = _ZERO
    fees: Decimal = _ZERO
    funding: Decimal = _ZERO
    volume: Decimal = _ZERO
    fills: int = 0
    trades: int = 0
    fees_unvalued: dict[str, Decimal] = field(default_factory=dict)

    def add(self, row: Any) -> None:
        """Count in what has these figures, too; fees of unknown worth may be text."""
        self.realized = EXACT.add(self.realized, row.realized)
        self.fees = EXACT.add(self.fees, row.fees)
        self.funding = EXACT.add(self.funding, row.funding)
        self.volume = EXACT.add(self.volume, row.volume)
        self.fills += row.fills
        self.trades += row.trades
        for currency, amount in row.fees_unvalued.items():
            add_to(self.fees_unvalued, currency, Decimal(amount))

    @property
    def earned(self) -> Decimal:
        """What was realised, after fees and funding."""
        return after_costs(self.realized, fees=self.fees, funding=self.funding)
