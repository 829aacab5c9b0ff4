"""Korean and English, and the switch between them."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin.tenants import Tenant, make_tenant

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


@pytest.mark.parametrize(("language", "title"), [("en", "Strategy links"), ("ko", "계좌별 전략")])
def test_list_has_the_name_that_the_menu_gives_it(
    client: Client, tenant: Tenant, language: str, title: str
) -> None:
    page = client.get(
        reverse("admin:capital_strategyaccount_changelist"), headers={"accept-language": language}
    )

    assert page.context["title"] == title
    assert title in [
        str(item["title"])
        for group in page.context["sidebar_navigation"]
        for item in group["items"]
    ]
