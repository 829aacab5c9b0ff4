"""The pictures of the README and of an operator's day, from the demo desk: `make screenshots`."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Page

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.models import Account, AllocationRun, JobRun
from capital.services.balances.sync import sync_balances
from capital.services.jobs.clusters import record_heartbeat
from capital.services.jobs.table import scheduled_jobs
from capital.services.trading import enter_flow
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import DEMO_ACCOUNTS, ExchangeState
from capital.simulator.trading.demo import trade_demo
from strategies.models import Strategy
from tests.end_to_end.browser.visitor import RUN_ACTION, Visitor, goto, wait_until_drawn
from tests.paths import ROOT

IMAGES = ROOT / "docs" / "images"
LARGEST_BYTES = 150_000


@pytest.fixture
def demo(settings: Any) -> Any:
    """The demo desk, decided once; since then its bots traded, and two balances changed."""
    settings.DEBUG = True
    described = ExchangeState.from_json(DEMO_ACCOUNTS)
    now = timezone.localtime()
    trade_demo(described, now.replace(hour=0, minute=0, second=0, microsecond=0), now)
    with SimulatedExchange(described) as server:
        settings.CAPITAL_VENUE_URLS = server.venue_urls
        call_command("load_demo", trades=True, closed=True)
        call_command("reallocate")
        call_command("load_demo", trades=True)
        ids = list(Account.objects.values_list("pk", flat=True))
        _move_money(described)
        sync_balances(ids)
        _have_jobs_done()
        settings.DEBUG = False
        yield Account.objects.get(name="Binance main")


def _move_money(described: ExchangeState) -> None:
    """A deposit and a transfer, which are on record: so nothing of the balances is unexplained."""
    account = Account.objects.get(name="Binance main")
    for kind, pool, amount in (
        (FlowKind.DEPOSIT, Pool.SPOT, Decimal("413.55")),
        (FlowKind.TRANSFER, Pool.SPOT, Decimal("129.85")),
        (FlowKind.TRANSFER, Pool.FUTURES, Decimal("-129.85")),
    ):
        enter_flow(
            account.pk,
            pool=pool,
            kind=kind,
            currency=account.currency,
            amount=amount,
            occurred_at=timezone.now(),
            note="For the pictures",
        )
    described.set_balance("demo-binance-main-key", "spot", "USDT", "10912.40")
    described.set_balance("demo-binance-main-key", "futures", "USDT", "4870.15")


def _have_jobs_done() -> None:
    """A desk in service: a worker beats, and its jobs are on time."""
    record_heartbeat(pid=1, is_first=True)
    now = timezone.now()
    for job in scheduled_jobs():
        JobRun.objects.create(name=job.name, started_at=now, finished_at=now)


def shoot(page: Page, name: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    path = IMAGES / f"{name}.png"
    page.wait_for_timeout(300)
    page.screenshot(path=path)
    assert path.stat().st_size < LARGEST_BYTES, (name, path.stat().st_size)


def test_pictures(visitor: Visitor, demo: Account) -> None:
    page = visitor.open(demo.owner, width=1280, height=900)
    shoot(goto(page, "/admin/"), "dashboard")
    page.set_viewport_size({"width": 1280, "height": 1000})
    shoot(goto(page, f"/admin/capital/account/{demo.pk}/change/"), "account")

    fallback = Account.objects.get(name="Binance fallback")
    goto(page, "/admin/capital/account/")
    for account in (demo, fallback):
        page.check(f"input[name=_selected_action][value='{account.pk}']")
    page.select_option("select[name=action]", "allocate_capital")
    page.locator(RUN_ACTION).first.click()
    page.wait_for_url("**/plans/*/")
    wait_until_drawn(page)
    page.set_viewport_size({"width": 1280, "height": 880})
    page.evaluate("document.querySelector('details:not(.plan-more)').open = false")
    shoot(page, "preview")
    page.click("button[name=_apply]")
    page.wait_for_url("**/result/")
    run = AllocationRun.objects.filter(account=demo).latest("pk")
    page.set_viewport_size({"width": 1280, "height": 860})
    shoot(goto(page, f"/admin/capital/allocationrun/{run.pk}/change/"), "run")

    dark = visitor.open(demo.owner, scheme="dark", language="ko", width=1280, height=900)
    shoot(goto(dark, "/admin/"), "dashboard-dark-korean")


def test_pictures_of_performance(visitor: Visitor, demo: Account) -> None:
    page = visitor.open(demo.owner, width=1280, height=860)
    shoot(goto(page, "/admin/performance/"), "performance")
    page.set_viewport_size({"width": 1280, "height": 900})
    strategy = Strategy.objects.get(key="trend")
    shoot(goto(page, f"/admin/strategies/strategy/{strategy.pk}/performance/"), "strategy")
    page.set_viewport_size({"width": 1280, "height": 800})
    shoot(goto(page, f"/admin/statements/?account={demo.pk}"), "statement")


def test_pictures_of_a_day(visitor: Visitor, demo: Account) -> None:
    page = visitor.open(demo.owner, width=1100, height=560)
    shoot(goto(page, "/admin/"), "day-needs")

    goto(page, f"/admin/capital/account/{demo.pk}/change/")
    first = page.locator(".weights-input input[type=text], .weights-input input[type=number]").first
    first.fill("3")
    page.wait_for_function(
        "[...document.querySelectorAll('[data-after]')].some(each => each.textContent !== '')"
    )
    shoot(page, "day-weights")

    page.locator("[data-timeline]").scroll_into_view_if_needed()
    page.wait_for_selector("[data-timeline-plot]")
    page.locator("[data-timeline]").evaluate("each => each.scrollIntoView()")
    page.evaluate("window.scrollBy(0, -80)")
    shoot(page, "day-timeline")

    page.locator(".desk-table a.desk-why, .field-shown_capital a.desk-why").first.click()
    page.wait_for_selector(".why-popover .why-figures")
    shoot(page, "day-why")

    goto(page, f"/admin/capital/account/{demo.pk}/change/")
    page.get_by_role("link", name="Check connection").first.click()
    page.wait_for_selector("dialog.desk-check .desk-list")
    shoot(page, "day-check")

    goto(page, "/admin/capital/stop/all/")
    shoot(page, "day-stop")
