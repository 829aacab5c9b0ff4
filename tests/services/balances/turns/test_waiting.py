"""More accounts than a minute allows: whoever waited longest goes first, and all get their turn."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.reasons import Code
from capital.exchange.calls.balances import Pace
from capital.exchange.sharing.slices import requests_a_minute
from capital.models import Account, DailyAccountSummary
from capital.services.balances.turns.waiting import (
    ALL_AT_ONCE,
    ReadingTime,
    all_reading_times,
    longest_waiting_first,
    minutes_of_a_round,
    read_in_turns,
    reading_times,
)
from tests.factories import make_account, make_user

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def make_accounts(count: int, **fields: Any) -> list[Account]:
    owner = make_user()
    return Account.objects.bulk_create(
        Account(
            **{
                "owner": owner,
                "name": f"Turn {number}",
                "venue": "upbit",
                "currency": "KRW",
                **fields,
            }
        )
        for number in range(count)
    )


def test_accounts_whose_cache_is_kept_for_ever_take_their_turn_like_others() -> None:
    """More hours than there are dates: as many as the API takes, and as SQLite can hold."""
    accounts = make_accounts(ALL_AT_ONCE + 2)
    first, second, *others = accounts
    Account.objects.filter(pk=first.pk).update(max_cache_age_hours=2_147_483_647)
    read_at(accounts, [NOON - MINUTE * 90, NOON - MINUTE * 80, *(NOON for _ in others)])

    turns = longest_waiting_first([each.pk for each in accounts], now=NOON)

    assert turns[:2] == [first.pk, second.pk]
    assert Account(max_cache_age_hours=9 * 10**18).max_cache_age > timedelta(days=36_000)


def read_at(accounts: Sequence[Account], moments: Sequence[datetime]) -> None:
    DailyAccountSummary.objects.bulk_create(
        [
            DailyAccountSummary(
                account=account, date=NOON.date(), spot_balance=Decimal(1), spot_observed_at=at
            )
            for account, at in zip(accounts, moments, strict=True)
        ],
        update_conflicts=True,
        unique_fields=["account", "date"],
        update_fields=["spot_observed_at"],
    )


def test_who_waited_longest_goes_first_and_who_was_never_read_before_all() -> None:
    accounts = make_accounts(ALL_AT_ONCE + 3)
    ids = [account.pk for account in accounts]
    never, *others = accounts
    read_at(others, [NOON - number * MINUTE for number in range(len(others))])

    assert longest_waiting_first(ids, now=NOON) == [never.pk, *reversed(ids[1:])]


def test_whose_balance_is_about_to_be_too_old_goes_before_who_waited_longer() -> None:
    accounts = make_accounts(ALL_AT_ONCE + 1, max_cache_age_hours=24)
    hurried = accounts[50]
    Account.objects.filter(pk=hurried.pk).update(max_cache_age_hours=1)
    read_at(accounts, [NOON - 120 * MINUTE] * len(accounts))
    read_at([hurried], [NOON - 55 * MINUTE])

    assert longest_waiting_first([each.pk for each in accounts], now=NOON)[0] == hurried.pk


def test_who_is_due_goes_before_all_others_and_among_them_who_waited_longest() -> None:
    accounts = make_accounts(ALL_AT_ONCE + 3)
    ids = [account.pk for account in accounts]
    read_at(accounts[1:], [NOON - number * MINUTE for number in range(len(accounts) - 1)])

    order = longest_waiting_first(ids, now=NOON, due={ids[1], ids[2]})

    assert order[:4] == [ids[2], ids[1], ids[0], ids[-1]]


def test_few_accounts_stay_as_they_are_without_a_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert longest_waiting_first([3, 1, 2], now=NOON) == [3, 1, 2]


def test_order_takes_two_queries(django_assert_num_queries: Any) -> None:
    ids = [account.pk for account in make_accounts(ALL_AT_ONCE + 1)]

    with django_assert_num_queries(2):
        longest_waiting_first(ids, now=NOON)


def test_thousand_accounts_are_each_read_in_the_time_that_the_limit_makes_possible() -> None:
    accounts = make_accounts(1000, venue="mexc", currency="USDT")
    ids = [account.pk for account in accounts]
    # MEXC's spot endpoint: what one request counts for, and its limit.
    a_minute = requests_a_minute(10, Pace(weight_per_minute=2700))
    (time,) = reading_times(accounts)
    assert a_minute == 243
    assert time == ReadingTime("mexc", 1000, 5)
    now, read = NOON, dict.fromkeys(ids, 0)

    for _ in range(2 * time.minutes):
        turn = longest_waiting_first(ids, now=now)[:a_minute]
        read_at([Account(pk=key) for key in turn], [now] * len(turn))
        for key in turn:
            read[key] += 1
        now += MINUTE

    # Ten minutes: everybody had two turns.
    assert set(read.values()) <= {2, 3}


def test_time_is_said_where_a_sync_cannot_read_everybody(settings: Any) -> None:
    make_accounts(700, venue="binance", currency="USDT")
    make_accounts(300, venue="binance", currency="USDT", is_active=False)
    make_accounts(900)
    Account.objects.filter(pk=make_account().pk).update(venue="ftx")

    (time,) = all_reading_times()

    assert time == ReadingTime("binance", 700, 3)
    assert time.reason.code is Code.READINGS_TAKE_TURNS
    assert time.reason.figures == {"venue": "binance", "accounts": "700", "minutes": "3"}
    assert read_in_turns([time]) == [time]
    settings.CAPITAL_SYNC_MINUTES = 3
    assert read_in_turns([time]) == []


def test_round_takes_as_long_as_its_slowest_venue_and_no_less_than_a_sync(settings: Any) -> None:
    times = [ReadingTime("binance", 700, 3), ReadingTime("mexc", 1000, 5)]
    settings.CAPITAL_SYNC_MINUTES = 2

    assert minutes_of_a_round(times) == 5
    assert minutes_of_a_round([ReadingTime("mexc", 1, 1)]) == 2
    assert minutes_of_a_round([]) == 2
