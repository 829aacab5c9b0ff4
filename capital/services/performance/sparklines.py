"""How the chained return of a row went, as a sparkline shows it."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from capital.domain.performance.measures.returns import gain_of
from capital.services.performance.report import PerformanceRow

# Of so many days by day, of two years by week, of more by month: more are not told apart in so
# small a picture.
MOST_SPARK_DAYS = 90
MOST_SPARK_WEEKS = 104
_DAY = timedelta(days=1)


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
    points = [gain_of(levels[at]) for at in _ends(returns.dates)]
    return Spark(len(returns), points, gain_of(min(levels)), gain_of(max(levels)))


def _ends(dates: Sequence[date]) -> Iterator[int]:
    """Which of these dates is the last one of each step."""
    following = _step(dates[0], dates[-1])
    behind = 0
    while behind < len(dates):
        behind = bisect_left(dates, following(dates[behind]), behind)
        yield behind - 1


def _step(first: date, last: date) -> Callable[[date], date]:
    """From a day to the first one of the step behind its own."""
    days = (last - first).days + 1
    if days <= MOST_SPARK_DAYS:
        return lambda day: day + _DAY
    if days <= 7 * MOST_SPARK_WEEKS:
        return lambda day: day + (7 - day.weekday()) * _DAY
    return lambda day: (day.replace(day=1) + 31 * _DAY).replace(day=1)
