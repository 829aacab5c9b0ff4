"""How the chained return of a row went, as a sparkline shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from capital.domain.performance.measures.returns import ESTIMATE
from capital.services.performance.report import PerformanceRow

# Of so many days by day, of two years by week, of more by month: more are not told apart in so
# small a picture.
MOST_SPARK_DAYS = 90
MOST_SPARK_WEEKS = 104

_ONE = Decimal(1)


@dataclass(frozen=True)
class Spark:
    """The chained return, as parts: 0.05 is 5 %.

    Attributes:
        days: How many days have a return.
        points: After each of them, each week or each month, the oldest first.
        lowest: After the day on which it was lowest.
        highest: After the day on which it was highest.
    """

    days: int
    points: Sequence[Decimal]
    lowest: Decimal
    highest: Decimal

    @property
    def last(self) -> Decimal:
        """After the last day."""
        return self.points[-1]


def spark(row: PerformanceRow) -> Spark | None:
    """The sparkline of a row; None where no day has a return."""
    returns = row.measures.returns
    if not returns:
        return None
    levels = row.measures.levels
    of_step = _step(returns[0][0], returns[-1][0])
    ends = {of_step(day): level for (day, _), level in zip(returns, levels, strict=True)}
    return Spark(
        len(returns),
        [_part(level) for level in ends.values()],
        _part(min(levels)),
        _part(max(levels)),
    )


def _step(first: date, last: date) -> "Callable[[date], object]":
    days = (last - first).days + 1
    if days <= MOST_SPARK_DAYS:
        return lambda day: day
    if days <= 7 * MOST_SPARK_WEEKS:
        return lambda day: day.isocalendar()[:2]
    return lambda day: (day.year, day.month)


def _part(level: Decimal) -> Decimal:
    return ESTIMATE.subtract(level, _ONE)
