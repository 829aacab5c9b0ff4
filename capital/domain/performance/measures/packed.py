"""The days of one month as one number, so that adding two numbers adds all their figures.

Each figure of each day has its place in the number, wide enough that the sums of a million links do
not reach the next place. All is whole numbers, of the smallest decimal that the month has: nothing
is rounded. A thousand links are added in a millisecond, and their sums unpacked once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import ClassVar

from capital.domain.money import EXACT, MAX_INTEGER_DIGITS

DAYS = 31
# Of how many decimals the amounts of a month may be: the least that is enough.
SCALES = (6, 12, 18, 36, 120)

_VALUES = (
    *("start", "added", "realized", "fees", "funding", "volume"),
    *("worth_start", "worth_end"),
)
_UNKNOWABLE = ("start", "added", "worth_start", "worth_end")
_PLACES = len(_VALUES) + 2
# A million links, and a sign.
_ROOM_BITS = 22
# Days and what is not known of them are counted in one place, fills and trades in the last.
_FLAG_BITS, _COUNT_BITS = 20, 48
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class PackedDay:
    """The figures of one day, of a link or of several together.

    Attributes:
        start: Equity at its start; None where that is not known, as of those below.
        added: What decisions gave, less what they took.
        realized: Before fees and funding.
        worth_start: What was unrealised at its start.
        worth_end: What was unrealised at its end.
    """

    start: Decimal | None
    added: Decimal | None
    realized: Decimal
    fees: Decimal
    funding: Decimal
    volume: Decimal
    worth_start: Decimal | None
    worth_end: Decimal | None
    fills: int
    trades: int

    # These are told by link and day, beside what is packed.
    fees_unvalued: ClassVar[Mapping[str, str]] = MappingProxyType({})


def scale_of(days: Mapping[int, PackedDay]) -> int:
    """The least of ``SCALES`` that keeps all amounts of these days."""
    decimals = 0
    for day in days.values():
        for name in _VALUES:
            amount: Decimal | None = getattr(day, name)
            if amount:
                decimals = max(decimals, -int(EXACT.normalize(amount).as_tuple().exponent))
    return next(scale for scale in SCALES if scale >= decimals)


def pack_month(days: Mapping[int, PackedDay], scale: int) -> int:
    """The number of these days.

    Args:
        days: By the day of the month, from 1 on.
        scale: Of ``scale_of``.
    """
    width = _width(scale)
    places = bytearray(_zeros(width))
    for number, day in days.items():
        at = (number - 1) * _PLACES * width
        for value in _values(day, scale):
            places[at : at + width] = (value + _half(width)).to_bytes(width, "little")
            at += width
    return int.from_bytes(places, "little") - _offset(width)


def unpack_month(
    total: int, scale: int, *, first: int = 1, last: int = DAYS
) -> Iterator[tuple[int, PackedDay]]:
    """The days of the sum of such numbers of one scale, those that any of them has, in order.

    What is not known of one of them is not known of their sum.
    """
    width = _width(scale)
    size = DAYS * _PLACES * width
    places = (total + _offset(width)).to_bytes(size, "little")
    half, mask = _half(width), (1 << _FLAG_BITS) - 1
    least = Decimal((0, (1,), -scale))
    flags_at = len(_VALUES) * width
    for number in range(first, last + 1):
        begins = (number - 1) * _PLACES * width
        at = begins + flags_at
        flags = int.from_bytes(places[at : at + width], "little") - half
        if not flags & mask:
            continue
        counts = int.from_bytes(places[at + width : at + 2 * width], "little") - half
        amounts: list[Decimal | None] = []
        for place, name in enumerate(_VALUES):
            at = begins + place * width
            value = int.from_bytes(places[at : at + width], "little") - half
            unknown = _FLAGS.get(name)
            if unknown is not None and (flags >> unknown) & mask:
                amounts.append(None)
            else:
                amounts.append(EXACT.multiply(Decimal(value), least) if value else _ZERO)
        known = dict(zip(_VALUES, amounts, strict=True))
        fills, trades = counts & ((1 << _COUNT_BITS) - 1), counts >> _COUNT_BITS
        yield number, PackedDay(**known, fills=fills, trades=trades)  # type: ignore[arg-type]


_FLAGS = {name: (at + 1) * _FLAG_BITS for at, name in enumerate(_UNKNOWABLE)}


def _values(day: PackedDay, scale: int) -> Iterator[int]:
    flags = 1
    for name in _VALUES:
        amount: Decimal | None = getattr(day, name)
        if amount is None:
            flags += 1 << _FLAGS[name]
        yield 0 if not amount else int(EXACT.scaleb(amount, scale))
    yield flags
    yield day.fills + (day.trades << _COUNT_BITS)


@cache
def _width(scale: int) -> int:
    """How many bytes a place has."""
    largest: int = 10 ** (MAX_INTEGER_DIGITS + scale)
    return (largest.bit_length() + _ROOM_BITS) // 8 + 1


@cache
def _half(width: int) -> int:
    """What is added to a place so that it is above zero while it is read or written by itself."""
    return 1 << (8 * width - 1)


@cache
def _zeros(width: int) -> bytes:
    return _half(width).to_bytes(width, "little") * (DAYS * _PLACES)


@cache
def _offset(width: int) -> int:
    return int.from_bytes(_zeros(width), "little")
