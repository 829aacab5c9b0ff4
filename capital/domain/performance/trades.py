"""A trade: a round trip of one symbol and side, from flat to flat."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from capital.domain.money import EXACT, booked, quotient
from capital.domain.sizing.instruments import InstrumentKind

_ZERO = Decimal(0)


class Trade(NamedTuple):
    """One round trip. Amounts of money are in the settle currency.

    Attributes:
        is_long: Whether it began with a purchase.
        kind: What its quantities count.
        opened_at: When it began.
        closed_at: When it was flat again; None while it is open.
        entered: How much was bought (long) or sold (short), in the unit of a position's amount.
        entry_value: What that was worth.
        exited: How much of it was closed.
        exit_value: What that was worth.
        realized: What it earned, after fees and funding.
        fees: What was paid of that for fees; below zero where rebates were larger.
        funding: What was received of that for funding; below zero was paid.
        fills: How many fills there were.
        is_complete: False where a fee's worth is not known, or part of a sale had no known cost.
    """

    is_long: bool
    kind: InstrumentKind
    opened_at: datetime
    closed_at: datetime | None = None
    entered: Decimal = _ZERO
    entry_value: Decimal = _ZERO
    exited: Decimal = _ZERO
    exit_value: Decimal = _ZERO
    realized: Decimal = _ZERO
    fees: Decimal = _ZERO
    funding: Decimal = _ZERO
    fills: int = 0
    is_complete: bool = True

    @property
    def entry_price(self) -> Decimal | None:
        """The average price of its entries, to 18 decimals."""
        return average_price(self.kind, self.entered, self.entry_value)

    @property
    def exit_price(self) -> Decimal | None:
        """The average price of its exits, to 18 decimals; None before the first."""
        return average_price(self.kind, self.exited, self.exit_value)

    def entering(
        self, amount: Decimal, value: Decimal, *, realized: Decimal, fees: Decimal
    ) -> "Trade":
        """After a fill that enlarged it, with what that earned. The first two are magnitudes."""
        return Trade(
            *self[:4],
            EXACT.add(self.entered, amount),
            EXACT.add(self.entry_value, value),
            *self[6:8],
            *self._with(realized, fees),
            self.fills + 1,
            self.is_complete,
        )

    def exiting(
        self, amount: Decimal, value: Decimal, *, realized: Decimal, fees: Decimal
    ) -> "Trade":
        """After a fill that reduced it, with what that earned. The first two are magnitudes."""
        return Trade(
            *self[:6],
            EXACT.add(self.exited, amount),
            EXACT.add(self.exit_value, value),
            *self._with(realized, fees),
            self.fills + 1,
            self.is_complete,
        )

    def earning(self, realized: Decimal, *, fees: Decimal, funding: Decimal) -> "Trade":
        """With what a payment of funding earned, or a fill that did nothing else."""
        return Trade(*self[:8], *self._with(realized, fees, funding), *self[11:])

    def _with(
        self, realized: Decimal, fees: Decimal, funding: Decimal = _ZERO
    ) -> tuple[Decimal, Decimal, Decimal]:
        return (
            EXACT.add(self.realized, realized),
            EXACT.add(self.fees, fees),
            EXACT.add(self.funding, funding) if funding else self.funding,
        )


def average_price(kind: InstrumentKind, amount: Decimal, value: Decimal) -> Decimal | None:
    """The average price of fills, to 18 decimals; None of none, and where they cost nothing.

    Args:
        kind: What ``amount`` counts.
        amount: Of all of them, a magnitude.
        value: What that was worth, a magnitude in the settle currency.
    """
    if not amount or not value:
        return None
    if kind is InstrumentKind.INVERSE:
        return booked(quotient(amount, value))
    return booked(quotient(value, amount))
