"""A plan is applied exactly as it was shown, or not at all."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.domain.errors import (
    ForceNotAllowed,
    NothingToAccept,
    NotPermitted,
    PlanExpired,
    PlanStale,
    PlanTooLarge,
    UnknownAccount,
    UnknownPlan,
)
from capital.domain.reasons import Code
from capital.models import (
    Account,
    AccountAccess,
    AllocationEntry,
    AllocationPlan,
    AllocationRun,
    DailyAccountSummary,
    Position,
    StrategyAccount,
    StrategyCapital,
)
from capital.services.accounts import change_account
from capital.services.allocation import applying, plans
from capital.services.allocation.allocate import allocate_capital
from capital.services.allocation.applying import apply_plan
from capital.services.allocation.plans import (
    get_plan,
    jumps_of_plan,
    make_plan,
    report_plan,
    runs_of_plan,
)
from capital.services.allocation.runs import report_runs
from capital.services.audit.checks import audit_capital
from capital.services.balances.sync import sync_balances
from strategies.models import MarketType, Strategy
from tests.factories import (
    capital_of,
    make_account,
    make_link,
    make_operator,
    make_summary,
    make_user,
)
from tests.services.allocation.moments import NOON, at
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

FUTURES = MarketType.FUTURES


@pytest.fixture
def desk(exchange: Exchange) -> tuple[Account, StrategyAccount, StrategyAccount]:
    """300 in spot for one strategy; 90 in futures for another."""
    account = exchange.open_account(
        name="Main", wallets={"spot": {"USDT": "300"}, "futures": {"USDT": "90.019"}}
    )
    return account, make_link(account=account), make_link(account=account, market_type=FUTURES)


# What is shown is what is applied


def test_plan_writes_nothing_but_itself(desk: Any) -> None:
    account, *_ = desk
    before = Account.objects.values().get()

    make_plan([account.pk])

    assert AllocationPlan.objects.count() == 1
    assert [
        model.objects.count() for model in (AllocationRun, StrategyCapital, DailyAccountSummary)
    ] == [0, 0, 0]
    assert Account.objects.values().get() == before


def test_plan_is_applied_with_the_readings_that_it_shows(exchange: Exchange, desk: Any) -> None:
    account, spot, futures = desk
    plan = make_plan([account.pk], clock=at())
    (shown,) = report_plan(plan)
    exchange.set_balance(account, "spot", "999")

    (run,) = apply_plan(plan.public_id, clock=at(minutes=4))

    assert (capital_of(spot), capital_of(futures)) == (Decimal(300), Decimal("90.01"))
    assert (run.outcome, run.trigger, run.run_key) == ("applied", "admin", plan.run_key)
    assert run.created_at == NOON + timedelta(minutes=4)
    (applied,) = report_runs([run])
    assert [
        (each.balance, each.source, each.observed_at, each.entries) for each in shown.pools
    ] == [(each.balance, each.source, each.observed_at, each.entries) for each in applied.pools]
    assert str(applied.pools[1].balance) == "90.019"
    assert len(exchange.asked) == 2, "applying asks nobody"
    summary = DailyAccountSummary.objects.get()
    assert (summary.spot_balance, summary.spot_observed_at) == (Decimal(300), NOON)
    assert not audit_capital(clock=at(hours=1)).violations


def test_plan_with_a_cached_and_a_missing_balance_says_so_and_applies_so(
    exchange: Exchange, desk: Any
) -> None:
    account, spot, futures = desk
    exchange.fail(account, "server_error")
    observed = NOON - timedelta(hours=2)
    make_summary(
        account=account,
        date=NOON.date(),
        spot_balance=Decimal(250),
        spot_observed_at=observed,
    )

    plan = make_plan([account.pk], clock=at())

    (shown,) = report_plan(plan)
    assert [(pool.pool, pool.balance, pool.source, pool.code) for pool in shown.pools] == [
        ("spot", Decimal("250.00"), "cached", "exchange_unreachable"),
        ("futures", None, "none", "exchange_unreachable"),
    ]
    (run,) = apply_plan(plan.public_id, clock=at(minutes=1))
    assert run.code == "partly_allocated"
    assert (capital_of(spot), capital_of(futures)) == (Decimal(250), None)
    assert run.pools.get(pool="spot").observed_at == observed


def test_newer_reading_in_the_summary_stays_when_an_older_plan_is_applied(
    exchange: Exchange, desk: Any
) -> None:
    account, spot, _ = desk
    plan = make_plan([account.pk], clock=at())
    exchange.set_balance(account, "spot", "310")
    sync_balances([account.pk], clock=at(minutes=1))

    apply_plan(plan.public_id, clock=at(minutes=2))

    assert capital_of(spot) == Decimal(300)
    assert DailyAccountSummary.objects.get().spot_balance == Decimal(310)


def test_unchanged_plan_leaves_an_unchanged_run(desk: Any) -> None:
    account, *_ = desk
    allocate_capital([account.pk], clock=at())

    (run,) = apply_plan(make_plan([account.pk], clock=at()).public_id, clock=at(minutes=1))

    assert (run.outcome, AllocationRun.objects.count()) == ("unchanged", 2)


def test_cached_plan_asks_no_exchange(exchange: Exchange, desk: Any) -> None:
    account, *_ = desk
    make_summary(account=account, date=NOON.date(), spot_balance=Decimal(100))

    plan = make_plan([account.pk], live=False, clock=at())

    assert exchange.asked == []
    assert report_plan(plan)[0].pools[0].code == "live_disabled"
    assert apply_plan(plan.public_id, clock=at())[0].arguments["live"] is False


# Applied once


def test_plan_that_was_applied_returns_its_first_runs_whatever_became_since(desk: Any) -> None:
    account, spot, _ = desk
    plan = make_plan([account.pk], clock=at())
    first = apply_plan(plan.public_id, clock=at(minutes=1))
    StrategyAccount.objects.filter(pk=spot.pk).update(is_active=False)

    again = apply_plan(plan.public_id, clock=at(hours=3))

    assert [run.pk for run in again] == [run.pk for run in first]
    assert AllocationRun.objects.count() == 1
    assert AllocationPlan.objects.get().applied_at == NOON + timedelta(minutes=1)


def test_plan_that_two_apply_at_once_was_applied_when_the_first_did(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, *_ = desk
    plan = make_plan([account.pk], clock=at())
    first = apply_plan(plan.public_id, clock=at(minutes=1))
    # The second one looked before the first one had written.
    monkeypatch.setattr(applying, "earlier_runs", lambda *_: {})

    second = apply_plan(plan.public_id, clock=at(minutes=2))

    assert [run.pk for run in second] == [run.pk for run in first]
    assert AllocationPlan.objects.get().applied_at == NOON + timedelta(minutes=1)


def test_runs_of_a_plan_are_its_own(desk: Any) -> None:
    account, *_ = desk
    allocate_capital([account.pk], clock=at())
    plan = make_plan([account.pk], clock=at(minutes=1))
    assert runs_of_plan(plan) == [(account, None)]

    runs = apply_plan(plan.public_id, clock=at(minutes=1))
    allocate_capital([account.pk], clock=at(minutes=2))

    assert runs_of_plan(plan) == [(account, runs[0])]


def test_plan_older_than_five_minutes_is_refused(desk: Any) -> None:
    account, *_ = desk
    plan = make_plan([account.pk], clock=at())

    with pytest.raises(PlanExpired, match="5 minutes"):
        apply_plan(plan.public_id, clock=at(minutes=5, seconds=1))

    assert not AllocationRun.objects.exists()
    assert apply_plan(plan.public_id, clock=at(minutes=5))[0].outcome == "applied"


# Refused where something changed


def sql_update(rows: Any, **values: Any) -> None:
    assert rows.update(**values) == 1


CHANGES: dict[str, Any] = {
    "weights_changed": lambda account, link: sql_update(
        StrategyAccount.objects.filter(pk=link.pk), weight=Decimal("0.5")
    ),
    "states_changed": lambda account, link: sql_update(
        Strategy.objects.filter(pk=link.strategy_id), status="PAUSED"
    ),
    "links_changed": lambda account, link: make_link(account=account),
    "reserve_changed": lambda account, link: sql_update(
        Account.objects.filter(pk=account.pk), reserve_amount=Decimal(5)
    ),
    "settings_changed": lambda account, link: change_account(
        account.pk, actor=None, api_key="another key"
    ),
    "capital_changed": lambda account, link: StrategyCapital.objects.create(
        strategy_account=link, allocated_capital=Decimal(1)
    ),
    "positions_changed": lambda account, link: Position.objects.create(
        strategy_account=link, symbol="BTC/USDT", quantity=Decimal(1)
    ),
    "later_run": lambda account, link: allocate_capital([account.pk]),
    "suspects_changed": lambda account, link: sql_update(
        Account.objects.filter(pk=account.pk),
        suspect_readings={
            "spot": {"amount": "9", "observed_at": NOON.isoformat(), "accepted": "300"}
        },
    ),
    "decision_changed": lambda account, link: sql_update(
        Strategy.objects.filter(pk=link.strategy_id), market_type="futures"
    ),
}


@pytest.mark.parametrize("code", CHANGES)
def test_plan_is_refused_where_what_it_rests_on_changed(
    exchange: Exchange, desk: Any, code: str
) -> None:
    account, spot, _ = desk
    other = exchange.open_account(wallets={"spot": {"USDT": "5"}})
    make_link(account=other)
    plan = make_plan([other.pk, account.pk])
    CHANGES[code](account, spot)
    runs = AllocationRun.objects.count()

    with pytest.raises(PlanStale, match="Main") as refused:
        apply_plan(plan.public_id)

    assert {key: reason.code for key, reason in refused.value.changes.items()} == {account.pk: code}
    assert AllocationRun.objects.count() == runs, "nothing is done for the other one either"
    assert AllocationPlan.objects.get().applied_at is None


def test_refusal_names_ten_accounts_at_most_and_tells_of_all(settings: Any) -> None:
    settings.CAPITAL_LIVE_BALANCES = False
    links = [make_link(account=make_account(name=f"A{number:02}")) for number in range(11)]
    plan = make_plan([link.account_id for link in links])
    StrategyAccount.objects.update(weight=2)

    with pytest.raises(PlanStale, match=r"\(A00, .*, A09, …\)") as refused:
        apply_plan(plan.public_id)

    assert len(refused.value.changes) == 11


def test_run_that_decided_nothing_does_not_make_a_plan_stale(exchange: Exchange, desk: Any) -> None:
    account, spot, _ = desk
    plan = make_plan([account.pk])
    exchange.fail(account, "server_error")
    allocate_capital([account.pk])

    apply_plan(plan.public_id)

    assert capital_of(spot) == Decimal(300)


def test_same_suspect_seen_again_does_not_make_a_plan_stale(exchange: Exchange) -> None:
    account = exchange.open_account(
        wallets={"spot": {"USDT": "1000"}, "futures": {"USDT": "0"}},
        max_jump_percent=Decimal(50),
    )
    make_link(account=account)
    make_summary(account=account, date=NOON.date(), spot_balance=Decimal(100))
    plan = make_plan([account.pk], clock=at())
    sync_balances([account.pk], clock=at(minutes=1))
    assert Account.objects.get().suspect_readings

    (run,) = apply_plan(plan.public_id, clock=at(minutes=2))

    assert (run.outcome, run.code) == ("held", "jump_suspected")


# Force and jumps


def test_open_position_holds_a_plan_and_force_goes_past_it(desk: Any, caplog: Any) -> None:
    account, spot, _ = desk
    Position.objects.create(strategy_account=spot, symbol="BTC/USDT", quantity=Decimal(1))

    held = report_plan(make_plan([account.pk]))[0]
    assert (held.outcome, held.code, held.pools[0].code) == (
        "applied",
        "partly_held",
        "open_position",
    )
    forced = make_plan([account.pk], force=True)
    assert not [record for record in caplog.records if "Forced" in record.message]
    (run,) = apply_plan(forced.public_id, origin="10.0.0.7")

    assert (run.outcome, run.is_forced, capital_of(spot)) == ("applied", True, Decimal(300))
    assert [record.message for record in caplog.records if "Forced" in record.message] == [
        f"Forced allocation of accounts {account.pk} by the command line from 10.0.0.7."
    ]


@pytest.mark.parametrize("known", [False, True])
def test_accepting_a_jump_shows_the_balance_first_and_applies_that_one(
    exchange: Exchange, known: bool
) -> None:
    account = exchange.open_account(
        wallets={"spot": {"USDT": "1000"}}, max_jump_percent=Decimal(50)
    )
    link = make_link(account=account)
    make_summary(account=account, date=NOON.date(), spot_balance=Decimal(100))
    if known:
        allocate_capital([account.pk], clock=at())
    assert report_plan(make_plan([account.pk], clock=at()))[0].code == "jump_suspected"

    plan = make_plan([account.pk], accept_jump=True, clock=at())

    assert str(report_plan(plan)[0].pools[0].balance) == "1000.00"
    ((name, why),) = jumps_of_plan(plan)
    assert (name, why.code) == (account.name, Code.JUMP_SUSPECTED)
    assert (why.figures["accepted"], why.figures["observed"]) == ("100.00", "1000.00")
    exchange.set_balance(account, "spot", "7")
    apply_plan(plan.public_id, clock=at(minutes=1))
    assert capital_of(link) == Decimal(1000)
    assert Account.objects.get().suspect_readings == {}


def test_a_plan_that_accepts_nothing_names_no_jump(desk: Any) -> None:
    account, *_ = desk
    plan = make_plan([account.pk])

    assert list(jumps_of_plan(plan)) == []
    # As it was stored before jumps were kept.
    planned = plan.accounts.get()
    del planned.shown["jumps"]
    planned.save()
    assert list(jumps_of_plan(plan)) == []


def test_accepting_needs_something_to_accept(desk: Any) -> None:
    account, *_ = desk

    with pytest.raises(NothingToAccept, match="Main"):
        make_plan([account.pk], accept_jump=True)

    assert not AllocationPlan.objects.exists()


# Who


def test_plan_belongs_to_whom_it_was_shown(desk: Any) -> None:
    account, *_ = desk
    owner = account.owner
    owner.is_superuser = True
    owner.save()
    plan = make_plan([account.pk], actor=owner)

    for somebody in (make_user(is_superuser=True), None):
        with pytest.raises(UnknownPlan):
            apply_plan(plan.public_id, actor=somebody)
    for name in (uuid4(), "not a plan"):
        with pytest.raises(UnknownPlan):
            get_plan(name, actor=owner)

    assert apply_plan(plan.public_id, actor=owner)[0].actor == owner


def test_plan_is_no_longer_shown_to_whom_one_of_its_accounts_was_taken_from() -> None:
    actor = make_operator("allocate_capital")
    mine, shared, other = make_account(owner=actor), make_account(), make_account()
    access, _ = (
        AccountAccess.objects.create(account=account, user=actor, role="operator")
        for account in (shared, other)
    )
    both = make_plan([mine.pk, shared.pk], actor=actor, live=False)
    own = make_plan([mine.pk], actor=actor, live=False)
    assert get_plan(both.public_id, actor=actor) == both

    access.delete()

    with pytest.raises(UnknownPlan):
        get_plan(both.public_id, actor=actor)
    assert get_plan(own.public_id, actor=actor) == own


@pytest.mark.parametrize(
    ("asked", "granted", "error"),
    [
        ({}, [], NotPermitted),
        ({"force": True}, ["allocate_capital"], NotPermitted),
        ({"accept_jump": True}, ["allocate_capital"], NotPermitted),
    ],
)
def test_actor_needs_the_permission_for_what_is_asked(
    asked: dict[str, bool], granted: list[str], error: type[Exception]
) -> None:
    operator = make_operator(*granted)
    account = make_account(owner=operator)

    with pytest.raises(error, match="capital"):
        make_plan([account.pk], actor=operator, **asked)

    assert not AllocationPlan.objects.exists()


def test_account_of_somebody_else_does_not_exist_for_the_actor(desk: Any) -> None:
    account, *_ = desk

    with pytest.raises(UnknownAccount):
        make_plan([account.pk], actor=make_operator("allocate_capital"))


def test_right_that_was_taken_away_since_is_missed_when_the_plan_is_applied(
    exchange: Exchange,
) -> None:
    operator = make_operator("allocate_capital", "force_allocate")
    account = exchange.open_account(owner=operator, wallets={"spot": {"USDT": "5"}})
    make_link(account=account)
    plan = make_plan([account.pk], actor=operator, force=True)
    operator.user_permissions.clear()
    operator = type(operator).objects.get(pk=operator.pk)

    with pytest.raises((NotPermitted, ForceNotAllowed)):
        apply_plan(plan.public_id, actor=operator)

    assert not AllocationRun.objects.exists()


# Batches


def test_account_that_the_database_refuses_fails_and_the_others_go_through(
    exchange: Exchange, refuse_to_record: Callable[[Account], None]
) -> None:
    accounts = [exchange.open_account(wallets={"spot": {"USDT": "100"}}) for _ in range(3)]
    links = [make_link(account=account) for account in accounts]
    plan = make_plan([account.pk for account in accounts])
    refuse_to_record(accounts[1])

    runs = apply_plan(plan.public_id)

    assert [(run.account_id, run.outcome) for run in runs] == [
        (accounts[0].pk, "applied"),
        (accounts[1].pk, "failed"),
        (accounts[2].pk, "applied"),
    ]
    assert [capital_of(link) for link in links] == [Decimal(100), None, Decimal(100)]
    assert [run.pk for run in apply_plan(plan.public_id)] == [run.pk for run in runs]


def test_too_many_accounts_are_refused_before_anybody_is_asked(
    exchange: Exchange, desk: Any, monkeypatch: Any
) -> None:
    account, *_ = desk
    monkeypatch.setattr(plans, "LARGEST_PLAN", 1)

    with pytest.raises(PlanTooLarge, match="2"):
        make_plan([account.pk, make_account().pk])

    assert exchange.asked == []


@pytest.mark.postgresql
def test_queries_do_not_grow_with_the_number_of_accounts(monkeypatch: Any) -> None:
    # One row is written as many are: by COPY, with statements for its keys and for staging.
    monkeypatch.setattr("capital.models.columns.copying._FEWEST", 1)
    monkeypatch.setattr("capital.models.columns.rows.FEWEST", 1)

    def batch(size: int) -> list[int]:
        accounts = [make_account() for _ in range(size)]
        for account in accounts:
            make_summary(account=account, spot_balance=Decimal(100), futures_balance=Decimal(50))
            make_link(account=account)
            make_link(account=account, market_type=FUTURES)
        return [account.pk for account in accounts]

    counted = []
    for size in (1, 120):
        ids = batch(size)
        with CaptureQueriesContext(connection) as making:
            plan = make_plan(ids, live=False)
        with CaptureQueriesContext(connection) as showing:
            assert len(report_plan(plan)) == size
        with CaptureQueriesContext(connection) as applying:
            apply_plan(plan.public_id)
        counted.append((len(making), len(showing), len(applying)))

    assert counted[0] == counted[1]
    # Two of those that apply it stage the capital, and look for what was decided before.
    assert counted[0] == (14, 1, 28)
    assert AllocationEntry.objects.count() == 242


def test_plan_shows_an_account_that_is_switched_off_as_skipped_beside_one_that_is_not(
    exchange: Exchange, desk: Any
) -> None:
    account, spot, _ = desk
    off = exchange.open_account(wallets={"spot": {"USDT": "7"}}, is_active=False)
    idle = make_link(account=off, capital="5")

    runs = apply_plan(make_plan([account.pk, off.pk]).public_id)

    assert [(run.account, run.outcome, run.code) for run in runs] == [
        (account, "applied", "allocated"),
        (off, "skipped", "account_inactive"),
    ]
    assert (capital_of(spot), capital_of(idle)) == (Decimal(300), Decimal(5))
