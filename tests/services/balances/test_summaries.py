"""Ruling 3: a live reading keeps today's summary current, and a new day carries the rest on."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from capital.models import Account, DailyAccountSummary
from capital.services.allocation.allocate import auto_allocate_capital_for_account
from capital.services.balances.summaries import (
    begins_of,
    business_date,
    business_dates,
    ends_of,
    get_cached_daily_balance,
    load_latest,
    load_summaries,
)
from strategies.models import MarketType
from tests.factories import make_account, make_link, make_summary
from tests.simulated import Exchange

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

# Seoul is nine hours ahead: 2026-03-10 21:00 there.
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
TODAY, YESTERDAY = date(2026, 3, 10), date(2026, 3, 9)
END_OF_YESTERDAY = datetime(2026, 3, 9, 15, tzinfo=UTC)


def allocate(account: Account, at: datetime = NOON) -> DailyAccountSummary | None:
    auto_allocate_capital_for_account(account.pk, clock=lambda: at)
    return DailyAccountSummary.objects.filter(account=account).order_by("-date").first()


def both_pools(exchange: Exchange, spot: str = "100", futures: str = "50") -> Account:
    account = exchange.open_account(wallets={"spot": {"USDT": spot}, "futures": {"USDT": futures}})
    make_link(account=account)
    make_link(account=account, market_type=MarketType.FUTURES)
    return account


def test_live_readings_open_todays_summary(exchange: Exchange) -> None:
    row = allocate(both_pools(exchange, "100.019", "50"))

    assert row is not None
    assert row.date == TODAY
    assert (row.spot_balance, row.futures_balance) == (Decimal("100.01"), Decimal(50))
    assert (row.starting_balance, row.ending_balance) == (Decimal("150.01"), Decimal("150.01"))
    assert row.spot_observed_at == row.futures_observed_at == row.ending_observed_at == NOON


def test_later_reading_of_the_day_updates_the_same_row(exchange: Exchange) -> None:
    account = both_pools(exchange)
    allocate(account)
    DailyAccountSummary.objects.update(total_trades=7, realized_pnl=Decimal("1.5"))
    exchange.set_balance(account, "spot", "120")

    row = allocate(account, NOON + timedelta(hours=1))

    assert row is not None
    assert (row.starting_balance, row.ending_balance) == (Decimal(150), Decimal(170))
    assert (row.total_trades, row.realized_pnl) == (7, Decimal("1.5")), "others' fields stay"
    assert DailyAccountSummary.objects.count() == 1


def test_new_day_starts_with_the_last_ending_balance(exchange: Exchange) -> None:
    account = both_pools(exchange)
    allocate(account)
    exchange.set_balance(account, "spot", "120")

    row = allocate(account, NOON + timedelta(days=1))

    assert row is not None
    assert row.date == TODAY + timedelta(days=1)
    assert (row.starting_balance, row.ending_balance) == (Decimal(150), Decimal(170))


def test_new_day_carries_the_failed_pool_and_its_time_forward(exchange: Exchange) -> None:
    account = both_pools(exchange)
    allocate(account)
    exchange.fail(account, "unauthorized", "futures")

    row = allocate(account, NOON + timedelta(days=1))

    assert row is not None
    assert row.date == TODAY + timedelta(days=1)
    assert row.futures_balance == Decimal(50)
    assert row.futures_observed_at == NOON, "it must not look fresh"
    assert row.spot_observed_at == NOON + timedelta(days=1)
    assert row.ending_observed_at == NOON, "the whole is as fresh as its stalest part"


def test_balance_without_a_time_counts_as_the_end_of_its_day(exchange: Exchange) -> None:
    account = both_pools(exchange)
    exchange.fail(account, "unauthorized", "futures")
    make_summary(account=account, date=YESTERDAY, futures_balance=Decimal(5000))

    row = allocate(account)

    assert row is not None
    assert row.date == TODAY
    assert row.futures_observed_at == END_OF_YESTERDAY
    run = account.runs.get()
    assert run.pools.get(pool="futures").observed_at == END_OF_YESTERDAY


def test_balance_of_today_without_a_time_counts_as_now_at_most(exchange: Exchange) -> None:
    account = both_pools(exchange)
    exchange.fail(account, "unauthorized", "futures")
    make_summary(account=account, date=TODAY, futures_balance=Decimal(5000))

    row = allocate(account)

    assert account.runs.get().pools.get(pool="futures").observed_at == NOON
    assert row is not None
    assert row.futures_observed_at is None, "a time that nobody observed is not made up"
    assert (row.spot_balance, row.ending_balance) == (Decimal(100), Decimal(5100))


def test_live_reading_replaces_a_value_of_today_that_has_no_time(exchange: Exchange) -> None:
    account = both_pools(exchange)
    make_summary(account=account, date=TODAY, spot_balance=Decimal(1), futures_balance=Decimal(2))

    row = allocate(account)

    assert row is not None
    assert (row.spot_balance, row.futures_balance) == (Decimal(100), Decimal(50))
    assert row.spot_observed_at == NOON


def test_older_reading_never_replaces_a_newer_one(exchange: Exchange) -> None:
    account = both_pools(exchange)
    allocate(account, NOON)
    exchange.set_balance(account, "spot", "1")
    # One pool that moves alone may be half of a transfer, and is read again.
    exchange.set_balance(account, "futures", "1")

    # Read before the other, decided after it.
    observed, decided = NOON - timedelta(minutes=1), NOON + timedelta(minutes=1)
    times = iter([observed, observed, observed, decided])
    auto_allocate_capital_for_account(account.pk, clock=lambda: next(times))

    row = DailyAccountSummary.objects.get(account=account)
    assert (row.spot_balance, row.spot_observed_at) == (Decimal(100), NOON)


def test_time_of_the_future_does_not_keep_the_truth_out(exchange: Exchange) -> None:
    account = both_pools(exchange)
    make_summary(
        account=account,
        date=TODAY,
        spot_balance=Decimal(9),
        spot_observed_at=NOON + timedelta(hours=9),
    )

    row = allocate(account)

    assert row is not None
    assert (row.spot_balance, row.spot_observed_at) == (Decimal(100), NOON)


def test_summary_of_the_future_is_no_cache(exchange: Exchange) -> None:
    account = both_pools(exchange)
    exchange.fail(account, "unauthorized")
    make_summary(account=account, date=TODAY + timedelta(days=1), spot_balance=Decimal(999999))

    allocate(account)

    assert account.runs.get().pools.get(pool="spot").source == "none"


def test_summary_that_another_program_opened_does_not_lose_the_history(
    exchange: Exchange,
) -> None:
    account = both_pools(exchange)
    exchange.fail(account, "unauthorized", "futures")
    make_summary(account=account, date=YESTERDAY, futures_balance=Decimal(20))
    make_summary(account=account, date=TODAY, total_trades=3)

    row = allocate(account)

    assert row is not None
    assert (row.futures_balance, row.futures_observed_at) == (Decimal(20), END_OF_YESTERDAY)
    assert row.total_trades == 3


def test_summary_day_does_not_follow_the_readers_time_zone(exchange: Exchange) -> None:
    account = both_pools(exchange)

    with timezone.override("America/New_York"):
        row = allocate(account, datetime(2026, 3, 10, 1, tzinfo=UTC))

    assert row is not None
    assert row.date == TODAY


def test_ending_stays_null_while_a_pool_is_unknown(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    make_link(account=account)

    row = allocate(account)

    assert row is not None
    assert row.spot_balance == Decimal(100)
    assert (row.futures_balance, row.ending_balance, row.ending_observed_at) == (None, None, None)


def test_ending_of_a_spot_only_venue_is_its_spot_balance(exchange: Exchange) -> None:
    account = exchange.open_account(venue="upbit", wallets={"spot": {"KRW": "1000.9"}})
    make_link(account=account)

    row = allocate(account)

    assert row is not None
    assert (row.spot_balance, row.ending_balance) == (Decimal(1000), Decimal(1000))
    assert row.ending_observed_at == NOON


def test_unified_pool_writes_the_ending_balance_only(exchange: Exchange) -> None:
    account = exchange.open_account(venue="okx", wallets={"unified": {"USDT": "77.777"}})
    make_link(account=account)

    row = allocate(account)

    assert row is not None
    assert (row.ending_balance, row.ending_observed_at) == (Decimal("77.77"), NOON)
    assert (row.spot_balance, row.futures_balance) == (None, None)
    assert get_cached_daily_balance(account.pk, MarketType.FUTURES) == Decimal("77.77")


def test_failed_readings_leave_the_summary_alone(exchange: Exchange) -> None:
    account = both_pools(exchange)
    exchange.fail(account, "unauthorized")

    assert allocate(account) is None


def test_cached_balance_is_the_accounts_own() -> None:
    account, other, without = make_account(), make_account(), make_account()
    make_summary(
        account=account,
        date=TODAY - timedelta(days=2),
        ending_balance=Decimal(150),
        spot_balance=Decimal(100),
        futures_balance=Decimal(50),
    )
    # The newest of all is another's.
    make_summary(
        account=other,
        date=YESTERDAY,
        ending_balance=Decimal(15),
        spot_balance=Decimal(10),
        futures_balance=Decimal(5),
    )

    def cached(of: Account) -> list[Decimal | None]:
        return [get_cached_daily_balance(of.pk, market) for market in (None, *MarketType)]

    assert cached(account) == [Decimal(150), Decimal(100), Decimal(50)]
    assert cached(other) == [Decimal(15), Decimal(10), Decimal(5)]
    assert cached(without) == [None, None, None]


def test_day_that_has_not_ended_is_worth_what_it_began_with() -> None:
    account = make_account()
    row = make_summary(account=account, date=YESTERDAY, starting_balance=Decimal(7))

    assert get_cached_daily_balance(account.pk, None) == Decimal(7)
    DailyAccountSummary.objects.filter(pk=row.pk).update(ending_balance=Decimal(0))
    assert get_cached_daily_balance(account.pk, None) == Decimal(0)


def test_cached_balance_of_tomorrow_is_none_yet() -> None:
    account = make_account()
    make_summary(account=account, date=timezone.localdate(), spot_balance=Decimal(100))
    make_summary(
        account=account, date=timezone.localdate() + timedelta(days=1), spot_balance=Decimal(9)
    )

    assert get_cached_daily_balance(account.pk, MarketType.SPOT) == Decimal(100)


def test_rows_of_accounts_that_were_not_asked_for_are_left_out() -> None:
    account, other, without = make_account(), make_account(), make_account()
    for each in (account, other):
        make_summary(account=each, date=YESTERDAY)
        make_summary(account=each, date=TODAY)
    mine = {row.date: row for row in DailyAccountSummary.objects.filter(account=account)}

    found = load_summaries([account.pk, without.pk], now=NOON)

    assert set(found) == {account.pk, without.pk}
    assert (found[account.pk].today, found[account.pk].before) == (mine[TODAY], mine[YESTERDAY])
    assert (found[without.pk].today, found[without.pk].before) == (None, None)
    assert load_latest([account.pk, without.pk], now=NOON) == {account.pk: mine[TODAY]}


def test_cached_balance_of_no_market_is_an_error() -> None:
    with pytest.raises(ValueError, match="margin"):
        get_cached_daily_balance(make_account().pk, "margin")


def test_summary_day_is_the_projects_and_not_utc(exchange: Exchange, settings: Any) -> None:
    account = both_pools(exchange)

    row = allocate(account, datetime(2026, 3, 10, 15, 30, tzinfo=UTC))

    assert row is not None
    assert row.date == date(2026, 3, 11)


def test_latest_is_what_the_decision_takes_for_the_cache() -> None:
    # Ten minutes before midnight in Seoul: another machine's clock may be past it.
    now = datetime(2026, 3, 10, 14, 55, tzinfo=UTC)
    dates = ([], [YESTERDAY], [YESTERDAY, TODAY], [0, 1], [-400, -3], [0, 2], [1, 2], [2])
    accounts = [make_account() for _ in dates]
    for account, days in zip(accounts, dates, strict=True):
        for day in days:
            made = TODAY + timedelta(days=day) if isinstance(day, int) else day
            make_summary(account=account, date=made)
    ids = [account.pk for account in accounts]

    latest = load_latest(ids, now=now)

    assert [latest[key].date if key in latest else None for key in ids] == [
        None,
        YESTERDAY,
        TODAY,
        date(2026, 3, 11),
        date(2026, 3, 7),
        TODAY,
        date(2026, 3, 11),
        None,
    ]
    decided = load_summaries(ids, now=now)
    assert latest == {key: row.latest for key, row in decided.items() if row.latest is not None}
    assert load_latest(Account.objects.values_list("pk", flat=True), now=now) == latest


def test_latest_of_many_accounts_is_one_query(django_assert_num_queries: Any) -> None:
    for _ in range(20):
        make_summary(account=make_account(), date=TODAY, spot_balance=Decimal(3))

    with django_assert_num_queries(1):
        latest = load_latest(Account.objects.values_list("pk", flat=True), now=NOON)
        spots = [row.spot_balance for row in latest.values()]

    assert spots == [Decimal(3)] * 20


@pytest.mark.parametrize(
    "zone",
    # Whose clocks were put back or forward at midnight, the last one's at one minute past it.
    ["Asia/Seoul", "Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "America/Goose_Bay"],
)
def test_days_of_many_moments_are_those_of_each(zone: str, settings: Any) -> None:
    settings.TIME_ZONE = zone
    first = datetime(2008, 1, 1, tzinfo=UTC)
    moments = [first + timedelta(minutes=20 * number) for number in range(366 * 72)]
    day_of = business_dates()
    assert [day_of(moment) for moment in moments] == [business_date(each) for each in moments]
    assert day_of(moments[0]) == business_date(moments[0])


@pytest.mark.parametrize(
    "zone",
    ["Asia/Seoul", "Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "America/Goose_Bay"],
)
def test_a_day_begins_and_ends_where_moments_are_of_it(zone: str, settings: Any) -> None:
    """Of one whose midnight came twice or never, too."""
    settings.TIME_ZONE = zone
    minute = timedelta(minutes=1)
    for number in range(366):
        day = date(2008, 1, 1) + timedelta(days=number)
        begins, ends = begins_of(day), ends_of(day)
        assert begins is not None
        assert ends is not None
        assert business_date(begins) == business_date(ends - minute) == day
        for away in range(1, 90):
            assert business_date(begins - away * minute) != day
            assert business_date(ends + (away - 1) * minute) != day
    assert begins_of(date.min) is begins_of(date.max) is ends_of(date.min) is None
    assert ends_of(date.max) is None
