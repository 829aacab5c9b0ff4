"""Korean and English, and the switch between them."""

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags
from django.utils.text import capfirst
from django.utils.translation import override

from capital.models import Flow, LinkDay
from tests.admin.tenants import Tenant, make_tenant

CRUMB = r"<(?:a|span)[^>]* min-w-0 truncate tracking-tight[^>]*>(.*?)</(?:a|span)>"

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def tenant(client: Client) -> Tenant:
    tenant = make_tenant("mine", is_superuser=True)
    client.force_login(tenant.user)
    return tenant


def test_browser_decides_and_the_switch_overrides(client: Client, tenant: Tenant) -> None:
    path = reverse("admin:capital_account_changelist")
    assert "잔고 상태" in client.get(path, headers={"accept-language": "ko"}).content.decode()

    client.post(reverse("set_language"), {"language": "en", "next": path})

    page = client.get(path, headers={"accept-language": "ko"}).content.decode()
    assert "Balance age" in page
    assert "잔고 상태" not in page


def test_run_is_told_in_korean(client: Client, tenant: Tenant) -> None:
    path = reverse("admin:capital_allocationrun_change", args=[tenant.runs[0].pk])

    page = client.get(path, headers={"accept-language": "ko"}).content.decode()

    assert "자본을 배분했습니다." in page
    assert "비중에 따른 배분" in page


def _lists() -> list[str]:
    every = [model._meta for model in admin.site._registry]
    return [f"{options.app_label}_{options.model_name}_changelist" for options in every]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_menu_lists_and_breadcrumbs_call_each_kind_of_row_the_same(
    client: Client, tenant: Tenant, language: str
) -> None:
    told = {"headers": {"accept-language": language}}
    page = client.get(reverse("admin:index"), **told)
    groups = page.context["sidebar_navigation"]
    menu = {item["link"]: str(item["title"]) for group in groups for item in group["items"]}
    seen = 0
    with override(language):
        for model in admin.site._registry:
            options = model._meta
            address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
            # The title of the list, and the part above a row in its breadcrumbs.
            name = capfirst(str(options.verbose_name_plural))
            # What has no line in the menu is called as its own list is.
            assert menu.get(address, name) == name, model
            seen += address in menu
    assert seen > 20
    for address in set(menu) - {reverse(f"admin:{each}") for each in _lists()}:
        # What is no list: the dashboard, performance, the health of jobs.
        heading = re.search(r"<h1.*?</h1>", client.get(address, **told).content.decode(), re.S)
        assert heading
        assert strip_tags(heading[0]).strip() == menu[address]
    for model in (Flow, LinkDay):
        start = f"admin:capital_{model._meta.model_name}_"
        address = reverse(start + "changelist")
        row = reverse(start + "change", args=[tenant.rows(model)[0].pk])
        assert client.get(address, **told).context["title"] == menu[address]
        crumb = rf'<a href="{address}"[^>]*desk-crumb[^>]*>\s*{menu[address]}\s*</a>'
        assert re.search(crumb, client.get(row, **told).content.decode())


@pytest.mark.parametrize("language", ["en", "ko"])
def test_breadcrumbs_say_nothing_twice(client: Client, tenant: Tenant, language: str) -> None:
    twice, seen = [], 0
    for model in admin.site._registry:
        start = f"admin:{model._meta.app_label}_{model._meta.model_name}_"
        pages = [reverse(start + "changelist")]
        pages += [reverse(start + "change", args=[row.pk]) for row in tenant.rows(model)[:1]]
        for page in pages:
            html = client.get(page, headers={"accept-language": language}).content.decode()
            crumbs = [strip_tags(each).strip() for each in re.findall(CRUMB, html, re.DOTALL)]
            if len(crumbs) != len(set(crumbs)):
                twice.append((page, crumbs))
            seen += len(crumbs) > 1

    assert twice == []
    assert seen > 20
