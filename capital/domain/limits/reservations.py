"""Reservations: capital that is held for an order until it is filled, or will not be."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from capital.domain.money import of_units

# How long a reservation holds, where nobody says otherwise, and at most.
USUAL_SECONDS = 60
MOST_SECONDS = 3600

_DECIMALS = 18


class ReservationState(StrEnum):
    """What became of a reservation. ``value`` is stored and sent."""

    OPEN = "open"
    """It holds until it expires."""
    PLACED = "placed"
    """Its order is at the exchange: it holds until filled or released."""
    USED = "used"
    """Its order was filled."""
    RELEASED = "released"
    """Somebody said that its order will not be filled."""
    EXPIRED = "expired"
    """Nobody placed its order in time, as far as is known."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more becomes of it."""
        return self in (ReservationState.USED, ReservationState.RELEASED)


@dataclass(frozen=True)
class Reserved:
    """One reservation, as far as it holds capital.

    Attributes:
        amount: Margin and fee of what its order enlarges, > 0, in the account's currency.
        quantity: Of its order, > 0.
        filled: How much of it was filled, >= 0.
        state: As it is stored: an open one may have expired since.
        expires_at: Until when an open one holds.
        reduces: How much of the quantity reduces what was held when it was made: that is filled
            first, and lowers nothing. >= 0, below the quantity.
    """

    amount: Decimal
    quantity: Decimal
    filled: Decimal
    state: ReservationState
    expires_at: datetime
    reduces: Decimal = Decimal(0)

    @property
    def left(self) -> Decimal:
        """What it holds for what is not filled, rounded up to 18 decimals."""
        enlarges = Fraction(self.quantity) - Fraction(self.reduces)
        unfilled = max(Fraction(0), Fraction(self.quantity) - Fraction(self.filled))
        return ceiled(Fraction(self.amount) * min(unfilled, enlarges) / enlarges)

    def state_at(self, now: datetime) -> ReservationState:
        """Its state now."""
        if self.state is ReservationState.OPEN and self.expires_at <= now:
            return ReservationState.EXPIRED
        return self.state

    def holds_at(self, now: datetime, *, known_until: datetime | None) -> bool:
        """Whether it still counts.

        An expired one does until it is known what happened up to its expiry: its order may have
        been filled, and nobody has said so yet.

        Args:
            now: The time now.
            known_until: Until when fills or positions were read or reported; None: never.
        """
        state = self.state_at(now)
        if state is ReservationState.EXPIRED:
            return known_until is None or known_until < self.expires_at
        return not state.is_final


def ceiled(amount: Fraction) -> Decimal:
    """``amount`` as a decimal, rounded up after 18 places.

    Args:
        amount: >= 0.
    """
    units = -(-amount.numerator * 10**_DECIMALS // amount.denominator)
    return of_units(units, _DECIMALS)


def expiry(now: datetime, seconds: int) -> datetime:
    """When a reservation of so many seconds expires."""
    return now + timedelta(seconds=seconds)
