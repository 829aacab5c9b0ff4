"""A link's months of one year as columns: of a year that is over, or as far as its months are.

Its days have what returns are calculated from; what else is told is summed by month. Where a day
begins as the one before it ended, which is as it should be, nothing is kept of its start: only
what differs from that.
"""

import struct
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import accumulate, chain
from operator import add, sub

from capital.domain.money import EXACT
from capital.domain.performance.earned import Sums
from capital.domain.performance.measures.columns import pack, unpack, width_of
from capital.domain.performance.measures.packed import (
    AMOUNTS,
    amounts_of,
    unpack_trades,
    whole_numbers,
)
from capital.domain.performance.measures.series import NAMES, Part
from capital.domain.performance.measures.trades import TradeSums

DAYS, MONTHS = 366, 12

# What is summed by month, side by side in two columns: amounts, and what is counted.
_SUMMED = ("realized", "fees", "funding", "volume", "won", "lost")
_COUNTED = ("fills", "trades", "ended", "wins", "losses", "incomplete")
# How many places each column has at most.
_PLACES = {
    **dict.fromkeys(NAMES, DAYS),
    "amounts": len(_SUMMED) * MONTHS,
    "counts": len(_COUNTED) * MONTHS,
    "held": MONTHS,
    # Of what each trade earned: of twice the decimals.
    "squares": MONTHS,
}
# How often the decimals of the amounts are those of a column.
_DECIMALS = {**dict.fromkeys((*NAMES, "amounts"), 1), "counts": 0, "held": 0, "squares": 2}
# Of each column, the width of its places and how many bytes it has.
_HEAD = struct.Struct("<" + "BH" * len(_PLACES))
_COLUMNS = tuple(_PLACES)
_DAY, _MICROSECOND = timedelta(days=1), timedelta(microseconds=1)
_MISSING = "missing"
_SIDE_BY_SIDE = {
    "amounts": _SUMMED,
    "counts": _COUNTED,
    **{name: (name,) for name in ("held", "squares")},
}

# The first and the last day of some in a row, by their numbers from the first of January on.
Run = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PackedYear:
    """The months of one link.

    Attributes:
        scale: How many decimals the amounts have.
        figures: All columns; those of days from the first day on.
        unknown: Which days have something that is not known, by its name; ``missing`` are those
            between the first and the last that are none.
    """

    scale: int
    figures: bytes
    unknown: Mapping[str, Sequence[Run]]


def number_of(day: date) -> int:
    """Of a day in its year, from 0 on."""
    return day.toordinal() - _opens(day.year)


@cache
def _opens(year: int) -> int:
    """The ordinal of the first of January."""
    return date(year, 1, 1).toordinal()


def pack_year(months: Sequence[tuple[date, int, int]]) -> PackedYear:
    """The columns of these months of one year.

    Args:
        months: Of each its first day, its scale, and its number of ``pack_month``.
    """
    scale = max(scale for _, scale, _ in months)
    days = {name: [0] * DAYS for name in NAMES}
    sums = {name: [0] * MONTHS for name in (*_SUMMED, *_COUNTED, "held", "squares")}
    unknown: dict[str, list[int]] = defaultdict(list)
    present: list[int] = []
    for month, of_month, number in months:
        factor, slot, first = 10 ** (scale - of_month), month.month - 1, number_of(month) - 1
        for day, amounts, not_known, fills, trades in whole_numbers(number, of_month):
            told = dict(zip(AMOUNTS, (each * factor for each in amounts), strict=True))
            for name in ("realized", "fees", "funding", "volume"):
                sums[name][slot] += told[name]
            sums["fills"][slot] += fills
            sums["trades"][slot] += trades
            told["realized"] += told["funding"] - told["fees"]
            for name in NAMES:
                days[name][first + day] = told[name]
            for name in not_known:
                unknown[name].append(first + day)
            present.append(first + day)
        _add_ended(sums, slot, unpack_trades(number, of_month), scale)
    begins, ends = min(present), max(present)
    unknown[_MISSING] = sorted(set(range(begins, ends + 1)) - set(present))
    _without_what_follows(days, unknown, ends)
    columns = {
        **{name: values[begins:] for name, values in days.items()},
        "amounts": [each for name in _SUMMED for each in sums[name]],
        "counts": [each for name in _COUNTED for each in sums[name]],
        "held": sums["held"],
        "squares": sums["squares"],
    }
    runs = {name: list(_runs(of_name)) for name, of_name in unknown.items() if of_name}
    return PackedYear(scale, _written(columns), runs)


