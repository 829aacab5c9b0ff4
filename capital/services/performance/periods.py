"""Which days are asked for."""

from datetime import date, datetime

from capital.domain.errors import InvalidMonth, InvalidPeriod
from capital.domain.performance.measures.periods import Period, PeriodName, within_calendar
from capital.services.balances.summaries import business_date

PERIODS = tuple(name.value for name in PeriodName)


def chosen_period(
    name: str | None = None,
    *,
    since: date | None = None,
    until: date | None = None,
    now: datetime,
) -> Period:
    """The period of this name, or of these dates; without any, the last 30 days.

    Args:
        name: Of ``PeriodName``.
        since: The first day; None for the very first.
        until: The last day, included; None for today.
        now: Says which day is today.

    Raises:
        InvalidPeriod: Both are given, the name is unknown, or the dates are the wrong way round.
    """
    today = business_date(now)
    is_dated = since is not None or until is not None
    if name is not None and is_dated:
        raise _invalid()
    if is_dated:
        last = until or today
        if since is not None and since > last:
            raise _invalid()
        first = None if since is None else within_calendar(since)
        return Period(first, within_calendar(last))
    try:
        chosen = PeriodName(name or PeriodName.DAYS_30)
    except ValueError:
        raise _invalid() from None
    return Period.named(chosen, today=today)


def chosen_month(text: str | None = None, *, now: datetime) -> date:
    """The first day of a month such as ``2026-11``; without any, of the present one.

    Raises:
        InvalidMonth: It is none.
    """
    if text is None:
        return business_date(now).replace(day=1)
    year, _, month = text.partition("-")
    try:
        if (len(year), len(month)) == (4, 2):
            first = date.fromisoformat(f"{text}-01")
            if first == within_calendar(first):
                return first
    except ValueError:
        pass
    raise InvalidMonth(value=text[:40])


def _invalid() -> InvalidPeriod:
    return InvalidPeriod(known=", ".join(PERIODS))
