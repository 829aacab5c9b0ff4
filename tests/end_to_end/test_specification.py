"""The scenarios of the specification, to the letter: 15,369 = 10,369 spot + 5,000 futures."""

import logging
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from capital.models import Account, DailyAccountSummary, StrategyAccount
from capital.services.allocation.allocate import auto_allocate_capital_for_account
from capital.services.balances.summaries import get_cached_daily_balance
from strategies.models import MarketType
from tests.factories import capital_of, make_account, make_link, make_strategy, make_summary

pytestmark = pytest.mark.django_db

TODAY = timezone.localdate()


@pytest.fixture
def account() -> Account:
    account = make_account(name="메인", venue="binance", currency="USDT")
    make_summary(
        account=account,
        date=TODAY - timedelta(days=1),
        ending_balance=Decimal(15369),
        spot_balance=Decimal(10369),
        futures_balance=Decimal(5000),
    )
    return account


def link(account: Account, key: str, market_type: MarketType, weight: str) -> StrategyAccount:
    strategy = make_strategy(owner=account.owner, key=key, market_type=market_type)
    return make_link(account=account, strategy=strategy, weight=Decimal(weight))


def test_futures_strategy_gets_only_the_futures_balance(account: Account, caplog: Any) -> None:
    futures = link(account, "test_futures", MarketType.FUTURES, "1.0")

    auto_allocate_capital_for_account(account.pk)

    assert capital_of(futures) == Decimal(5000)
    assert "계좌 메인: 실시간 선물 잔고 조회 실패, 캐시 사용 ($5000.00)" in caplog.messages


def test_spot_strategy_gets_only_the_spot_balance(account: Account, caplog: Any) -> None:
    spot = link(account, "test_spot", MarketType.SPOT, "1.0")

    auto_allocate_capital_for_account(account.pk)

    assert capital_of(spot) == Decimal(10369)
    assert "계좌 메인: 실시간 현물 잔고 조회 실패, 캐시 사용 ($10369.00)" in caplog.messages


def test_mixed_strategies_get_each_the_whole_of_their_own_pool(account: Account) -> None:
    spot = link(account, "test_spot_mixed", MarketType.SPOT, "0.5")
    futures = link(account, "test_futures_mixed", MarketType.FUTURES, "0.5")

    auto_allocate_capital_for_account(account.pk)

    assert capital_of(spot) == Decimal(10369)
    assert capital_of(futures) == Decimal(5000)


def test_cached_balance_is_read_by_market(account: Account) -> None:
    assert get_cached_daily_balance(account.pk, MarketType.SPOT) == Decimal(10369)
    assert get_cached_daily_balance(account.pk, MarketType.FUTURES) == Decimal(5000)
    assert get_cached_daily_balance(account.pk, "futures") == Decimal(5000)
    assert get_cached_daily_balance(account.pk) == Decimal(15369)


def test_whole_balance_falls_back_to_the_starting_balance_then_to_zero(account: Account) -> None:
    make_summary(account=account, date=TODAY, starting_balance=Decimal("15369"))
    assert get_cached_daily_balance(account.pk) == Decimal(15369)

    DailyAccountSummary.objects.filter(date=TODAY).update(starting_balance=None)
    assert get_cached_daily_balance(account.pk) == Decimal(0)


def test_missing_summary_is_none_and_null_field_is_zero(account: Account) -> None:
    make_summary(account=account, date=TODAY, ending_balance=Decimal(7))
    assert get_cached_daily_balance(account.pk, MarketType.SPOT) == Decimal(0)

    DailyAccountSummary.objects.all().delete()
    assert get_cached_daily_balance(account.pk) is None
    assert get_cached_daily_balance(424242) is None
    assert get_cached_daily_balance(account.pk, MarketType.SPOT) is None


def test_the_newest_summary_is_the_one_that_is_read(account: Account) -> None:
    make_summary(account=account, date=TODAY - timedelta(days=3), spot_balance=Decimal(1))
    make_summary(account=account, date=TODAY, spot_balance=Decimal(2))
    assert get_cached_daily_balance(account.pk, MarketType.SPOT) == Decimal(2)


def test_cached_lookups_are_logged_with_the_id(account: Account, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)

    get_cached_daily_balance(account.pk, MarketType.SPOT)
    get_cached_daily_balance(account.pk, MarketType.FUTURES)
    get_cached_daily_balance(account.pk)

    lines = [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if "캐시된" in record.getMessage()
    ]
    assert lines == [
        ("DEBUG", f"계좌 {account.pk}: 캐시된 현물 잔고 $10369.00"),
        ("DEBUG", f"계좌 {account.pk}: 캐시된 선물 잔고 $5000.00"),
        ("DEBUG", f"계좌 {account.pk}: 캐시된 전체 잔고 $15369.00"),
    ]


def test_fallbacks_are_logged_as_warnings_with_the_name(account: Account, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    link(account, "spot", MarketType.SPOT, "1")
    link(account, "futures", MarketType.FUTURES, "1")

    auto_allocate_capital_for_account(account.pk)

    lines = [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if "계좌" in record.getMessage()
    ]
    assert lines == [
        ("DEBUG", f"계좌 {account.pk}: 캐시된 현물 잔고 $10369.00"),
        ("WARNING", "계좌 메인: 실시간 현물 잔고 조회 실패, 캐시 사용 ($10369.00)"),
        ("DEBUG", f"계좌 {account.pk}: 캐시된 선물 잔고 $5000.00"),
        ("WARNING", "계좌 메인: 실시간 선물 잔고 조회 실패, 캐시 사용 ($5000.00)"),
    ]


def test_unified_pool_logs_its_own_word(caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    account = make_account(name="유니", venue="bybit", currency="USDT")
    make_summary(account=account, ending_balance=Decimal("15369.5"))
    futures = make_link(account=account, market_type=MarketType.FUTURES)

    auto_allocate_capital_for_account(account.pk)

    assert capital_of(futures) == Decimal("15369.5")
    assert "계좌 유니: 실시간 통합 잔고 조회 실패, 캐시 사용 ($15369.50)" in caplog.messages
    assert f"계좌 {account.pk}: 캐시된 통합 잔고 $15369.50" in caplog.messages
