"""When a message is sent: quiet hours, and pauses after attempts that failed."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from capital.domain.alerts import PAUSES, pause_after, quiet_until

SEOUL = ZoneInfo("Asia/Seoul")
BERLIN = ZoneInfo("Europe/Berlin")


def test_pauses_grow_for_an_hour_and_then_it_is_given_up() -> None:
    assert [pause_after(attempts) for attempts in range(1, 8)] == [
        timedelta(minutes=1),
        timedelta(minutes=2),
        timedelta(minutes=4),
        timedelta(minutes=8),
        timedelta(minutes=15),
        timedelta(minutes=30),
        None,
    ]
    assert sum(PAUSES, timedelta()) == timedelta(hours=1)


@pytest.mark.parametrize(
    ("shown", "begins", "ends", "expected"),
    [
        # Over midnight
        ("2026-11-26T22:59+09:00", time(23), time(7), None),
        ("2026-11-26T23:00+09:00", time(23), time(7), "2026-11-27T07:00+09:00"),
        ("2026-11-27T06:59+09:00", time(23), time(7), "2026-11-27T07:00+09:00"),
        ("2026-11-27T07:00+09:00", time(23), time(7), None),
        # Within a day
        ("2026-11-26T11:59+09:00", time(12), time(13), None),
        ("2026-11-26T12:00+09:00", time(12), time(13), "2026-11-26T13:00+09:00"),
        ("2026-11-26T12:30+09:00", time(12), time(13), "2026-11-26T13:00+09:00"),
        ("2026-11-26T13:00+09:00", time(12), time(13), None),
        # None
        ("2026-11-26T12:00+09:00", time(12), time(12), None),
        ("2026-11-26T12:00+09:00", None, None, None),
        ("2026-11-26T12:00+09:00", time(12), None, None),
        ("2026-11-26T12:00+09:00", None, time(13), None),
    ],
)
def test_quiet_hours_last_from_their_beginning_until_before_their_end(
    shown: str, begins: time | None, ends: time | None, expected: str | None
) -> None:
    moment = datetime.fromisoformat(shown).astimezone(UTC)

    found = quiet_until(moment, begins=begins, ends=ends, zone=SEOUL)

    assert found == (None if expected is None else datetime.fromisoformat(expected))


def test_a_night_in_which_clocks_change_ends_when_clocks_show_its_end() -> None:
    before = datetime(2026, 10, 24, 21, 0, tzinfo=UTC)

    found = quiet_until(before, begins=time(23), ends=time(7), zone=BERLIN)

    assert found == datetime(2026, 10, 25, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        # 23:30, 02:15 for the first time, and for the second.
        ("2026-10-24T21:30", "2026-10-25T00:30"),
        ("2026-10-25T00:15", "2026-10-25T00:30"),
        ("2026-10-25T01:15", "2026-10-25T01:30"),
        ("2026-10-25T01:30", None),
        # Clocks go forward: 01:15, and 03:15, where 02:30 is 03:30.
        ("2027-03-28T00:15", "2027-03-28T01:30"),
        ("2027-03-28T01:15", None),
    ],
)
def test_quiet_hours_that_end_in_the_hour_that_comes_twice_do_not_last_a_day(
    moment: str, expected: str | None
) -> None:
    begins, ends = time(23), time(2, 30)

    for zone in (UTC, BERLIN):
        now = datetime.fromisoformat(moment).replace(tzinfo=UTC).astimezone(zone)
        found = quiet_until(now, begins=begins, ends=ends, zone=BERLIN)
        assert found == (expected and datetime.fromisoformat(f"{expected}+00:00"))


def test_the_clocks_of_the_zone_count_and_not_those_of_the_machine() -> None:
    noon = datetime(2026, 11, 26, 11, 30, tzinfo=UTC)

    assert quiet_until(noon, begins=time(12), ends=time(13), zone=BERLIN) == datetime(
        2026, 11, 26, 12, 0, tzinfo=UTC
    )
    assert quiet_until(noon, begins=time(12), ends=time(13), zone=SEOUL) is None
