"""What was held before some fills, from what is held after them."""

from collections.abc import Sequence
from decimal import Decimal

from capital.domain.money import EXACT, quotient
from capital.domain.sizing.instruments import InstrumentKind

Filled = tuple[Decimal, Decimal]
"""A signed quantity (below zero was sold) and its price."""


def held_before(
    quantity: Decimal, entry: Decimal | None, fills: Sequence[Filled], kind: InstrumentKind
) -> tuple[Decimal, Decimal | None]:
    """The signed quantity that was held before these fills, and its average entry.

    Args:
        quantity: What is held after them; below zero is short.
        entry: Its average entry; None where it is not told.
        fills: In the order in which they happened.
        kind: What quantities count: of inverse contracts the entry is a harmonic mean.

    Returns:
        The entry is None where nobody can tell it any more, because a position was closed since.
    """
    for filled, price in reversed(fills):
        before = EXACT.subtract(quantity, filled)
        is_added = filled * quantity > 0
        if is_added and before * quantity < 0:
            entry = None  # it went through zero: what was closed then had another entry
        elif is_added and before and entry is not None:
            entry = _without(quantity, entry, filled, price, kind)
        elif not quantity:
            entry = None
        quantity = before
    return quantity, entry if quantity else None


def _without(
    quantity: Decimal, entry: Decimal, filled: Decimal, price: Decimal, kind: InstrumentKind
) -> Decimal | None:
    before = EXACT.subtract(quantity, filled)
    if kind is InstrumentKind.INVERSE:
        worth = EXACT.subtract(quotient(quantity, entry), quotient(filled, price))
        found = quotient(before, worth) if worth else Decimal(0)
    else:
        cost = EXACT.subtract(EXACT.multiply(quantity, entry), EXACT.multiply(filled, price))
        found = quotient(cost, before)
    return found if found > 0 else None
