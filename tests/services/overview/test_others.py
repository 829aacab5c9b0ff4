"""What is shown of one account, strategy or user is not another's."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from capital.domain.allocation.decision import Outcome
from capital.domain.pools import Pool
from capital.models import Account, AllocationRun, StrategyCapital
from capital.services.balances.summaries import load_balances
from capital.services.overview.accounts import pool_shares
from capital.services.overview.capital import find_link_capital, first_link_capital
from capital.services.overview.dashboard import read_dashboard
from capital.services.overview.equity import read_changes_today, read_history, read_totals
from capital.services.overview.rates import reported_total, store_rate
from capital.services.overview.runs import last_runs
from capital.services.overview.strategies import (
    capital_when_idle,
    count_accounts,
    overview_strategies,
    positions_when_archived,
    positions_when_off,
    running_links,
)
from capital.services.overview.timeline.account import read_account_history
from tests.factories import (
    make_account,
    make_link,
    make_position,
    make_strategy,
    make_summary,
    make_user,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.get_default_timezone())
COLUMNS = ("pk", "strategy_account", "allocated_capital")


def run_of(account: Account, outcome: str = "applied", *, hour: int = 9) -> AllocationRun:
    return AllocationRun.objects.create(
        account=account,
        run_key=f"key-{AllocationRun.objects.count()}",
        trigger="command",
        outcome=outcome,
        code="allocated",
        created_at=NOW.replace(hour=hour),
    )


def days_ago(account: Account, days: int, ending: str | None, **fields: object) -> None:
    date = NOW.date() - timedelta(days=days)
    balance = None if ending is None else Decimal(ending)
    make_summary(account=account, date=date, ending_balance=balance, **fields)


# The capital of links


def test_capital_of_ones_own_links_is_read() -> None:
    links = [make_link(capital=capital) for capital in ("1", "2")]
    also = make_link(account=links[0].account, capital="3")
    on_another = make_link(account=make_account(owner=links[0].account.owner), capital="4")
    owner, root = links[0].account.owner, make_user(is_superuser=True)

    def read(user: object, account_id: int | None = None, most: int = 9) -> list[int]:
        rows = first_link_capital(user, COLUMNS, account_id=account_id, most=most)  # type: ignore[arg-type]
        return [row["strategy_account"] for row in rows]

    assert read(owner) == [links[0].pk, also.pk, on_another.pk]
    assert read(owner, most=1) == [links[0].pk]
    assert read(owner, links[0].account_id) == [links[0].pk, also.pk]
    assert read(owner, links[1].account_id) == []
    assert read(root) == [links[0].pk, links[1].pk, also.pk, on_another.pk]
    assert read(root, links[1].account_id) == [links[1].pk]
    assert read(AnonymousUser()) == []


def test_capital_of_one_link_is_found_where_it_may_be_seen() -> None:
    mine, theirs = make_link(capital="1"), make_link(capital="2")
    rows = {row.strategy_account_id: row.pk for row in StrategyCapital.objects.order_by("pk")}
    owner, root = mine.account.owner, make_user(is_superuser=True)

    def find(link: object, user: object, account_id: int | None = None) -> object:
        row = find_link_capital(rows[link.pk], user, COLUMNS, account_id=account_id)  # type: ignore[attr-defined, arg-type]
        return row and row["allocated_capital"]

    assert (find(mine, owner), find(theirs, owner)) == (1, None)
    assert (find(mine, root), find(theirs, root)) == (1, 2)
    assert find(theirs, root, mine.account_id) is None


# Balances over time


def test_balances_over_time_are_the_accounts_own() -> None:
    account, other = make_account(), make_account()
    days_ago(account, 40, "10")
    days_ago(account, 2, "20")
    days_ago(other, 35, "7")
    days_ago(other, 1, "8")
    days_ago(account, -1, "99")

    history = [day.total for day in read_history(account.pk, now=NOW)]

    assert history == [10] * 28 + [20] * 3
    assert read_totals([account.pk], now=NOW) == {account.pk: history}
    assert list(read_totals([other.pk], now=NOW)[other.pk]) == [7] * 29 + [8] * 2


def test_balance_is_carried_into_a_first_day_without_a_row_only() -> None:
    account, begun, unknown = make_account(), make_account(), make_account()
    days_ago(account, 31, "1")
    for each in (begun, unknown):
        days_ago(each, 31, "2")
    days_ago(begun, 30, "3")
    days_ago(unknown, 30, None)

    totals = read_totals([account.pk, begun.pk, unknown.pk], now=NOW)

    assert {key: set(of_account) for key, of_account in totals.items()} == {
        account.pk: {1},
        begun.pk: {3},
        unknown.pk: {None},
    }


def test_change_of_today_is_the_accounts_own_and_todays() -> None:
    account, other, quiet = make_account(), make_account(), make_account()
    days_ago(account, 1, "9", starting_balance=Decimal(1))
    days_ago(account, 0, "12", starting_balance=Decimal(9))
    days_ago(other, 0, "50", starting_balance=Decimal(0))
    days_ago(quiet, 1, "5", starting_balance=Decimal(1))

    ids = [account.pk, quiet.pk]
    assert read_changes_today(load_balances(ids, now=NOW), ids, now=NOW) == {account.pk: 3}


def test_day_that_a_clock_ahead_opened_counts_as_today() -> None:
    account = make_account()
    days_ago(account, 0, "12", starting_balance=Decimal(9))
    days_ago(account, -1, "14", starting_balance=Decimal(12))
    before_midnight, ids = NOW.replace(hour=23, minute=55), [account.pk]
    latest = load_balances(ids, now=before_midnight)

    assert read_changes_today(latest, ids, now=before_midnight) == {account.pk: 2}


# Runs


def test_last_run_is_the_accounts_own() -> None:
    account, other, without = make_account(), make_account(), make_account()
    run_of(account, "failed", hour=7)
    last = run_of(account, hour=8)
    latest_of_all = run_of(other, "failed", hour=9)
    ids = [account.pk, without.pk]

    assert last_runs(ids) == {account.pk: last}
    assert last_runs(ids, Outcome.FAILED) == {}
    assert last_runs([*ids, other.pk], Outcome.FAILED) == {other.pk: latest_of_all}


def test_account_shows_its_own_runs() -> None:
    account = make_account()
    mine = run_of(account)
    run_of(make_account(), hour=10)

    shown = read_account_history(account, account.owner, clock=lambda: NOW).runs

    assert [each.run for each in shown] == [mine]


# Strategies


def test_each_strategy_is_counted_on_the_accounts_that_may_be_seen() -> None:
    owner = make_user()
    first, second = make_strategy(owner=owner), make_strategy(owner=owner)
    main, side = make_account(owner=owner), make_account(owner=owner)
    make_link(account=main, strategy=first, capital="1")
    make_link(account=side, strategy=first, capital="2")
    make_link(account=main, strategy=second, capital="4")
    make_link(account=side, strategy=second)
    make_link(account=make_account(), strategy=second, capital="8")

    overviews = overview_strategies([first.pk, second.pk], owner)

    assert {key: (each.accounts, dict(each.capital)) for key, each in overviews.items()} == {
        first.pk: (2, {"USDT": 3}),
        second.pk: (2, {"USDT": 4}),
    }
    assert set(overview_strategies([second.pk], owner)) == {second.pk}
    assert count_accounts([second.pk], owner) == 2
    assert count_accounts([make_strategy(owner=owner).pk], owner) == 0
    assert count_accounts([first.pk, second.pk], owner) == 2


def test_first_steps_of_one_user_are_not_done_by_another() -> None:
    run_of(make_link(strategy=make_strategy()).account)
    newcomer = make_user()

    assert not any(vars(read_dashboard(newcomer, clock=lambda: NOW).steps).values())


# Rates


def test_rate_of_the_pair_is_used_beside_others() -> None:
    for base, quote, rate in (
        ("USDT", "USD", "2"),
        ("USDT", "KRW", "1400"),
        ("BTC", "KRW", "90000000"),
        ("USDT", "EUR", "3"),
    ):
        store_rate(base, quote, rate, clock=lambda: NOW)

    assert reported_total("KRW", {"USDT": Decimal(2)}).amount == 2800
    assert reported_total("KRW", {"BTC": Decimal(2)}).amount == 180000000


# Shares of a pool


def test_share_of_a_link_is_that_of_its_own_accounts_pool() -> None:
    account = make_account()
    spot = [make_link(account=account, weight=Decimal(weight)) for weight in (1, 3)]
    futures = make_link(account=account, market_type="futures", weight=Decimal(9))
    make_link(account=account, status="PAUSED", weight=Decimal(5))
    make_link(weight=Decimal(7))

    assert pool_shares(account) == {spot[0].pk: 25, spot[1].pk: 75, futures.pk: 100}
    assert pool_shares(make_account()) == {}


def test_only_what_runs_and_is_seen_would_lose_its_capital() -> None:
    owner = make_user(username="ann")
    account = make_account(owner=owner, name="Main", venue="binance", wallet_mode="separate")
    spot = make_strategy(owner=owner, name="Spot", market_type="spot")
    futures = make_strategy(owner=owner, name="Futures", market_type="futures")
    other = make_strategy(owner=owner, name="Other", market_type="futures")
    make_link(account=account, strategy=spot, capital="10")
    make_link(account=account, strategy=futures, capital="20")
    make_link(account=account, strategy=other, capital="30")
    # Of somebody else; switched off; without capital.
    make_link(account=make_account(name="Theirs"), strategy=spot, capital="40")
    make_link(
        account=make_account(owner=owner, name="Off"), strategy=spot, is_active=False, capital="50"
    )
    make_link(account=make_account(owner=owner, name="Empty"), strategy=spot, capital="0")
    make_link(account=make_account(owner=owner, name="New"), strategy=spot)

    found = capital_when_idle([spot.pk, futures.pk], owner)

    told = [(each.account, each.strategy, each.capital, each.is_last) for each in found]
    # The futures strategy leaves another one in its pool; that does not help the spot pool.
    assert told == [("Main", "Futures", Decimal(20), False), ("Main", "Spot", Decimal(10), True)]
    assert capital_when_idle([spot.pk], AnonymousUser()) == []


def test_positions_that_archiving_leaves_are_the_open_ones_that_the_user_sees() -> None:
    owner = make_user()
    link = make_link(account=make_account(owner=owner, name="Main"))
    other = make_link(account=make_account(name="Theirs"), strategy=link.strategy)
    archived = make_link(account=link.account, status="ARCHIVED")
    elsewhere = make_link(account=link.account)
    for each, quantity, symbol in (
        (link, "-1", "ETH/USDT"),
        (link, "0", "XRP/USDT"),
        (link, "2", "BTC/USDT"),
        (other, "1", "BTC/USDT"),
        (archived, "1", "BTC/USDT"),
        (elsewhere, "1", "BTC/USDT"),
    ):
        make_position(each, quantity, symbol)

    found = positions_when_archived([link.strategy_id, archived.strategy_id], owner)

    name = link.strategy.name
    assert [(each.link_id, each.account, each.strategy, each.symbol) for each in found] == [
        (link.pk, "Main", name, "BTC/USDT"),
        (link.pk, "Main", name, "ETH/USDT"),
    ]


def test_positions_that_switching_off_leaves_are_those_of_active_links() -> None:
    link = make_link()
    off = make_link(account=link.account, is_active=False)
    elsewhere = make_link()
    for each, quantity in ((link, "-1"), (off, "1"), (elsewhere, "1")):
        make_position(each, quantity)
    make_position(link, "0", "ETH/USDT")
    # An account that holds a long and a short position in one symbol.
    for side, quantity in (("long", "2"), ("short", "-3")):
        make_position(link, quantity, "SOL/USDT:USDT", position_side=side)

    found = positions_when_off(link.account)

    assert [(each.link_id, each.symbol) for each in found] == [
        (link.pk, "BTC/USDT"),
        (link.pk, "SOL/USDT:USDT"),
    ]


def test_links_that_run_are_those_that_could_lose_capital() -> None:
    account = make_account(venue="binance", wallet_mode="separate")
    spot = make_link(account=account, market_type="spot", capital="10")
    futures = make_link(account=account, market_type="futures")
    make_link(account=account, status="PAUSED", capital="20")
    make_link(account=account, is_active=False, capital="30")
    make_link(capital="40")

    found = {each.link_id: (each.pool, each.capital) for each in running_links(account)}

    assert found == {spot.pk: (Pool.SPOT, 10), futures.pk: (Pool.FUTURES, 0)}
    account.is_active = False
    assert running_links(account) == []
