"""Everybody can use every page: axe-core finds nothing serious, a keyboard reaches everything."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.contrib.auth.models import Group
from playwright.sync_api import Page, expect

from tests.end_to_end.browser.visitor import DRAWN, SIDEWAYS, Visitor, goto, wait_until_drawn
from tests.words.everything import Everything, addresses, make_everything
from tests.words.reading import report

Tenant = Callable[..., Page]

# What axe-core calls by these names: the rules of WCAG 2.1, A and AA.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
AUDIT = """async (rules) => {
    const told = await axe.run(document, { resultTypes: ["violations"], runOnly: rules });
    return told.violations
        .filter((each) => ["serious", "critical"].includes(each.impact)
            || each.id.startsWith("landmark-one"))
        .flatMap((each) => each.nodes.map((node) => `${each.id}: ${node.html.slice(0, 300)} ${
            (node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? ""}`));
}"""
# What answers a click, and no keyboard reaches.
OUT_OF_REACH = """() => [...document.querySelectorAll("[x-on\\\\:click], [onclick]")]
    .filter((each) => each.checkVisibility() && each.tabIndex < 0 && !each.id.endsWith("-close"))
    .filter((each) => !each.querySelector("a[href], button, input, select, textarea, [tabindex]"))
    .map((each) => `out of reach: ${each.outerHTML.slice(0, 200)}`)"""
# A table that is laid out as a list is none any more: each of its parts has to say what it is.
UNTOLD = """() => [...document.querySelectorAll("table")]
    .flatMap((table) => [table, ...table.querySelectorAll("tbody, tr, th, td")])
    .filter((each) => each.checkVisibility() && !each.hasAttribute("role"))
    .filter((each) => !getComputedStyle(each).display.startsWith("table"))
    .filter((each) => each.cells?.length !== 0 && (each.tagName !== "TR"
        || [...each.cells].some((cell) => cell.checkVisibility())))
    .map((each) => `untold: ${each.outerHTML.slice(0, 120)}`)"""
STRUCTURE = ["aria-required-children", "aria-required-parent", "aria-roles", "aria-allowed-role"]
DARK = "document.documentElement.classList.add('dark')"
# Pages that are the same for every kind of row.
ALIKE = ("history", "delete")


@pytest.fixture
def everything(operator: Any) -> Everything:
    # What a test before has flushed.
    for name in ("operator", "risk", "viewer"):
        Group.objects.get_or_create(name=name)
    return make_everything("mine")


def read_pages(everything: Everything) -> list[str]:
    """One address of each kind that answers with a page to read."""
    kinds: dict[str, str] = {}
    for path in addresses(everything):
        parts = path.strip("/").split("/")
        kind = parts[-1] if parts[-1] in ALIKE else "/".join(map(_kind_of, parts))
        kinds.setdefault(kind, path)
    return list(kinds.values())


def _kind_of(part: str) -> str:
    return "*" if part.isdigit() else part


@pytest.mark.parametrize("part", range(3))
def test_axe_finds_nothing_serious_in_either_theme_a_keyboard_reaches_all_and_a_phone_shows_it(
    visitor: Visitor, everything: Everything, part: int
) -> None:
    page = visitor.open(everything.tenant.user)
    found: dict[str, list[str]] = {}
    seen = 0
    for path in read_pages(everything)[part::3]:
        answer = page.goto(path)
        assert answer is not None
        if answer.status == 403:
            # Nobody adds by hand what services write.
            visitor.forget(answer.url)
            continue
        if answer.request.redirected_from:
            # Another one of these pages.
            continue
        wait_until_drawn(page)
        page.evaluate(AXE_SCRIPT)
        wrong = page.evaluate(AUDIT, {"type": "tag", "values": RULES})
        wrong += page.evaluate(OUT_OF_REACH)
        page.evaluate(DARK)
        dark = page.evaluate(AUDIT, {"type": "rule", "values": COLOURS})
        page.set_viewport_size({"width": 390, "height": 844})
        # The page hears of its new size before it draws the next frame.
        page.evaluate(DRAWN)
        wide = page.evaluate(SIDEWAYS)
        wide += page.evaluate(UNTOLD)
        wide += page.evaluate(AUDIT, {"type": "rule", "values": STRUCTURE})
        page.set_viewport_size({"width": 1280, "height": 900})
        if wrong or dark or wide:
            told = [*(f"dark: {each}" for each in dark), *(f"wide: {each}" for each in wide)]
            found[path] = [*wrong, *told]
        seen += 1

    assert not found, report(found)
    assert seen > 10


# How an element that has the focus shows it: an outline, or a shadow that is no outline's rest.
FOCUSED = """() => {
    const each = document.activeElement;
    const style = getComputedStyle(each);
    return {
        name: `${each.tagName} ${each.id} ${each.textContent.trim().slice(0, 40)}`,
        seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_focus_is_seen_wherever_the_keyboard_leads(
    visitor: Visitor, everything: Everything, scheme: str
) -> None:
    page = visitor.open(everything.tenant.user, scheme=scheme)
    unseen, names = [], set()
    for path in ("/admin/", "/admin/capital/account/", "/admin/capital/account/1/change/"):
        goto(page, path.replace("/1/", f"/{everything.tenant.account.pk}/"))
        for _ in range(60):
            page.keyboard.press("Tab")
            focused = page.evaluate(FOCUSED)
            if focused["name"].startswith("BODY"):
                break
            names.add(focused["name"])
            if not focused["seen"]:
                unseen.append(f"{path}: {focused['name']}")

    assert unseen == []
    assert len(names) > 60


def test_the_first_tab_leads_past_the_menu_and_the_menu_opens_by_keyboard(
    visitor: Visitor, everything: Everything
) -> None:
    page = goto(visitor.open(everything.tenant.user), "/admin/capital/account/")
    page.keyboard.press("Tab")
    skip = page.locator(".desk-skip")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()

    person = page.locator("nav#nav-sidebar-inner [role=button]").last
    person.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#logout-form")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.locator("#logout-form")).to_be_hidden()


def test_filters_open_by_keyboard(visitor: Visitor, everything: Everything) -> None:
    page = goto(visitor.open(everything.tenant.user), "/admin/capital/account/")
    page.get_by_role("button", name="Filters").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#changelist-filter")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#changelist-filter")).to_be_hidden()


def test_an_error_is_where_the_reader_looks(visitor: Visitor, everything: Everything) -> None:
    account = everything.tenant.account
    page = goto(
        visitor.open(everything.tenant.user), f"/admin/capital/account/{account.pk}/change/"
    )
    page.fill("#id_max_cache_age_hours", "-5")
    with page.expect_navigation():
        page.click("button[name=_save]")

    expect(page.locator("#id_max_cache_age_hours")).to_be_focused()
    expect(page.locator("#id_max_cache_age_hours")).to_be_in_viewport()
