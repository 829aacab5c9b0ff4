from datetime import date
from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError

from capital.models import DailyAccountSummary, StrategyCapital
from tests.factories import make_account, make_link, make_summary
from tests.models.refusals import refused_by_database

pytestmark = pytest.mark.django_db

BALANCES = ("starting_balance", "ending_balance", "spot_balance", "futures_balance")
COUNTS = ("total_trades", "winning_trades", "losing_trades")
MONEY = ("realized_pnl", "unrealized_pnl", "total_volume", "total_fees")


def test_a_balance_left_out_is_absent_and_not_zero():
    make_summary()

    summary = DailyAccountSummary.objects.get()
    assert [getattr(summary, name) for name in BALANCES] == [None] * 4


def test_a_balance_of_zero_is_zero_and_not_absent():
    make_summary(**dict.fromkeys(BALANCES, Decimal(0)))

    summary = DailyAccountSummary.objects.get()
    assert [getattr(summary, name) for name in BALANCES] == [0] * 4


def test_what_nobody_told_is_absent():
    make_summary()

    summary = DailyAccountSummary.objects.get()
    assert [getattr(summary, name) for name in (*COUNTS, *MONEY)] == [None] * 7


def test_zeros_of_earlier_versions_become_unknown_where_nobody_told_anything():
    told = dict.fromkeys((*COUNTS, *MONEY), 0)
    nobodys = make_summary(**told)
    somebodys = make_summary(**told | {"total_fees": Decimal("1.5")})
    capital = [
        StrategyCapital.objects.create(strategy_account=make_link(), current_pnl=pnl)
        for pnl in (0, Decimal("-2"))
    ]
    migration = import_module("capital.migrations.0012_unknown_pnl")

    migration.forget_zeros(apps, None)

    def figures(summary):
        summary.refresh_from_db()
        return {name: getattr(summary, name) for name in (*COUNTS, *MONEY)}

    def pnls():
        return [StrategyCapital.objects.get(pk=each.pk).current_pnl for each in capital]

    assert figures(nobodys) == dict.fromkeys(told)
    assert figures(somebodys) == told | {"total_fees": Decimal("1.5")}
    assert pnls() == [None, -2]

    migration.write_zeros(apps, None)

    assert figures(nobodys) == told
    assert pnls() == [0, -2]


def test_a_balance_may_be_negative():
    make_summary(futures_balance=Decimal("-12.50"), realized_pnl=Decimal("-3.25"))

    summary = DailyAccountSummary.objects.get()
    assert summary.futures_balance == Decimal("-12.50")
    assert summary.realized_pnl == Decimal("-3.25")


def test_an_account_has_one_summary_a_day():
    summary = make_summary(date=date(2025, 1, 15))
    make_summary(date=date(2025, 1, 16), account=summary.account)
    again = DailyAccountSummary(account=summary.account, date=date(2025, 1, 15))

    with refused_by_database(
        "daily_summary_once_a_day",
        columns="capital_dailyaccountsummary.account_id, capital_dailyaccountsummary.date",
    ):
        DailyAccountSummary.objects.bulk_create([again])
    with pytest.raises(ValidationError, match="This account already has a summary for this day"):
        again.full_clean()


@pytest.mark.parametrize("field", COUNTS)
def test_numbers_of_trades_are_not_negative(field):
    summary = make_summary()

    with refused_by_database("daily_summary_counts_not_negative"):
        DailyAccountSummary.objects.bulk_create(
            [DailyAccountSummary(account=make_account(), date=date(2025, 1, 15), **{field: -1})]
        )
    with refused_by_database("daily_summary_counts_not_negative"):
        DailyAccountSummary.objects.update(**{field: -1})
    setattr(summary, field, -1)
    with pytest.raises(ValidationError, match="Trade counts must not be negative"):
        summary.full_clean()


def test_allocated_capital_is_not_negative():
    capital = StrategyCapital.objects.create(strategy_account=make_link())
    other = make_link()

    with refused_by_database("strategy_capital_not_negative"):
        StrategyCapital.objects.bulk_create(
            [StrategyCapital(strategy_account=other, allocated_capital=Decimal("-0.01"))]
        )
    with refused_by_database("strategy_capital_not_negative"):
        StrategyCapital.objects.update(allocated_capital=Decimal("-0.01"))
    capital.allocated_capital = Decimal("-0.01")
    with pytest.raises(ValidationError, match="Allocated capital must not be negative"):
        capital.full_clean()


def test_a_link_has_one_capital():
    link = make_link(capital=5000)

    with refused_by_database(
        "strategy_account_id", columns="capital_strategycapital.strategy_account_id"
    ):
        StrategyCapital.objects.bulk_create([StrategyCapital(strategy_account=link)])


def test_a_loss_may_exceed_the_capital():
    link = make_link()

    StrategyCapital.objects.create(strategy_account=link, current_pnl=Decimal("-99.99"))

    assert StrategyCapital.objects.get().current_pnl == Decimal("-99.99")
