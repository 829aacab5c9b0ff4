"""Days in columns of whole numbers, as many days are added and measured.

All amounts are of one smallest decimal, so nothing is rounded until a day's PnL is divided by its
capital.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import accumulate, compress
from operator import add, or_, sub
from typing import NamedTuple

from capital.domain.money import EXACT, booked, nearest, of_units, quotient
from capital.domain.performance.measures.returns import RETURN, Day, Measured, Returns
from capital.domain.reasons import Code, Reason

NAMES = ("start", "added", "realized", "worth_start", "worth_end")
_ZERO = Decimal(0)
# What may be unknown of a day.
UNKNOWABLE = ("start", "added", "worth_start", "worth_end")


class Part(NamedTuple):
    """Some days in a row, of one link or of several together.

    Attributes:
        first: The ordinal of the first one.
        scale: How many decimals the amounts have.
        columns: By name of ``NAMES``, a number for each day; of one that is left out, zeros.
        present: Of each day whether there is one.
        unknown: By name of ``UNKNOWABLE``, the numbers of the days of which that is not known.
    """

    first: int
    scale: int
    columns: Mapping[str, Sequence[int]]
    present: Sequence[bool]
    unknown: Mapping[str, Iterable[int]] = {}


@dataclass(frozen=True)
class Series:
    """Days in their order, those of several links together where there are several of one date.

    What is not known of one of them is not known of all. What moves from one link to another is
    not added to them together.

    Attributes:
        dates: Of each day.
        scale: How many decimals the amounts have.
        columns: By name of ``NAMES``, an amount for each day, in whole numbers.
        unknown: By name of ``UNKNOWABLE``, the numbers of the days of which that is not known:
            their amounts are none.
    """

    dates: Sequence[date] = ()
    scale: int = 0
    columns: Mapping[str, Sequence[int]] = field(default_factory=lambda: dict.fromkeys(NAMES, ()))
    unknown: Mapping[str, Collection[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, days: Iterable[Day]) -> "Series":
        """Of days one by one, in any order."""
        return together(parts_of(days))

    def __len__(self) -> int:
        return len(self.dates)

    @cached_property
    def days(self) -> Sequence[Day]:
        """One by one."""
        told: dict[str, list[Decimal | None]] = {
            name: [self._known(each) for each in self.columns[name]] for name in NAMES
        }
        for name, numbers in self.unknown.items():
            for number in numbers:
                told[name][number] = None
        return [
            Day(*each) for each in zip(self.dates, *(told[name] for name in NAMES), strict=True)
        ]

    @cached_property
    def returns(self) -> Returns:
        """The days that have a return, with it, as ``Day.daily_return``."""
        capital = self._capital
        has_return = [each > 0 for each in capital]
        for number in self._unmeasured:
            has_return[number] = False
        columns = self.columns
        ends = map(add, columns["realized"], columns["worth_end"])
        pnl = map(sub, ends, columns["worth_start"])
        both = zip(compress(pnl, has_return), compress(capital, has_return), strict=True)
        return Returns(
            list(compress(self.dates, has_return)),
            [nearest(earned * RETURN, of) for earned, of in both],
        )

    @property
    def days_unknown(self) -> int:
        """How many there are of which PnL or capital is not known."""
        return len(self._unmeasured)

    @property
    def pnl(self) -> Measured:
        """What was earned over these days.

        What is unrealised counts from the start of the first to the end of the last: a mark that
        is missing in between changes nothing. A link whose days begin later begins with nothing
        open.
        """
        if not self.dates:
            return Reason(Code.NO_DAYS)
        last = len(self.dates) - 1
        if 0 in self._unknown("worth_start") or last in self._unknown("worth_end"):
            return Reason(Code.PNL_UNKNOWN)
        change = self.columns["worth_end"][last] - self.columns["worth_start"][0]
        return self._known(sum(self.columns["realized"]) + change)

    @property
    def average_capital(self) -> Measured:
        """The mean of the capital of those days that had capital, to 18 decimals."""
        unknown = {*self._unknown("start"), *self._unknown("added")}
        found = [each for at, each in enumerate(self._capital) if each > 0 and at not in unknown]
        if not found:
            return Reason(Code.NO_DAYS)
        return booked(quotient(self._known(sum(found)), Decimal(len(found))))

    @property
    def levels(self) -> Sequence[tuple[date, int]]:
        """What was earned until the end of each day, where that is known, since the first began.

        In whole numbers. None where what was unrealised then is not known.
        """
        if not self.dates or 0 in self._unknown("worth_start"):
            return []
        start, unknown = self.columns["worth_start"][0], self._unknown("worth_end")
        earned = accumulate(self.columns["realized"], initial=-start)
        next(earned)
        levels = zip(self.dates, map(add, earned, self.columns["worth_end"]), strict=True)
        return [each for at, each in enumerate(levels) if at not in unknown]

    @cached_property
    def _unmeasured(self) -> Collection[int]:
        """The numbers of the days of which PnL or capital is not known."""
        return set().union(*self.unknown.values())

    @cached_property
    def _capital(self) -> Sequence[int]:
        both = zip(self.columns["start"], self.columns["added"], strict=True)
        return [start + more if more > 0 else start for start, more in both]

    def _unknown(self, name: str) -> Collection[int]:
        return self.unknown.get(name, ())

    def _known(self, amount: int) -> Decimal:
        return of_units(amount, self.scale)


def together(parts: Sequence[Part]) -> Series:
    """The days of these parts, added where they are of one date."""
    if not parts:
        return Series()
    scale = max(part.scale for part in parts)
    first = min(part.first for part in parts)
    length = max(part.first + len(part.present) for part in parts) - first
    columns = {name: [0] * length for name in NAMES}
    unknown: dict[str, set[int]] = {}
    present = [False] * length
    for part in parts:
        begins, factor = part.first - first, 10 ** (scale - part.scale)
        ends = begins + len(part.present)
        # Most days are of one part only.
        is_first = not any(present[begins:ends])
        before = present[begins:ends]
        present[begins:ends] = part.present if is_first else map(or_, before, part.present)
        for name, values in part.columns.items():
            column = columns[name]
            more = values if factor == 1 else [each * factor for each in values]
            column[begins:ends] = more if is_first else map(add, column[begins:ends], more)
        for name, numbers in part.unknown.items():
            unknown.setdefault(name, set()).update(begins + number for number in numbers)
    dates = map(date.fromordinal, range(first, first + length))
    if all(present):
        return Series(list(dates), scale, columns, unknown)
    # Of each day, how many are before it.
    places = list(accumulate(present, initial=0))
    return Series(
        list(compress(dates, present)),
        scale,
        {name: list(compress(column, present)) for name, column in columns.items()},
        {name: {places[number] for number in numbers} for name, numbers in unknown.items()},
    )


def parts_of(days: Iterable[Day]) -> list[Part]:
    """Days one by one, in any order; those of one date are one part."""
    amounts: dict[date, list[Decimal]] = {}
    unknown: dict[date, dict[str, tuple[int]]] = {}
    for day in days:
        told = (day.start, day.added, day.realized, day.worth_start, day.worth_end)
        if None in told:
            of_date = unknown.setdefault(day.date, {})
            of_date |= {name: (0,) for name, each in zip(NAMES, told, strict=True) if each is None}
        known = [each or _ZERO for each in told]
        before = amounts.get(day.date)
        amounts[day.date] = list(map(EXACT.add, before, known)) if before else known
    return [_part_of(day, known, unknown.get(day, {})) for day, known in amounts.items()]


def _part_of(day: date, known: Sequence[Decimal], unknown: Mapping[str, tuple[int]]) -> Part:
    scale = max(0, *(-int(each.as_tuple().exponent) for each in known))
    columns = {
        name: [int(EXACT.scaleb(each, scale))]
        for name, each in zip(NAMES, known, strict=True)
        if each
    }
    return Part(day.toordinal(), scale, columns, (True,), unknown)
