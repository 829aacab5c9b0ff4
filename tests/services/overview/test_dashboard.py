"""The desk at a glance: per currency, absent is not zero, only what the reader may see."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AbstractUser, Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from capital.domain.pools import Pool
from capital.models import Account, AllocationRun, LimitState, TradingCursor
from capital.services.limits import Scope, place_stop
from capital.services.overview.concerns import Concern
from capital.services.overview.dashboard import Dashboard, read_dashboard
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.get_default_timezone())
TODAY = NOW.date()


def seen_by(user: AbstractUser) -> Dashboard:
    return read_dashboard(user, clock=lambda: NOW)


def read_at(moment: datetime, **fields: Any) -> dict[str, Any]:
    """A separate account's summary whose parts were read at ``moment``."""
    return {
        "spot_observed_at": moment,
        "futures_observed_at": moment,
        "ending_observed_at": moment,
        **fields,
    }


def summary_of(
    account: Account, spot: str | None, futures: str | None, *, days_ago: int = 0, **fields: Any
) -> None:
    known = spot is not None and futures is not None
    parts = [None if part is None else Decimal(part) for part in (spot, futures)]
    make_summary(
        account=account,
        date=TODAY - timedelta(days=days_ago),
        spot_balance=parts[0],
        futures_balance=parts[1],
        ending_balance=sum(parts) if known else None,  # type: ignore[arg-type]
        **fields,
    )


def test_currencies_are_never_summed():
    owner = make_user()
    dollars = make_account(owner=owner)
    won = make_account(owner=owner, venue="upbit", currency="KRW")
    summary_of(dollars, "100", "50")
    make_summary(account=won, date=TODAY, spot_balance=7000, ending_balance=7000)

    figures = {each.currency: each for each in seen_by(owner).currencies}

    assert {name: each.total for name, each in figures.items()} == {
        "USDT": Decimal(150),
        "KRW": Decimal(7000),
    }


def test_an_account_whose_trades_are_unread_needs_attention_for_the_first_three_questions():
    """The same of an account that is read is none."""
    owner = make_user()
    unread, read = make_account(owner=owner), make_account(owner=owner)
    for account, age in ((unread, timedelta(hours=2)), (read, timedelta(minutes=5))):
        for number in range(4):
            TradingCursor.objects.create(
                account=account,
                pool="futures",
                asked_for="fills",
                endpoint="GET /fills",
                symbol=f"C{number}/USDT:USDT",
                begins_at=NOW - timedelta(days=1),
                read_until=NOW - age,
            )

    found = {each.account.pk: each.concerns for each in seen_by(owner).concerns}

    assert Concern.TRADES not in found[read.pk]
    told = found[unread.pk][Concern.TRADES]
    assert [f"C{number}/USDT:USDT" in told for number in range(4)] == [True, True, True, False]


def test_an_account_needs_attention_for_the_first_three_of_its_stops_and_of_its_near_limits():
    """The same of an account that is neither stopped nor near a limit is none."""
    owner = make_user()
    account, other = make_account(owner=owner), make_account(owner=owner)
    make_link(account=other, max_drawdown_percent=Decimal(10))
    for number in range(4):
        link = make_link(account=account, max_drawdown_percent=Decimal(10))
        place_stop(Scope(link_id=link.pk), reason=f"Reason {number}", actor=None)
        LimitState.objects.create(
            strategy_account=link,
            kind="drawdown",
            used=Decimal(8),
            limit=Decimal(10),
            code="drawdown_near",
            figures={"percent": f"8.{number}", "limit": "10"},
            judged_at=NOW,
        )

    found = {each.account.pk: each.concerns for each in seen_by(owner).concerns}

    assert not {Concern.STOPPED, Concern.LIMIT} & set(found[other.pk])
    stopped, near = found[account.pk][Concern.STOPPED], found[account.pk][Concern.LIMIT]
    assert [f"Reason {number}" in stopped for number in range(4)] == [True, True, True, False]
    assert [f"is 8.{number}%" in near for number in range(4)] == [True, True, True, False]


def test_total_is_capital_reserve_and_rest():
    account = make_account(reserve_percent=Decimal(10))
    summary_of(account, "1000", "500", starting_balance=Decimal(1400))
    make_link(account=account, capital="600")
    make_link(account=account, market_type="futures", capital="450")

    (figures,) = seen_by(account.owner).currencies

    assert figures.total == 1500
    assert figures.change_today == 100
    assert figures.allocated == 1050
    assert figures.reserved == 150
    assert figures.unallocated == 300


