"""How an account and a strategy got to where they are."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from capital.domain.pools import Pool
from capital.models import (
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    StrategyAccount,
    StrategyCapital,
)
from capital.services.overview.histories import read_account_history, read_strategy_history
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.get_default_timezone())


def decided(
    link: StrategyAccount, before: str | None, after: str, *, days_ago: int, hour: int = 9
) -> AllocationRun:
    moment = NOW.replace(hour=hour) - timedelta(days=days_ago)
    run = AllocationRun.objects.create(
        account=link.account,
        run_key=f"key-{AllocationRun.objects.count()}",
        trigger="command",
        outcome="applied",
        code="allocated",
        created_at=moment,
    )
    pool = AllocationPool.objects.create(run=run, pool="spot", source="live", code="live_balance")
    AllocationEntry.objects.create(
        pool=pool,
        strategy_account=link,
        weight=Decimal(1),
        before=None if before is None else Decimal(before),
        after=Decimal(after),
        code="share",
    )
    StrategyCapital.objects.update_or_create(
        strategy_account=link,
        defaults={"allocated_capital": Decimal(after), "allocated_at": moment},
    )
    return run


def last_days(link: StrategyAccount, count: int) -> list[Any]:
    course = read_strategy_history(link.strategy, link.account.owner, clock=lambda: NOW)
    (only,) = course.currencies[link.account.currency]
    assert len(only.amounts) == len(course.days) == 31
    return list(only.amounts[-count:])


def test_capital_stays_as_the_last_decision_of_a_day_left_it():
    link = make_link()
    decided(link, None, "10", days_ago=3)
    decided(link, "10", "20", days_ago=1, hour=9)
    decided(link, "20", "30", days_ago=1, hour=23)

    assert last_days(link, 5) == [None, 10, 10, 30, 30]


def test_before_the_first_decision_of_the_days_it_is_what_that_one_found():
    link = make_link()
    decided(link, None, "5", days_ago=60)
    decided(link, "5", "7", days_ago=0)

    assert last_days(link, 31) == [5] * 30 + [7]


def test_capital_that_nobody_decided_about_lately_was_there_all_the_time():
    link = make_link()
    decided(link, None, "5", days_ago=60)

    assert last_days(link, 31) == [5] * 31


def test_a_link_that_never_held_capital_has_none():
    assert last_days(make_link(), 31) == [None] * 31


def test_accounts_are_kept_apart_by_currency_and_by_who_may_see_them():
    owner, other = make_user(), make_user()
    strategy = make_strategy(owner=owner)
    for currency, capital in (("USDT", "1"), ("USDT", "2"), ("BTC", "3")):
        account = make_account(owner=owner, currency=currency, name=f"{currency} {capital}")
        make_link(account=account, strategy=strategy, capital=capital)
    make_link(account=make_account(owner=other, name="hidden"), strategy=strategy, capital="9")

    course = read_strategy_history(strategy, owner, clock=lambda: NOW)

    assert {
        currency: [link.account for link in links] for currency, links in course.currencies.items()
    } == {"USDT": ["USDT 2", "USDT 1"], "BTC": ["BTC 3"]}


def test_an_account_shows_its_balances_its_capital_and_its_decisions():
    account = make_account()
    make_summary(
        account=account,
        date=NOW.date() - timedelta(days=1),
        spot_balance=Decimal(70),
        futures_balance=Decimal(30),
        ending_balance=Decimal(100),
    )
    link = make_link(account=account)
    run = decided(link, None, "70", days_ago=0)
    make_link(capital="5")

    course = read_account_history(account, clock=lambda: NOW)

    assert [(day.spot, day.futures, day.total) for day in course.days[-3:]] == [
        (None, None, None),
        (70, 30, 100),
        (70, 30, 100),
    ]
    assert [(each.name, dict(each.amounts)) for each in course.capital] == [
        (link.strategy.name, {Pool.SPOT: Decimal(70)})
    ]
    assert [(each.run, each.reason) for each in course.runs] == [(run, "Capital was allocated.")]


def test_cost_in_queries_does_not_depend_on_the_number_of_accounts():
    owner = make_user()
    strategy = make_strategy(owner=owner)

    def cost() -> int:
        link = make_link(account=make_account(owner=owner), strategy=strategy)
        decided(link, None, "1", days_ago=1)
        with CaptureQueriesContext(connection) as queries:
            read_strategy_history(strategy, owner, clock=lambda: NOW)
        return len(queries)

    # The first look asks for the user's permissions, too.
    assert [cost(), cost(), cost()][1:] == [4, 4]
