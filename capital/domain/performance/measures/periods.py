"""Periods that performance is asked for: today, 7, 30 or 90 days, month, year, all, two dates."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

# Days that every time zone and database has, with others before and behind them.
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9000, 1, 1)


def within_calendar(day: date) -> date:
    """The day, or the nearest one that can be counted with: nothing was traded on others."""
    return min(max(day, FIRST_DAY), LAST_DAY)


class PeriodName(StrEnum):
    """A period that ends today. ``month`` and ``year`` are those of the calendar, so far."""

    TODAY = "today"
    DAYS_7 = "7d"
    DAYS_30 = "30d"
    DAYS_90 = "90d"
    MONTH = "month"
    YEAR = "year"
    ALL = "all"


_DAYS = {
    PeriodName.TODAY: 1,
    PeriodName.DAYS_7: 7,
    PeriodName.DAYS_30: 30,
    PeriodName.DAYS_90: 90,
}


@dataclass(frozen=True)
class Period:
    """Days of the project, both ends included.

    Attributes:
        since: The first day; None for the very first that is known.
        until: The last day.
    """

    since: date | None
    until: date

    @classmethod
    def named(cls, name: PeriodName, *, today: date) -> "Period":
        """The period of this name. Thirty days are today and the 29 before it."""
        if name is PeriodName.ALL:
            return cls(None, today)
        if name is PeriodName.MONTH:
            return cls(today.replace(day=1), today)
        if name is PeriodName.YEAR:
            return cls(today.replace(month=1, day=1), today)
        return cls(today - timedelta(days=_DAYS[name] - 1), today)
