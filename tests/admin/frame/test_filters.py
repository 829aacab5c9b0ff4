"""Each filter of a list leaves the rows that it names, and the others out."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.models import Account, AllocationRun, TradingCursor
from tests.factories import make_account, make_link, make_strategy, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


def listed(root: Client, name: str, **query: Any) -> list[Any]:
    page = root.get(reverse(f"admin:{name}_changelist"), query)
    return list(page.context["cl"].result_list)


@pytest.mark.parametrize("state", ["active", "inactive", "suspect"])
def test_accounts_of_each_state(root: Client, state: str) -> None:
    suspect = {"spot": {"amount": "2", "accepted": "1", "observed_at": "2026-11-26T00:00:00Z"}}
    make_account(name="active")
    make_account(name="inactive", is_active=False)
    make_account(name="suspect", is_active=False, suspect_readings=suspect)
    expected = {"inactive": ["inactive", "suspect"]}.get(state, [state])

    assert [row.name for row in listed(root, "capital_account", state=state)] == expected


def test_accounts_of_which_not_all_trades_are_known(root: Client) -> None:
    now = timezone.now()
    for name, hours, is_active in (("read", 0, True), ("unread", 2, True), ("off", 2, False)):
        TradingCursor.objects.create(
            account=make_account(name=name, is_active=is_active),
            pool="futures",
            asked_for="fills",
            endpoint="GET /fills",
            begins_at=now - timedelta(days=1),
            read_until=now - timedelta(hours=hours),
        )

    assert [row.name for row in listed(root, "capital_account", state="trades")] == ["unread"]


def test_capital_of_each_pool_and_currency(root: Client) -> None:
    separate = make_account(name="separate")
    unified = make_account(name="unified", venue="bybit", wallet_mode="unified", currency="USDC")
    for account, market in (
        (separate, "spot"),
        (separate, "futures"),
        (unified, "spot"),
        (unified, "futures"),
    ):
        make_link(account=account, market_type=market, capital="1")

    def pools(**query: Any) -> list[tuple[str, str]]:
        links = [row.strategy_account for row in listed(root, "capital_strategycapital", **query)]
        return [(link.account.name, link.strategy.market_type) for link in links]

    assert pools(pool="spot") == [("separate", "spot")]
    assert pools(pool="futures") == [("separate", "futures")]
    assert pools(pool="unified") == [("unified", "spot"), ("unified", "futures")]
    assert pools(currency="USDT") == [("separate", "spot"), ("separate", "futures")]


def test_runs_of_a_time_and_of_an_account(root: Client) -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=timezone.get_default_timezone())
    account, other = make_account(), make_account()

    def run_of(of: Account, days: int) -> AllocationRun:
        return AllocationRun.objects.create(
            account=of,
            run_key=f"key-{days}",
            trigger="command",
            outcome="failed",
            code="database_error",
            created_at=noon + timedelta(days=days),
        )

    before, at, after, others = (
        run_of(each, days) for each, days in ((account, -1), (account, 0), (account, 1), (other, 2))
    )

    def runs(**query: Any) -> list[AllocationRun]:
        return listed(root, "capital_allocationrun", **query)

    assert runs(created_at_from_0="2026-11-22") == [others, after, at]
    assert runs(created_at_to_0="2026-11-22") == [at, before]
    assert runs(created_at_from_0="2026-11-22", created_at_from_1="12:01") == [others, after]
    assert runs(created_at_to_0="2026-11-22", created_at_to_1="11:59") == [before]
    assert runs(created_at_from_0="no date") == [others, after, at, before]
    assert runs(account__id__exact=other.pk) == [others]


def test_strategies_of_an_owner(root: Client) -> None:
    mine, theirs = make_strategy(), make_strategy()

    assert listed(root, "strategies_strategy", owner__id__exact=mine.owner_id) == [mine]
    page = root.get(reverse("admin:strategies_strategy_changelist"))
    (owners,) = (each for each in page.context["cl"].filter_specs if each.title == "owner")
    assert {key for key, _ in owners.lookup_choices} == {mine.owner_id, theirs.owner_id}