def test_a_pool_that_shrank_shows_as_negative_rest():
    account = make_account()
    summary_of(account, "1000", "0")
    make_link(account=account, capital="1200")

    (figures,) = seen_by(account.owner).currencies

    assert figures.unallocated == -200


def test_debt_stays_negative():
    account = make_account(reserve_percent=Decimal(10))
    summary_of(account, "-50", "20")

    (figures,) = seen_by(account.owner).currencies

    assert figures.total == -30
    assert figures.reserved == 2
    assert figures.unallocated == -32


def test_what_is_unknown_is_none_and_not_zero():
    account = make_account()

    (figures,) = seen_by(account.owner).currencies

    assert figures.total is None
    assert figures.change_today is None
    assert figures.allocated is None
    assert figures.reserved is None
    assert figures.unallocated is None
    assert figures.unknown == 1
    assert figures.venues == ()
    assert {day.total for day in figures.equity} == {None}


def test_an_unknown_pool_is_left_out_and_said():
    account = make_account()
    summary_of(account, "100", None)
    make_link(account=account, market_type="futures", capital="40")

    (figures,) = seen_by(account.owner).currencies

    assert (figures.total, figures.unknown) == (Decimal(100), 1)
    assert figures.allocated == 40
    assert figures.unallocated == 100


def test_a_whole_without_its_parts_is_not_taken_for_them():
    account = make_account()
    make_summary(account=account, date=TODAY, ending_balance=Decimal(15369))

    (figures,) = seen_by(account.owner).currencies

    assert (figures.total, figures.unknown) == (None, 1)
    assert figures.equity[-1].total == 15369


def test_change_counts_only_accounts_that_know_it():
    owner = make_user()
    summary_of(make_account(owner=owner), "100", "0", starting_balance=Decimal(90))
    summary_of(make_account(owner=owner), "100", "0", days_ago=1)

    (figures,) = seen_by(owner).currencies

    assert (figures.change_today, figures.changes_known, figures.accounts) == (10, 1, 2)


def test_capital_is_by_strategy_and_pool():
    owner = make_user()
    separate, unified = make_account(owner=owner), make_account(owner=owner, venue="bybit")
    grid = make_strategy(owner=owner, name="Grid")
    trend = make_strategy(owner=owner, name="Trend", market_type="futures")
    make_link(account=separate, strategy=grid, capital="100")
    make_link(account=unified, strategy=grid, capital="30")
    make_link(account=separate, strategy=trend, capital="200")
    make_link(account=unified, strategy=make_strategy(owner=owner), capital="0")

    (figures,) = seen_by(owner).currencies

    assert [(each.name, dict(each.amounts)) for each in figures.strategies] == [
        ("Trend", {Pool.FUTURES: Decimal(200)}),
        ("Grid", {Pool.SPOT: Decimal(100), Pool.UNIFIED: Decimal(30)}),
    ]


def test_money_is_by_venue_and_pool():
    owner = make_user()
    summary_of(make_account(owner=owner), "100", "50")
    summary_of(make_account(owner=owner), "1", None)
    unified = make_account(owner=owner, venue="bybit")
    make_summary(account=unified, date=TODAY, ending_balance=Decimal(500))

    (figures,) = seen_by(owner).currencies

    assert [(each.name, dict(each.amounts)) for each in figures.venues] == [
        ("bybit", {Pool.UNIFIED: Decimal(500)}),
        ("binance", {Pool.SPOT: Decimal(101), Pool.FUTURES: Decimal(50)}),
    ]


def test_equity_carries_a_day_without_a_row_and_counts_who_is_known():
    owner = make_user()
    old, new = make_account(owner=owner), make_account(owner=owner)
    summary_of(old, "100", "0", days_ago=90)
    summary_of(old, "120", "0", days_ago=2)
    summary_of(new, "7", "0", days_ago=1)

    (figures,) = seen_by(owner).currencies

    assert len(figures.equity) == 31
    shown = [(day.total, day.known) for day in figures.equity[-4:]]
    assert shown == [(100, 1), (120, 1), (127, 2), (127, 2)]
    assert figures.equity[0].total == 100
    assert figures.equity[-1].date == TODAY


