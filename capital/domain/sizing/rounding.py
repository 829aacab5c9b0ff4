"""Rounding an amount down to what a venue accepts, in each of ccxt's precision modes.

The results are those of ccxt's ``decimal_to_precision`` with ``TRUNCATE`` for exact input (a test
compares the two), but the input is a fraction, so that nothing is rounded before.
"""

from decimal import Decimal
from fractions import Fraction

from capital.domain.money import EXACT, fraction_of
from capital.domain.sizing.instruments import PrecisionMode

_TEN = Fraction(10)


def round_down(amount: Fraction, mode: PrecisionMode, precision: Decimal) -> Decimal:
    """The largest amount that the venue accepts and that is not above ``amount``.

    Args:
        amount: >= 0.
        mode: What ``precision`` means.
        precision: As in ``InstrumentRules``.

    Returns:
        An exact multiple of ``step_at(amount, …)``; 0 where one step is too much.
    """
    step = step_at(amount, mode, precision)
    if not step:
        return Decimal(0)
    steps = amount // fraction_of(step)
    return EXACT.multiply(Decimal(steps), step)


def to_nearest(number: Fraction, *, digits: int) -> Decimal:
    """``number`` with so many digits, up or down; a half goes up.

    As ccxt rounds prices at venues whose prices are in significant digits, where a half may go down
    as well.

    Args:
        number: > 0.
        digits: At least 1.
    """
    step = step_at(number, PrecisionMode.SIGNIFICANT_DIGITS, Decimal(digits))
    return EXACT.multiply(Decimal((number / Fraction(step) + Fraction(1, 2)) // 1), step)


def step_at(amount: Fraction, mode: PrecisionMode, precision: Decimal) -> Decimal:
    """The step of amounts near ``amount``: they are multiples of it.

    It depends on the amount with significant digits only: 3 digits are steps of 0.1 at 12.3 and
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
    # The difference of the lengths is right, or one too high.
    guess = len(str(amount.numerator)) - len(str(amount.denominator))
    return guess if _TEN**guess <= amount else guess - 1


def cut(number: Fraction, *, decimals: int = 18) -> Decimal:
    """``number`` as a decimal for people, cut off after ``decimals`` places.

    Cut, never rounded up, so that parts never add up to more than their whole.

    Args:
        number: >= 0.
        decimals: How many places are kept at most.
    """
    whole, rest = divmod(number.numerator * 10**decimals // number.denominator, 10**decimals)
    return Decimal(f"{whole}.{rest:0{decimals}d}".rstrip("0").rstrip("."))
