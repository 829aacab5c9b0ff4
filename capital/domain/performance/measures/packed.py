"""The days of one month as one number, so that adding two numbers adds all their figures.

Each figure of each day has its place in the number, wide enough that the sums of a million links do
not reach the next place. All is whole numbers, of the smallest decimal that the month has: nothing
is rounded. A thousand links are added in a millisecond, and their sums unpacked once. Behind the
days stand the sums of the trades that ended in them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import ClassVar

from capital.domain.money import EXACT, MAX_INTEGER_DIGITS
from capital.domain.performance.earned import Sums
from capital.domain.performance.measures.series import NAMES, Part
from capital.domain.performance.measures.trades import TradeSums

DAYS = 31
# Of how many decimals the amounts of a month may be: the least that is enough.
SCALES = (6, 12, 18, 36, 120)

AMOUNTS = (
    *("start", "added", "realized", "fees", "funding", "volume"),
    *("worth_start", "worth_end"),
)
_UNKNOWABLE = ("start", "added", "worth_start", "worth_end")
_PLACES = len(AMOUNTS) + 2
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


def scale_of(days: Mapping[int, PackedDay], ended: TradeSums) -> int:
    """The least of ``SCALES`` that keeps all amounts of these days and trades."""
    amounts = [getattr(day, name) for day in days.values() for name in AMOUNTS]
    # Squares have twice as many places behind the point.
    decimals = max(map(_decimals, [*amounts, ended.won, ended.lost]), default=0)
    decimals = max(decimals, -(-_decimals(ended.squares) // 2))
    return next(scale for scale in SCALES if scale >= decimals)


def _decimals(amount: Decimal | None) -> int:
    return -int(EXACT.normalize(amount).as_tuple().exponent) if amount else 0


def pack_month(days: Mapping[int, PackedDay], ended: TradeSums, scale: int) -> int:
    """The number of these days, and of the trades that ended on them.

    Args:
        days: By the day of the month, from 1 on.
        ended: Its largest win and loss are not packed: they are not added.
        scale: Of ``scale_of``.
    """
    width = _width(scale)
    places = bytearray(_zeros(width))
    for number, day in days.items():
        at = (number - 1) * _PLACES * width
        for value in _values(day, scale):
            places[at : at + width] = (value + _half(width)).to_bytes(width, "little")
            at += width
    at = DAYS * _PLACES * width
    for value, wide in zip(_values_of(ended, scale), _WIDE, strict=True):
        size = wide * width
        places[at : at + size] = (value + _half(size)).to_bytes(size, "little")
        at += size
    return int.from_bytes(places, "little") - _offset(width)


def unpack_month(
    total: int, scale: int, *, first: int = 1, last: int = DAYS
) -> Iterator[tuple[int, PackedDay]]:
    """The days of the sum of such numbers of one scale, those that any of them has, in order.

    What is not known of one of them is not known of their sum.
    """
    amount = amounts_of(scale)
    for number, values in _days(total, scale, first, last):
        *whole, flags, counts = values
        known = {
            name: None if name in _FLAGS and (flags >> _FLAGS[name]) & _MASK else amount(value)
            for name, value in zip(AMOUNTS, whole, strict=True)
        }
        fills, trades = counts & _COUNT_MASK, counts >> _COUNT_BITS
        yield number, PackedDay(**known, fills=fills, trades=trades)  # type: ignore[arg-type]


def days_of_month(
    total: int, scale: int, month: date, *, first: int = 1, last: int = DAYS
) -> Iterator[Part]:
    """The same as returns are calculated from: what was realised is after fees and funding.

    Args:
        total: Of ``pack_month``, or a sum of such numbers of one month.
        scale: Of all of them.
        month: Its first day.
        first: The first day of the month that is asked for.
        last: The last one.
    """
    rows = list(_days(total, scale, first, last))
    if not rows:
        return
    begins = rows[0][0]
    length = rows[-1][0] - begins + 1
    columns: dict[str, list[int]] = {name: [0] * length for name in NAMES}
    present, unknown = [False] * length, defaultdict[str, list[int]](list)
    for number, values in rows:
        at = number - begins
        start, added, realized, fees, funding, _, worth_start, worth_end, flags, _ = values
        told = start, added, realized - fees + funding, worth_start, worth_end
        for name, value in zip(NAMES, told, strict=True):
            columns[name][at] = value
        present[at] = True
        if flags >> _FLAG_BITS:
            for name, bit in _FLAGS.items():
                if (flags >> bit) & _MASK:
                    unknown[name].append(at)
    yield Part(month.toordinal() + begins - 1, scale, columns, present, unknown)


def unpack_sums(total: int, scale: int, *, first: int = 1, last: int = DAYS) -> Sums:
    """What these days come to."""
    columns = list(zip(*(values for _, values in _days(total, scale, first, last)), strict=True))
    if not columns:
        return Sums()
    amount = amounts_of(scale)
    _, _, realized, fees, funding, volume, _, _, _, counts = map(sum, columns)
    return Sums(
        realized=amount(realized),
        fees=amount(fees),
        funding=amount(funding),
        volume=amount(volume),
        fills=counts & _COUNT_MASK,
        trades=counts >> _COUNT_BITS,
    )


def unpack_trades(total: int, scale: int) -> TradeSums:
    """The sums of the trades that ended in such months; without the largest ones."""
    width = _width(scale)
    places = _bytes(total, width)
    at, found = DAYS * _PLACES * width, []
    for wide in _WIDE:
        size = wide * width
        found.append(int.from_bytes(places[at : at + size], "little") - _half(size))
        at += size
    counted, lost_of, won, lost, held, squares = found
    amount = amounts_of(scale)
    return TradeSums(
        trades=counted & _COUNT_MASK,
        wins=counted >> _COUNT_BITS,
        losses=lost_of & _COUNT_MASK,
        incomplete=lost_of >> _COUNT_BITS,
        won=amount(won),
        lost=amount(lost),
        squares=amounts_of(2 * scale)(squares),
        held_for=timedelta(microseconds=held),
    )


def whole_numbers(total: int, scale: int) -> Iterator[tuple[int, list[int], list[str], int, int]]:
    """The days of one link as whole numbers of the smallest decimal.

    Of each day that there is: its number, the amounts by the order of ``AMOUNTS``, which of them
    are not known, and how many fills and trades there were.
    """
    for number, values in _days(total, scale, 1, DAYS):
        *amounts, flags, counts = values
        unknown = [name for name, bit in _FLAGS.items() if (flags >> bit) & _MASK]
        yield number, amounts, unknown, counts & _COUNT_MASK, counts >> _COUNT_BITS


def _days(total: int, scale: int, first: int, last: int) -> Iterator[tuple[int, list[int]]]:
    """Of each day that there is: the amounts, the flags and the counts."""
    width = _width(scale)
    half, size, read = _half(width), _PLACES * width, int.from_bytes
    places = _bytes(total, width)
    flags_at = len(AMOUNTS) * width
    for number in range(first, last + 1):
        begins = (number - 1) * size
        at = begins + flags_at
        # The first bits count the days: where there is none, nothing else is read.
        if (read(places[at : at + width], "little") - half) & _MASK:
            ends = begins + size
            yield (
                number,
                [
                    read(places[at : at + width], "little") - half
                    for at in range(begins, ends, width)
                ],
            )


def _bytes(total: int, width: int) -> bytes:
    return (total + _offset(width)).to_bytes(_size(width), "little")


def amounts_of(scale: int) -> Callable[[int], Decimal]:
    """From whole numbers of the smallest decimal to amounts."""
    least, multiply = Decimal((0, (1,), -scale)), EXACT.multiply

    def amount(value: int) -> Decimal:
        return multiply(Decimal(value), least) if value else _ZERO

    return amount


_MASK, _COUNT_MASK = (1 << _FLAG_BITS) - 1, (1 << _COUNT_BITS) - 1
_FLAGS = {name: (at + 1) * _FLAG_BITS for at, name in enumerate(_UNKNOWABLE)}
# Of the flags without the count of days.
_START, _ADDED, _WORTH_START, _WORTH_END = (_FLAGS[name] - _FLAG_BITS for name in _UNKNOWABLE)
# How many places each sum of the trades has: two of counts, three, and the squares.
_WIDE = (1, 1, 1, 1, 1, 2)


def _values(day: PackedDay, scale: int) -> Iterator[int]:
    flags = 1
    for name in AMOUNTS:
        amount: Decimal | None = getattr(day, name)
        if amount is None:
            flags += 1 << _FLAGS[name]
        yield 0 if not amount else int(EXACT.scaleb(amount, scale))
    yield flags
    yield day.fills + (day.trades << _COUNT_BITS)


def _values_of(ended: TradeSums, scale: int) -> tuple[int, ...]:
    won, lost = (int(EXACT.scaleb(each, scale)) for each in (ended.won, ended.lost))
    return (
        ended.trades + (ended.wins << _COUNT_BITS),
        ended.losses + (ended.incomplete << _COUNT_BITS),
        *(won, lost, ended.held_for // timedelta(microseconds=1)),
        int(EXACT.scaleb(ended.squares, 2 * scale)),
    )


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
def _size(width: int) -> int:
    return (DAYS * _PLACES + sum(_WIDE)) * width


@cache
def _zeros(width: int) -> bytes:
    of_days = _half(width).to_bytes(width, "little") * (DAYS * _PLACES)
    sizes = (wide * width for wide in _WIDE)
    return of_days + b"".join(_half(size).to_bytes(size, "little") for size in sizes)


@cache
def _offset(width: int) -> int:
    return int.from_bytes(_zeros(width), "little")
