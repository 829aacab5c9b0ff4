"""Splitting again by weight: what is given up is said first, then seen, then done."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from capital.domain.allocation.rules import PolicyName
from capital.models import Account, AllocationPlan, AllocationRun, StrategyCapital
from capital.services.allocation.allocate import allocate_capital
from tests.admin.tenants import join
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> User:
    return join(make_user(username="olga", is_staff=True), "operator")


@pytest.fixture
def page(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def account_of(owner: User, policy: PolicyName) -> Account:
    """Two futures strategies with 500 of 1,000 each; the weights say 3 to 1 by now."""
    account = make_account(owner=owner, policy=policy.value)
    make_summary(account=account, futures_balance=Decimal(1000))
    links = [
        make_link(
            account=account,
            strategy=make_strategy(owner=owner, key=f"{policy}-{key}", market_type="futures"),
        )
        for key in ("a", "b")
    ]
    allocate_capital([account.pk], live=False)
    type(links[0]).objects.filter(pk=links[0].pk).update(weight=3)
    return account


def held(account: Account) -> list[str]:
    rows = StrategyCapital.objects.filter(strategy_account__account=account)
    return [f"{row.allocated_capital:.2f}" for row in rows.order_by("pk")]


def split_of(account: Account) -> str:
    return reverse("admin:capital_account_split_again", args=[account.pk])


def test_it_says_what_is_given_up_and_does_it_after_the_preview(
    page: Client, operator: User
) -> None:
    account = account_of(operator, PolicyName.OWN_PROFIT)
    change = page.get(reverse("admin:capital_account_change", args=[account.pk]))
    assert split_of(account) in change.content.decode()

    asked = page.get(split_of(account)).content.decode()
    assert "What each earned until now is no longer its own" in asked
    assert AllocationPlan.objects.count() == 0
    shown = page.post(split_of(account), {"cached": "on"}, follow=True)
    text = shown.content.decode()

    assert "Split again by weight: preview" in text
    assert "What each earned until now is no longer its own" in text
    assert (held(account), AllocationRun.objects.count()) == (["500.00", "500.00"], 1)
    again = page.post(shown.redirect_chain[-1][0], {"_preview": "1", "cached": "on"}, follow=True)
    assert "Split again by weight: preview" in again.content.decode()
    page.post(again.redirect_chain[-1][0], {"_apply": "1"})
    run = AllocationRun.objects.order_by("pk").last()
    assert run is not None
    assert (held(account), run.actor) == (["750.00", "250.00"], operator)
    of_run = page.get(reverse("admin:capital_allocationrun_change", args=[run.pk]))
    assert "Split again by weight, once" in of_run.content.decode()
    first = AllocationRun.objects.order_by("pk").first()
    assert first is not None
    of_first = page.get(reverse("admin:capital_allocationrun_change", args=[first.pk]))
    assert "Split again by weight, once" not in of_first.content.decode()


def test_where_volatility_divides_it_says_that_it_will_again(page: Client, operator: User) -> None:
    account = account_of(operator, PolicyName.INVERSE_VOLATILITY)

    assert "divides by volatility again" in page.get(split_of(account)).content.decode()


def test_where_weights_divide_there_is_no_button(page: Client, operator: User) -> None:
    account = account_of(operator, PolicyName.WEIGHTS)

    change = page.get(reverse("admin:capital_account_change", args=[account.pk]))
    assert split_of(account) not in change.content.decode()
    # The address works all the same.
    assert "share of the whole pool by weight." in page.get(split_of(account)).content.decode()


def test_who_may_not_allocate_may_not_split(client: Client, operator: User) -> None:
    account = account_of(operator, PolicyName.OWN_PROFIT)
    client.force_login(join(make_user(is_staff=True), "viewer"))

    assert client.post(split_of(account), {"cached": "on"}).status_code in (403, 404)
    assert AllocationPlan.objects.count() == 0
