"""What the days of several links come to together, read and never booked again."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property

from capital.domain.money import booked, known_sum
from capital.domain.performance.earned import Sums
from capital.domain.performance.measures.packed import (
    DAYS,
    days_of_month,
    unpack_sums,
    unpack_trades,
)
from capital.domain.performance.measures.returns import (
    ESTIMATE,
    LEVEL,
    Day,
    Returns,
    gain_of,
    level_of,
)
from capital.domain.performance.measures.series import Series, parts_of, together
from capital.domain.performance.measures.trades import TradeSums
from capital.domain.performance.measures.years import Years
from capital.services.performance.stored.chains import Chain, PackedMonth

_ZERO = Decimal(0)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Gathered:
    """What several links of one currency and period come to together.

    Months are added before they are unpacked, and unpacked when it is asked for.
    """

    chains: Sequence[Chain]

    @cached_property
    def series(self) -> Series:
        """Their days."""
        parts = parts_of(day for chain in self.chains for day in chain.days)
        for each in self._months:
            if each.has_days:
                first, last = self._numbers(each.month)
                days = days_of_month(each.number, each.scale, each.month, first=first, last=last)
                parts += days
        return together([*self._years.parts(), *parts])

    @cached_property
    def sums(self) -> Sums:
        """What they come to."""
        sums = Sums()
        for chain in self.chains:
            sums.add(chain.sums)
        for each in self._months:
            first, last = self._numbers(each.month)
            sums.add(unpack_sums(each.number, each.scale, first=first, last=last))
        sums.add(self._of_years[0])
        return sums

    @cached_property
    def ended(self) -> TradeSums:
        """The trades that whole months tell of."""
        ended = TradeSums()
        totals: dict[int, int] = defaultdict(int)
        for each in self._months:
            if each.is_whole:
                totals[each.scale] += each.number
        for scale, total in totals.items():
            ended.add(unpack_trades(total, scale))
        ended.add(self._of_years[1])
        for chain in self.chains:
            ended.meet(chain.largest.largest_win, chain.largest.largest_loss)
        return ended

    @property
    def begins_unknown(self) -> bool:
        """Whether one of them begins with something unrealised that nobody knows."""
        return any(chain.begins_unknown for chain in self.chains)

    @cached_property
    def _years(self) -> Years:
        """The years of all of them, added."""
        period = self.chains[0].period
        years = Years(period.since, period.until)
        for chain in self.chains:
            for row in chain.years:
                figures = chain.read.years[row.pk]
                years.add(row.since, row.until, row.scale, figures, row.unknown)
        return years

    @cached_property
    def _of_years(self) -> tuple[Sums, TradeSums]:
        return self._years.sums()

    @cached_property
    def _months(self) -> Sequence[PackedMonth]:
        """The months of all of them, added."""
        totals: dict[tuple[date, int, bool, bool], int] = defaultdict(int)
        for chain in self.chains:
            for *key, pk in chain.months:
                totals[tuple(key)] += chain.read.months[pk]  # type: ignore[index]  # without the last
        return [PackedMonth(*key, total) for key, total in totals.items()]

    def _numbers(self, month: date) -> tuple[int, int]:
        """The first and the last day of a month that are of the period."""
        period = self.chains[0].period
        first, last = 1, DAYS
        if period.since is not None and period.since > month:
            first = period.since.day if period.since.replace(day=1) == month else DAYS + 1
        if period.until.replace(day=1) == month:
            last = period.until.day
        return first, last


@dataclass(frozen=True)
class CurvePoint:
    """One day of a curve. None is not known, or of ``daily_return`` none.

    Attributes:
        equity_start: At the start of the day.
        capital: What the day's PnL was earned with.
        pnl: What was earned, with the change of what is unrealised.
        equity_end: At the end of the day.
        daily_return: ``pnl`` by ``capital``.
        chained: What the returns of the days until then come to together.
        drawdown: How far that is below its highest level, as a part.
    """

    date: date
    equity_start: Decimal | None
    capital: Decimal | None
    pnl: Decimal | None
    equity_end: Decimal | None
    daily_return: Decimal | None
    chained: Decimal
    drawdown: Decimal


def curve(days: Sequence[Day]) -> list[CurvePoint]:
    """A point for each day. One without a return leaves the chain where it is."""
    values = [day.daily_return for day in days]
    known = ((day.date, each) for day, each in zip(days, values, strict=True) if each is not None)
    levels = iter(Returns.of(known).levels)
    points, level, peak = [], LEVEL, LEVEL
    for day, daily in zip(days, values, strict=True):
        if daily is not None:
            level = next(levels)
            peak = max(peak, level)
        points.append(
            CurvePoint(
                date=day.date,
                equity_start=day.start,
                capital=day.capital,
                pnl=day.pnl,
                equity_end=known_sum(day.start, day.added, day.pnl),
                daily_return=None if daily is None else booked(daily),
                chained=gain_of(level),
                drawdown=booked(ESTIMATE.divide(level_of(peak - level), level_of(peak))),
            )
        )
    return points
