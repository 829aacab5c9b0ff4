"""How the chained return of a row went, as a sparkline shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from capital.domain.performance.measures.returns import gain_of
from capital.services.performance.report import PerformanceRow

# Of so many days by day, of two years by week, of more by month: more are not told apart in so
# small a picture.
MOST_SPARK_DAYS = 90
MOST_SPARK_WEEKS = 104


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
    if not returns.values:
        return None
    levels = returns.levels
    of_step = _step(returns.dates[0], returns.dates[-1])
    ends = dict(zip(map(of_step, returns.dates), levels, strict=True))
    return Spark(
        len(returns), list(map(gain_of, ends.values())), gain_of(min(levels)), gain_of(max(levels))
    )


def _step(first: date, last: date) -> "Callable[[date], object]":
    days = (last - first).days + 1
    if days <= MOST_SPARK_DAYS:
        return date.toordinal
    if days <= 7 * MOST_SPARK_WEEKS:
        # The first day is a Monday.
        return lambda day: (day.toordinal() - 1) // 7
    return lambda day: (day.year, day.month)
