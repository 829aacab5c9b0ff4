"""A daily time comes once on each date, in every zone, whatever its clocks do."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest

from capital.domain.daily import next_time_of_day, time_of_day

FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

# The defaults, and such as lie before, in and after what clocks leave out or show twice.
DEFAULTS = (time(0, 0, 30), time(3, 30))
ODD = (
    time(hour, minute, second)
    for hour in (0, 1, 2, 3, 23)
    for minute, second in ((0, 0), (30, 0), (59, 59))
)
TIMES = tuple(dict.fromkeys((*DEFAULTS, *ODD, time(12))))

Changes = tuple[tuple[datetime, timedelta, timedelta], ...]
"""When the clocks of a zone change, and its offset from UTC before and after that."""


def offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    found = moment.astimezone(zone).utcoffset()
    assert found is not None
    return found


def changes_of(zone: ZoneInfo) -> Iterator[tuple[datetime, timedelta, timedelta]]:
    """To the second: by halving the days on which the offset changes."""
    day, known = FIRST, offset(zone, FIRST)
    while day < LAST:
        if (found := offset(zone, day + DAY)) != known:
            early, late = day, day + DAY
            while late - early > timedelta(seconds=1):
                middle = early + (late - early) // 2
                middle = middle.replace(microsecond=0)
                early, late = (middle, late) if offset(zone, middle) == known else (early, middle)
            yield late, known, found
            known = found
        day += DAY


@cache
def zones_by_changes() -> dict[Changes, str]:
    """Every zone of the database whose clocks change, those that change alike once."""
    found: dict[Changes, str] = {}
    for name in sorted(available_timezones()):
        if changes := tuple(changes_of(ZoneInfo(name))):
            found.setdefault(changes, name)
    return found


def shown(zone: ZoneInfo, moment: datetime) -> datetime:
    """What a clock on the wall shows."""
    return moment.astimezone(zone).replace(tzinfo=None)


def expected_at(zone: ZoneInfo, day: date, at: time, offsets: set[timedelta]) -> datetime:
    """By trying each offset: the first moment at which the wall shows it, else before the gap's."""
    wall = datetime.combine(day, at)
    moments = {found: wall.replace(tzinfo=UTC) - found for found in offsets}
    showing = [moment for moment in moments.values() if shown(zone, moment) == wall]
    # Clocks go forward from the smaller offset.
    return min(showing) if showing else moments[min(offsets)]


def test_every_zone_has_each_daily_time_once_a_day_through_every_change() -> None:
    walked = 0
    for changes, name in zones_by_changes().items():
        zone = ZoneInfo(name)
        for change, before, after in changes:
            for at in TIMES:
                moment = change - 2 * DAY
                first = next_time_of_day(moment, at, zone)
                days = [shown(zone, first).date() + number * DAY for number in range(5)]
                expected = [expected_at(zone, day, at, {before, after}) for day in days]
                found = [first]
                for _ in days[1:]:
                    found.append(next_time_of_day(found[-1], at, zone))
                assert found == expected, (name, change, at)
                assert {each.tzinfo for each in found} == {UTC}
                assert first - moment <= DAY + abs(after - before)
                walked += 1
    # The database has over 20 zones whose clocks change differently, ten times in five years.
    assert walked > 20 * 10 * len(TIMES)


def test_the_walk_meets_the_zones_that_stopped_every_job() -> None:
    """Of the default times, 03:30:00 comes twice in Helsinki, and 00:00:30 in Havana."""
    known = set(zones_by_changes())
    for name, at in (("Europe/Helsinki", time(3, 30)), ("America/Havana", time(0, 0, 30))):
        zone = ZoneInfo(name)
        changes = tuple(changes_of(zone))
        assert changes in known
        backward = [change for change, before, after in changes if after < before]
        assert len(backward) == 5
        for change in backward:
            first = time_of_day(change, at, zone)
            assert shown(zone, first) == shown(zone, first + HOUR)
            assert next_time_of_day(first, at, zone) == first + 25 * HOUR


@pytest.mark.parametrize("second", [0, 1, 1800, 3599, 3600, 7199, 7200])
def test_whenever_it_is_asked_in_the_doubled_hours_it_looks_ahead(second: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    # 02:00 to 03:00 comes twice, from 00:00 to 02:00 in UTC.
    moment = datetime(2026, 10, 25, tzinfo=UTC) + timedelta(seconds=second)
    due = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    found = next_time_of_day(moment, time(2, 30), zone)

    assert found == (due if second < 1800 else datetime(2026, 10, 26, 1, 30, tzinfo=UTC))
    # However the moment is written.
    assert next_time_of_day(moment.astimezone(zone), time(2, 30), zone) == found


def test_a_missing_time_is_as_late_as_the_gap_is_long() -> None:
    zone = ZoneInfo("Europe/Berlin")
    found = next_time_of_day(datetime(2026, 3, 28, 12, tzinfo=UTC), time(2, 30), zone)

    assert found.astimezone(zone).isoformat() == "2026-03-29T03:30:00+02:00"


def test_a_date_that_a_zone_leaves_out_shares_the_time_of_the_next() -> None:
    """In Samoa 2011-12-29 was followed by 2011-12-31."""
    zone = ZoneInfo("Pacific/Apia")
    moment, found = datetime(2011, 12, 29, 0, tzinfo=UTC), []
    for _ in range(3):
        moment = next_time_of_day(moment, time(0, 0, 30), zone)
        found.append(shown(zone, moment).isoformat())

    assert found == ["2011-12-29T00:00:30", "2011-12-31T00:00:30", "2012-01-01T00:00:30"]
