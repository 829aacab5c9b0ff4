"""Days in columns of whole numbers, as many days are added and measured.

All amounts are of one smallest decimal, so nothing is rounded until a day's PnL is divided by its
capital.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import compress
from operator import add, or_
from typing import NamedTuple

from capital.domain.money import EXACT, ROUNDED, booked, quotient
from capital.domain.performance.measures.returns import Day, Measured
from capital.domain.reasons import Code, Reason

NAMES = ("start", "added", "realized", "worth_start", "worth_end")
# What may be unknown of a day.
UNKNOWABLE = ("start", "added", "worth_start", "worth_end")

# A return has as many decimals as a quotient.
_RETURN = Decimal("1e-36")

# None is not known.
_Column = Sequence[int | None]


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
    """

    dates: Sequence[date] = ()
    scale: int = 0
    columns: Mapping[str, _Column] = field(default_factory=lambda: dict.fromkeys(NAMES, ()))

    @classmethod
    def of(cls, days: Iterable[Day]) -> "Series":
        """Of days one by one, in any order."""
        return together([part_of(day) for day in days])

    def __len__(self) -> int:
        return len(self.dates)

    @cached_property
    def days(self) -> Sequence[Day]:
        """One by one."""
        columns = ([self._amount(each) for each in self.columns[name]] for name in NAMES)
        return [Day(*each) for each in zip(self.dates, *columns, strict=True)]

    @cached_property
    def returns(self) -> Sequence[tuple[date, Decimal]]:
        """The days that have a return, with it, as ``Day.daily_return``."""
        return [
            (day, _quotient(pnl, capital))
            for day, pnl, capital in zip(self.dates, self._pnl, self._capital, strict=True)
            if pnl is not None and capital is not None and capital > 0
        ]

    @property
    def days_unknown(self) -> int:
        """How many there are of which PnL or capital is not known."""
        both = zip(self._pnl, self._capital, strict=True)
        return sum(pnl is None or capital is None for pnl, capital in both)

    @property
    def pnl(self) -> Measured:
        """What was earned over these days.

        What is unrealised counts from the start of the first to the end of the last: a mark that
        is missing in between changes nothing. A link whose days begin later begins with nothing
        open.
        """
        if not self.dates:
            return Reason(Code.NO_DAYS)
        start, end = self.columns["worth_start"][0], self.columns["worth_end"][-1]
        if start is None or end is None:
            return Reason(Code.PNL_UNKNOWN)
        return self._known(sum(self._realized) + end - start)

    @property
    def average_capital(self) -> Measured:
        """The mean of the capital of those days that had capital, to 18 decimals."""
        found = [each for each in self._capital if each is not None and each > 0]
        if not found:
            return Reason(Code.NO_DAYS)
        return booked(quotient(self._known(sum(found)), Decimal(len(found))))

    @property
    def levels(self) -> Sequence[tuple[date, Decimal]]:
        """What was earned until the end of each day, where that is known, since the first began.

        None where what was unrealised then is not known.
        """
        start = self.columns["worth_start"][0] if self.dates else None
        if start is None:
            return []
        found, realized = [], -start
        for day, of_day, end in zip(
            self.dates, self._realized, self.columns["worth_end"], strict=True
        ):
            realized += of_day
            if end is not None:
                found.append((day, self._known(realized + end)))
        return found

    @cached_property
    def _pnl(self) -> _Column:
        begins, ends = self.columns["worth_start"], self.columns["worth_end"]
        return [
            None if start is None or end is None else realized + end - start
            for realized, start, end in zip(self._realized, begins, ends, strict=True)
        ]

    @cached_property
    def _capital(self) -> _Column:
        return [
            None if start is None or more is None else start + more if more > 0 else start
            for start, more in zip(self.columns["start"], self.columns["added"], strict=True)
        ]

    @property
    def _realized(self) -> Sequence[int]:
        return self.columns["realized"]  # type: ignore[return-value]  # always known

    def _known(self, amount: int) -> Decimal:
        return EXACT.normalize(EXACT.scaleb(Decimal(amount), -self.scale))

    def _amount(self, amount: int | None) -> Decimal | None:
        return None if amount is None else self._known(amount)


def together(parts: Sequence[Part]) -> Series:
    """The days of these parts, added where they are of one date."""
    if not parts:
        return Series()
    scale = max(part.scale for part in parts)
    first = min(part.first for part in parts)
    length = max(part.first + len(part.present) for part in parts) - first
    columns: dict[str, list[int | None]] = {name: [0] * length for name in NAMES}
    present = [False] * length
    for part in parts:
        begins, factor = part.first - first, 10 ** (scale - part.scale)
        ends = begins + len(part.present)
        # Most days are of one part only.
        is_first = not any(present[begins:ends])
        present[begins:ends] = map(or_, present[begins:ends], part.present)
        for name, values in part.columns.items():
            column = columns[name]
            more = values if factor == 1 else [each * factor for each in values]
            column[begins:ends] = more if is_first else map(add, column[begins:ends], more)
    for part in parts:
        for name, numbers in part.unknown.items():
            for number in numbers:
                columns[name][part.first - first + number] = None
    dates = map(date.fromordinal, range(first, first + length))
    if all(present):
        return Series(list(dates), scale, columns)
    return Series(
        list(compress(dates, present)),
        scale,
        {name: list(compress(column, present)) for name, column in columns.items()},
    )


def part_of(day: Day) -> Part:
    """One day."""
    amounts = {name: getattr(day, name) for name in NAMES}
    scale = max(-int(each.as_tuple().exponent) for each in amounts.values() if each is not None)
    scale = max(scale, 0)
    return Part(
        day.date.toordinal(),
        scale,
        {name: [int(EXACT.scaleb(each, scale))] for name, each in amounts.items() if each},
        (True,),
        {name: (0,) for name in UNKNOWABLE if amounts[name] is None},
    )


def _quotient(pnl: int, capital: int) -> Decimal:
    """``money.quotient``, but for the zeros at its end, which nobody minds here."""
    return ROUNDED.quantize(ROUNDED.divide(Decimal(pnl), Decimal(capital)), _RETURN)
