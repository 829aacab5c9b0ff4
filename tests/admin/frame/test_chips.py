"""Above a list: what narrows it, and each filter's way off."""

import html
import re
from typing import Any

import pytest
from django.test import Client

from tests.admin.tenants import Tenant, allow_everything, make_tenant

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def tenant(client: Client) -> Tenant:
    tenant = make_tenant("mine", is_superuser=True)
    client.force_login(tenant.user)
    return tenant


def found(client: Client, path: str, language: str = "en", **asked: Any) -> list[tuple[str, ...]]:
    """Name, value and the way off of each chip."""
    page = client.get(f"/admin/{path}/", asked, headers={"accept-language": language})
    pattern = (
        r'desk-chip"><span class="desk-muted">([^<]*)</span> '
        r'<span class="desk-chip-value" title="[^"]*">([^<]*)</span> <a href="([^"]*)"'
    )
    rows = re.findall(pattern, page.content.decode())
    return [tuple(html.unescape(each) for each in row) for row in rows]


def chips(client: Client, path: str, language: str = "en", **asked: Any) -> dict[str, str]:
    return {name: value for name, value, _ in found(client, path, language, **asked)}


def test_list_without_filters_has_none(client: Client, tenant: Tenant) -> None:
    page = client.get("/admin/capital/allocationrun/?p=1&o=1").content.decode()
    assert "desk-chip" not in page.partition('id="content"')[2]


def test_runs_say_what_narrows_them_in_the_reader_s_words(client: Client, tenant: Tenant) -> None:
    asked = {
        "q": "grid",
        "outcome__exact": "held",
        "account__id__exact": tenant.account.pk,
        "strategy": "basis",
        "moved": "100",
        "created_at_from_0": "2026-11-01",
        "created_at_to_0": "2026-11-30",
        "is_forced__exact": "1",
    }
    assert chips(client, "capital/allocationrun", **asked) == {
        "Search": "grid",
        "Outcome": "on hold",
        "Account": str(tenant.account),
        "Strategy": "basis",
        "Moved at least": "100",
        "Created at": "2026-11-01 – 2026-11-30",
        "Forced": "yes",
    }
    assert chips(client, "capital/allocationrun", "ko", **asked)["결과"] == "보류"


def test_what_an_address_asks_beside_the_filters_has_a_chip_too(
    client: Client, tenant: Tenant
) -> None:
    assert chips(client, "capital/account", last_check_code="no_balance", state="active") == {
        "Status": "active",
        "Last due check": "no balance",
    }


def test_chip_takes_only_itself_off(client: Client, tenant: Tenant) -> None:
    asked = {"currency": "USDT", "state": "active", "o": "1"}
    urls = {name: url for name, _, url in found(client, "capital/account", **asked)}
    assert urls == {"Currency": "?state=active&o=1", "Status": "?currency=USDT&o=1"}


def test_row_that_one_may_not_see_is_not_named(client: Client, tenant: Tenant) -> None:
    other = make_tenant("other")
    plain = make_tenant("plain")
    client.force_login(allow_everything(plain.user))
    shown = chips(client, "capital/fill", account__id__exact=other.account.pk)
    assert shown.get("Account") == str(other.account.pk)