def _add_ended(sums: Mapping[str, list[int]], slot: int, ended: TradeSums, scale: int) -> None:
    for name in ("won", "lost"):
        sums[name][slot] = int(EXACT.scaleb(getattr(ended, name), scale))
    sums["squares"][slot] = int(EXACT.scaleb(ended.squares, 2 * scale))
    sums["held"][slot] = ended.held_for // _MICROSECOND
    sums["ended"][slot] = ended.trades
    for name in ("wins", "losses", "incomplete"):
        sums[name][slot] = getattr(ended, name)


def _without_what_follows(
    days: Mapping[str, list[int]], unknown: Mapping[str, Collection[int]], ends: int
) -> None:
    """Leave of what each day begins with only what does not follow from the day before.

    Of what is not known any number will do: the one that follows takes no room.
    """
    starts, worths = set(unknown.get("start", ())), set(unknown.get("worth_start", ()))
    start, worth = 0, 0
    for number in range(ends + 1):
        begins = start if number in starts else days["start"][number]
        begins_worth = worth if number in worths else days["worth_start"][number]
        days["start"][number], days["worth_start"][number] = begins - start, begins_worth - worth
        worth = days["worth_end"][number]
        start = begins + days["added"][number] + days["realized"][number] + worth - begins_worth


def _with_what_follows(days: dict[str, list[int]]) -> None:
    """The inverse, of the days up to the last that is told."""
    ends = days["worth_end"]
    days["worth_start"] = begins = list(map(add, days["worth_start"], [0, *ends[:-1]]))
    earned = map(add, map(add, days["added"], days["realized"]), map(sub, ends, begins))
    days["start"] = list(accumulate(map(add, days["start"], chain((0,), earned))))


def _written(columns: Mapping[str, Sequence[int]]) -> bytes:
    head, body = list[int](), list[bytes]()
    for name in _COLUMNS:
        width = width_of(columns[name])
        number = pack(columns[name], width)
        written = number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)
        head += (width, len(written) if width else 0)
        body.append(written if width else b"")
    return _HEAD.pack(*head) + b"".join(body)


def _runs(numbers: Sequence[int]) -> Iterator[Run]:
    first = last = numbers[0]
    for each in numbers[1:]:
        if each > last + 1:
            yield first, last
            first = each
        last = each
    yield first, last


class Years:
    """Packed years of several links, added; some days of them, and some of their whole months.

    Args:
        since: The first day that is asked for; None for the very first.
        until: The last one.
    """

    def __init__(self, since: date | None, until: date) -> None:
        self._since, self._until = since, until
        # By year, and by the last day that is told: behind it, a day would follow from it.
        self._alike: dict[tuple[int, int], _Alike] = defaultdict(_Alike)

    def add(
        self,
        since: date,
        until: date,
        scale: int,
        figures: bytes,
        unknown: Mapping[str, Iterable[Sequence[int]]] | None,
    ) -> None:
        """Add the year of one link: its first and last day, and what is packed of it."""
        begins, ends = number_of(since), number_of(until)
        alike = self._alike[until.year, ends]
        alike.add(begins, scale, figures)
        alike.note(begins, ends, unknown)

    def parts(self) -> Iterator[Part]:
        """The days that are asked for."""
        for (year, ends), alike in self._alike.items():
            opens = _opens(year)
            first = 0 if self._since is None else max(self._since.toordinal() - opens, 0)
            behind = min(self._until.toordinal() - opens, ends) + 1
            if first < behind:
                yield alike.part(opens, ends + 1, slice(first, behind))

    def sums(self) -> tuple[Sums, TradeSums]:
        """What the whole months come to that are asked for; without their largest trades."""
        sums, ended = Sums(), TradeSums()
        for (year, _), alike in self._alike.items():
            of_year, ended_of_year = alike.sums(whole_months(year, self._since, self._until))
            sums.add(of_year)
            ended.add(ended_of_year)
        return sums, ended


