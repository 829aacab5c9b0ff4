"""A sync reads and writes the accounts that it was asked for, each by itself."""

import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError
from django.utils import timezone

from capital.exchange.ccxt import accounts
from capital.models import Account, DailyAccountSummary
from capital.services.balances import locked
from capital.services.balances.sync import sync_balances
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def open_accounts(exchange: Exchange, count: int) -> list[Account]:
    return [
        exchange.open_account(venue="upbit", wallets={"spot": {"KRW": f"{number}000"}})
        for number in range(1, count + 1)
    ]


def balances() -> dict[int, Decimal | None]:
    return dict(DailyAccountSummary.objects.values_list("account_id", "spot_balance"))


def test_only_the_accounts_that_were_asked_for_are_synced(exchange: Exchange) -> None:
    asked, other, off = open_accounts(exchange, 3)
    Account.objects.filter(pk=off.pk).update(is_active=False)

    counts = sync_balances([asked.pk, off.pk], clock=lambda: NOON)

    assert counts == Counter(live=1)
    assert balances() == {asked.pk: Decimal(1000)}
    assert other.pk not in balances()


def test_exchanges_are_asked_in_the_order_of_the_accounts_that_were_given(
    exchange: Exchange, settings: Any
) -> None:
    settings.CAPITAL_LIVE_CONCURRENCY = 1
    first, second, third = open_accounts(exchange, 3)

    sync_balances([third.pk, first.pk, second.pk], clock=lambda: NOON)

    asked = [request.api_key for request in exchange.server.requests]
    assert asked == [exchange.keys[account.pk] for account in (third, first, second)]


def test_each_account_says_itself_why_its_exchange_does_not_answer(exchange: Exchange) -> None:
    sound, refused, down, _other = opened = open_accounts(exchange, 4)
    exchange.fail(refused, "unauthorized")
    exchange.fail(down, "server_error")

    sync_balances([sound.pk, refused.pk, down.pk], clock=lambda: NOON)

    codes = dict(Account.objects.values_list("pk", "connection_code"))
    assert [codes[account.pk] for account in opened] == [
        "",
        "exchange_refused_key",
        "exchange_unreachable",
        "",
    ]


def test_account_that_the_database_refuses_takes_no_other_with_it(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, refused, last = open_accounts(exchange, 3)
    record = locked.record_observations

    def refuse(observed: dict[int, object], *arguments: object, **options: object) -> None:
        if refused.pk in observed:
            raise DatabaseError("disk is on fire")
        record(observed, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(locked, "record_observations", refuse)
    caplog.set_level(logging.INFO, "capital.services.balances")

    counts = sync_balances([first.pk, refused.pk, last.pk], clock=lambda: NOON)

    assert counts == Counter(live=2, failed=1)
    assert balances() == {first.pk: Decimal(1000), last.pk: Decimal(3000)}
    assert caplog.messages == [
        "A batch of balances failed (DatabaseError); each is tried.",
        f"The balances of account {refused.name} #{refused.pk} could not be recorded.",
    ]


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_is_set_refuses_no_balance(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """Set back, it once made the limits of a minute last for ten: 120 read, then 90, then none."""
    wallets = {"spot": {"USDT": "1"}, "futures": {"USDT": "2"}}
    ids = [exchange.open_account(wallets=wallets).pk for _ in range(120)]
    start, counts = timezone.now(), []
    for minute in range(4):
        passed = timedelta(minutes=minute, seconds=minute)
        monkeypatch.setattr(accounts, "_elapsed", lambda passed=passed: passed)
        was_set = timedelta(minutes=minutes if minute else 0)
        with time_machine.travel(start + passed + was_set):
            counts.append(sync_balances(ids))

    assert counts == [Counter(live=240)] * 4
