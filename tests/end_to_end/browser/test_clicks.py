"""How far the tasks of an operator's day are away, in clicks."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from capital.models import Account, Stop, StrategyCapital
from capital.services.balances import sync_balances
from capital.simulator.state import SimulatedAccount
from tests.end_to_end.browser.hand import Hand
from tests.end_to_end.browser.visitor import goto
from tests.factories import make_account, make_link, make_strategy, make_summary
from tests.services.overview.timeline.records import decided
from tests.simulated import Exchange

Desk = Callable[..., Page]


@pytest.fixture
def account(operator: Any) -> Account:
    """One that is in use, with a balance at the end of the month before."""
    account = make_account(owner=operator, name="Main", venue="binance")
    make_link(account=account, strategy=make_strategy(owner=operator, key="trend"), capital="100")
    today = timezone.localdate()
    for date in (today.replace(day=1) - timedelta(days=40), today.replace(day=1), today):
        make_summary(
            account=account,
            date=date,
            starting_balance=Decimal(1000),
            spot_balance=Decimal(1000),
            futures_balance=Decimal(0),
            ending_balance=Decimal(1000),
        )
    return account


def test_all_entries_are_stopped_by_two_clicks_and_resumed_by_two(
    desk: Desk, account: Account
) -> None:
    hand = Hand(goto(desk(), "/admin/"))

    hand.press("Stop all entries", leads_to="**/stop/all/")
    hand.press(hand.page.locator("#content").get_by_role("button", name="Stop all entries"))
    expect(hand.page.locator(".desk-bar")).to_contain_text("All entries of everybody are stopped.")
    assert Stop.objects.open().count() == 1
    assert hand.clicks == 2

    hand.press("Resume exactly what was running", leads_to="**/lift/")
    hand.press(hand.page.locator("#content button[type=submit]").first, leads_to="**/admin/")
    expect(hand.page.locator(".desk-bar")).to_have_count(0)
    assert not Stop.objects.open().exists()
    assert hand.clicks == 4


def test_a_revoked_key_is_one_click_from_its_reason(
    desk: Desk, operator: Any, exchange: Exchange
) -> None:
    account = exchange.open_account(
        owner=operator, name="Main", wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}}
    )
    sync_balances([account.pk])
    hand = Hand(goto(desk(), "/admin/strategies/strategy/"))
    exchange.fail(account, "unauthorized")
    sync_balances([account.pk])

    hand.press("Dashboard", leads_to="**/admin/")

    line = hand.page.locator("#needs li").first
    expect(line).to_contain_text("Main")
    expect(line).to_contain_text("binance refused the API key")
    expect(line.get_by_role("link", name="Replace the key")).to_be_visible()
    assert hand.clicks == 1


def test_from_nothing_to_allocated_capital_of_two_strategies_in_twenty_clicks(
    desk: Desk, exchange: Exchange
) -> None:
    exchange.state.add(
        SimulatedAccount(
            venue="bybit",
            api_key="CANARY-key",
            api_secret="CANARY-secret",
            currency="USDT",
            wallets={"unified": {"USDT": "10000"}},
        )
    )
    hand = Hand(goto(desk(), "/admin/"))
    field = lambda name: hand.page.locator(f"#id_{name}")  # noqa: E731

    hand.press("First steps", leads_to="**/first-steps/")
    hand.type(field("venue"), "bybit")
    hand.type(field("name"), "Main")
    hand.press("Next", leads_to="**/first-steps/keys/**")
    hand.type(field("api_key"), "CANARY-key")
    hand.type(field("api_secret"), "CANARY-secret")
    hand.press("Next", leads_to="**/first-steps/check/")
    expect(hand.page.locator("#content")).to_contain_text("10,000.00 USDT")
    hand.press("Next", leads_to="**/first-steps/strategies/**")
    hand.type(field("new-0-name"), "Trend")
    hand.choose(field("new-0-market"), "futures")
    hand.type(field("new-0-weight"), "3")
    hand.type(field("new-1-name"), "Grid")
    hand.type(field("new-1-weight"), "2")
    hand.press("Save and preview", leads_to="**/plans/*/")
    expect(hand.page.locator("#content")).to_contain_text("6,000.00")
    hand.press("Apply", leads_to="**/result/")

    rows = StrategyCapital.objects.order_by("pk").values_list(
        "strategy_account__strategy__key", "allocated_capital"
    )
    assert dict(rows) == {"trend": 6000, "grid": 4000}
    assert hand.clicks <= 20


def test_the_statement_of_last_month_is_three_clicks_away(desk: Desk, account: Account) -> None:
    before = timezone.localdate().replace(day=1) - timedelta(days=1)
    hand = Hand(goto(desk(), "/admin/"))

    hand.press("Performance", leads_to="**/performance/")
    hand.press("Monthly statements", leads_to="**/statements/**")
    hand.press("Month before", leads_to=f"**month={before:%Y-%m}**")

    card = hand.page.locator(".perf-statement")
    expect(card).to_contain_text(f"Main · USDT · {before:%Y-%m}")
    assert hand.clicks == 3


def test_why_3000_yesterday_at_14_is_four_clicks_from_the_dashboard(
    desk: Desk, account: Account
) -> None:
    link = account.strategy_accounts.get()
    fourteen = timezone.localtime().replace(hour=14, minute=0, second=0) - timedelta(days=1)
    decided(link, None, "3000", fourteen - timedelta(hours=30))
    decided(link, "3000", "4000", fourteen + timedelta(minutes=1))
    hand = Hand(goto(desk(), "/admin/"))

    hand.press("Strategies", leads_to="**/strategy/")
    hand.press(hand.page.locator("#result_list tbody a").first, leads_to="**/change/")
    hand.type("Date and time (Asia/Seoul, UTC+09:00)", f"{fourteen:%Y-%m-%dT%H:%M:%S}")
    hand.page.keyboard.press("Enter")

    answer = hand.page.locator("[data-timeline-answer]")
    expect(answer).to_contain_text("3,000.00 USDT")
    expect(answer).to_contain_text(f"{fourteen:%Y-%m-%d %H:%M:%S}")
    expect(answer).to_contain_text("Allocated by weight.")
    expect(answer).to_contain_text("5,000.00 USDT")
    assert hand.clicks <= 4


def test_why_is_one_press_or_key_away_closes_by_escape_and_fits_a_phone(
    desk: Desk, account: Account
) -> None:
    link = account.strategy_accounts.get()
    decided(link, None, "3000", timezone.now() - timedelta(hours=1))
    for width in (390, 1280):
        page = goto(desk(width=width), "/admin/capital/strategycapital/")
        amount = page.locator("a[data-why]").first
        popover = page.locator(".why-popover")

        amount.click()
        expect(popover).to_contain_text("Allocated by weight.")
        assert page.url.endswith("/strategycapital/")
        box = popover.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= 900
        page.keyboard.press("Escape")
        expect(popover).to_be_hidden()
        expect(amount).to_be_focused()

        page.keyboard.press("Enter")
        expect(popover).to_be_visible()
        popover.get_by_role("button", name="Close").click()
        expect(popover).to_be_hidden()


def test_cursor_of_the_timeline_is_moved_by_slider_keys_and_pointer(
    desk: Desk, account: Account
) -> None:
    link = account.strategy_accounts.get()
    now = timezone.now()
    decided(link, None, "3000", now - timedelta(days=40))
    decided(link, "3000", "4000", now - timedelta(days=15))
    page = goto(desk(), f"/admin/timeline/?account={account.pk}")
    answer = page.locator("[data-timeline-answer]")
    expect(answer).to_contain_text("4,000.00 USDT")

    # The highest amount stands above its line, not on it.
    plot = page.locator("[data-timeline-plot]").bounding_box()
    written = page.locator(".tl-highest").bounding_box()
    assert plot is not None
    assert written is not None
    assert written["y"] + written["height"] <= plot["y"] + plot["height"] * 0.08
    page.locator("[data-timeline-plot]").click(position={"x": 100, "y": 50})
    expect(answer).to_contain_text("3,000.00 USDT")
    first = page.locator("[data-timeline-form] input[name=at]").input_value()
    page.locator("[data-timeline-slider]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-timeline-form] input[name=at]")).not_to_have_value(first)

    page.locator(".tl-table summary").click()
    # The account is as new as the test.
    newest_first = ["new account", "3,000.00 → 4,000.00 USDT"]
    expect(page.locator(".tl-table tbody tr")).to_contain_text(newest_first)
