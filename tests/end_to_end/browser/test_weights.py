"""Weights are changed seeing the money, in few clicks, by keyboard, and on a phone."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from capital.models import Account, AllocationRun, StrategyAccount
from capital.services.allocation import allocate_capital
from tests.admin.forms import change_url
from tests.end_to_end.browser.visitor import fits, goto
from tests.factories import make_link, make_strategy
from tests.simulated import Exchange

Open = Callable[..., Page]
MOST_CLICKS = 6


@pytest.fixture
def account(exchange: Exchange, operator: Any) -> Account:
    """10,000 of spot: Grid has 60, Swing 40."""
    account = exchange.open_account(
        name="Main", owner=operator, wallets={"spot": {"USDT": "10000"}}
    )
    for name, weight in (("Grid", 60), ("Swing", 40)):
        strategy = make_strategy(owner=operator, name=name, key=name.lower())
        make_link(account=account, strategy=strategy, weight=Decimal(weight))
    allocate_capital([account.pk])
    return account


def field(page: Page, strategy: str) -> Any:
    return page.get_by_label(f"Weight of {strategy}")


def line(page: Page, strategy: str) -> Any:
    return page.locator(".weights-row", has_text=strategy)


def capital(account: Account) -> list[Decimal]:
    links = StrategyAccount.objects.filter(account=account).order_by("pk")
    return list(links.values_list("capital__allocated_capital", flat=True))


def test_a_comma_that_somebody_types_is_not_left_out(desk: Open, account: Account) -> None:
    page = goto(desk(), change_url(account))
    for place, button in (
        (field(page, "Grid"), page.get_by_role("button", name="Save and preview")),
        (page.locator("#id_reserve_percent"), page.locator("button[name=_save]")),
    ):
        place.press("Control+A")
        page.keyboard.type("1,5")
        assert place.input_value() == "1,5"
        with page.expect_navigation():
            button.click()

        expect(page.get_by_text("Enter a number such as 1500.25").first).to_be_visible()
        goto(page, change_url(account))

    account.refresh_from_db()
    weights = account.strategy_accounts.order_by("pk").values_list("weight", flat=True)
    assert (list(weights), account.reserve_percent) == ([60, 40], 0)


@pytest.mark.parametrize("goes_on", [False, True])
def test_weight_that_another_button_does_not_save_is_not_lost_silently(
    desk: Open, account: Account, goes_on: bool
) -> None:
    page = goto(desk(), change_url(account))
    asked: list[str] = []

    def answer(dialog: Any) -> None:
        asked.append(dialog.message)
        (dialog.accept if goes_on else dialog.dismiss)()

    page.on("dialog", answer)
    field(page, "Grid").fill("30")
    page.locator("#id_reserve_percent").fill("12")
    if goes_on:
        with page.expect_navigation():
            page.locator("button[name=_save]").click()
    else:
        page.locator("button[name=_save]").click()
        expect(field(page, "Grid")).to_be_focused()
        assert field(page, "Grid").input_value() == "30"

    account.refresh_from_db()
    assert account.reserve_percent == (12 if goes_on else 0)
    assert len(asked) == 1
    assert asked[0].endswith("(Weight of Grid)")


def test_what_was_refused_is_not_lost_silently_either(desk: Open, account: Account) -> None:
    page = goto(desk(), change_url(account))
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.locator("#id_reserve_percent").fill("1,5")
    with page.expect_navigation():
        page.locator("button[name=_save]").click()

    page.get_by_role("button", name="Save, allocate later").click()

    assert page.locator("#id_reserve_percent").input_value() == "1,5"
    assert len(asked) == 1
    assert "Reserve" in asked[0]


def test_button_that_loses_nothing_asks_nothing(desk: Open, account: Account) -> None:
    page = goto(desk(), change_url(account))
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    # Typed, and taken back.
    field(page, "Grid").fill("30")
    field(page, "Grid").fill("60")
    page.locator("#id_reserve_percent").fill("12")
    with page.expect_navigation():
        page.locator("button[name=_save]").click()

    account.refresh_from_db()
    assert account.reserve_percent == 12


def test_weights_are_changed_seeing_the_money_in_at_most_six_clicks(
    desk: Open, account: Account
) -> None:
    page, clicks = goto(desk(), "/admin/"), 0

    def click(target: Any) -> None:
        nonlocal clicks
        target.click()
        clicks += 1

    click(page.locator("#nav-sidebar-inner, nav, aside").get_by_role("link", name="Accounts").first)
    page.wait_for_url("**/capital/account/")
    click(page.locator("#result_list").get_by_role("link", name="Main"))
    page.wait_for_url(f"**{change_url(account)}")
    click(field(page, "Grid"))
    page.keyboard.press("Control+A")
    page.keyboard.type("50")
    click(field(page, "Swing"))
    page.keyboard.press("Control+A")
    page.keyboard.type("50")
    expect(line(page, "Grid")).to_contain_text(re.compile(r"6,000\.00 Why\?\s*5,000\.00"))
    expect(line(page, "Grid")).to_contain_text("-1,000.00 USDT")
    expect(line(page, "Swing")).to_contain_text("50.0%")
    assert AllocationRun.objects.count() == 1
    click(page.get_by_role("button", name="Save and preview"))
    page.wait_for_url("**/plans/*/")
    assert capital(account) == [Decimal(6000), Decimal(4000)]
    click(page.locator("button[name=_apply]"))
    page.wait_for_url("**/result/")

    assert capital(account) == [Decimal(5000), Decimal(5000)]
    assert clicks <= MOST_CLICKS
    goto(page, "/admin/capital/allocationrun/")
    expect(page.locator("#result_list")).to_contain_text("minsu changed weights 60/40 → 50/50.")


def test_by_keyboard_on_a_phone_in_the_dark_nothing_is_lost_and_nothing_moves(
    desk: Open, account: Account
) -> None:
    page = goto(desk(width=390, height=844, scheme="dark"), change_url(account))
    assert fits(page)
    field(page, "Grid").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("0")
    expect(line(page, "Grid")).to_contain_text("The weight must be above 0 and at most 100.")
    # What other weights came to is not shown beside this one.
    expect(line(page, "Grid").locator("[data-after]")).to_be_hidden()
    page.keyboard.press("Enter")
    page.wait_for_url("**/weights/")
    expect(page.get_by_role("alert").first).to_contain_text("Nothing was saved.")
    expect(field(page, "Grid")).to_have_value("0")
    expect(field(page, "Grid")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("90")
    expect(line(page, "Grid").get_by_text("6,923.08")).to_be_visible()
    page.get_by_role("button", name="Save, allocate later").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{change_url(account)}")

    expect(page.locator("body")).to_contain_text("Capital stays as it is until somebody allocates")
    assert capital(account) == [Decimal(6000), Decimal(4000)]
    weights = StrategyAccount.objects.order_by("pk").values_list("weight", flat=True)
    assert list(weights) == [Decimal(90), Decimal(40)]


def test_switching_off_says_first_what_goes_to_zero_and_when_nobody_gets_it(
    desk: Open, account: Account
) -> None:
    make_link(account=account, strategy=make_strategy(name="New"), capital="0")
    make_link(account=account, strategy=make_strategy(name="Perp", market_type="futures"))
    page = goto(desk(), change_url(account))
    told = page.locator("[data-links-off]")
    boxes = page.locator("input[name^=strategy_accounts-][name$='-is_active']:visible")
    expect(boxes).to_have_count(4)
    expect(told.locator("[data-off]:visible")).to_have_count(0)

    boxes.nth(0).uncheck()
    expect(told).to_contain_text("Grid: Switched off, its capital of 6,000.00 USDT goes to zero")
    for line_shown in (told.get_by_text("Swing"), told.get_by_text("nobody gets its money")):
        expect(line_shown).to_be_hidden()
    boxes.nth(1).uncheck()
    expect(told.get_by_text("Swing")).to_be_visible()
    # One without capital still runs: it gets what the others leave.
    expect(told.get_by_text("nobody gets its money")).to_be_hidden()
    boxes.nth(2).uncheck()
    expect(told.get_by_text("nobody gets its money")).to_be_visible()
    boxes.nth(0).check()
    expect(told.get_by_text("Grid")).to_be_hidden()
    expect(told.get_by_text("nobody gets its money")).to_be_hidden()
