"""What of a link's capital is free for an order, and what the orders of one request leave of it."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from capital.domain.money import fraction_of
from capital.domain.sizing.orders import Side

_NOTHING = Fraction(0)


@dataclass(frozen=True)
class Held:
    """What a link holds in one symbol on one side.

    Attributes:
        amount: Signed, in the instrument's ``amount_unit``.
        in_use: The capital that it ties up, >= 0: its margin at its entry, or on spot its value.
    """

    amount: Fraction
    in_use: Fraction


@dataclass(frozen=True)
class Room:
    """How far one order may go.

    Attributes:
        budget: What the part of the order that enlarges may cost with its fee, >= 0.
        reduces: How much of the order only reduces what is held, in ``amount_unit``: this needs
            nothing, and is never cut.
    """

    budget: Fraction
    reduces: Fraction = _NOTHING


def room_for(side: str, held: Held | None, free: Callable[[Fraction], Fraction]) -> Room:
    """How far an order to ``side`` may go where this is held.

    An order against what is held reduces it first, and only what goes beyond opens a position: an
    exit by ``sell`` on a one-way account needs nothing.

    Args:
        side: The order's.
        held: What is held of its symbol; None for nothing.
        free: What is free of the capital once so much of what is in use is given back.
    """
    if held is None or not held.amount or (held.amount > 0) == (side == Side.BUY):
        return Room(free(_NOTHING))
    return Room(free(held.in_use), abs(held.amount))


def free_capital(
    capital: Decimal, *, lost: Decimal, in_use: Fraction, reserved: Decimal
) -> Fraction:
    """``max(0, capital − losses since the decision − in use − reserved)``.

    Args:
        capital: The link's capital, >= 0.
        lost: What it lost since its capital was decided, >= 0. Profits add nothing.
        in_use: What its positions tie up, >= 0.
        reserved: What its reservations hold, >= 0.
    """
    taken = fraction_of(lost) + in_use + fraction_of(reserved)
    return max(_NOTHING, fraction_of(capital) - taken)


def after_reducing(held: Held, amount: Fraction) -> Held:
    """What is held after an order of ``amount`` reduced it, at most to nothing."""
    size = abs(held.amount)
    left = max(_NOTHING, size - amount)
    sign = 1 if held.amount > 0 else -1
    return Held(sign * left, held.in_use * left / size if size else _NOTHING)
