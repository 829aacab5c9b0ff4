"""Rounding an amount down to what a venue takes, in each of ccxt's precision modes.

The same numbers as ccxt's ``decimal_to_precision`` with ``TRUNCATE`` gives for exact input (a
test holds the two together), but from a fraction: nothing is rounded on the way there.
"""

from decimal import Decimal
from fractions import Fraction

from capital.domain.money import EXACT
from capital.domain.sizing.instruments import PrecisionMode

_TEN = Fraction(10)


def round_down(amount: Fraction, mode: PrecisionMode, precision: Decimal) -> Decimal:
    """The largest amount that the venue takes and that is not above ``amount``.

    Args:
        amount: >= 0.
        mode: What ``precision`` means.
        precision: As in ``InstrumentRules``.

    Returns:
        A whole number of ``step_at(amount, …)``, exact; 0 where one step is too much.
    """
    step = step_at(amount, mode, precision)
    if not step:
        return Decimal(0)
    steps = amount // Fraction(step)
    return EXACT.multiply(Decimal(steps), step)


def step_at(amount: Fraction, mode: PrecisionMode, precision: Decimal) -> Decimal:
    """What amounts near ``amount`` are multiples of.

    Only with significant digits it depends on the amount: 3 digits are steps of 0.1 at 12.3 and
    of 1 at 123. There it is 0 for an amount of 0 and for a precision of no digits.
    """
    if mode is PrecisionMode.TICK_SIZE:
        return precision
    digits = int(precision)
    if mode is PrecisionMode.DECIMAL_PLACES:
        return Decimal(1).scaleb(-digits)
    if not amount or digits < 1:
        return Decimal(0)
    return Decimal(1).scaleb(magnitude(amount) - digits + 1)


def magnitude(amount: Fraction) -> int:
    """The power of ten of the first digit: 2 for 123, -2 for 0.0123.

    Args:
        amount: > 0.
    """
    # The lengths are right, or one too high.
    guess = len(str(amount.numerator)) - len(str(amount.denominator))
    return guess if _TEN**guess <= amount else guess - 1


def cut(number: Fraction, *, decimals: int = 18) -> Decimal:
    """``number`` for showing: as it is where its decimals end in time, else cut off there.

    Cut, never rounded up, so that parts that are shown never add up to more than their whole.

    Args:
        number: >= 0.
        decimals: How many are kept at most.
    """
    whole, rest = divmod(number.numerator * 10**decimals // number.denominator, 10**decimals)
    return Decimal(f"{whole}.{rest:0{decimals}d}".rstrip("0").rstrip("."))
