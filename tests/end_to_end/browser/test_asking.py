"""Asking for a preview: a second click makes no second plan; and what narrows a list."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from capital.models import Account, AllocationPlan, PlanRequest
from capital.services.webhooks import rotate_secret
from tests.end_to_end.browser.visitor import fits, goto, wait_until_drawn
from tests.factories import make_link, make_strategy
from tests.simulated import Exchange

Window = Callable[..., Page]


@pytest.fixture
def bulk(exchange: Exchange, operator: Any) -> None:
    """Fourteen accounts that share a strategy."""
    grid = make_strategy(owner=operator, name="Grid", key="grid")
    for number in range(14):
        account = exchange.open_account(
            owner=operator,
            name=f"Desk {number:02}",
            wallets={"spot": {"USDT": "100"}, "futures": {"USDT": "0"}},
        )
        make_link(account=account, strategy=grid)


def test_second_click_makes_no_second_plan_and_many_accounts_are_a_table(
    desk: Window, bulk: None
) -> None:
    page = goto(desk(), "/admin/capital/account/")
    page.evaluate(
        """() => {
            const form = document.querySelector("form[action$='allocate-due/']");
            const twice = new FormData(form);
            const headers = { Accept: "application/json" };
            fetch(form.action, { method: "POST", body: twice, headers });
            form.querySelector("button").click();
            form.querySelector("button").click();
        }"""
    )
    page.wait_for_url("**/plans/*-*/")
    wait_until_drawn(page)

    assert AllocationPlan.objects.count() == PlanRequest.objects.count() == 1
    rows = page.locator("tr[data-row]:visible")
    expect(rows).to_have_count(14)
    page.fill(".bulk-search", "desk 07")
    expect(rows).to_have_count(1)
    rows.locator("a[data-details]").click()
    expect(page.locator("tr[data-detail]")).to_contain_text("Grid")
    assert fits(page)


def test_page_that_waits_is_answered_while_who_answered_is_written(
    desk: Window, operator: Any, bulk: None
) -> None:
    asked = PlanRequest.objects.create(
        key=uuid4(),
        actor=operator,
        started_at=timezone.now(),
        accounts=list(Account.objects.values_list("pk", flat=True)),
    )
    is_written, is_seen = Event(), Event()

    def write() -> None:
        with transaction.atomic():
            PlanRequest.objects.filter(pk=asked.pk).update(answers={"0": []})
            is_written.set()
            is_seen.wait(10)
        connection.close()

    page = desk()
    # As `make_plan_once` does, with a connection of its own.
    thread = Thread(target=write)
    thread.start()
    assert is_written.wait(10)
    try:
        goto(page, reverse("admin:capital_account_plan_asked", args=[asked.key]))
    finally:
        is_seen.set()
        thread.join()
    expect(page.locator("#content")).to_contain_text("0 of 14 accounts have answered")


@pytest.mark.parametrize("width", [390, 1280])
def test_every_row_of_a_long_list_can_be_ticked(desk: Window, bulk: None, width: int) -> None:
    page = goto(desk(width=width, height=700), "/admin/capital/account/")
    boxes = page.locator("#result_list .action-select")
    for box in boxes.all():
        box.check()

    assert boxes.count() == page.locator("#result_list .action-select:checked").count() == 14


def test_chip_takes_its_filter_off(desk: Window, bulk: None) -> None:
    page = goto(desk(width=390), "/admin/capital/account/?currency=USDT&state=active")
    chips = page.locator(".desk-chip")
    expect(chips).to_have_count(2)
    chips.filter(has_text="Currency").locator("a").click()
    page.wait_for_url("**/account/?state=active")
    expect(chips).to_have_count(1)
    assert fits(page)


def test_a_slow_answer_of_the_webhook_does_not_replace_the_last_ones(
    desk: Window, operator: Any
) -> None:
    strategy = make_strategy(owner=operator, name="Grid", key="grid")
    rotate_secret(strategy)
    page = desk()
    waiting: list[Route] = []

    def answer(route: Route) -> None:
        if route.request.post_data == "slow":
            waiting.append(route)
        else:
            route.fulfill(status=200, body='{"detail": "of the last text"}')

    page.route("**/api/v1/hooks/**", answer)
    goto(page, reverse("admin:strategies_strategy_webhook", args=[strategy.pk]))
    shown, button = page.locator("[data-answer]"), page.locator("[data-try] button")

    for text in ("slow", "quick"):
        page.fill("#tried", text)
        button.click()
    expect(shown).to_contain_text("of the last text")
    waiting.pop().fulfill(status=200, body='{"detail": "of the first text"}')
    page.wait_for_timeout(300)

    expect(shown).to_contain_text("of the last text")
