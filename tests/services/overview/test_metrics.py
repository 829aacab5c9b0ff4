"""What monitoring is told of accounts, strategies, signals and alerts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.domain.pools import Pool
from capital.models import Alert, AlertDelivery, AlertTarget, WebhookAnswer, WebhookDelivery
from capital.services.overview import Metrics, read_metrics
from capital.services.overview.metrics import StrategyKey
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def metrics() -> Metrics:
    return read_metrics(clock=lambda: NOW)


def test_balances_have_an_age_by_pool_and_what_was_never_read_has_none() -> None:
    account = make_account(venue="binance", connection_code="auth_failed", last_check_code="due")
    make_summary(
        account=account,
        date=NOW.date(),
        spot_balance=Decimal(1),
        spot_observed_at=NOW - 3 * MINUTE,
        futures_balance=None,
    )
    never = make_account(venue="bybit", wallet_mode="unified")
    make_account(is_active=False)

    first, second = metrics().accounts

    assert (first.id, first.name, first.venue) == (account.pk, account.name, "binance")
    assert first.ages == {Pool.SPOT: 3 * MINUTE}
    assert (first.connection_code, first.check_code) == ("auth_failed", "due")
    assert (second.id, second.ages, second.connection_code) == (never.pk, {}, "")


def test_capital_of_a_strategy_is_the_exact_sum_over_its_accounts_by_currency() -> None:
    owner = make_user(username="minsu")
    strategy = make_strategy(owner=owner, key="trend")
    for amount in ("0.1", "0.2"):
        make_link(strategy=strategy, account=make_account(owner=owner), capital=amount)
    won = make_account(owner=owner, venue="upbit", currency="KRW")
    make_link(strategy=strategy, account=won, capital="5")
    other = make_strategy(key="grid")
    make_link(strategy=other, capital="7")
    make_link(strategy=make_strategy(owner=owner, key="idle"))

    found = metrics().capital

    assert found == {
        StrategyKey("minsu", "trend", "USDT"): Decimal("0.3"),
        StrategyKey("minsu", "trend", "KRW"): Decimal(5),
        StrategyKey(other.owner.username, "grid", "USDT"): Decimal(7),
    }


def test_signals_of_the_last_hour_are_told_by_what_became_of_them() -> None:
    strategy = make_strategy()

    def signal(**fields: object) -> WebhookDelivery:
        given = {"received_at": NOW - MINUTE, "fingerprint": "f", "body": {}, **fields}
        return WebhookDelivery.objects.create(strategy=strategy, **given)

    for _ in range(2):
        WebhookAnswer.objects.create(delivery=signal(), body={})
    signal()
    signal(refusal={"code": "invalid"})
    signal(received_at=NOW - timedelta(hours=1))

    assert metrics().deliveries == {"answered": 2, "refused": 1, "unanswered": 1}


def test_alerts_and_messages_that_wait_are_counted() -> None:
    Alert.objects.create(kind="test", state="told", spread_at=NOW)
    Alert.objects.create(kind="test", state="told")
    target = AlertTarget.objects.create(user=make_user(), channel="mail", address="a@b.c")
    for due in (NOW, NOW + MINUTE):
        AlertDelivery.objects.create(target=target, kind="test", due_at=due)
    AlertDelivery.objects.create(target=target, kind="test", sent_at=NOW)
    AlertDelivery.objects.create(target=target, kind="test", undelivered_at=NOW)

    found = metrics()

    assert (found.alerts_waiting, found.messages_waiting) == (1, 2)


def test_cost_in_queries_is_the_same_for_one_account_and_many() -> None:
    def cost(accounts: int) -> int:
        for _ in range(accounts):
            make_summary(account=make_link(capital="1").account, date=NOW.date())
        with CaptureQueriesContext(connection) as queries:
            assert len(metrics().accounts) >= accounts
        return len(queries)

    assert cost(1) == cost(9)
