"""How far the tasks of an operator's day are away, in clicks."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from capital.models import Account, Stop
from tests.end_to_end.browser.hand import Hand
from tests.end_to_end.browser.visitor import goto
from tests.factories import make_account, make_link, make_strategy, make_summary

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


def test_the_statement_of_last_month_is_three_clicks_away(desk: Desk, account: Account) -> None:
    before = timezone.localdate().replace(day=1) - timedelta(days=1)
    hand = Hand(goto(desk(), "/admin/"))

    hand.press("Performance", leads_to="**/performance/")
    hand.press("Monthly statements", leads_to="**/statements/**")
    hand.press("Month before", leads_to=f"**month={before:%Y-%m}**")

    card = hand.page.locator(".perf-statement")
    expect(card).to_contain_text(f"Main · USDT · {before:%Y-%m}")
    assert hand.clicks == 3
