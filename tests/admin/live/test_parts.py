"""What pages read again while they are open: parts of what they show, and nobody else's."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from capital.models import Reservation
from capital.services import auto_allocate_capital_for_account
from capital.services.limits import release_reservation
from capital.templatetags.live import age_words
from strategies.services import pause_strategies
from tests.admin.tenants import Tenant, make_tenant
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]

DASHBOARD = "/admin/live/"


@pytest.fixture
def tenant(client: Client) -> Tenant:
    tenant = make_tenant("mine", is_superuser=True)
    client.force_login(tenant.user)
    return tenant


def marks(text: str) -> dict[str, str]:
    return dict(re.findall(r'data-live="([^"]*)" data-mark="([^"]*)"', text))


def test_dashboard_reads_its_parts_and_no_frame(client: Client, tenant: Tenant) -> None:
    page = client.get("/admin/").content.decode()
    parts = client.get(DASHBOARD).content.decode()

    assert f'data-live-from="{DASHBOARD}"' in page
    assert marks(parts).keys() == marks(page).keys()
    assert {"bar", "needs", "runs", "USDT"} <= marks(parts).keys()
    assert "mine-account" in parts
    assert "<html" not in parts
    assert "Sidebar" not in parts


def test_part_that_is_there_already_is_not_sent_again(client: Client, tenant: Tenant) -> None:
    whole = client.get(DASHBOARD).content.decode()
    have = [f"{name}:{mark}" for name, mark in marks(whole).items() if name != "runs"]
    again = client.get(DASHBOARD, {"have": [*have, "runs:0000000000000000"]}).content.decode()

    assert again.count("data-same") == len(have)
    assert "Recent allocations" in again
    assert "Equity, last 30 days" not in again


def test_age_is_no_change(client: Client, tenant: Tenant) -> None:
    whole = client.get(DASHBOARD).content.decode()

    assert "data-age" in whole
    older = re.sub(r"(data-age>)[^<]*", r"\g<1>9 d ago", whole)
    assert older != whole
    again = client.get(DASHBOARD).content.decode()
    assert marks(again)["runs"] == marks(whole)["runs"]


def test_account_reads_its_own_parts_and_a_stranger_none(client: Client, tenant: Tenant) -> None:
    make_tenant("other")
    address = reverse("admin:capital_account_parts", args=[tenant.account.pk])
    parts = client.get(address).content.decode()

    assert marks(parts).keys() == {"bar", "needs", "charts", "trading", "runs"}
    page = client.get(reverse("admin:capital_account_change", args=[tenant.account.pk]))
    assert marks(page.content.decode()).keys() == marks(parts).keys()
    assert "other" not in parts
    client.force_login(make_user(is_staff=True))
    assert client.get(address).status_code == 404


def test_run_that_took_everything_is_red_on_the_dashboard_and_the_account_s_page(
    client: Client, tenant: Tenant
) -> None:
    tenant.position.delete()
    for reservation in tenant.rows(Reservation):
        release_reservation(reservation.pk, actor=None)
    auto_allocate_capital_for_account(tenant.account.pk, live=False)
    account = reverse("admin:capital_account_parts", args=[tenant.account.pk])
    red = '<span class="desk-badge desk-badge-bad">capital to zero</span>'
    for address in (DASHBOARD, account):
        assert red not in client.get(address).content.decode()
    pause_strategies([strategy.pk for strategy in tenant.strategies])
    auto_allocate_capital_for_account(tenant.account.pk, live=False)

    for address in (DASHBOARD, account):
        assert client.get(address).content.decode().count(red) == 1


@pytest.mark.parametrize(
    ("language", "ago", "seconds"),
    [("en", "%(span)s ago", "%(count)s s"), ("ko", "%(span)s 전", "%(count)s초")],
)
def test_ages_tick_in_the_language_of_the_page(language: str, ago: str, seconds: str) -> None:
    with translation.override(language):
        words = age_words()

    assert f'data-ago="{ago}"' in words
    assert f'data-seconds="{seconds}"' in words
