"""Exact money: the quantum of each currency, strict parsing, exact arithmetic.

Amounts are ``Decimal``. Arithmetic that could round happens in ``EXACT``, which raises
instead of rounding; the only roundings are the functions here that say so in their name.
"""

import re
from collections.abc import Hashable
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from fractions import Fraction
from functools import lru_cache
from typing import TypeVar

from capital.domain.errors import InvalidAmount

_Key = TypeVar("_Key", bound=Hashable)

# Amount columns hold 20 integer digits; a quantum has at most 8 decimals.
MAX_INTEGER_DIGITS = 20
MAX_DIGITS = 60

EXACT = Context(prec=200, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
# For what is shown or compared, never for what is handed out.
ROUNDED = Context(prec=200, traps=[InvalidOperation, DivisionByZero, Overflow])

CENT = Decimal("0.01")
UNIT = Decimal(1)
SATOSHI = Decimal("0.00000001")

# Text of so many characters has no more than ``MAX_DIGITS`` digits, whatever else is in it.
_SHORT = 40

QUOTIENT_DECIMALS, BOOKED_DECIMALS = 36, 18
_QUOTIENT = Decimal((0, (1,), -QUOTIENT_DECIMALS))
_BOOKED = Decimal((0, (1,), -BOOKED_DECIMALS))

_DOLLARS = frozenset(
    ("USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "USDP", "GUSD", "PYUSD", "USDE", "USD1")
)
_CENT_CURRENCIES = _DOLLARS | frozenset(
    ("DAI", "USDD", "EUR", "GBP", "CHF", "AUD", "CAD", "NZD", "SGD", "HKD", "BRL", "TRY")
)
_UNIT_CURRENCIES = frozenset(("KRW", "JPY", "VND", "IDR", "CLP"))

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?\Z")
_WHOLE = re.compile(r"-?[0-9]{1,18}")


@lru_cache(maxsize=4096)
def fraction_of(number: Decimal) -> Fraction:
    """The same number as a fraction, remembered: sizing asks it of a price again and again."""
    return Fraction(number)


def quantum_of(currency: str) -> Decimal:
    """The smallest amount of ``currency`` that is allocated.

    0.01 for dollars and similar currencies, 1 for won and yen, 1e-8 for every coin.
    """
    if currency in _CENT_CURRENCIES:
        return CENT
    if currency in _UNIT_CURRENCIES:
        return UNIT
    return SATOSHI


def usual_min_change(currency: str) -> Decimal | None:
    """The change of a balance from which a reallocation is worth it: about ten dollars.

    None for coins, whose price is not known here: for them the percentage alone counts.
    """
    if currency in _CENT_CURRENCIES:
        return Decimal(10)
    if currency in _UNIT_CURRENCIES:
        return Decimal(10_000)
    return None


def parse_amount(text: object) -> Decimal:
    """The exact amount that ``text`` says; a zero has no sign.

    Stricter than ``Decimal(text)``: ASCII digits only, no underscores, no NaN, no infinity,
    at most 20 integer digits and 60 digits in all. A ``Decimal`` or ``int`` is checked alike;
    a ``float`` is refused, because it is not what was written.

    Raises:
        InvalidAmount: Any of that does not hold.
    """
    if type(text) is Decimal and text and _is_short(text):
        return text
    if isinstance(text, bool) or not isinstance(text, str | int | Decimal):
        raise InvalidAmount(value=_shown(text), problem=f"it is a {type(text).__name__}")
    written = str(text)
    if not _NUMBER.match(written):
        raise InvalidAmount(
            value=_shown(text), problem="it is not a plain decimal number such as 1500.25"
        )
    amount = Decimal(written)
    if amount and amount.adjusted() >= MAX_INTEGER_DIGITS:
        raise InvalidAmount(
            value=_shown(text), problem=f"it has more than {MAX_INTEGER_DIGITS} integer digits"
        )
    if len(amount.as_tuple().digits) > MAX_DIGITS or amount.adjusted() < -MAX_DIGITS:
        raise InvalidAmount(value=_shown(text), problem=f"it has more than {MAX_DIGITS} digits")
    return amount or amount.copy_abs()


def parse_whole(text: str) -> int | None:
    """The whole number that ``text`` says, of at most 18 ASCII digits; None where it is none."""
    return int(text) if _WHOLE.fullmatch(text) else None


def _is_short(amount: Decimal) -> bool:
    """Whether nothing is wrong with it for certain: most amounts are, and are asked no more."""
    return (
        amount.is_finite()
        and -_SHORT < amount.adjusted() < MAX_INTEGER_DIGITS
        and len(str(amount)) < _SHORT
    )


def floor_to(amount: Decimal, quantum: Decimal) -> Decimal:
    """``amount`` rounded down, towards minus infinity, to a whole number of ``quantum``."""
    return amount.quantize(quantum, rounding=ROUND_FLOOR, context=ROUNDED)


def ceil_to(amount: Decimal, quantum: Decimal) -> Decimal:
    """``amount`` rounded up, towards infinity, to a whole number of ``quantum``."""
    return amount.quantize(quantum, rounding=ROUND_CEILING, context=ROUNDED)


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    """``dividend ÷ divisor``: exact where it ends within 36 decimals, rounded half even otherwise.

    Twice the decimals that a book entry has (``booked``): a thousand of them multiplied by a
    million contracts still round to the entry that exact fractions would round to.
    """
    return _rounded(ROUNDED.divide(dividend, divisor), _QUOTIENT)


def nearest(dividend: int, divisor: int) -> int:
    """``dividend ÷ divisor`` in whole numbers, half even; ``divisor`` is above zero."""
    whole, rest = divmod(dividend, divisor)
    twice = 2 * rest
    return whole + 1 if twice > divisor or (twice == divisor and whole & 1) else whole


def of_units(units: int, decimals: int) -> Decimal:
    """The amount of whole units of the last of so many decimals: 150 of 2 are 1.5. Exact."""
    return EXACT.normalize(EXACT.scaleb(Decimal(units), -decimals))


def booked(amount: Decimal) -> Decimal:
    """``amount`` as the books show it: unrounded up to 18 decimals, rounded half even there."""
    return _rounded(amount, _BOOKED)


def _rounded(amount: Decimal, quantum: Decimal) -> Decimal:
    # By position: it is asked of every fill several times, and names take twice as long.
    return EXACT.normalize(amount.quantize(quantum, ROUND_HALF_EVEN, ROUNDED))


def add_to(sums: dict[_Key, Decimal], key: _Key, amount: Decimal) -> None:
    """Add an amount to the sum of its key: a currency, a pool. A new one begins at zero."""
    sums[key] = EXACT.add(sums.get(key, Decimal(0)), amount)


def known_sum(*amounts: Decimal | None) -> Decimal | None:
    """The exact sum; None where one of the amounts is not known. 0 of none."""
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total = EXACT.add(total, amount)
    return total


def known_difference(amount: Decimal | None, less: Decimal | None) -> Decimal | None:
    """``amount - less``; None where one of the two is not known."""
    return None if amount is None or less is None else EXACT.subtract(amount, less)


def decimals_of(amount: Decimal) -> int:
    """How many decimals it has, without zeros at its end."""
    exponent = EXACT.normalize(amount).as_tuple().exponent
    assert isinstance(exponent, int), "it is finite"
    return max(0, -exponent)


def plain(amount: Decimal) -> str:
    """``amount`` as text without an exponent, unrounded: ``0.00000001``, never ``1E-8``."""
    return format(amount, "f")


def with_decimals(amount: Decimal, currency: str) -> Decimal:
    """An amount unrounded, with the currency's decimals at least and no zeros beyond them."""
    quantum = quantum_of(currency)
    if amount.same_quantum(quantum):
        return amount
    try:
        return EXACT.quantize(amount, quantum)
    except Inexact:
        # It has more decimals than the currency.
        return EXACT.normalize(amount)


def amount_text(amount: Decimal, currency: str) -> str:
    """``with_decimals`` as text."""
    return plain(with_decimals(amount, currency))


def grouped(amount: Decimal, currency: str = "") -> str:
    """As people read it: ``1,234,567.50``, unrounded, with the currency's decimals at least."""
    written = with_decimals(amount, currency) if currency else amount
    # Plus takes the sign from a zero.
    return format(EXACT.plus(written), ",f")


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, Decimal | int) else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
