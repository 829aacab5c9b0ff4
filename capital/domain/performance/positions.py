"""What is held of one symbol, and what it cost: the average-cost method, exactly.

Adding to a position averages its entry; reducing it realises ``(price - entry) × quantity``. The
entry itself is never rounded into the books. A position keeps what was paid for it when it last
grew; what is left of it costs its part of that. So however a sale is split, the parts realise what
the whole would, and what is realised of a closed position is exactly what was paid and received.
"""

from decimal import Decimal
from typing import NamedTuple

from capital.domain.money import EXACT, booked, quotient
from capital.domain.performance.fills import value_at
from capital.domain.sizing.instruments import InstrumentKind

_ZERO = Decimal(0)


class Position(NamedTuple):
    """What is held of one symbol on one side.

    Attributes:
        amount: Base units, of inverse instruments the quote currency; below zero is short.
        grown_to: ``amount`` after the last fill that enlarged it.
        paid: What ``grown_to`` cost, in the settle currency (``fills.value_at``), unrounded.
    """

    amount: Decimal = _ZERO
    grown_to: Decimal = _ZERO
    paid: Decimal = _ZERO

    @property
    def cost(self) -> Decimal:
        """What ``amount`` cost."""
        if self.amount == self.grown_to:
            return self.paid
        return quotient(EXACT.multiply(self.paid, self.amount), self.grown_to)

    def entry_price(self, kind: InstrumentKind) -> Decimal | None:
        """The average entry, to 18 decimals; None of a flat one, and where it cost nothing."""
        if not self.amount or not self.paid:
            return None
        if kind is InstrumentKind.INVERSE:
            # Harmonic: all the contracts by all the coins that they were worth.
            return booked(quotient(EXACT.minus(self.grown_to), self.paid))
        return booked(quotient(self.paid, self.grown_to))

    def unrealized(self, kind: InstrumentKind, mark: Decimal) -> Decimal:
        """What closing it at ``mark`` would realise, before fees."""
        return EXACT.subtract(value_at(kind, self.amount, mark), self.cost)

    def enlarged(self, amount: Decimal, cost: Decimal) -> "Position":
        """With ``amount`` more on its side, or on any side where it is flat."""
        total = EXACT.add(self.amount, amount)
        return Position(total, total, EXACT.add(self.cost, cost))

    def reduced(self, amount: Decimal) -> "Position":
        """With ``amount`` less; never beyond zero."""
        left = EXACT.add(self.amount, amount)
        return Position(left, self.grown_to, self.paid) if left else Position()
