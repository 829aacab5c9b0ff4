"""A first balance, or one after zero, is confirmed before anything allocates it unasked."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from capital.exchange.moments import Moment
from capital.models import Account, AllocationRun, DailyAccountSummary
from capital.services.allocation.allocate import (
    DueResult,
    allocate_capital,
    auto_allocate_capital_for_account,
    preview_allocation,
    reallocate_where_due,
)
from capital.services.allocation.applying import apply_plan
from capital.services.allocation.gate import check_gate
from capital.services.allocation.plans import make_plan
from capital.services.allocation.reverts import revert_run
from capital.services.balances.suspects import suspect_reasons
from capital.services.balances.sync import sync_balances
from capital.services.balances.trails import FIRSTS
from tests.factories import capital_of, make_link, make_summary
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Desk:
    """A spot account with one strategy, and its clocks: the wall's, and the one nobody sets."""

    account: Account
    exchange: Exchange
    now: datetime = NOON
    monotonic: int = 1000

    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.monotonic += seconds

    def says(self, amount: str) -> None:
        self.exchange.set_balance(self.account, "spot", amount)

    def check(self, trigger: str = "schedule") -> DueResult:
        (result,) = reallocate_where_due([self.account.pk], trigger=trigger, clock=lambda: self.now)
        return result

    def sync(self) -> Any:
        return sync_balances([self.account.pk], clock=lambda: self.now)

    @property
    def capital(self) -> Decimal | None:
        return capital_of(self.account.strategy_accounts.get())

    @property
    def trail(self) -> Any:
        newest = DailyAccountSummary.objects.filter(account=self.account).latest("date")
        return newest.trails["spot"]