def test_a_summary_of_tomorrow_is_not_part_of_it():
    account = make_account()
    summary_of(account, "100", "0")
    summary_of(account, "999", "0", days_ago=-1)

    (figures,) = seen_by(account.owner).currencies

    assert (figures.total, figures.equity[-1].total) == (Decimal(100), Decimal(100))


def test_only_visible_and_active_accounts_count():
    owner, other = make_user(), make_user()
    summary_of(make_account(owner=owner), "1", "0")
    summary_of(make_account(owner=owner, is_active=False), "10", "0")
    summary_of(make_account(owner=other), "100", "0")

    own = seen_by(owner)
    everyone = make_user()
    everyone.user_permissions.add(Permission.objects.get(codename="view_all_accounts"))

    assert [each.total for each in own.currencies] == [1]
    assert (own.accounts, own.accounts_off) == (1, 1)
    assert [each.total for each in seen_by(everyone).currencies] == [101]


def run_of(account: Account, outcome: str, code: str, **figures: str) -> AllocationRun:
    return AllocationRun.objects.create(
        account=account,
        run_key=f"key-{AllocationRun.objects.count()}",
        trigger="command",
        outcome=outcome,
        code=code,
        figures=figures,
        created_at=NOW,
    )


def test_runs_of_others_are_not_shown():
    account = make_account()
    run = run_of(account, "unchanged", "unchanged")
    run_of(make_account(), "unchanged", "unchanged")

    assert [each.run for each in seen_by(account.owner).runs] == [run]


def test_what_needs_a_look_is_named_with_its_reason_the_most_urgent_first():
    owner = make_user()
    fine, stale, silent, failed = (make_account(owner=owner, name=name) for name in "abcd")
    for account in (fine, failed):
        summary_of(account, "1", "1", **read_at(NOW - timedelta(minutes=10)))
    summary_of(stale, "1", "1", **read_at(NOW - timedelta(minutes=10, seconds=1)))
    run_of(failed, "unchanged", "unchanged")
    run_of(failed, "failed", "account_changed")
    run_of(fine, "failed", "account_changed")
    run_of(fine, "unchanged", "unchanged")

    found = seen_by(owner).concerns

    assert [(each.account, list(each.concerns)) for each in found] == [
        (failed, [Concern.FAILED]),
        (silent, [Concern.NEVER]),
        (stale, [Concern.STALE]),
    ]
    assert found[0].concerns[Concern.FAILED] == (
        "The account was changed while its balance was being read, so nothing was allocated. "
        "Run it again."
    )


def test_a_suspect_balance_and_a_missing_one_are_concerns():
    account = make_account(last_check_code="no_balance")
    summary_of(account, "1", "1", **read_at(NOW))
    account.suspect_readings = {
        "spot": {"amount": "9", "observed_at": NOW.isoformat(), "accepted": "1"}
    }
    account.save()

    (found,) = seen_by(account.owner).concerns

    assert list(found.concerns) == [Concern.SUSPECT, Concern.NO_BALANCE]


def test_a_new_desk_knows_its_first_steps():
    owner = make_user()
    assert not any(vars(seen_by(owner).steps).values())

    account = make_account(owner=owner)
    assert seen_by(owner).steps.has_account
    make_link(account=account)
    run_of(account, "unchanged", "unchanged")

    assert seen_by(owner).steps.are_done


def queries_with(count: int) -> int:
    owner = make_user()
    for number in range(count):
        account = make_account(
            owner=owner,
            venue=("binance", "bybit")[number % 2],
            currency=("USDT", "BTC")[number % 2],
        )
        make_link(account=account, strategy=make_strategy(owner=owner), capital="10")
        summary_of(account, "1", "1", days_ago=number + 1)
        run_of(account, "failed", "account_changed")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        seen_by(owner)
    return len(queries)


def test_cost_in_queries_is_the_same_for_one_account_and_many():
    assert queries_with(1) == queries_with(12) <= 28


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_a_page_that_only_looks_takes_no_write_lock():
    account = make_account()
    make_link(account=account, capital="10")
    summary_of(account, "100", "0")

    with CaptureQueriesContext(connection) as queries:
        (figures,) = seen_by(account.owner).currencies

    assert figures.unallocated == 90
    begun = {query["sql"] for query in queries if query["sql"].startswith("BEGIN")}
    assert begun == {"BEGIN DEFERRED" if connection.vendor == "sqlite" else "BEGIN"}
