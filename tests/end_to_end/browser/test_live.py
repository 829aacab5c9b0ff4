"""Pages that live: ages tick, the dashboard refreshes itself, and says when it cannot."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone, translation
from playwright.sync_api import Page, expect

from capital.admin.frame.formats import age
from capital.domain.reasons import Code, Reason
from capital.models import Account, AlertKind, AllocationRun
from capital.services.alerts.troubles import About, Seen, note
from tests.admin.forms import change_url
from tests.admin.tenants import Tenant, make_tenant
from tests.end_to_end.browser.visitor import Visitor, goto
from tests.factories import make_account
from tests.simulated import Exchange

Window = Callable[..., Page]
READ = "document.querySelector('[data-live-from]').dispatchEvent(new Event('desk:read'))"
AGES = [
    timedelta(seconds=7),
    timedelta(minutes=59, seconds=30),
    timedelta(hours=47, minutes=30),
    timedelta(days=9, hours=3),
    timedelta(minutes=-3, seconds=-30),
]


@pytest.fixture
def tenant(operator: Any) -> Tenant:
    return make_tenant("Haneul")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_ages_tick_as_the_server_writes_them(desk: Window, tenant: Tenant, language: str) -> None:
    page = goto(desk(language=language), "/admin/")
    moments = [timezone.now() - each for each in AGES]
    told = page.evaluate(
        """moments => {
            for (const each of moments) {
                const time = document.createElement("time");
                time.dateTime = each;
                time.dataset.age = "";
                time.className = "told";
                document.body.append(time);
            }
            document.dispatchEvent(new CustomEvent("desk:swapped", { detail: {} }));
            return [...document.querySelectorAll("time.told")].map(each => each.textContent);
        }""",
        [each.isoformat() for each in moments],
    )
    now = timezone.now()
    with translation.override(language):
        expected = [age(each, now=now) for each in moments]
        # Seconds may have passed on the way.
        late = [timedelta(seconds=-each) for each in range(4)]
        assert told[0] in {age(moments[0], now=now + each) for each in late}
    assert told[1:] == expected[1:]

    first = page.locator("time.told").first
    before = first.inner_text()
    page.wait_for_function(
        "before => document.querySelector('time.told').textContent !== before", arg=before
    )


def test_dashboard_shows_what_came_and_keeps_what_was_opened_and_focused(
    desk: Window, tenant: Tenant
) -> None:
    page = goto(desk(), "/admin/")
    page.locator("details").first.evaluate("each => each.open = true")
    page.evaluate("window.scrollTo(0, 400)")
    runs = page.locator("[data-live=runs]")
    runs.locator("a", has_text="All allocations").focus()
    kept = page.locator("[data-live=USDT] canvas").first.element_handle()
    expect(runs).not_to_contain_text("failed")

    AllocationRun.objects.create(
        account=tenant.account, run_key="while-open", trigger="admin", outcome="failed",
        code="key_refused",
    )  # fmt: skip
    page.evaluate(READ)
    expect(runs).to_contain_text("failed")

    assert page.evaluate("document.activeElement.textContent") == "All allocations"
    assert page.locator("details").first.evaluate("each => each.open")
    assert page.evaluate("canvas => canvas.isConnected", kept)
    assert page.evaluate("window.scrollY") > 0


def test_dashboard_says_when_it_could_not_be_refreshed_and_when_nobody_is_logged_in(
    desk: Window, tenant: Tenant, visitor: Visitor
) -> None:
    page = goto(desk(), "/admin/")
    told = page.locator(".desk-live-problem")
    page.route("**/admin/live/**", lambda route: route.abort())
    page.evaluate(READ)
    expect(told).to_contain_text("Could not be refreshed.")
    page.unroute("**/admin/live/**")
    page.evaluate(READ)
    expect(told).to_be_empty()

    page.context.clear_cookies()
    page.evaluate(READ)
    expect(told).to_contain_text("you are logged out")
    visitor.problems.clear()


def test_hidden_page_asks_nothing(desk: Window, tenant: Tenant) -> None:
    page = desk()
    page.clock.install()
    goto(page, "/admin/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    page.clock.fast_forward(90_000)
    page.wait_for_timeout(300)
    assert [each for each in asked if "/admin/live/" in each] == []

    page.evaluate(hide, False)
    page.clock.fast_forward(1_000)
    page.wait_for_timeout(500)
    assert len([each for each in asked if "/admin/live/" in each]) == 1


LIST_READ = "document.querySelector('[data-list-live]').dispatchEvent(new Event('desk:read'))"


def test_list_shows_what_became_of_its_rows_and_keeps_what_was_ticked(
    desk: Window, tenant: Tenant
) -> None:
    page = goto(desk(), "/admin/capital/account/")
    row = page.locator("#result_list tr", has_text=tenant.account.name)
    row.locator("input[type=checkbox]").check()
    page.locator("h1, h2").first.click()
    page.evaluate("document.activeElement.blur()")
    badge = page.locator("[data-badge='admin:index']")
    stops = page.locator("[data-badge='admin:capital_stop_changelist']")
    expect(badge).to_be_hidden()

    refused = {"name": "Renamed", "connection_code": "exchange_refused_key"}
    Account.objects.filter(pk=tenant.account.pk).update(**refused)
    reason = Reason(Code.EXCHANGE_REFUSED_KEY, {"venue": "binance", "kind": "AuthenticationError"})
    with transaction.atomic():
        about = About(account_id=tenant.account.pk)
        note([Seen(kind=AlertKind.KEY_REFUSED, about=about, reason=reason)], now=timezone.now())
    page.evaluate(LIST_READ)
    renamed = page.locator("#result_list tr", has_text="Renamed")
    expect(renamed).to_be_visible()
    expect(renamed.locator("input[type=checkbox]")).to_be_checked()
    expect(badge).to_have_text("1")
    # Beside the stops of entries, of which there is none, stands no count of something else.
    expect(stops).to_be_hidden()
    expect(page.locator("[data-list-live]")).to_be_empty()

    goto(page, "/admin/")
    page.evaluate(READ)
    page.wait_for_timeout(500)
    expect(badge).to_have_text("1")
    expect(stops).to_be_hidden()
    goto(page, "/admin/capital/account/")

    make_account(owner=tenant.account.owner, name="Another")
    page.evaluate(LIST_READ)
    page.locator("[data-list-live] a").click()
    expect(page.locator("#result_list tr", has_text="Another")).to_be_visible()


def test_connection_check_answers_beside_the_page_and_again_in_place(
    desk: Window, exchange: Exchange, operator: Any
) -> None:
    account = exchange.open_account(
        owner=operator, name="Main", wallets={"spot": {"USDT": "100"}, "futures": {"USDT": "0"}}
    )
    page = goto(desk(), change_url(account))
    page.evaluate("window.stayed = true")
    page.get_by_role("link", name="Check connection").first.click()
    dialog = page.locator("dialog.desk-check")
    expect(dialog).to_contain_text("all pools readable")
    expect(dialog).to_contain_text("100.00 USDT")

    exchange.set_balance(account, "spot", "70")
    dialog.get_by_role("link", name="Check again").click()
    expect(dialog).to_contain_text("70.00 USDT")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    assert page.evaluate("window.stayed")