@pytest.fixture
def desk(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> Desk:
    account = exchange.open_account(
        name="Main", wallets={"spot": {"USDT": "5000"}}, max_jump_percent=Decimal(50)
    )
    make_link(account=account)
    desk = Desk(account, exchange)
    monkeypatch.setattr(
        "capital.services.balances.trails.steady_clock", lambda: timedelta(seconds=desk.monotonic)
    )
    return desk


@pytest.mark.parametrize("trigger", ["schedule", "event", "webhook"])
def test_first_balance_is_allocated_once_a_second_reading_confirms_it(
    desk: Desk, trigger: str
) -> None:
    first = desk.check(trigger)
    desk.wait(59)
    too_early = desk.check(trigger)
    desk.wait(1)
    confirmed = desk.check(trigger)

    for waits in (first, too_early):
        assert (waits.run, waits.reason.code) == (None, "balance_unconfirmed")
        assert waits.reason.figures["observed"] == "5000.00"
    assert confirmed.run is not None
    assert confirmed.run.outcome == "applied"
    assert desk.capital == Decimal(5000)
    assert desk.trail == {"hour": [["2026-03-01T12:01:00+00:00", "5000.00"]]}


@pytest.mark.parametrize("trigger", ["command", "admin", "api"])
def test_request_of_a_person_confirms_by_itself(desk: Desk, trigger: str) -> None:
    run = auto_allocate_capital_for_account(
        desk.account.pk, trigger=trigger, clock=lambda: desk.now
    )

    assert (run.outcome, desk.capital) == ("applied", Decimal(5000))
    desk.says("5100")
    assert desk.check().run is not None, "the schedule goes on from there"


def test_plan_of_a_person_confirms_by_itself(desk: Desk) -> None:
    plan = make_plan([desk.account.pk], clock=lambda: desk.now)
    (run,) = apply_plan(plan.public_id, clock=lambda: desk.now)

    assert (run.outcome, desk.capital) == ("applied", Decimal(5000))
    assert "first" not in desk.trail


def test_schedule_that_is_not_asked_whether_it_is_due_waits_too(desk: Desk) -> None:
    (run,) = allocate_capital([desk.account.pk], trigger="schedule", clock=lambda: desk.now)

    assert (run.outcome, run.code, desk.capital) == ("held", "balance_unconfirmed", None)


def test_glitch_after_zero_is_not_allocated_and_the_true_balance_is_not_suspect(
    desk: Desk,
) -> None:
    desk.says("0")
    auto_allocate_capital_for_account(desk.account.pk, clock=lambda: desk.now)
    desk.wait(60)

    desk.says("10000000")
    glitch = desk.check()
    desk.wait(59)
    desk.says("1000")
    true = desk.check()
    desk.wait(60)
    confirmed = desk.check()

    assert [each.reason.code for each in (glitch, true)] == ["balance_unconfirmed"] * 2
    assert true.reason.figures["observed"] == "1000.00"
    assert confirmed.run is not None
    assert desk.capital == Decimal(1000)
    desk.account.refresh_from_db()
    assert desk.account.suspect_readings == {}
    assert AllocationRun.objects.count() == 2


def test_zero_needs_no_confirmation(desk: Desk) -> None:
    desk.says("0")

    result = desk.check()

    assert result.run is not None
    assert desk.capital == Decimal(0)


def test_sync_shows_a_first_balance_and_confirms_it_later(desk: Desk) -> None:
    desk.sync()

    row = DailyAccountSummary.objects.get()
    assert row.spot_balance == Decimal(5000), "it is shown"
    assert desk.trail == {"hour": [], "first": ["2026-03-01T12:00:00+00:00", "5000.00"]}

    desk.wait(60)
    desk.sync()

    assert desk.check().run is not None


def test_what_waits_is_the_first_balance_and_later_ones_near_it_do_not_put_it_off(
    desk: Desk,
) -> None:
    for amount in ("5000", "6000", "7000"):
        desk.says(amount)
        desk.sync()
        desk.wait(30)

    assert "first" not in desk.trail
    assert desk.check().run is not None
    assert desk.capital == Decimal(7000)


def test_cached_balance_that_is_unconfirmed_is_not_allocated_unasked(desk: Desk) -> None:
    desk.check()
    desk.wait(120)
    desk.exchange.fail(desk.account, "unauthorized")

    assert desk.check().reason.code == "balance_unconfirmed"
    assert desk.capital is None

    run = auto_allocate_capital_for_account(desk.account.pk, clock=lambda: desk.now)
    assert (run.outcome, desk.capital) == ("applied", Decimal(5000))


def test_balance_that_is_taken_from_the_summary_confirms_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where many accounts are to be answered, one that was just read is not asked again."""
    monkeypatch.setattr("capital.services.balances.recent.ASKED_ANYWAY", 0)
    desk.check()
    desk.wait(50)
    desk.check()
    desk.wait(15)

    seen = len(desk.exchange.asked)
    (result,) = reallocate_where_due(
        [desk.account.pk],
        trigger="webhook",
        until=Moment.now() + timedelta(seconds=3),
        clock=lambda: desk.now,
    )

    assert len(desk.exchange.asked) == seen
    assert result.reason.code == "balance_unconfirmed"


def test_balance_of_before_there_were_trails_is_confirmed(desk: Desk) -> None:
    make_summary(
        account=desk.account,
        date=NOON.date(),
        spot_balance=Decimal(4900),
        spot_observed_at=NOON - timedelta(minutes=1),
    )

    assert desk.check().run is not None


def test_another_process_goes_by_the_time_that_is_stored(desk: Desk) -> None:
    desk.check()
    FIRSTS.forget()
    desk.monotonic = 5
    desk.now += timedelta(seconds=59)
    assert desk.check().run is None

    FIRSTS.forget()
    desk.now += timedelta(seconds=1)
    assert desk.check().run is not None


def test_clock_that_is_set_ahead_confirms_nothing(desk: Desk) -> None:
    desk.check()
    desk.now += timedelta(hours=1)
    assert desk.check().run is None

    desk.wait(60)
    assert desk.check().run is not None


def test_clock_that_is_set_back_puts_nothing_off(desk: Desk) -> None:
    desk.check()
    desk.monotonic += 60
    desk.now -= timedelta(minutes=10)

    assert desk.check().run is not None


def test_gate_says_what_the_schedule_does_and_a_dry_run_what_its_request_would(
    desk: Desk,
) -> None:
    status = check_gate(desk.account.pk, clock=lambda: desk.now)
    (due,) = preview_allocation([desk.account.pk], if_due=True, clock=lambda: desk.now)
    (preview,) = preview_allocation([desk.account.pk], clock=lambda: desk.now)

    assert (status.due, status.reason.code, status.is_held) == (
        False,
        "balance_unconfirmed",
        False,
    )
    assert (due.decision, due.reason) == (None, status.reason)
    assert preview.decision is not None
    assert preview.decision.outcome == "applied"
    assert not DailyAccountSummary.objects.exists()


def test_guard_that_is_off_confirms_nothing(desk: Desk) -> None:
    Account.objects.update(max_jump_percent=None)

    assert desk.check().run is not None
    assert desk.trail == {}


def test_one_pool_that_waits_keeps_the_account_as_it_is(desk: Desk) -> None:
    auto_allocate_capital_for_account(desk.account.pk, clock=lambda: desk.now)
    make_link(account=desk.account, market_type="futures")
    desk.exchange.set_balance(desk.account, "futures", "700")

    waits = desk.check()
    desk.wait(60)

    assert (waits.run, waits.reason.code) == (None, "balance_unconfirmed")
    assert waits.reason.figures["pool"] == "futures"
    result = desk.check()
    assert result.run is not None
    assert result.run.outcome == "applied"


def test_slide_is_held_as_one_jump_and_accepting_it_begins_the_hour_anew(desk: Desk) -> None:
    desk.says("6400")
    auto_allocate_capital_for_account(desk.account.pk, clock=lambda: desk.now)
    results = []
    for amount in ("3200", "1600", "800", "400", "200", "100"):
        desk.wait(60)
        desk.says(amount)
        results.append(desk.check())

    slide = results[1].reason
    assert slide.code == "slide_suspected"
    assert (slide.figures["accepted"], slide.figures["percent"]) == ("6400.00", "75.0")
    assert results[2].reason == slide, "what is on hold is what was seen first"
    assert desk.capital == Decimal(3200), "the first step is within the limit"

    run = auto_allocate_capital_for_account(
        desk.account.pk, accept_jump=True, clock=lambda: desk.now
    )
    desk.wait(60)
    desk.says("60")

    assert (run.outcome, run.figures.get("accepted")) == ("applied", None)
    assert desk.check().run is not None
    assert desk.capital == Decimal(60)


def test_slide_that_is_accepted_in_a_plan_begins_the_hour_anew(desk: Desk) -> None:
    desk.says("1000")
    auto_allocate_capital_for_account(desk.account.pk, clock=lambda: desk.now)
    for amount in ("600", "400"):
        desk.wait(60)
        desk.says(amount)
        desk.check()

    plan = make_plan([desk.account.pk], accept_jump=True, clock=lambda: desk.now)
    (run,) = apply_plan(plan.public_id, clock=lambda: desk.now)
    desk.wait(60)
    desk.says("250")

    assert run.outcome == "applied"
    assert desk.check().run is not None
    assert desk.capital == Decimal(250)


def test_slide_is_recorded_once_and_told_as_such_while_it_waits(desk: Desk) -> None:
    desk.says("1000")
    auto_allocate_capital_for_account(desk.account.pk, clock=lambda: desk.now)
    desk.wait(60)
    desk.says("600")
    desk.sync()
    desk.wait(60)
    desk.says("400")
    desk.sync()

    first, again = desk.check(), desk.check()

    assert first.run is not None
    assert (first.run.outcome, first.run.code) == ("held", "slide_suspected")
    assert (again.run, again.reason.code) == (None, "slide_suspected")
    desk.account.refresh_from_db()
    assert desk.account.suspect_readings["spot"]["is_slide"] is True
    assert [reason.code for reason in suspect_reasons(desk.account)] == ["slide_suspected"]


def test_trail_goes_along_over_midnight(desk: Desk) -> None:
    desk.now = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    desk.says("1000")
    auto_allocate_capital_for_account(desk.account.pk, clock=lambda: desk.now)
    for amount in ("600", "400"):
        desk.wait(60 * 10)
        desk.says(amount)
        result = desk.check()

    assert result.reason.code == "slide_suspected"


def test_revert_is_a_persons_request_too(desk: Desk) -> None:
    run = auto_allocate_capital_for_account(desk.account.pk, clock=lambda: desk.now)
    DailyAccountSummary.objects.update(
        trails={"spot": {"hour": [], "first": [NOON.isoformat(), "5000.00"]}}
    )
    desk.wait(1)

    assert revert_run(run.pk, clock=lambda: desk.now).outcome == "applied"
    assert "first" not in desk.trail