class _Alike:
    """Years of which the days are told up to the same one, added."""

    def __init__(self) -> None:
        # By scale, column and width of its places.
        self._totals: dict[tuple[int, int, int], int] = defaultdict(int)
        self._begins = DAYS
        self._besides: set[int] = set()
        self._unknown: dict[str, set[int]] = defaultdict(set)

    def add(self, begins: int, scale: int, figures: bytes) -> None:
        totals, read = self._totals, int.from_bytes
        head, at = _HEAD.unpack_from(figures), _HEAD.size
        for column, width in enumerate(head[::2]):
            if width:
                size = head[2 * column + 1]
                number = read(figures[at : at + size], "little", signed=True)
                if begins and column < len(NAMES):
                    number <<= 8 * width * begins
                totals[scale, column, width] += number
                at += size

    def note(
        self, begins: int, ends: int, unknown: Mapping[str, Iterable[Sequence[int]]] | None
    ) -> None:
        """Note which days there are, and what is not known of them."""
        if not unknown:
            self._begins = min(self._begins, begins)
            return
        runs = {
            name: {each for first, last in of_name for each in range(first, last + 1)}
            for name, of_name in unknown.items()
        }
        missing = runs.pop(_MISSING, None)
        if missing is None:
            self._begins = min(self._begins, begins)
        else:
            self._besides.update(set(range(begins, ends + 1)) - missing)
        for name, numbers in runs.items():
            self._unknown[name] |= numbers

    def part(self, opens: int, places: int, wanted: slice) -> Part:
        """The days that are wanted.

        Args:
            opens: The ordinal of the first of January.
            places: How many days are told.
            wanted: Their numbers.
        """
        scale, columns = self._columns(dict.fromkeys(NAMES, places))
        _with_what_follows(columns)
        numbers = range(places)[wanted]
        return Part(
            opens + wanted.start,
            scale,
            {name: values[wanted] for name, values in columns.items()},
            self._present(numbers),
            {
                name: [each - wanted.start for each in of_name if each in numbers]
                for name, of_name in self._unknown.items()
            },
        )

    def _present(self, numbers: range) -> Sequence[bool]:
        begins = min(max(self._begins, numbers.start), numbers.stop)
        before = [each in self._besides for each in range(numbers.start, begins)]
        return before + [True] * (numbers.stop - begins)

    def sums(self, slots: range) -> tuple[Sums, TradeSums]:
        scale, columns = self._columns(
            {name: places for name, places in _PLACES.items() if name not in NAMES}
        )
        told = {
            name: sum(columns[column][at * MONTHS + slot] for slot in slots)
            for column, names in _SIDE_BY_SIDE.items()
            for at, name in enumerate(names)
        }
        amount = amounts_of(scale)
        sums = Sums(fills=told["fills"], trades=told["trades"])
        for name in ("realized", "fees", "funding", "volume"):
            setattr(sums, name, amount(told[name]))
        ended = TradeSums(
            trades=told["ended"],
            wins=told["wins"],
            losses=told["losses"],
            incomplete=told["incomplete"],
            won=amount(told["won"]),
            lost=amount(told["lost"]),
            squares=amounts_of(2 * scale)(told["squares"]),
            held_for=told["held"] * _MICROSECOND,
        )
        return sums, ended

    def _columns(self, places: Mapping[str, int]) -> tuple[int, dict[str, list[int]]]:
        """These columns, of one scale."""
        scale = max((each for each, *_ in self._totals), default=0)
        found: dict[str, list[int]] = {}
        for (of_total, column, width), total in self._totals.items():
            name = _COLUMNS[column]
            if name in places:
                values = unpack(total, width, places[name])
                if factor := (scale - of_total) * _DECIMALS[name]:
                    values = [each * 10**factor for each in values]
                found[name] = list(map(add, found[name], values)) if name in found else values
        for name, length in places.items():
            found.setdefault(name, [0] * length)
        return scale, found


def whole_months(year: int, since: date | None, until: date) -> range:
    """The months of a year, from 0 on, all days of which are asked for."""
    first, behind = 0, MONTHS
    if since is not None and since.year >= year:
        first = MONTHS if since.year > year else since.month - (since.day == 1)
    if until.year <= year:
        is_last = (until + _DAY).day == 1
        behind = 0 if until.year < year else until.month - (not is_last)
    return range(first, behind)
