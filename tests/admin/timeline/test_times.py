"""A date and a time as a person writes it, in the reader's time zone, where clocks change, too."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from capital.admin.timeline.asked import AskedMoment, read_moment, zone_text

SEOUL, NEW_YORK = ZoneInfo("Asia/Seoul"), ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 25, 3, 0, 0, 500_000, tzinfo=UTC)


def asked(text: str, zone: ZoneInfo = SEOUL) -> AskedMoment:
    with timezone.override(zone):
        return read_moment(text, now=NOW)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "zone", "at"),
    [
        # A minute is its first second; a second is the whole of it.
        ("2026-11-24T14:00", SEOUL, utc(2026, 11, 24, 5, 0, 0, 999_999)),
        ("2026-11-24", SEOUL, utc(2026, 11, 23, 15, 0, 0, 999_999)),
        ("2026-11-24 14:00", SEOUL, utc(2026, 11, 24, 5, 0, 0, 999_999)),
        ("2026-11-24T14:00", NEW_YORK, utc(2026, 11, 24, 19, 0, 0, 999_999)),
        ("2026-11-24T14:00:21", SEOUL, utc(2026, 11, 24, 5, 0, 21, 999_999)),
        ("2026-11-24T14:00:21.25", SEOUL, utc(2026, 11, 24, 5, 0, 21, 250_000)),
        ("2026-11-24T14:00:21.250000+00:00", SEOUL, utc(2026, 11, 24, 14, 0, 21, 250_000)),
        ("2026-11-24T05:00:00.000Z", NEW_YORK, utc(2026, 11, 24, 5, 0, 0, 999_999)),
        # A plus sign that became a blank on its way.
        ("2026-11-24T14:00:21.250000 09:00", SEOUL, utc(2026, 11, 24, 5, 0, 21, 250_000)),
    ],
)
def test_time_is_of_the_readers_zone_unless_it_says_its_own(
    text: str, zone: ZoneInfo, at: datetime
) -> None:
    assert asked(text, zone) == AskedMoment(at)


def test_hour_that_came_twice_is_the_first_one_and_offers_the_second() -> None:
    found = asked("2026-11-01T01:30", NEW_YORK)

    assert found.at == utc(2026, 11, 1, 5, 30, 0, 999_999)
    assert found.other == utc(2026, 11, 1, 6, 30, 0, 999_999)
    assert found.problem == "There were two such times that day: clocks were set back."
    with timezone.override(NEW_YORK):
        assert (zone_text(found.at), zone_text(found.other)) == (
            "America/New_York, UTC-04:00",
            "America/New_York, UTC-05:00",
        )
        assert found.field_text == "2026-11-01T01:30:00"
    again = asked(found.other.isoformat(), NEW_YORK)
    assert again == AskedMoment(found.other)


def test_hour_that_never_came_is_told_as_the_one_after_it() -> None:
    found = asked("2026-03-08T02:30", NEW_YORK)

    assert found.at == utc(2026, 3, 8, 7, 30, 0, 999_999)
    assert found.problem == "There was no such time that day: clocks were set forward."
    with timezone.override(NEW_YORK):
        assert found.field_text == "2026-03-08T03:30:00"


def test_nothing_asked_is_now() -> None:
    assert asked(" ") == AskedMoment(NOW, is_now=True)
    # The second that is not over yet.
    assert asked("2026-11-25T12:00:00") == AskedMoment(NOW, is_now=True)


@pytest.mark.parametrize(
    "text",
    ["soon", "2026-13-01T00:00", "14:00", "99999-01-01T00:00", "0001-01-01T00:00"],
)
def test_what_is_no_time_is_now_and_says_so(text: str) -> None:
    found = asked(text, ZoneInfo("Asia/Seoul"))

    assert (found.at, found.is_now) == (NOW, True)
    assert found.problem == ("Enter a date and a time such as 2026-11-24 14:00. This is now.")


def test_time_to_come_is_now_and_says_so() -> None:
    found = asked("2026-11-25T12:00:01")

    assert (found.at, found.is_now) == (NOW, True)
    assert found.problem == "That time is still to come. This is now."
