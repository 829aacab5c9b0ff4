"""What was earned today, and what of the trading does not fit: by currency, absent is not zero."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from capital.models import (
    Account,
    Attribution,
    Fill,
    LinkDay,
    PoolDay,
    Position,
    StrategyAccount,
)
from capital.services.balances.summaries import load_balances
from capital.services.overview.earnings import (
    Earnings,
    mismatched,
    read_earnings,
    shown_unexplained,
    unattributed_fills,
)
from capital.services.overview.equity import read_changes_today
from capital.services.overview.trading import read_trading
from tests.factories import (
    make_account,
    make_fill,
    make_flow,
    make_link,
    make_position,
    make_summary,
    make_user,
)

pytestmark = pytest.mark.django_db

D = Decimal
NOW = timezone.now()
TODAY = timezone.localdate(NOW)
PERP = "BTC/USDT:USDT"


def earnings(*accounts: Account) -> Earnings:
    return read_earnings(
        {each.pk: each for each in accounts}, [each.pk for each in accounts], now=NOW
    )


def make_day(link: StrategyAccount, day: date = TODAY, **fields: Any) -> LinkDay:
    zero = dict.fromkeys(("realized", "fees", "funding", "volume", "unrealized"), D(0))
    return LinkDay.objects.create(
        **{"strategy_account": link, "date": day, "currency": "USDT", **zero, **fields}
    )


def make_pool_day(
    account: Account, amount: str | None, day: date = TODAY, **fields: Any
) -> PoolDay:
    return PoolDay.objects.create(
        **{
            "account": account,
            "pool": "futures",
            "date": day,
            "until": NOW,
            "unexplained": None if amount is None else D(amount),
            "code": "no_balance" if amount is None else "",
            **fields,
        }
    )


def test_pnl_of_today_is_what_was_realised_and_the_change_of_unrealised() -> None:
    link, other, elsewhere = make_link(), make_link(), make_link()
    make_day(link, TODAY - timedelta(days=1), realized=D(500), unrealized=D(30))
    make_day(link, realized=D(50), fees=D(2), funding=D(-1), unrealized=D(10))
    make_day(other, realized=D(5), unrealized=D(4))
    make_day(other, realized=D(7), unrealized=D(0), currency="BTC")
    make_day(elsewhere, realized=D(1000))

    earned = earnings(link.account, other.account).earned

    assert set(earned) == {"USDT", "BTC"}
    # 50 - 2 - 1 + 5, and unrealised went from 30 to 14
    assert (earned["USDT"].realized, earned["USDT"].pnl) == (D(52), D(36))
    assert (earned["USDT"].fees, earned["USDT"].funding, earned["USDT"].links) == (2, -1, 2)
    assert earned["BTC"].pnl == 7


@pytest.mark.parametrize("unknown", ["today", "yesterday"])
def test_without_a_mark_pnl_of_today_is_not_known(unknown: str) -> None:
    link = make_link()
    make_day(link, TODAY - timedelta(days=1), unrealized=None if unknown == "yesterday" else D(1))
    make_day(link, realized=D(5), unrealized=None if unknown == "today" else D(1))

    (earned,) = earnings(link.account).earned.values()

    assert (earned.pnl, earned.realized) == (None, 5)


def test_without_a_day_of_today_nothing_is_said() -> None:
    link = make_link()
    make_day(link, TODAY - timedelta(days=1), realized=D(5))

    found = earnings(link.account)

    assert (found.earned, found.unexplained, found.unknown) == ({}, {}, {})


def test_unexplained_is_added_up_within_a_currency_and_without_rounding_rests() -> None:
    dollars, more, won = make_account(), make_account(), make_account(venue="upbit", currency="KRW")
    make_pool_day(dollars, "12.347")
    make_pool_day(dollars, "-0.009", pool="spot")
    make_pool_day(dollars, "99", TODAY - timedelta(days=1))
    make_pool_day(more, "-40")
    make_pool_day(more, None, pool="spot")
    make_pool_day(won, "5000.9", pool="spot")

    found = earnings(dollars, more, won)

    assert found.unexplained == {"USDT": D("-27.66"), "KRW": D(5000)}
    assert found.unknown == {"USDT": 1}
    assert [(each.account, each.amount) for each in found.pools] == [
        (won, 5000),
        (more, -40),
        (dollars, D("12.34")),
    ]


def test_less_than_a_unit_of_the_currency_is_rounding() -> None:
    assert shown_unexplained(D("-0.0099"), "USDT") == 0
    assert shown_unexplained(D("-0.0199"), "USDT") == D("-0.01")


def test_fills_of_nobody_are_counted_until_a_person_says_whose_they_are() -> None:
    link = make_link()
    make_fill(link)
    nobodys, assigned, left = (make_fill(link, strategy_account=None) for _ in range(3))
    Attribution.objects.create(fill=assigned, strategy_account=link, how="person")
    Attribution.objects.create(fill=left, strategy_account=None, how="person")

    assert list(unattributed_fills(Fill.objects.all())) == [nobodys]
    assert earnings(link.account).unattributed == 1
    assert earnings(make_account()).unattributed == 0


def test_a_report_that_is_not_what_the_fills_say_does_not_match() -> None:
    link = make_link()

    def held(symbol: str, quantity: str, books: dict[str, str] | None, *, told: bool = True) -> int:
        row = make_position(link, quantity, symbol)
        row.books, row.reported_quantity = books, D(quantity) if told else None
        row.save()
        return row.pk

    held(PERP, "1.50", {"amount": "1.5", "contract_size": "1"})
    held("BTC/USD:BTC", "2", {"amount": "200", "contract_size": "100"})
    held("ETH/USDT:USDT", "3", None)
    held("XRP/USDT:USDT", "3", {"amount": "4", "contract_size": "1"}, told=False)
    wrong = held("SOL/USDT:USDT", "3", {"amount": "4", "contract_size": "1"})

    assert mismatched(Position.objects.all()) == [wrong]
    assert earnings(link.account).mismatched == 1


def test_the_history_has_what_the_reader_may_see_of_a_strategy() -> None:
    link, hidden = make_link(), make_link()
    hidden.strategy = link.strategy
    hidden.save()
    for each in (link, hidden):
        make_day(
            each, realized=D(10), fees=D(1), funding=D(2), fills=3, fees_unvalued={"BNB": "0.1"}
        )
        make_position(each, "1", PERP)
    make_day(link, TODAY - timedelta(days=31), realized=D(99))

    mine = read_trading(link.strategy, link.account.owner, clock=lambda: NOW)
    everything = read_trading(link.strategy, make_user(is_superuser=True), clock=lambda: NOW)

    assert [each.strategy_account for each in mine.positions] == [link]
    (of_day,) = mine.earned["USDT"].values()
    assert (of_day.realized, of_day.earned, of_day.fills) == (10, 11, 3)
    assert mine.unvalued == {"BNB": D("0.1")}
    assert everything.earned["USDT"][TODAY].realized == 20
    assert mine.unexplained == {}


def test_the_history_of_an_account_has_its_unexplained_days_and_fills_of_nobody() -> None:
    link = make_link()
    make_pool_day(link.account, "3", pool="spot")
    make_pool_day(make_account(), "5", pool="spot")
    make_fill(link, strategy_account=None)

    history = read_trading(link.account, link.account.owner, clock=lambda: NOW)

    assert history.unexplained["spot"][TODAY].unexplained == 3
    assert history.unattributed == 1
    assert not history.is_empty
    assert read_trading(make_account(), make_user(is_superuser=True)).is_empty


def test_reading_the_history_takes_as_many_queries_for_many_links_and_days() -> None:
    def count(links: int) -> int:
        account = make_account()
        for number in range(links):
            link = make_link(account=account)
            make_position(link, "1", PERP)
            for days in range(number + 1):
                make_day(link, TODAY - timedelta(days=days))
        with CaptureQueriesContext(connection) as queries:
            read_trading(account, account.owner)
        return len(queries)

    assert count(1) == count(6)


def test_what_was_put_in_is_no_change_of_today() -> None:
    noon = datetime.combine(TODAY, time(12), tzinfo=timezone.get_default_timezone())
    account, other = make_account(), make_account()
    for each in (account, other):
        make_summary(
            account=each,
            date=TODAY,
            starting_balance=D(100),
            ending_balance=D(160),
            ending_observed_at=noon,
        )
    entered = make_flow(account, amount=D(50), occurred_at=noon - timedelta(hours=2))
    make_flow(account, amount=D(50), occurred_at=noon - timedelta(hours=1), matches=entered)
    make_flow(account, kind="withdrawal", amount=D(-7), occurred_at=noon)
    # Earned, in another currency, after the reading, of yesterday
    make_flow(account, kind="funding", amount=D(3), occurred_at=noon)
    make_flow(account, amount=D(4), currency="BTC", occurred_at=noon)
    make_flow(account, amount=D(1000), occurred_at=noon + timedelta(seconds=1))
    make_flow(account, amount=D(2000), occurred_at=noon - timedelta(hours=13))

    ids, now = [account.pk, other.pk], noon + timedelta(minutes=1)
    changes = read_changes_today(load_balances(ids, now=now), ids, now=now)

    assert changes == {account.pk: 17, other.pk: 60}


@pytest.fixture
def noon() -> datetime:
    return datetime.combine(TODAY, time(12), tzinfo=timezone.get_default_timezone())


def change_of(account: Account, now: datetime) -> Decimal | None:
    ids = [account.pk]
    return read_changes_today(load_balances(ids, now=now), ids, now=now).get(account.pk)


def test_what_was_put_in_is_compared_with_the_reading_of_its_own_pool(noon) -> None:
    """Futures are silent since the day before yesterday: what came to them is not in the total."""
    account, silent_since = make_account(), noon - timedelta(days=2)
    for days, spot, at in ((1, 50, -25), (0, 150, 0)):
        make_summary(
            account=account,
            date=TODAY - timedelta(days=days),
            starting_balance=D(150),
            spot_balance=D(spot),
            futures_balance=D(100),
            ending_balance=D(100 + spot),
            spot_observed_at=noon + timedelta(hours=at),
            futures_observed_at=silent_since,
            ending_observed_at=silent_since,
        )
    make_flow(account, pool="spot", amount=D(98), occurred_at=noon - timedelta(hours=1))
    make_flow(account, pool="futures", amount=D(1000), occurred_at=noon - timedelta(hours=1))

    assert change_of(account, noon) == 2


def test_what_came_behind_the_last_reading_of_before_is_no_change_of_today(noon) -> None:
    """Nothing was read over a weekend, in which 1,000 came."""
    account = make_account()
    for days, ending, at in ((3, 100, noon - timedelta(days=3)), (0, 1103, noon)):
        make_summary(
            account=account,
            date=TODAY - timedelta(days=days),
            starting_balance=D(100),
            ending_balance=D(ending),
            ending_observed_at=at,
        )
    make_flow(account, amount=D(20), occurred_at=noon - timedelta(days=3))
    make_flow(account, amount=D(1000), occurred_at=noon - timedelta(days=2))

    assert change_of(account, noon) == 3
