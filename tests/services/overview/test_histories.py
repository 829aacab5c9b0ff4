"""How an account and a strategy got to where they are."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from capital.domain.pools import Pool
from capital.models import (
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    StrategyAccount,
    StrategyCapital,
)
from capital.services.overview.timeline.account import read_account_history
from tests.factories import make_account, make_link, make_summary

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

    course = read_account_history(account, account.owner, clock=lambda: NOW)

    assert [(day.spot, day.futures, day.total) for day in course.days[-3:]] == [
        (None, None, None),
        (70, 30, 100),
        (70, 30, 100),
    ]
    assert [(each.name, dict(each.amounts)) for each in course.capital] == [
        (link.strategy.name, {Pool.SPOT: Decimal(70)})
    ]
    assert [(each.run, each.reason) for each in course.runs] == [(run, "Capital was allocated.")]
