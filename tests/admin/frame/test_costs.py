"""A page costs as many queries with sixty rows as with three."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from capital.models import Account, AllocationRun, Position
from tests.admin.tenants import make_tenant
from tests.factories import (
    make_account,
    make_fill,
    make_flow,
    make_link,
    make_strategy,
    make_summary,
    make_user,
)

pytestmark = pytest.mark.django_db


def fill(count: int) -> None:
    """So many of everything, each hanging on its own."""
    for number in range(count):
        account = make_account(
            suspect_readings={
                "spot": {
                    "amount": "9",
                    "accepted": "1",
                    "observed_at": timezone.now().isoformat(),
                }
            }
        )
        strategy = make_strategy(owner=account.owner)
        link = make_link(account=account, strategy=strategy, capital="10")
        make_summary(account=account, spot_balance=Decimal(10), ending_balance=Decimal(10))
        Position.objects.create(strategy_account=link, symbol=f"S{number}", quantity=1)
        make_fill(link, f"S{number}/USDT")
        make_flow(account)
        AllocationRun.objects.create(
            account=account,
            run_key=f"run-{number}",
            trigger="admin",
            actor=account.owner,
            outcome="skipped",
            code="no_balance",
            figures={"pools": "spot"},
        )


def queries(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        response = client.get(path)
    assert response.status_code == 200, path
    return len(captured)


def test_lists_cost_the_same_with_more_rows(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    paths = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in admin.site._registry
    ]
    paths += [
        reverse("admin:index"),
        reverse("admin:dashboard_parts"),
        reverse("admin:capital_account_changelist") + "?freshness=fresh",
        reverse("admin:capital_account_changelist") + "?freshness=stale",
        reverse("admin:capital_account_changelist") + "?state=suspect",
        reverse("admin:search") + "?s=account&extended=1",
    ]
    fill(3)
    few = {path: queries(client, path) for path in paths}
    fill(60)

    many = {path: queries(client, path) for path in paths}

    assert {path: (few[path], many[path]) for path in paths if many[path] > few[path]} == {}


# Of each, three are the frame's: stops in force, troubles, and accounts whose money is idle.
@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("capital_account", 20),
        ("strategies_strategy", 10),
        ("capital_strategyaccount", 9),
        # What each run moved, and what took it back.
        ("capital_allocationrun", 10),
        ("capital_strategycapital", 9),
        ("capital_dailyaccountsummary", 12),
        ("capital_position", 11),
        ("capital_fill", 13),
        ("capital_flow", 12),
    ],
)
def test_lists_are_cheap(client: Client, name: str, most: int) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    fill(3)

    assert queries(client, reverse(f"admin:{name}_changelist")) <= most


def test_account_page_costs_the_same_with_more_links(client: Client) -> None:
    tenant = make_tenant("mine", is_superuser=True)
    client.force_login(tenant.user)
    path = reverse("admin:capital_account_change", args=[tenant.account.pk])
    few = queries(client, path)
    for _ in range(20):
        make_link(account=tenant.account, strategy=make_strategy(owner=tenant.user))

    assert queries(client, path) == few


def test_run_page_costs_the_same_with_more_entries(client: Client) -> None:
    small = make_tenant("few", is_superuser=True)
    client.force_login(small.user)
    cost: Callable[[AllocationRun], int] = lambda run: queries(  # noqa: E731
        client, reverse("admin:capital_allocationrun_change", args=[run.pk])
    )
    few = cost(small.runs[0])
    from capital.services import auto_allocate_capital_for_account

    for _ in range(20):
        make_link(account=small.account, strategy=make_strategy(owner=small.user))
    Account.objects.filter(pk=small.account.pk).update(
        updated_at=timezone.now() - timedelta(days=1)
    )
    small.position.delete()
    many = auto_allocate_capital_for_account(small.account.pk, live=False)

    assert many.outcome == "applied"
    # Its cause names the strategies that were added: one query for their names.
    assert cost(many) == few + 1
