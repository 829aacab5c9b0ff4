"""An account without books: judged by balances, by two readings, once flows are read."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from capital.models import (
    Account,
    DailyAccountSummary,
    LimitState,
    Stop,
    TradingCursor,
)
from capital.services.accounts.lookup import lock_accounts
from capital.services.limits import judge_limits, lift_stop
from tests.factories import make_account, make_flow, make_link, make_summary

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
# Noon in Seoul on the tenth
NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)


def at(minutes: int = 0, *, days: int = 0) -> datetime:
    return NOON + timedelta(days=days, minutes=minutes)


class Desk:
    """An account whose only strategy tells nothing, with 1,000 at the end of yesterday."""

    def __init__(self, **fields: Any) -> None:
        self.account = make_account(**{"max_daily_loss_percent": D(5), **fields})
        self.link = make_link(account=self.account, market_type="futures", capital="1000")
        self.is_unified = self.account.wallet_mode == "unified"
        self.read("1000", days=-1)
        self.cursor = TradingCursor.objects.create(
            account=self.account,
            pool="unified" if self.is_unified else "futures",
            asked_for="flows",
            endpoint="transfers",
            begins_at=at(days=-30),
            read_until=at(days=-30),
        )

    def read(self, amount: str, minutes: int = 0, *, days: int = 0) -> None:
        """A sync stores a balance and judges."""
        moment = at(minutes, days=days)
        name = "ending" if self.is_unified else "futures"
        fields = {f"{name}_balance": D(amount), f"{name}_observed_at": moment}
        rows = DailyAccountSummary.objects.filter(account=self.account, date=moment.date())
        if not rows.update(**fields):
            make_summary(account=self.account, date=moment.date(), **fields)
        self.judge(moment)

    def judge(self, moment: datetime) -> None:
        with transaction.atomic():
            lock_accounts([self.account.pk])
            judge_limits([self.account.pk], now=moment)

    def read_flows(self, minutes: int) -> None:
        TradingCursor.objects.update(read_until=at(minutes))

    @property
    def state(self) -> LimitState:
        return LimitState.objects.get()


def cause(desk: Desk) -> str:
    assert desk.state.code == "limit_not_judged"
    return str(desk.state.figures["cause"])


def test_loss_stops_once_two_readings_agree_and_flows_are_read() -> None:
    desk = Desk()
    desk.read("940", 0)
    desk.read("940", 0)
    desk.read("939", 1)
    assert not Stop.objects.exists()
    # Both are read, and nobody knows yet whether somebody took 60 out.
    assert (desk.state.used, desk.state.code) == (None, "")
    desk.read_flows(1)
    desk.read("938", 2)

    stop = Stop.objects.get()
    assert (stop.scope, stop.code) == ("account", "daily_loss_reached")
    # What both readings show.
    assert stop.figures == {"percent": "6.00", "limit": "5"}
    assert desk.state.is_by_balance


def test_one_wrong_reading_stops_nothing() -> None:
    desk = Desk()
    desk.read_flows(60)
    desk.read("10", 0)
    desk.read("999", 1)
    desk.read("940", 2)
    assert not Stop.objects.exists()
    assert (desk.state.used, desk.state.code) == (None, "")
    desk.read("940", 3)
    assert Stop.objects.exists()


@pytest.mark.parametrize("kind", ["withdrawal", "transfer"])
def test_withdrawal_that_is_read_later_was_no_loss(kind: str) -> None:
    desk = Desk(max_drawdown_percent=D(5))
    for minutes in range(4):
        desk.read("400", minutes)
    assert not Stop.objects.exists()
    make_flow(desk.account, kind=kind, amount=D(-600), occurred_at=at(-10))
    desk.read_flows(5)
    desk.read("400", 6)

    assert not Stop.objects.exists()
    assert {row.used for row in LimitState.objects.all()} == {0}
    # A loss beside it counts: 5 of the 1,000 that the day began with.
    desk.read("395", 7)
    assert {row.used for row in LimitState.objects.all()} == {D("0.5")}


def test_deposit_hides_no_loss_and_warns_as_fills_do() -> None:
    desk = Desk()
    make_flow(desk.account, amount=D(1000), occurred_at=at(-10))
    desk.read_flows(60)
    desk.read("1915", 0)
    desk.read("1915", 1)

    # 85 of 2,000.
    assert (desk.state.used, desk.state.code) == (D("4.25"), "daily_loss_near")
    assert not Stop.objects.exists()


def test_drawdown_goes_over_the_days_of_which_flows_are_read() -> None:
    desk = Desk(max_daily_loss_percent=None, max_drawdown_percent=D(10))
    DailyAccountSummary.objects.all().delete()
    for days, amount in ((-40, "9000"), (-4, "1000"), (-3, "1100"), (-2, "1050"), (-1, "1040")):
        desk.read(amount, days=days)
    desk.read_flows(60)
    desk.read("990", 0)
    desk.read("990", 1)

    # From 1,100: what was there before flows were read is no level.
    assert [stop.code for stop in Stop.objects.all()] == ["drawdown_reached"]


def test_days_without_a_balance_and_balances_of_before_flows_were_read_are_left_out() -> None:
    desk = Desk(max_daily_loss_percent=None, max_drawdown_percent=D(10))
    # An hour before deposits and withdrawals began to be read
    desk.read("9000", -60, days=-30)
    make_summary(account=desk.account, date=at(days=-3).date(), spot_balance=D(9000))
    desk.read("1000", days=-4)
    desk.read("1000", days=-2)
    desk.read_flows(60)
    desk.read("910", 0)
    desk.read("910", 1)

    # Of 1,000, whatever was there before.
    assert (desk.state.used, desk.state.code) == (9, "drawdown_near")
    assert not Stop.objects.exists()


def test_deposit_counts_on_the_day_it_came_and_on_no_other() -> None:
    desk = Desk()
    desk.read("500", days=-2)
    make_flow(desk.account, amount=D(500), occurred_at=at(-60, days=-1))
    desk.read_flows(60)
    desk.read("960", 0)
    desk.read("960", 1)

    # 40 of today's 1,000, which hold the 500 already.
    assert (desk.state.used, desk.state.code) == (4, "daily_loss_near")
    assert not Stop.objects.exists()


def test_stop_that_is_lifted_when_balances_tell_nothing_keeps_only_its_day() -> None:
    desk = Desk()
    desk.read_flows(60)
    desk.read("940", 0)
    desk.read("940", 1)
    Account.objects.update(balance_basis="free")

    lifted = lift_stop(Stop.objects.get().pk, reason="Seen", actor=None, clock=lambda: at(2))

    assert lifted.lifted_figures == {"date": "2026-03-10"}


def test_equity_of_a_unified_pool_without_spot_links_is_judged() -> None:
    desk = Desk(venue="bybit", wallet_mode="unified", balance_basis="equity")
    desk.read_flows(60)
    desk.read("940", 0)
    desk.read("940", 1)

    assert Stop.objects.count() == 1


def test_what_tells_of_no_loss_is_not_judged_and_says_why() -> None:
    desk = Desk()
    TradingCursor.objects.all().delete()
    desk.read("10", 0)
    assert cause(desk) == "flows_not_read"

    Account.objects.update(balance_basis="free")
    desk.judge(at(1))
    assert cause(desk) == "basis_free"
    Account.objects.update(balance_basis="wallet", readings_since=at(-60))
    desk.judge(at(2))
    assert cause(desk) == "basis_changed"
    assert not Stop.objects.exists()


def test_account_whose_balance_was_not_read_today_is_not_judged() -> None:
    desk = Desk()
    desk.read_flows(60)
    desk.judge(at(1))
    assert cause(desk) == "balance_not_read"


def test_spot_strategies_hide_what_a_balance_would_tell() -> None:
    desk = Desk(venue="bybit", wallet_mode="unified")
    make_link(account=desk.account, market_type="spot", capital="1")
    desk.judge(at(1))
    assert cause(desk) == "spot_held"
    only_spot = make_account(max_daily_loss_percent=D(5))
    make_link(account=only_spot, market_type="spot", capital="1")
    with transaction.atomic():
        lock_accounts([only_spot.pk])
        judge_limits([only_spot.pk], now=at(1))
    shown = LimitState.objects.get(account=only_spot)
    assert shown.figures == {"cause": "spot_held"}
