"""How far this machine's clock is off the database's: no more than what is certain."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from capital.models.queries import clock as database_clock
from capital.models.queries.clock import (
    ahead_of_database,
    certain_difference,
    database_now,
)

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("told", "answered", "ahead"),
    [
        (0, 0, 0),
        # Read at some time in between: nothing is certain.
        (0, 30, 0),
        (15, 30, 0),
        (30, 30, 0),
        (-10, 0, 10),
        (-10, 30, 10),
        (40, 30, -10),
        (10, 0, -10),
    ],
)
def test_only_what_is_certain_counts(told: float, answered: float, ahead: float) -> None:
    found = certain_difference(NOON, after(told), after(answered))

    assert found == timedelta(seconds=ahead)


@pytest.mark.django_db
def test_the_database_tells_its_own_time() -> None:
    before = timezone.now()
    told = database_now()

    # On another machine the clocks may differ, but for no day.
    assert abs(told - before) < timedelta(days=1)
    assert told.tzinfo is not None


def test_a_clock_is_compared_with_the_database_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_clock, "database_now", lambda: after(-90))
    moments = iter((after(0), after(2)))

    assert ahead_of_database(clock=lambda: next(moments)) == timedelta(seconds=90)
