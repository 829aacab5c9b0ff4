"""The end of a day: the summaries chain."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from capital.models import DailyAccountSummary
from capital.services.balances.days import close_day
from capital.services.balances.sync import sync_balances
from tests.factories import make_account, make_summary
from tests.simulated import Exchange

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

# 2026-03-11 00:00:30 in Seoul
MIDNIGHT = datetime(2026, 3, 10, 15, 0, 30, tzinfo=UTC)
YESTERDAY, TODAY = date(2026, 3, 10), date(2026, 3, 11)


def test_new_day_opens_with_the_last_ending_balance_and_the_age_of_what_it_knows() -> None:
    read_at = MIDNIGHT - timedelta(hours=5)
    before = make_summary(
        date=YESTERDAY,
        starting_balance=Decimal(100),
        ending_balance=Decimal(150),
        spot_balance=Decimal(90),
        futures_balance=Decimal(60),
        spot_observed_at=read_at,
        futures_observed_at=read_at,
        total_trades=7,
    )

    counts = close_day([before.account_id], clock=lambda: MIDNIGHT)

    today = DailyAccountSummary.objects.get(date=TODAY)
    assert counts == {"opened": 1}
    assert (today.starting_balance, today.ending_balance) == (Decimal(150), Decimal(150))
    assert (today.spot_balance, today.futures_balance) == (Decimal(90), Decimal(60))
    assert (today.spot_observed_at, today.ending_observed_at) == (read_at, read_at)
    assert today.total_trades is None


def test_closing_twice_changes_nothing() -> None:
    before = make_summary(date=YESTERDAY, spot_balance=Decimal(90))
    close_day([before.account_id], clock=lambda: MIDNIGHT)
    rows = list(DailyAccountSummary.objects.order_by("pk").values())

    assert close_day([before.account_id], clock=lambda: MIDNIGHT) == {"open": 1}
    assert list(DailyAccountSummary.objects.order_by("pk").values()) == rows


def test_day_without_history_stays_closed() -> None:
    account = make_account()

    assert close_day([account.pk], clock=lambda: MIDNIGHT) == {"no_history": 1}
    assert not DailyAccountSummary.objects.exists()


def test_balance_of_another_program_is_carried_in_whole_quanta() -> None:
    before = make_summary(
        date=YESTERDAY,
        spot_balance=Decimal("100.005"),
        futures_balance=Decimal(1),
        ending_balance=Decimal("101.005"),
    )

    close_day([before.account_id], clock=lambda: MIDNIGHT)

    today = DailyAccountSummary.objects.get(date=TODAY)
    assert (today.spot_balance, today.ending_balance) == (Decimal(100), Decimal(101))
    assert today.starting_balance == Decimal(101)


def test_day_that_another_machine_opened_already_is_today(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "90"}, "futures": {"USDT": "0"}})
    make_summary(account=account, date=YESTERDAY, ending_balance=Decimal(100))
    make_summary(account=account, date=TODAY, starting_balance=Decimal(100))

    sync_balances([account.pk], clock=lambda: MIDNIGHT - timedelta(seconds=31))

    yesterday, today = DailyAccountSummary.objects.order_by("date")
    assert yesterday.ending_balance == Decimal(100), "it is closed"
    assert (today.starting_balance, today.ending_balance) == (Decimal(100), Decimal(90))


def test_day_that_another_program_opened_starts_with_the_last_ending(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "90"}, "futures": {"USDT": "0"}})
    make_summary(account=account, date=YESTERDAY, ending_balance=Decimal(100))
    make_summary(account=account, date=TODAY, total_trades=3)

    sync_balances([account.pk], clock=lambda: MIDNIGHT)

    assert DailyAccountSummary.objects.get(date=TODAY).starting_balance == Decimal(100)


def test_gap_of_days_is_bridged() -> None:
    before = make_summary(date=YESTERDAY - timedelta(days=9), ending_balance=Decimal(5))

    close_day([before.account_id], clock=lambda: MIDNIGHT)

    assert DailyAccountSummary.objects.get(date=TODAY).starting_balance == Decimal(5)
