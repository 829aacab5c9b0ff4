"""Allocating by hand: select, see first, apply; and what is refused."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from capital.models import Account, AllocationRun, Position, StrategyCapital
from tests.end_to_end.browser.visitor import RUN_ACTION, goto, wait_until_drawn
from tests.factories import make_link, make_strategy
from tests.simulated import Exchange

ExchangeState = Callable[..., Page]


@pytest.fixture
def accounts(exchange: Exchange, operator: Any) -> list[Account]:
    """Three accounts on three venues, each with one strategy; a fourth that is not selected."""
    wallets: dict[str, dict[str, dict[str, str]]] = {
        "binance": {"spot": {"USDT": "10369.00"}, "futures": {"USDT": "5000.00"}},
        "bybit": {"unified": {"USDT": "25000.12"}},
        "upbit": {"spot": {"KRW": "12345678"}},
        "okx": {"unified": {"USDT": "1"}},
    }
    grid = make_strategy(owner=operator, name="Grid", key="grid")
    made = []
    for venue, of_venue in wallets.items():
        account = exchange.open_account(
            venue=venue, wallets=of_venue, owner=operator, name=f"{venue} desk"
        )
        make_link(account=account, strategy=grid)
        made.append(account)
    return made


def held(account: Account) -> Decimal | None:
    rows = StrategyCapital.objects.filter(strategy_account__account=account)
    return rows.values_list("allocated_capital", flat=True).first()


def select_and_preview(page: Page, *accounts: Account) -> None:
    goto(page, "/admin/capital/account/")
    for account in accounts:
        page.check(f"input[name=_selected_action][value='{account.pk}']")
    page.select_option("select[name=action]", "allocate_capital")
    page.locator(RUN_ACTION).first.click()
    page.wait_for_url("**/plans/*/")
    wait_until_drawn(page)


def test_three_accounts_are_seen_first_and_applied_exactly_so(
    desk: ExchangeState, accounts: list[Account]
) -> None:
    page = desk()
    select_and_preview(page, *accounts[:3])

    text = page.inner_text("#content")
    assert "10,369.00" in text
    assert "25,000.12" in text
    assert "12,345,678" in text
    assert "okx desk" not in text
    assert not AllocationRun.objects.exists()

    page.click("button[name=_apply]")
    page.wait_for_url("**/result/")
    expect(page.locator("#content")).to_contain_text("bybit desk")
    assert [held(account) for account in accounts] == [
        Decimal("10369"),
        Decimal("25000.12"),
        Decimal("12345678"),
        None,
    ]

    goto(page, "/admin/capital/strategycapital/")
    expect(page.locator("#result_list")).to_contain_text("12,345,678 KRW")
    goto(page, "/admin/")
    expect(page.locator("#content")).to_contain_text("35,369.12 USDT")


def test_cancel_writes_nothing(desk: ExchangeState, accounts: list[Account]) -> None:
    page = desk()
    select_and_preview(page, accounts[0])
    page.click("text=Cancel")
    page.wait_for_url("**/change/")

    assert not AllocationRun.objects.exists()
    assert held(accounts[0]) is None


def test_a_preview_that_no_longer_holds_is_refused_with_a_fresh_one(
    desk: ExchangeState, accounts: list[Account]
) -> None:
    page = desk()
    select_and_preview(page, accounts[0])
    first = page.url
    accounts[0].strategy_accounts.update(is_active=False)

    page.click("button[name=_apply]")
    page.wait_for_url(lambda url: url != first)
    wait_until_drawn(page)

    assert re.search(r"/plans/[0-9a-f-]+/$", page.url)
    expect(page.locator("body")).to_contain_text("binance desk:")
    assert not AllocationRun.objects.exists()


def test_an_open_position_holds_an_account_until_it_is_forced(
    desk: ExchangeState, accounts: list[Account]
) -> None:
    account = accounts[0]
    Position.objects.create(
        strategy_account=account.strategy_accounts.get(), symbol="BTC/USDT", quantity=Decimal(1)
    )
    page = desk()
    select_and_preview(page, account)
    expect(page.locator("#content")).to_contain_text("There is an open position")

    page.locator("details.plan-more").evaluate("each => each.open = true")
    page.check("input[name=force]")
    with page.expect_navigation():
        page.click("button[name=_preview]")
    expect(page.locator("#content")).to_contain_text(
        "Forced: these accounts are allocated despite open positions."
    )
    assert held(account) is None

    page.click("button[name=_apply]")
    page.wait_for_url("**/result/")

    assert held(account) == 10369
    run = AllocationRun.objects.get()
    assert run.is_forced
    goto(page, f"/admin/capital/allocationrun/{run.pk}/change/")
    expect(page.locator("#content")).to_contain_text(
        "Forced: an open position did not put it on hold."
    )


def test_the_last_run_is_taken_back(
    desk: ExchangeState, accounts: list[Account], exchange: Exchange
) -> None:
    account = accounts[0]
    page = desk()
    for balance in ("10369", "11000"):
        exchange.set_balance(account, "spot", balance)
        select_and_preview(page, account)
        page.click("button[name=_apply]")
        page.wait_for_url("**/result/")
    assert held(account) == 11000
    last = AllocationRun.objects.order_by("pk").last()
    assert last is not None

    goto(page, f"/admin/capital/allocationrun/{last.pk}/change/")
    with page.expect_navigation():
        page.locator("a[href*='revert']").first.click()
    expect(page.locator("#content")).to_contain_text("10,369.00")
    assert held(account) == 11000
    with page.expect_navigation():
        page.locator("#content button[type=submit]").first.click()

    assert held(account) == 10369
    reverting = AllocationRun.objects.order_by("pk").last()
    assert reverting is not None
    assert reverting.trigger == "revert"


def test_a_connection_says_what_answers_and_what_is_wrong_with_a_key(
    desk: ExchangeState, accounts: list[Account]
) -> None:
    good, bad = accounts[:2]
    bad.api_secret = "CANARY-not-the-secret"
    bad.save()
    page = desk()

    goto(page, f"/admin/capital/account/{good.pk}/change/")
    page.click("text=Check connection")
    # It comes beside the page.
    answer = page.locator("dialog.desk-check")
    expect(answer).to_contain_text("10,369.00 USDT")
    answer.locator(".desk-check-close").click()
    expect(answer).to_have_count(0)

    goto(page, f"/admin/capital/account/{bad.pk}/change/")
    page.click("text=Check connection")
    expect(answer).to_contain_text("API key")
    assert "CANARY" not in page.content()
