"""A viewer's pages are what they may see: every link and every button leads somewhere."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.admin.dashboard.doors import without_closed_doors
from capital.models import AccountAccess, Trouble
from tests.admin.tenants import allow, join, make_tenant
from tests.factories import make_account, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]

# Forms that log out or choose a language, and the reading of pages again, are everybody's.
_LINKS = re.compile(r'href="(/admin/[^"#]*)')


@pytest.fixture
def viewer() -> Any:
    """Sees one account that has everything, and another one that needs somebody."""
    tenant = make_tenant("theirs")
    refused = make_account(
        owner=tenant.user, name="Refused", connection_code="exchange_refused_key"
    )
    user = join(make_user(username="looker", is_staff=True), "viewer")
    for account in (tenant.account, refused):
        AccountAccess.objects.create(account=account, user=user, role="viewer")
    Trouble.objects.create(
        key="one",
        kind="key_refused",
        code="exchange_refused_key",
        figures={"venue": "binance", "kind": "AuthenticationError"},
        noticed_at=timezone.now(),
        account=refused,
    )
    return user


def test_every_link_of_a_viewers_first_pages_opens(client: Client, viewer: Any) -> None:
    client.force_login(viewer)
    account = viewer.account_accesses.order_by("pk").first().account
    pages = ("/admin/", "/admin/capital/account/", f"/admin/capital/account/{account.pk}/change/")
    told = {path: client.get(path).content.decode() for path in pages}

    found = {unescape(link) for text in told.values() for link in _LINKS.findall(text)}
    statuses = {
        link: client.get(link).status_code for link in sorted(found) if "logout" not in link
    }

    assert {link: status for link, status in statuses.items() if status >= 400} == {}
    assert len(statuses) > 20
    for text in told.values():
        for button in ("Replace the key", "Allocate capital<", "First steps", "New strategy"):
            assert button not in text
    assert "Getting started" not in told["/admin/"]
    assert "refused the API key" in told["/admin/"]


_ALONE = [
    "",
    "capital.view_account",
    "capital.view_allocationrun",
    "capital.view_fill",
    "capital.view_strategycapital",
    "capital.view_strategyaccount",
]


@pytest.mark.parametrize("permission", _ALONE)
def test_figures_lead_nowhere_for_who_may_not_open_what_is_behind_them(
    client: Client, viewer: Any, permission: str
) -> None:
    viewer.groups.clear()
    user = allow(viewer, permission) if permission else viewer
    client.force_login(user)
    account = viewer.account_accesses.order_by("pk").first().account
    pages = ["/admin/"]
    if permission == "capital.view_account":
        pages.append(f"/admin/capital/account/{account.pk}/change/")
    told = {path: client.get(path).content.decode() for path in pages}

    found = {unescape(link) for text in told.values() for link in _LINKS.findall(text)}
    statuses = {
        link: client.get(link).status_code for link in sorted(found) if "logout" not in link
    }

    assert {link: status for link, status in statuses.items() if status >= 400} == {}
    # The figures are there all the same.
    assert account.name in told["/admin/"]
    assert ("Why?" in told["/admin/"]) == (permission == "capital.view_strategycapital")


def test_a_closed_door_keeps_how_its_text_looks(client: Client, viewer: Any, rf: Any) -> None:
    request = rf.get("/admin/")
    request.user = make_user()
    url = reverse("admin:capital_fill_changelist")
    html = (
        f'<a class="desk-link desk-bad" href="{url}?a=1&amp;b=2"><b>1</b></a> '
        f'<a class="text-link" href="{url}">2</a> <a href="/elsewhere/">3</a> <a href="{url}">4</a>'
    )

    shown = '<span class="desk-bad"><b>1</b></span> 2 <a href="/elsewhere/">3</a> 4'
    assert without_closed_doors(html, request) == shown
    request.user = make_user(is_superuser=True)
    assert without_closed_doors(html, request) == html


def test_every_link_of_each_list_and_of_its_first_row_opens(client: Client, viewer: Any) -> None:
    client.force_login(viewer)
    told: list[str] = []
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        answer = client.get(reverse(f"{name}_changelist"))
        if answer.status_code != 200:
            continue
        rows = answer.context["cl"].result_list
        pages = [
            answer,
            *(client.get(reverse(f"{name}_change", args=[row.pk])) for row in rows[:1]),
        ]
        told += [each.content.decode() for each in pages if each.status_code == 200]

    found = {unescape(link) for text in told for link in _LINKS.findall(text)}
    refused = {
        link: status
        for link in sorted(found)
        if "logout" not in link and (status := client.get(link).status_code) >= 400
    }

    assert len(told) > 20
    assert refused == {}
