"""A strategy on its accounts: what it has there and why, and what was decided of it lately."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.models import AllocationRun
from capital.services.overview import read_strategy_links, read_strategy_runs
from tests.factories import make_account, make_link, make_strategy, make_user
from tests.services.overview.timeline.records import NOW, decided

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def test_share_is_of_the_active_weights_of_its_own_pool() -> None:
    owner = make_user()
    strategy = make_strategy(owner=owner)
    first = make_account(owner=owner, name="A")
    make_link(account=first, strategy=strategy, weight=Decimal(1), capital="25")
    make_link(account=first, weight=Decimal(3))
    make_link(account=first, weight=Decimal(5), market_type="futures")
    make_link(account=first, weight=Decimal(7), status="PAUSED")
    unified = make_account(owner=owner, name="B", venue="bybit", wallet_mode="unified")
    make_link(account=unified, strategy=strategy, is_active=False)
    make_link(account=make_account(name="hidden"), strategy=strategy)

    found = read_strategy_links(strategy, owner)

    assert [(each.link.account.name, each.pool, each.share, each.idle) for each in found] == [
        ("A", Pool.SPOT, Decimal(25), None),
        ("B", Pool.UNIFIED, None, Code.LINK_INACTIVE),
    ]


def test_cost_in_queries_does_not_depend_on_the_number_of_accounts() -> None:
    owner = make_user(is_superuser=True)
    strategy = make_strategy(owner=owner)

    def cost() -> int:
        link = make_link(account=make_account(owner=owner), strategy=strategy)
        decided(link, None, "1", NOW - DAY)
        with CaptureQueriesContext(connection) as queries:
            links = read_strategy_links(strategy, owner)
            read_strategy_runs(links, since=NOW - 2 * DAY, until=NOW, most=10)
        return len(queries)

    first = cost()
    assert [cost(), cost()] == [first, first]


def test_newest_runs_of_the_days_come_first_and_not_more_than_are_wanted() -> None:
    link = make_link()
    owner = link.account.owner
    decided(link, None, "1", NOW - 9 * DAY)
    older = decided(link, "1", "2", NOW - 3 * DAY)
    decided(link, "2", "2", NOW - 2 * DAY)
    newest = decided(link, "2", "3", NOW - DAY)
    decided(make_link(), None, "9", NOW)

    def runs(most: int) -> list[AllocationRun | None]:
        links = read_strategy_links(link.strategy, owner)
        events = read_strategy_runs(links, since=NOW - 5 * DAY, until=NOW, most=most)
        return [event.run for event in events]

    assert runs(10) == [newest, older]
    assert runs(1) == [newest]
