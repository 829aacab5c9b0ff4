"""Drawdowns: how far it went down from the highest level before, since when, and for how long.

In percent on the chained return, and in money on what was earned in all: what comes in and goes
out otherwise is in neither.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from operator import sub

from capital.domain.money import BOOKED_DECIMALS, nearest, of_units
from capital.domain.performance.measures.returns import LEVEL, Returns
from capital.domain.performance.measures.series import Series
from capital.domain.reasons import Code, Reason

_ZERO = Decimal(0)
_BOOKED = 10**BOOKED_DECIMALS


@dataclass(frozen=True)
class Drawdown:
    """One fall below the highest level before.

    Attributes:
        depth: The largest distance from that level; above zero. A part of it, or an amount.
        since: The first day below it.
        lowest: The day that was deepest.
        recovered: The first day on which it was reached again; None: not yet.
        last: The last day below it, so far.
    """

    depth: Decimal
    since: date
    lowest: date
    last: date
    recovered: date | None = None

    @property
    def days(self) -> int:
        """How long it lasted, in days; so far, where it did not recover."""
        return _days(self.since, self.last, self.recovered)


@dataclass(frozen=True)
class Drawdowns:
    """The falls of one period.

    Attributes:
        deepest: None where it never went down.
        longest: None where it never went down.
        current: The one that has not recovered; None where it stands at its highest.
        depth_now: How far below the highest level it stands now; 0 at it.
    """

    deepest: Drawdown | None = None
    longest: Drawdown | None = None
    current: Drawdown | None = None
    depth_now: Decimal = _ZERO

    @property
    def depth(self) -> Decimal:
        """Of the deepest; 0 where it never went down."""
        return _ZERO if self.deepest is None else self.deepest.depth


def return_drawdowns(returns: Returns) -> Drawdowns | Reason:
    """On chained daily returns, as parts of the highest level: 0.1 is 10 %, to 18 decimals."""
    if not returns.values:
        return Reason(Code.NO_DAYS)
    if returns.is_ruin:
        return Reason(Code.RUIN)
    levels = zip(returns.dates, returns.levels, strict=True)
    return _drawdowns(levels, LEVEL, _part, BOOKED_DECIMALS)


def money_drawdowns(series: Series) -> Drawdowns | Reason:
    """On what was earned since the first day began, in its currency.

    A day at whose end nobody knows what is unrealised is passed over: the next one tells.
    """
    if not series.dates:
        return Reason(Code.NO_DAYS)
    levels = series.levels
    if not levels:
        return Reason(Code.PNL_UNKNOWN)
    return _drawdowns(levels, 0, sub, series.scale)


@dataclass(slots=True)
class _Fall:
    """A drawdown while it lasts, its depth in whole numbers: there are many, and few are told."""

    since: date
    lowest: date
    depth: int
    last: date
    recovered: date | None = None

    @property
    def days(self) -> int:
        return _days(self.since, self.last, self.recovered)


def _drawdowns(
    levels: Iterable[tuple[date, int]],
    start: int,
    depth_of: Callable[[int, int], int],
    decimals: int,
) -> Drawdowns:
    """The falls of these levels.

    Args:
        levels: At the end of each day, in whole numbers.
        start: As the first day began.
        depth_of: How far a highest level is above another one.
        decimals: How many a depth has.
    """
    peak = floor = level = start
    fall: _Fall | None = None
    falls: list[_Fall] = []
    for day, level in levels:
        if level >= peak:
            peak = floor = level
            if fall is not None:
                fall.recovered, fall = day, None
            continue
        if level < floor:
            floor, depth = level, depth_of(peak, level)
            if fall is None:
                fall = _Fall(day, day, depth, day)
                falls.append(fall)
            elif depth > fall.depth:
                fall.depth, fall.lowest = depth, day
        fall.last = day  # type: ignore[union-attr]  # below its highest there is one

    def told(found: _Fall | None) -> Drawdown | None:
        if found is None:
            return None
        depth = of_units(found.depth, decimals)
        return Drawdown(depth, found.since, found.lowest, found.last, found.recovered)

    # Of two alike the earlier one.
    deepest = max(falls, key=lambda each: each.depth, default=None)
    longest = max(falls, key=lambda each: each.days, default=None)
    depth_now = _ZERO if fall is None else of_units(depth_of(peak, level), decimals)
    return Drawdowns(told(deepest), told(longest), told(fall), depth_now)


def _days(since: date, last: date, recovered: date | None) -> int:
    return (last - since).days + 1 if recovered is None else (recovered - since).days


def _part(peak: int, level: int) -> int:
    return nearest((peak - level) * _BOOKED, peak)
