"""How old a first balance is: by the process that read it, which does not remember for ever."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from capital.domain.balances import Observation
from capital.domain.pools import Pool
from capital.services.balances import trails
from capital.services.balances.trails import FirstBalances

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
FIRST = Observation(Decimal(100), NOON)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """The last of these is what the clock says that is never set."""
    said = [timedelta(0)]
    monkeypatch.setattr(trails, "steady_clock", lambda: said[-1])
    return said


def test_age_is_measured_where_it_was_read_and_told_by_times_elsewhere(
    steady: list[timedelta],
) -> None:
    known = FirstBalances()
    known.remember(1, Pool.SPOT, FIRST)
    steady.append(timedelta(seconds=5))

    assert known.age(1, Pool.SPOT, FIRST, NOON + MINUTE) == timedelta(seconds=5)
    for account_id, pool in ((2, Pool.SPOT), (1, Pool.FUTURES)):
        assert known.age(account_id, pool, FIRST, NOON + MINUTE) == MINUTE
    later = Observation(FIRST.amount, NOON + timedelta(seconds=1))
    assert known.age(1, Pool.SPOT, later, NOON + MINUTE) == timedelta(seconds=59)


def test_oldest_is_forgotten_where_there_are_too_many(
    steady: list[timedelta], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trails, "_REMEMBERED", 2)
    known = FirstBalances()
    for account_id in (1, 2, 3):
        known.remember(account_id, Pool.SPOT, FIRST)

    ages = [known.age(account_id, Pool.SPOT, FIRST, NOON + MINUTE) for account_id in (1, 2, 3)]

    assert ages == [MINUTE, timedelta(0), timedelta(0)]
