"""One strategy in detail: a curve in each currency of its accounts, and a return of each month."""

from datetime import timedelta

import pytest

from capital.domain.performance.measures.periods import Period
from capital.domain.reasons import Code, Reason
from capital.models import StrategyAccount
from capital.services.performance import performance_detail
from tests.factories import make_account, make_link, make_strategy
from tests.services.performance.builders import D, make_day, march

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]


def test_a_curve_of_each_currency_of_the_accounts_and_a_return_of_each_month() -> None:
    """10 % in two days of March; April had no capital, which is no return and not one of 0."""
    strategy = make_strategy()
    dollars = make_link(strategy=strategy)
    won = make_link(strategy=strategy, account=make_account(venue="upbit", currency="KRW"))
    make_day(dollars, 30, "1000", "50")
    make_day(dollars, 31, "1050", "50")
    make_day(dollars, 32, "0", "0")
    # A fee in a coin that nobody valued: it is shown, and is no curve.
    make_day(dollars, 31, None, "-0.01", added=None, currency="BNB")
    make_day(won, 31, "1000000", "-20000", currency="KRW")

    detail = performance_detail(
        StrategyAccount.objects.filter(strategy=strategy),
        Period(march(30), march(30) + timedelta(days=2)),
    )

    assert [(each.currency, list(each.months)) for each in detail.curves] == [
        ("KRW", [("2026-03", D("-0.02"))]),
        ("USDT", [("2026-03", D("0.1")), ("2026-04", Reason(Code.NO_DAYS))]),
    ]
    assert [each.chained for each in detail.curves[1].points] == [D("0.05"), D("0.1"), D("0.1")]
    assert {row.currency for row in detail.whole.rows} == {"BNB", "KRW", "USDT"}
