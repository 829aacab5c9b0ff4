"""Drawdowns: how far it went down from the highest level before, since when, and for how long.

In percent on the chained return, and in money on what was earned in all: what comes in and goes
out otherwise is in neither.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from capital.domain.money import EXACT, booked
from capital.domain.performance.measures.returns import ESTIMATE, is_ruin, wealth
from capital.domain.performance.measures.series import Series
from capital.domain.reasons import Code, Reason

_ZERO, _ONE = Decimal(0), Decimal(1)


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
        if self.recovered is not None:
            return (self.recovered - self.since).days
        return (self.last - self.since).days + 1


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


def return_drawdowns(
    returns: Sequence[tuple[date, Decimal]], levels: Sequence[Decimal] = ()
) -> Drawdowns | Reason:
    """On chained daily returns, as parts of the highest level: 0.1 is 10 %, to 18 decimals.

    Args:
        returns: By date, in their order.
        levels: Of ``wealth``, where it was asked before.
    """
    if not returns:
        return Reason(Code.NO_DAYS)
    values = [each for _, each in returns]
    if is_ruin(values):
        return Reason(Code.RUIN)
    dates = (date_ for date_, _ in returns)
    return _drawdowns(zip(dates, levels or wealth(values), strict=True), _ONE, _part)


def money_drawdowns(series: Series) -> Drawdowns | Reason:
    """On what was earned since the first day began, in its currency.

    A day at whose end nobody knows what is unrealised is passed over: the next one tells.
    """
    if not series.dates:
        return Reason(Code.NO_DAYS)
    levels = series.levels
    if not levels:
        return Reason(Code.PNL_UNKNOWN)
    return _drawdowns(levels, _ZERO, EXACT.subtract)


def _drawdowns(
    levels: Iterable[tuple[date, Decimal]],
    start: Decimal,
    depth_of: Callable[[Decimal, Decimal], Decimal],
) -> Drawdowns:
    peak, found, fall, level = start, Drawdowns(), _Fall(start), start
    for day, level in levels:
        if level >= peak:
            if fall.since is not None:
                found, fall = _counted(found, fall.ended(day)), _Fall(level)
            fall.floor = peak = level
            continue
        if level < fall.floor:
            fall.deepen(day, level, depth_of(peak, level))
        fall.last = day
    if fall.since is None:
        return found
    current = fall.ended(None)
    return replace(_counted(found, current), current=current, depth_now=depth_of(peak, level))


@dataclass(slots=True)
class _Fall:
    """A drawdown while it lasts: there are many days, and few on which it goes deeper."""

    floor: Decimal
    depth: Decimal = _ZERO
    since: date | None = None
    lowest: date = date.min
    last: date = date.min

    def deepen(self, day: date, level: Decimal, depth: Decimal) -> None:
        self.floor = level
        if self.since is None:
            self.since, self.lowest, self.depth = day, day, depth
        elif depth > self.depth:
            self.depth, self.lowest = depth, day

    def ended(self, recovered: date | None) -> Drawdown:
        assert self.since is not None, "it began"
        return Drawdown(self.depth, self.since, self.lowest, self.last, recovered)


def _counted(found: Drawdowns, fall: Drawdown) -> Drawdowns:
    """With a fall that is over, or that of today. Of two alike the earlier one stays."""
    if found.deepest is None or fall.depth > found.deepest.depth:
        found = replace(found, deepest=fall)
    if found.longest is None or fall.days > found.longest.days:
        found = replace(found, longest=fall)
    return found


def _part(peak: Decimal, level: Decimal) -> Decimal:
    return booked(ESTIMATE.subtract(_ONE, ESTIMATE.divide(level, peak)))
