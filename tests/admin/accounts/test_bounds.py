"""What limits the capital of a strategy stands beside it on the account's page."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from capital.admin.accounts.bounds import told_bounds
from tests.factories import make_account, make_link, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]

D = Decimal
TOLD = [
    ({}, []),
    ({"max_drawdown_percent": D(20)}, []),
    ({"priority": 5}, []),
    ({"fixed_amount": D(7000), "priority": 5}, ["fixed at 7,000.00 USDT", "priority 5"]),
    ({"min_amount": D(500), "max_amount": D(900)}, ["at least 500.00 USDT", "at most 900.00 USDT"]),
    ({"max_percent": D("40.5")}, ["at most 40.5% of the pool"]),
    (
        {"drawdown_scaling": True, "max_drawdown_percent": D(20)},
        ["shrinks to nothing at a drawdown of 20%"],
    ),
    (
        {"compounding": "half", "base_capital": D(1000)},
        ["1,000.00 USDT and half of what it earned above it"],
    ),
    (
        {"compounding": "none", "base_capital": D(1000)},
        ["at most its base capital of 1,000.00 USDT"],
    ),
]


@pytest.mark.parametrize(("bounds", "told"), TOLD)
def test_each_bound_that_is_set_is_told(bounds: dict[str, Any], told: list[str]) -> None:
    assert list(told_bounds(make_link(**bounds))) == told


def test_they_are_told_in_korean() -> None:
    link = make_link(fixed_amount=D(7000), priority=5)

    with override("ko"):
        assert list(told_bounds(link)) == ["7,000.00 USDT 고정", "우선순위 5"]


def test_the_page_of_an_account_shows_them_with_a_way_to_the_link(client: Client) -> None:
    root = make_user(is_staff=True, is_superuser=True)
    client.force_login(root)
    account = make_account(owner=root, policy="own_profit")
    bound, free = (
        make_link(account=account, market_type="futures", **bounds)
        for bounds in ({"max_amount": D(900)}, {})
    )
    # It has no share, of whatever.
    make_link(account=account, market_type="futures", is_active=False)

    page = client.get(reverse("admin:capital_account_change", args=[account.pk])).content.decode()

    # In the weights, and in the table of strategies.
    assert page.count("at most 900.00 USDT") == 2
    for link in (bound, free):
        assert reverse("admin:capital_strategyaccount_change", args=[link.pk]) in page
    assert page.count("of deposits and withdrawals only") == 2


def test_where_weights_divide_the_whole_pool_nothing_is_said_of_deposits(client: Client) -> None:
    root = make_user(is_staff=True, is_superuser=True)
    client.force_login(root)
    account = make_link(account=make_account(owner=root)).account

    page = client.get(reverse("admin:capital_account_change", args=[account.pk])).content.decode()

    assert "of deposits and withdrawals only" not in page
