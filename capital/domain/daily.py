"""Daily times: when a time of day comes next in a zone whose clocks change.

Everything is compared in UTC. Wall times of one zone compare by what the clock shows, so that of
the two equal ones of an autumn night neither is later.
"""

from datetime import UTC, datetime, time, timedelta, tzinfo

_DAY = timedelta(days=1)


def time_of_day(moment: datetime, at: time, zone: tzinfo, *, days: int = 0) -> datetime:
    """The moment, in UTC, at which clocks of ``zone`` show ``at`` on the date of ``moment``.

    Where clocks go back and show it twice, it is the first time. Where they go forward and leave it
    out, it is as long after the last second before the gap as it would be without one: 02:30 is
    03:30 where 02:00 to 03:00 is missing. So there is one for every date, in the order of dates.

    Args:
        moment: Aware, of any zone.
        at: Without a zone.
        zone: Whose date and clocks count.
        days: How many dates later.
    """
    date = moment.astimezone(zone).date() + days * _DAY
    return datetime.combine(date, at.replace(fold=0), tzinfo=zone).astimezone(UTC)


def next_time_of_day(moment: datetime, at: time, zone: tzinfo) -> datetime:
    """The first daily time after ``moment``, in UTC: see ``time_of_day``.

    More than a day may lie between two of them, and less, but never none.
    """
    moment = moment.astimezone(UTC)
    # Where clocks go back over midnight, a date comes twice. Where a date is left out, two of them
    # have one moment.
    for days in range(4):
        found = time_of_day(moment, at, zone, days=days)
        if found > moment:
            return found
    raise AssertionError("no zone leaves out three dates")
