"""When a message is sent: quiet hours, and the pauses after attempts that failed."""

from datetime import UTC, datetime, time, timedelta, tzinfo

from capital.domain.daily import next_time_of_day

# After each attempt that failed. Together an hour; then it is undelivered.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 15, 30))


def pause_after(attempts: int) -> timedelta | None:
    """How long to wait after so many attempts that failed; None where it is given up.

    Args:
        attempts: 1 and up.
    """
    return PAUSES[attempts - 1] if attempts <= len(PAUSES) else None


def quiet_until(
    moment: datetime, *, begins: time | None, ends: time | None, zone: tzinfo
) -> datetime | None:
    """When the quiet hours of this moment end, in UTC; None where it is not in any.

    Hours that end earlier in the day than they begin last over midnight; two equal times are none.
    The beginning is quiet, the end is not.

    Args:
        moment: Aware, of any zone.
        begins: The time of day when they begin; None for no quiet hours.
        ends: When they end.
        zone: Whose clocks count.
    """
    if begins is None or ends is None or begins == ends:
        return None
    shown = moment.astimezone(zone).time()
    is_quiet = begins <= shown < ends if begins < ends else shown >= begins or shown < ends
    if not is_quiet:
        return None
    found, again = next_time_of_day(moment, ends, zone), _second(moment, ends, zone)
    return found if again is None else min(found, again)


def _second(moment: datetime, at: time, zone: tzinfo) -> datetime | None:
    """Where clocks go back and show ``at`` twice that day: the second time, if it is to come."""
    date = moment.astimezone(zone).date()
    found = datetime.combine(date, at.replace(fold=1), tzinfo=zone).astimezone(UTC)
    is_shown = found.astimezone(zone).time() == at
    return found if is_shown and found > moment.astimezone(UTC) else None
