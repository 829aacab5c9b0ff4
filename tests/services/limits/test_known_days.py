"""The days by which a limit is judged: those of its own account and time, in their order."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from capital.domain.balances import Observation
from capital.domain.limits.judging import Baseline, Kind
from capital.domain.pools import Pool
from capital.models import Stop
from capital.services.limits.by_balance import _readings
from capital.services.limits.limits import _baselines
from tests.factories import make_account, make_summary

NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)
DAY = timedelta(days=1)
D = Decimal


@pytest.mark.django_db
@pytest.mark.usefixtures("seoul")
def test_a_balance_counts_on_its_own_day_until_now_and_of_its_own_account() -> None:
    account, other = make_account(), make_account()
    for owner, days, amount in ((account, 1, 5), (account, 0, 4), (account, -1, 3), (other, 0, 9)):
        at = NOON + days * DAY
        make_summary(account=owner, date=at.date(), spot_balance=D(amount), spot_observed_at=at)

    found = _readings(account, Pool.SPOT, since=NOON - 2 * DAY, now=NOON)

    assert found == {
        date(2026, 3, 9): Observation(D(3), NOON - DAY),
        date(2026, 3, 10): Observation(D(4), NOON),
    }
    assert list(_readings(account, Pool.SPOT, since=NOON - DAY, now=NOON)) == [date(2026, 3, 10)]


def test_a_limit_stands_where_its_last_lifted_stop_left_it() -> None:
    told = {"date": "2026-03-09", "return": "-0.1"}
    code, lifted = Kind.DRAWDOWN.reached.value, {"lifted_at": NOON}
    stops = [
        Stop(account_id=1, code=code, lifted_figures=told, **lifted),
        Stop(account_id=2, code=code, lifted_figures=told),
        Stop(account_id=3, code="", lifted_figures=told, **lifted),
        Stop(account_id=4, code=code, lifted_figures={}, **lifted),
        Stop(strategy_account_id=5, code=code, lifted_figures={**told, "pnl": "7"}, **lifted),
    ]

    found = _baselines(stops)

    day = date(2026, 3, 9)
    assert found == {
        (1, None, Kind.DRAWDOWN): Baseline(day, D("-0.1"), None),
        (None, 5, Kind.DRAWDOWN): Baseline(day, D("-0.1"), D(7)),
    }
