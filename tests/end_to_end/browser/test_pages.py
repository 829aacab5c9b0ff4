"""Pages as people see them: the dashboard, every page, two languages, dark and light, a phone."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from capital.models import Account, AlertTarget, JobRun, LinkDay, WebhookAnswer, WebhookDelivery
from capital.services.allocation import allocate_capital
from capital.services.balances.connections import check_connection
from strategies.keys import key_from
from tests.admin.tenants import Tenant as Rows
from tests.admin.tenants import make_tenant
from tests.end_to_end.browser.visitor import SIDEWAYS, Visitor, fits, goto, wait_until_drawn
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user
from tests.private_keys import TRADITIONAL, key_of, pem_of
from tests.simulated import Exchange

Tenant = Callable[..., Page]

# Whether the first chart has more than a few pixels that are not the background's.
INK = """() => {
    const canvas = document.querySelector("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let ink = 0;
    for (let at = 3; at < data.length; at += 4) ink += data[at] > 0 ? 1 : 0;
    return ink > 500;
}"""


@pytest.fixture
def rows(operator: Any) -> Rows:
    """Everything that a user can have, with a name that is long."""
    return make_tenant("Haneul")


def test_a_stranger_logs_in_and_sees_the_desk(visitor: Visitor, operator: Any) -> None:
    page = visitor.open()
    goto(page, "/")
    page.click("text=Open the dashboard")
    page.fill("#id_username", "minsu")
    page.fill("#id_password", "a right one")
    page.click("button[type=submit]")
    page.wait_for_url("**/admin/")
    wait_until_drawn(page)

    expect(page.locator("#header-inner")).to_contain_text("Dashboard")


def test_an_empty_desk_says_what_to_do_first(desk: Tenant) -> None:
    page = goto(desk(), "/admin/")

    expect(page.locator(".desk-steps > li")).to_have_count(4)
    assert page.locator("canvas").count() == 0
    page.click("text=Add an account")
    page.wait_for_url("**/admin/capital/account/first-steps/")


def test_the_dashboard_shows_each_currency_and_every_number_leads_to_its_rows(
    desk: Tenant, rows: Rows
) -> None:
    won = make_account(owner=rows.user, venue="upbit", currency="KRW", name="Won")
    make_summary(
        account=won,
        date=timezone.localdate(),
        starting_balance=Decimal(1_200_000),
        spot_balance=Decimal(1_234_567),
        ending_balance=Decimal(1_234_567),
    )
    page = goto(desk(), "/admin/")
    content = page.locator("#content")
    expect(content).to_contain_text("15,369.00 USDT")
    expect(content).to_contain_text("1,234,567 KRW")
    expect(content).to_contain_text("+34,567 KRW (+2.9%)")
    # Nobody holds won: that chart says so instead.
    assert page.locator("canvas").count() == 5
    page.wait_for_function(INK)

    links = page.eval_on_selector_all("#content a[href]", "all => all.map(each => each.href)")
    assert len(set(links)) > 12
    for link in sorted(set(links)):
        goto(page, link)


def test_charts_are_tables_too(desk: Tenant, rows: Rows) -> None:
    page = goto(desk(), "/admin/")
    figure = page.locator("figure").first
    figure.locator("summary").click()

    first = figure.locator("tbody tr").first
    expect(first).to_contain_text(timezone.localdate().isoformat())
    expect(first).to_contain_text("15,369.00")


# How much wider than its widest label each axis of amounts is: less, and minus signs are cut off.
ROOM = """async () => {
    await document.fonts.ready;
    await new Promise((done) => requestAnimationFrame(done));
    return [...document.querySelectorAll("canvas[data-desk-chart]")].map((each) => {
        const { ticks, width } = Chart.getChart(each).scales.y;
        const pen = document.createElement("canvas").getContext("2d");
        pen.font = "12px Inter, sans-serif";
        return width - Math.max(...ticks.map(({ label }) => pen.measureText(label).width));
    });
}"""


def test_axes_have_room_for_their_labels(desk: Tenant, rows: Rows) -> None:
    page = goto(desk(language="ko"), f"/admin/capital/account/{rows.account.pk}/change/")

    room = page.evaluate(ROOM)

    assert room
    assert min(room) > 12


BOUNDS = """() => [...document.querySelectorAll("canvas[data-desk-chart]")]
    .map((each) => Chart.getChart(each))
    .filter(({ config }) => config.type === "line")
    .map(({ scales }) => scales.y.min)"""


def test_axis_of_amounts_that_are_never_below_zero_begins_there(desk: Tenant, rows: Rows) -> None:
    # Next to nothing beside very much: the room below the line reached below zero.
    today = timezone.localdate()
    for days, amount in ((1, "0.00000001"), (0, "12345678901.23")):
        account = make_account(owner=rows.user, name=f"Of {days}", currency="USDC")
        make_summary(
            account=account,
            date=today - timedelta(days=days),
            starting_balance=Decimal(amount),
            spot_balance=Decimal(amount),
            ending_balance=Decimal(amount),
        )
        page = goto(desk(), f"/admin/capital/account/{account.pk}/change/")
        page.wait_for_function("window.Chart !== undefined")

        assert min(page.evaluate(BOUNDS)) >= 0
    page = goto(desk(), "/admin/")
    assert min(page.evaluate(BOUNDS)) >= 0


@pytest.mark.parametrize(
    "name", ["BTC 현물 그리드", "김치 프리미엄 (2026년)", "값없는 닭", "Trend 2"]
)
def test_key_follows_a_name_in_korean_as_the_service_makes_it(desk: Tenant, name: str) -> None:
    page = goto(desk(), "/admin/strategies/strategy/add/")
    page.fill("#id_name", name)
    page.locator("#id_name").dispatch_event("change")

    assert page.input_value("#id_key") == key_from(name)


def test_long_amounts_widen_no_page_of_a_phone(
    desk: Tenant, rows: Rows, exchange: Exchange
) -> None:
    amount = "9812345678901.23456789"
    account = exchange.open_account(
        name="Rich", owner=rows.user, wallets={"spot": {"USDT": amount}}
    )
    link = make_link(account=account, strategy=make_strategy(owner=rows.user, name="그리드"))
    allocate_capital([account.pk])
    for path in (
        f"/admin/strategies/strategy/{link.strategy_id}/change/",
        f"/admin/capital/account/{account.pk}/change/",
        f"/admin/why/?link={link.pk}",
    ):
        page = goto(desk(width=390, language="ko"), path)
        page.wait_for_selector(".why-figures, .weights", state="attached")
        assert fits(page), path


def test_charts_follow_the_theme(desk: Tenant, rows: Rows) -> None:
    seen = {}
    for scheme in ("light", "dark"):
        page = goto(desk(scheme=scheme), "/admin/")
        is_dark = page.evaluate("document.documentElement.classList.contains('dark')")
        assert is_dark == (scheme == "dark")
        seen[scheme] = page.locator("canvas").first.screenshot()

    assert seen["light"] != seen["dark"]


@pytest.mark.parametrize(
    ("language", "title", "account"), [("en", "Dashboard", "Accounts"), ("ko", "대시보드", "계좌")]
)
def test_the_desk_speaks_both_languages(
    desk: Tenant, rows: Rows, language: str, title: str, account: str
) -> None:
    page = goto(desk(language=language), "/admin/")

    assert page.get_attribute("html", "lang") == language
    expect(page.locator("#header-inner")).to_contain_text(title)
    expect(page.locator("#nav-sidebar, aside, nav").first).to_contain_text(account)


def test_the_language_can_be_switched(desk: Tenant, rows: Rows) -> None:
    page = goto(desk(language="en"), "/admin/")
    page.evaluate(
        "document.querySelector('form input[name=language][value=ko]').form.requestSubmit()"
    )
    expect(page.locator("#header-inner")).to_contain_text("대시보드")


# Pairs of labels or values of which one covers a part of the other.
OVERLAPS = """() => {
    const shown = [...document.querySelectorAll("#content label, #content .readonly")]
        .map((each) => [each.textContent.trim(), each.getBoundingClientRect()])
        .filter(([text, box]) => text && box.width && box.height);
    const beside = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1;
    const above = (a, b) => a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
    return shown.flatMap(([text, box], at) =>
        shown
            .slice(at + 1)
            .filter(([, other]) => !beside(box, other) && !above(box, other))
            .map(([more]) => [text, more]));
}"""

# What begins before its cell does: on a phone the first digits of an amount were cut.
CUT = """() => [...document.querySelectorAll("td .desk-number")]
    .filter((each) => each.checkVisibility())
    .filter((each) => {
        const words = document.createRange();
        words.selectNodeContents(each);
        const cell = each.closest("td").getBoundingClientRect();
        return words.getBoundingClientRect().left < cell.left - 1;
    })
    .map((each) => each.textContent.trim())"""


def _with_a_long_balance(rows: Rows) -> WebhookDelivery:
    delivery = WebhookDelivery.objects.create(
        strategy=rows.strategies[0], fingerprint="0" * 64, body={"symbol": "BTC/USDT"}
    )
    body = rows.delivery.answer.body
    body["allocations"][0]["balances"][0]["amount"] = "1225000.123456"
    accounts = {"allocations": [rows.account.pk]}
    WebhookAnswer.objects.create(delivery=delivery, body=body, accounts=accounts)
    return delivery


@pytest.mark.parametrize("width", [390, 1280])
def test_every_kind_of_page_is_shown_within_its_window_and_nothing_covers_anything(
    desk: Tenant, rows: Rows, width: int
) -> None:
    page = desk(width=width, height=844, language="ko")
    run = JobRun.objects.create(
        name="reallocate_after_event",
        started_at=timezone.now(),
        finished_at=timezone.now(),
        outcomes={"change_too_small": 1},
    )
    wide, covered = [], {}
    for path in (
        "/admin/",
        "/admin/capital/account/",
        f"/admin/capital/account/{rows.account.pk}/change/",
        f"/admin/strategies/strategy/{rows.strategies[0].pk}/change/",
        f"/admin/strategies/strategy/{rows.strategies[0].pk}/performance/",
        f"/admin/capital/allocationrun/{rows.runs[0].pk}/change/",
        f"/admin/capital/dailyaccountsummary/{rows.summary.pk}/change/",
        f"/admin/capital/jobrun/{run.pk}/change/",
        f"/admin/auth/user/{rows.user.pk}/change/",
        "/admin/capital/jobrun/health/",
        f"/admin/capital/webhookdelivery/{_with_a_long_balance(rows).pk}/change/",
        "/admin/performance/",
        f"/admin/statements/?account={rows.account.pk}",
        f"/admin/capital/account/{rows.account.pk}/performance/",
        f"/admin/capital/account/{rows.account.pk}/what-if/",
        f"/admin/capital/account/{rows.account.pk}/history/",
        f"/admin/timeline/?account={rows.account.pk}",
        f"/admin/timeline/?strategy={rows.strategies[0].pk}",
        f"/admin/why/?account={rows.account.pk}",
    ):
        goto(page, path)
        if not fits(page):
            wide.append(path)
        if found := page.evaluate(OVERLAPS):
            covered[path] = found
        if cut := page.evaluate(CUT):
            wide.append(f"{path}: {cut}")
        if width == 390 and page.evaluate(SIDEWAYS):
            wide.append(f"{path}: {page.evaluate(SIDEWAYS)}")

    assert wide == []
    assert covered == {}


def test_a_figure_of_a_list_of_rows_is_called_as_its_column_in_both_lines_of_the_head(
    desk: Tenant, rows: Rows
) -> None:
    page = goto(desk(width=390), "/admin/")
    page.evaluate(
        """() => {
            const table = document.createElement("table");
            table.className = "desk-table desk-fold";
            table.id = "told";
            table.innerHTML = `<thead>
                <tr><th rowspan="2">Strategy <button>?</button></th>
                    <th colspan="2">Recorded</th><th colspan="2">Replayed</th></tr>
                <tr><th>Capital</th><th>PnL</th><th>Capital</th><th>PnL</th></tr></thead>
                <tbody><tr><td>Grid</td><td>1</td><td>2</td><td>3</td><td>4</td></tr></tbody>`;
            document.querySelector("#content").append(table);
        }"""
    )
    page.wait_for_selector("#told[data-folds]")

    labels = "cells => cells.map((each) => each.dataset.label)"
    assert page.eval_on_selector_all("#told tbody td", labels) == [
        "Strategy",
        "Recorded · Capital",
        "Recorded · PnL",
        "Replayed · Capital",
        "Replayed · PnL",
    ]


def test_words_of_the_bar_of_actions_are_read_in_the_dark(desk: Tenant, rows: Rows) -> None:
    grounds = set()
    for scheme in ("light", "dark"):
        page = goto(desk(scheme=scheme), "/admin/strategies/strategy/")
        page.locator("input[name=_selected_action]").first.check()
        bar = page.locator("#changelist-actions > div")
        expect(bar).to_be_visible()
        grounds.add(bar.evaluate("each => getComputedStyle(each).backgroundColor"))

    # Below white words, the dark of the light theme.
    assert len(grounds) == 1


def test_long_names_forty_strategies_and_debt_stay_within_the_page(
    desk: Tenant, operator: Any
) -> None:
    account = make_account(owner=operator, name="A very long account name " * 4)
    make_summary(
        account=account,
        date=timezone.localdate() - timedelta(days=1),
        spot_balance=Decimal(-1234),
        futures_balance=Decimal(10),
        ending_balance=Decimal(-1224),
    )
    make_account(owner=operator, name="Nothing known", currency="BTC")
    for number in range(40):
        strategy = make_strategy(
            owner=operator, name=f"Unbreakable{'x' * 80}{number}", key=f"strategy-{number:02}"
        )
        make_link(account=account, strategy=strategy, capital=str(100 + number))

    for width in (390, 1280):
        page = goto(desk(width=width), "/admin/")
        expect(page.locator("#content")).to_contain_text("-1,224.00 USDT")
        expect(page.locator("#content")).to_contain_text(
            "Allocated and reserved amounts exceed the balance."
        )
        assert fits(page)
        goto(page, f"/admin/capital/account/{account.pk}/change/")
        assert fits(page)


# Cells of a list whose text is wider than they are.
CUT_CELLS = """() => [...document.querySelectorAll("#result_list td, #result_list th")]
    .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1)
    .map((each) => each.innerText)"""


def test_a_long_label_cuts_no_amount_of_a_list_on_a_phone(desk: Tenant, rows: Rows) -> None:
    LinkDay.objects.update(realized=Decimal(-21_000_000))
    page = desk(width=390)

    for name in ("linkday", "fill", "position", "account"):
        goto(page, f"/admin/capital/{name}/")
        assert page.evaluate(CUT_CELLS) == [], name
    assert LinkDay.objects.exists()


def test_a_plain_user_sees_no_jobs_and_nobody_else(visitor: Visitor, rows: Rows) -> None:
    page = goto(visitor.open(make_user(is_staff=True)), "/admin/")

    assert "Haneul" not in page.content()
    assert "jobrun" not in page.content()


def test_every_page_is_free_of_errors_and_keeps_the_policy(
    desk: Tenant, rows: Rows, operator: Any
) -> None:
    """In Korean and in the dark: in English and in light, axe looks at each kind of page."""
    # Nobody sees another user's targets.
    AlertTarget.objects.update(user=operator)
    own = {AlertTarget: AlertTarget.objects.filter(user=operator)}
    page = desk(language="ko", scheme="dark", width=1280)
    visited, wide = 0, []
    for model in admin.site._registry:
        options = model._meta
        start = f"admin:{options.app_label}_{options.model_name}_"
        paths = [reverse(start + "changelist")]
        for row in own.get(model, rows.rows(model))[:1]:
            paths += [reverse(start + name, args=[row.pk]) for name in ("change", "history")]
        for path in paths:
            goto(page, path)
            visited += 1
            wide += [f"{path} {each}" for each in page.evaluate(SIDEWAYS)]
    for path in ("/admin/password_change/", "/admin/capital/jobrun/health/", "/admin/"):
        goto(page, path)
    for name in ("capital_account", "strategies_strategy", "auth_user"):
        goto(page, reverse(f"admin:{name}_add"))

    assert visited > 20
    assert wide == []


def test_the_watch_sees_an_error_a_missing_page_and_a_broken_policy(
    visitor: Visitor, operator: Any
) -> None:
    page = goto(visitor.open(operator), "/admin/")
    assert visitor.problems == []

    page.evaluate("console.error('a canary')")
    page.evaluate("fetch('/admin/nowhere/')")
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.stolen = true";
            document.body.append(script);
        }"""
    )
    page.wait_for_timeout(500)

    found = " ".join(visitor.problems)
    assert "a canary" in found
    assert "/admin/nowhere/: 404" in found
    assert "policy: script-src" in found
    assert page.evaluate("window.stolen") is None
    visitor.problems.clear()


def test_a_private_key_is_pasted_into_a_field_that_takes_one_line(
    desk: Tenant, operator: Any, exchange: Exchange
) -> None:
    account = exchange.open_account(
        owner=operator, venue="coinbase", wallets={"spot": {"USD": "70.5"}}
    )
    pem = pem_of(key_of("ec"), TRADITIONAL)
    exchange.state.accounts[0].api_secret = pem
    page = goto(desk(), reverse("admin:capital_account_change", args=[account.pk]))

    page.focus("#id_api_secret")
    page.keyboard.insert_text(pem)
    page.click("button[name=_continue]")
    page.wait_for_selector("text=was changed successfully")

    # Chromium makes a blank of a line break; the standard lets it be dropped.
    assert Account.objects.get(pk=account.pk).api_secret == pem.strip().replace("\n", " ")
    assert str(check_connection(account.pk).pools[0].amount) == "70.50"
