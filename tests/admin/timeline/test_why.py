"""Why an amount is what it is: the arithmetic of its allocation, its reading, cause and run."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from capital.admin.frame.cells import instant
from capital.models import AllocationRun
from capital.services import auto_allocate_capital_for_account
from tests.admin.tenants import Tenant, allow, make_tenant
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user
from tests.services.overview.timeline.records import NOW, decided

pytestmark = pytest.mark.django_db

WHY = "/admin/why/"
DAY = timedelta(days=1)


@pytest.fixture
def tenant(client: Client) -> Tenant:
    tenant = make_tenant("mine")
    tenant.user = allow(tenant.user, "capital.view_strategycapital", "capital.view_allocationrun")
    client.force_login(tenant.user)
    return tenant


def words(client: Client, status: int = 200, **asked: Any) -> str:
    response = client.get(WHY, asked)
    assert response.status_code == status, asked
    return " ".join(response.content.decode().split())


def test_popover_tells_the_arithmetic_the_reading_the_cause_and_the_run(client: Client) -> None:
    owner = allow(
        make_user(username="minsu", is_staff=True),
        "capital.view_strategycapital",
        "capital.view_allocationrun",
        "capital.allocate_capital",
    )
    account = make_account(owner=owner, name="Main", reserve_percent=Decimal(10))
    make_summary(account=account, spot_balance=Decimal(10000), ending_balance=Decimal(10000))
    first, *_ = [
        make_link(account=account, strategy=make_strategy(owner=owner, name=name))
        for name in ("Trend", "Grid", "Basis", "Carry", "Pairs", "Arb", "Mean")
    ]
    result = auto_allocate_capital_for_account(account.pk, live=False, actor=owner, trigger="admin")
    run = AllocationRun.objects.get(run_key=result.run_key)
    client.force_login(owner)

    told = words(client, link=first.pk, part="popover")

    assert "<html" not in told
    assert "Trend · Main · spot" in told
    assert "1,285.72 USDT</strong>" in told
    assert "Allocated by weight." in told
    assert "10,000.00 USDT</dd>" in told
    assert "cached · read" in told
    assert "before the allocation" in told
    assert "10%</span>" in told
    assert "− 1,000.00 USDT" in told
    assert "= 9,000.00 USDT" in told
    assert "(10,000.00 − 1,000.00 reserve) × 1 of 7 = 1,285.71" in told
    assert "1,285.71428571, rounded to units of 0.01: 1,285.72 USDT." in told
    assert "— → 1,285.72 USDT (+1,285.72 USDT)" in told
    assert "admin site · minsu" in told
    assert f'href="/admin/capital/allocationrun/{run.pk}/change/">#{run.pk}</a>' in told
    assert "2,571" not in told


def test_whole_page_says_the_same_and_takes_another_time(client: Client, tenant: Tenant) -> None:
    link = tenant.links[0]
    page = words(client, link=link.pk)

    assert "<html" in page
    assert "10,369.00 USDT</strong>" in page
    assert 'type="datetime-local"' in page
    assert f'name="link" value="{link.pk}"' in page
    earlier = words(client, link=link.pk, at="2020-01-01T00:00")
    assert "Capital on 2020-01-01 00:00:00:" in re.sub("<[^>]*>", "", earlier)
    assert "Nothing had been allocated to it yet." in earlier
    assert "10,369.00" not in earlier


def test_several_links_are_parts_of_a_sum_and_each_can_be_asked(
    client: Client, tenant: Tenant
) -> None:
    won = make_account(owner=tenant.user, venue="upbit", currency="KRW", name="Won")
    link = make_link(account=won, strategy=tenant.strategies[0], capital="5000000")

    by_account = words(client, account=tenant.account.pk, part="popover")
    assert "15,369.00 USDT</strong>" in by_account
    assert "KRW" not in by_account
    assert "popover" not in by_account.replace("haspopup", "")
    for each in tenant.links:
        assert f"/admin/why/?link={each.pk}" in by_account
    by_strategy = words(client, strategy=tenant.strategies[0].pk, part="popover")
    assert "5,000,000 KRW · 10,369.00 USDT</strong>" in by_strategy
    by_both = words(client, strategy=tenant.strategies[0].pk, currency="KRW", part="popover")
    assert "5,000,000 KRW</strong>" in by_both
    assert "The allocation that set it is not in the database any more." in by_both
    everything = words(client, part="popover")
    assert f"/admin/why/?link={link.pk}" in everything
    assert "All capital" in everything


def test_allocation_can_be_asked_for_what_it_left(client: Client, tenant: Tenant) -> None:
    link = tenant.links[0]
    first = tenant.runs[0]
    wrong = decided(link, "10369", "99", timezone.now())
    decided(link, "99", "10369", timezone.now(), trigger="revert", reverts=wrong)

    assert "10,369.00 USDT</strong>" in words(client, link=link.pk, run=first.pk)
    told = words(client, link=link.pk, run=wrong.pk)
    assert "99.00 USDT</strong>" in told
    reverted = instant(AllocationRun.objects.get(pk=wrong.pk + 1).created_at)
    assert f"This allocation was reverted by #{wrong.pk + 1} on {reverted}." in told
    for asked in ({"link": link.pk, "run": 999_999}, {"run": first.pk}):
        words(client, 404, **asked)


def test_later_look_that_changed_nothing_is_told(client: Client, tenant: Tenant) -> None:
    assert tenant.runs[1].outcome == "unchanged"

    assert "nothing had to change." in words(client, link=tenant.links[0].pk)


def test_of_somebody_else_nothing_is_found(client: Client, tenant: Tenant) -> None:
    other = make_tenant("other")
    link = other.links[0]

    for asked in (
        {"link": link.pk},
        {"account": other.account.pk},
        {"strategy": other.strategies[0].pk},
        {"link": link.pk, "run": other.runs[0].pk},
        {"link": tenant.links[0].pk, "run": other.runs[0].pk},
        {"link": "x"},
        {"link": "9" * 40},
        {"link": "²"},
        {"account": "-1"},
    ):
        words(client, 404, **asked)
    everything = words(client)
    assert "mine-" in everything
    assert "other-" not in everything


def test_who_may_not_look_at_capital_is_refused_and_runs_are_linked_for_who_sees_them(
    client: Client, tenant: Tenant
) -> None:
    link = tenant.links[0]
    for permission in ("view_allocationrun", "view_strategycapital"):
        tenant.user.user_permissions.remove(
            *tenant.user.user_permissions.filter(codename=permission)
        )
        if permission == "view_allocationrun":
            page = words(client, link=link.pk, part="popover")
            assert f"#{tenant.runs[0].pk}" in page
            assert "allocationrun" not in page
    words(client, 403, link=link.pk)


def test_strategies_of_a_time_in_files_are_counted_and_not_added(
    client: Client, tenant: Tenant
) -> None:
    from capital.models import AuditCheckpoint

    AuditCheckpoint.objects.create(account=tenant.account, archived_through=1)
    forgotten = make_link(
        account=tenant.account, strategy=make_strategy(owner=tenant.user), capital="77.77"
    )
    forgotten.capital.allocated_at = timezone.now()
    forgotten.capital.save()

    told = words(client, account=tenant.account.pk, at="2020-01-01T00:00")

    assert "Without 1 strategy whose allocations of this time are in archive files." in told
    assert "77.77" not in told
    alone = words(client, link=forgotten.pk, at="2020-01-01T00:00")
    assert "The allocations of this time are in archive files." in alone


def test_time_that_came_twice_offers_the_second_one(
    client: Client, tenant: Tenant, settings: Any
) -> None:
    settings.TIME_ZONE = "America/New_York"
    told = words(client, link=tenant.links[0].pk, at="2025-11-02T01:30")

    assert "There were two such times that day: clocks were set back." in told
    assert "Show the second one (UTC-05:00)" in told
    assert "at=2025-11-02T06%3A30%3A00.999999%2B00%3A00" in told


def test_cost_in_queries_does_not_depend_on_links(client: Client, tenant: Tenant) -> None:
    asked = {"account": tenant.account.pk, "part": "popover"}

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            words(client, **asked)
        return len(queries)

    words(client, **asked)
    few = cost()
    for _ in range(5):
        link = make_link(account=tenant.account, strategy=make_strategy(owner=tenant.user))
        decided(link, None, "5", NOW - DAY)
    assert cost() == few


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/admin/capital/strategycapital/", "?link={link}"),
        ("/admin/capital/strategyaccount/", "?link={link}"),
        ("/admin/capital/allocationrun/", "?link={link}&amp;run={run}"),
        ("/admin/strategies/strategy/", "?strategy={strategy}&amp;currency=USDT"),
        ("/admin/capital/account/{account}/change/", "?link={link}"),
        ("/admin/", "?currency=USDT"),
    ],
)
def test_amounts_of_capital_lead_to_their_why(client: Client, path: str, asked: str) -> None:
    tenant = make_tenant("mine", is_superuser=True)
    client.force_login(tenant.user)
    keys = {
        "link": tenant.links[0].pk,
        "run": tenant.runs[0].pk,
        "strategy": tenant.strategies[0].pk,
        "account": tenant.account.pk,
    }

    page = client.get(path.format(**keys)).content.decode()

    assert f'href="/admin/why/{asked.format(**keys)}"' in page
