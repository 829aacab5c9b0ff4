"""Korean and English, and the switch between them."""

import re
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin.frame.crawl import pages, values_for
from tests.admin.tenants import Tenant, make_tenant

pytestmark = pytest.mark.django_db

# Names, codes and abbreviations that are the same in both languages.
_SAME = re.compile(
    r"mine-\w+|mine/USDT|\bmine\b|\besc\b|USDT|binance|CSV|API|Ctrl|English|PnL|Capital"
)


class _Text(HTMLParser):
    """What is read on a page: neither markup, nor scripts, nor the names of drawn symbols."""

    _SKIPPED = frozenset({"script", "style", "template", "title"})
    _VOID = frozenset({"input", "img", "br", "hr", "meta", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[bool] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in self._VOID:
            symbol = "material-symbols-outlined" in (dict(attributes).get("class") or "")
            self.open.append(symbol or tag in self._SKIPPED)

    def handle_endtag(self, tag: str) -> None:
        if self.open and tag not in self._VOID:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not any(self.open):
            self.text.append(data)


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


def test_no_page_shows_an_unresolved_particle(client: Client, tenant: Tenant) -> None:
    """A message of the catalogue has both forms, 은(는); a page shows the one that fits."""
    both = re.compile(r"은\(는\)|이\(가\)|을\(를\)|와\(과\)|\(으\)로|를\(을\)")
    unresolved, seen = {}, 0
    for page in pages():
        for values in values_for(page, tenant):
            path = page.filled(values)
            answer = client.get(path, headers={"accept-language": "ko"}, follow=True)
            if answer.streaming or "html" not in answer.headers.get("content-type", ""):
                continue
            seen += 1
            if found := both.search(answer.content.decode()):
                unresolved[path] = found[0]
        client.force_login(tenant.user)

    assert seen > 50
    assert unresolved == {}


def test_run_is_told_in_korean(client: Client, tenant: Tenant) -> None:
    path = reverse("admin:capital_allocationrun_change", args=[tenant.runs[0].pk])

    page = client.get(path, headers={"accept-language": "ko"}).content.decode()

    assert "자본을 배분했습니다." in page
    assert "비중에 따른 배분" in page


@pytest.mark.parametrize(
    "name",
    [
        "capital_account",
        "strategies_strategy",
        "capital_strategyaccount",
        "capital_allocationrun",
        "capital_strategycapital",
        "capital_dailyaccountsummary",
        "capital_position",
        "capital_webhookdelivery",
        "capital_market",
        "otp_totp_totpdevice",
    ],
)
def test_korean_lists_have_no_english_words(client: Client, tenant: Tenant, name: str) -> None:
    page = client.get(
        reverse(f"admin:{name}_changelist"), headers={"accept-language": "ko"}
    ).content.decode()

    reader = _Text()
    reader.feed(page)
    text = _SAME.sub(" ", " ".join(reader.text))
    assert re.findall(r"[A-Za-z]{3,}", text) == []


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
