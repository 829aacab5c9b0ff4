"""The gate, force and the jump guard in the services and the command."""

import json
import logging
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils import timezone

from capital.domain.errors import ForceNotAllowed, NothingToAccept, NotPermitted, UnknownAccount
from capital.models import (
    Account,
    AllocationRun,
    DailyAccountSummary,
    Position,
    StrategyAccount,
    StrategyCapital,
)
from capital.services.accounts.linked import load_accounts
from capital.services.allocation.allocate import (
    DueResult,
    allocate_capital,
    auto_allocate_capital_for_account,
    preview_allocation,
    reallocate_one_by_one,
    reallocate_where_due,
)
from capital.services.balances.sync import sync_balances
from capital.services.trading import mark_not_strategys
from strategies.models import Strategy
from tests.factories import (
    capital_of as link_capital,
)
from tests.factories import (
    make_account,
    make_link,
    make_operator,
    make_summary,
    make_user,
    make_venue_position,
)
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(exchange: Exchange) -> Account:
    """A spot account of 10,000 USDT whose one strategy was allocated."""
    account = exchange.open_account(
        name="Main", wallets={"spot": {"USDT": "10000"}}, max_jump_percent=Decimal(50)
    )
    make_link(account=account)
    auto_allocate_capital_for_account(account.pk)
    return account


def check(account: Account, **given: Any) -> DueResult:
    (result,) = reallocate_where_due([account.pk], **given)
    account.refresh_from_db()
    return result


def capital_of(account: Account) -> Decimal:
    return StrategyCapital.objects.get(strategy_account__account=account).allocated_capital


def open_position(account: Account, quantity: str = "-0.000000000000000001") -> Position:
    link = StrategyAccount.objects.filter(account=account).earliest("pk")
    return Position.objects.create(
        strategy_account=link, symbol="BTC/USDT", quantity=Decimal(quantity)
    )


# The gate


def test_account_that_was_never_allocated_is_due(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "5"}})
    make_link(account=account)

    result = check(account)

    assert result.run is not None
    assert (result.run.trigger, result.run.outcome) == ("schedule", "applied")


def test_account_that_is_not_due_gets_no_run_and_says_why(
    account: Account, exchange: Exchange
) -> None:
    exchange.set_balance(account, "spot", "10005")

    result = check(account)

    assert result.run is None
    assert result.reason.code == "change_too_small"
    assert AllocationRun.objects.count() == 1
    assert account.last_check_code == "change_too_small"
    assert account.last_checked_at is not None
    assert capital_of(account) == Decimal(10000)
    assert DailyAccountSummary.objects.get().spot_balance == Decimal(10005), "it was observed"


def test_balance_that_changed_enough_is_due(account: Account, exchange: Exchange) -> None:
    exchange.set_balance(account, "spot", "10200")

    result = check(account)

    assert result.run is not None
    assert capital_of(account) == Decimal(10200)


def test_small_changes_add_up_until_they_are_due(account: Account, exchange: Exchange) -> None:
    for balance in ("10006", "10012"):
        exchange.set_balance(account, "spot", balance)
        result = check(account)

    assert result.run is not None, "compared with the last run, not with the last check"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda link: make_link(account=link.account), "links_changed"),
        (lambda link: StrategyAccount.objects.update(weight=Decimal(2)), "weights_changed"),
        (lambda link: Strategy.objects.update(status="PAUSED"), "states_changed"),
        (lambda link: StrategyAccount.objects.update(is_active=False), "states_changed"),
        (lambda link: Account.objects.update(reserve_amount=Decimal(5)), "reserve_changed"),
    ],
)
def test_change_around_the_services_is_caught_by_the_gate(
    account: Account, change: Any, code: str
) -> None:
    change(StrategyAccount.objects.get())
    (preview,) = preview_allocation([account.pk], if_due=True)
    assert preview.decision is not None

    result = check(account)

    assert result.run is not None
    again = check(account)
    assert again.run is None, "once is enough"


def test_open_position_keeps_the_schedule_away(account: Account, exchange: Exchange) -> None:
    open_position(account)
    exchange.set_balance(account, "spot", "12000")

    result = check(account)

    assert (result.run, result.reason.code) == (None, "open_position")
    assert account.last_check_code == "open_position"
    assert capital_of(account) == Decimal(10000)


def test_a_position_of_no_strategy_holds_its_pool_until_a_person_says_whose_it_is(
    account: Account, exchange: Exchange, django_capture_on_commit_callbacks: Any
) -> None:
    """The pool is the account's for contracts, whatever was read when its wallet was another."""
    spot = StrategyAccount.objects.get(account=account)
    futures = make_link(account=account, market_type="futures")
    exchange.set_balance(account, "futures", "500")
    row = make_venue_position(account, "2", unowned=Decimal(2), pool="unified")
    exchange.set_balance(account, "spot", "12000")

    run = auto_allocate_capital_for_account(account.pk)
    assert (run.outcome, run.code, run.figures) == ("applied", "partly_held", {"pools": "futures"})
    held = run.pools.get(pool="futures")
    assert (held.code, held.figures) == (
        "position_unowned",
        {"positions": "2 BTC/USDT:USDT", "pools": "futures"},
    )
    assert (link_capital(spot), link_capital(futures)) == (Decimal(12000), None)
    assert check(account).run is None

    with django_capture_on_commit_callbacks() as queued:
        mark_not_strategys(row.pk, is_not_strategys=True)
    assert len(queued) == 1, "it may be due now"
    assert check(account).run is not None
    assert (link_capital(spot), link_capital(futures)) == (Decimal(12000), Decimal(500))


def test_flat_position_is_no_open_position(account: Account, exchange: Exchange) -> None:
    open_position(account, "0")
    exchange.set_balance(account, "spot", "12000")

    assert check(account).run is not None


def test_positions_that_cannot_be_read_count_as_open(account: Account) -> None:
    def broken(execute: Any, sql: str, *rest: Any) -> Any:
        if 'FROM "capital_position"' in sql:
            raise DatabaseError("no such table")
        return execute(sql, *rest)

    with connection.execute_wrapper(broken):
        assert check(account).reason.code == "open_position"


def test_slot_that_is_delivered_twice_decides_once(account: Account, exchange: Exchange) -> None:
    exchange.set_balance(account, "spot", "12000")
    first = check(account, run_key="schedule:2026-01-01T00:00:00")
    exchange.set_balance(account, "spot", "14000")

    again = check(account, run_key="schedule:2026-01-01T00:00:00")

    assert first.run is not None
    assert again.run == first.run
    assert capital_of(account) == Decimal(12000)


def test_last_run_is_the_one_that_was_decided_last_whatever_clocks_said(
    exchange: Exchange,
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    make_link(account=account)
    now = timezone.now()
    auto_allocate_capital_for_account(account.pk, clock=lambda: now + timedelta(seconds=2))
    exchange.set_balance(account, "spot", "200")
    auto_allocate_capital_for_account(account.pk, clock=lambda: now)
    exchange.set_balance(account, "spot", "100")

    result = check(account, clock=lambda: now + timedelta(minutes=2))

    assert result.run is not None
    assert capital_of(account) == Decimal(100)


def test_schedule_records_once_that_there_is_no_balance(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    make_link(account=account)
    exchange.fail(account, "unauthorized")
    first = check(account)

    again = check(account)

    assert first.run is not None
    assert (again.run, again.reason.code) == (None, "no_balance")
    exchange.fail(account, None)
    assert check(account).run is not None, "it is tried all the same"


# Manual requests and force


def test_manual_request_allocates_without_the_gate(account: Account, exchange: Exchange) -> None:
    exchange.set_balance(account, "spot", "10000.01")

    run = auto_allocate_capital_for_account(account.pk)

    assert run.outcome == "applied"
    assert not run.is_forced


def test_manual_request_is_held_by_an_open_position(account: Account, exchange: Exchange) -> None:
    open_position(account)
    exchange.set_balance(account, "spot", "12000")

    run = auto_allocate_capital_for_account(account.pk)

    assert (run.outcome, run.code) == ("held", "open_position")
    entry = run.pools.get().entries.get()
    assert (entry.before, entry.after, entry.code) == (Decimal(10000), Decimal(10000), "held")


def test_forced_request_goes_past_open_positions_and_is_marked_and_logged(
    account: Account, exchange: Exchange, caplog: Any
) -> None:
    open_position(account)
    exchange.set_balance(account, "spot", "12000")
    actor = make_operator(
        "force_allocate", "allocate_capital", "view_all_accounts", username="risk"
    )

    run = auto_allocate_capital_for_account(
        account.pk, actor=actor, force=True, origin="203.0.113.7"
    )

    assert (run.outcome, run.is_forced) == ("applied", True)
    assert capital_of(account) == Decimal(12000)
    (line,) = [record for record in caplog.records if "Forced" in record.getMessage()]
    assert line.levelno == logging.WARNING
    assert "by risk from 203.0.113.7" in line.getMessage()


def test_force_needs_its_permission(account: Account) -> None:
    with pytest.raises(ForceNotAllowed, match=r"capital\.force_allocate"):
        auto_allocate_capital_for_account(account.pk, actor=make_user(), force=True)

    assert AllocationRun.objects.count() == 1


def test_force_never_goes_past_the_jump_guard(account: Account, exchange: Exchange) -> None:
    exchange.set_balance(account, "spot", "100000")

    run = auto_allocate_capital_for_account(account.pk, force=True)

    assert (run.outcome, run.code) == ("held", "jump_suspected")


# The jump guard


def test_suspect_balance_is_held_and_reaches_neither_summary_nor_capital(
    account: Account, exchange: Exchange
) -> None:
    exchange.set_balance(account, "spot", "15000.01")

    run = auto_allocate_capital_for_account(account.pk)

    account.refresh_from_db()
    assert (run.outcome, run.code) == ("held", "jump_suspected")
    assert run.figures["percent"] == "50.0"
    assert run.figures["observed"] == "15000.01"
    assert capital_of(account) == Decimal(10000)
    assert DailyAccountSummary.objects.get().spot_balance == Decimal(10000)
    assert account.suspect_readings["spot"]["amount"] == "15000.01"


def test_balance_at_the_limit_is_believed(account: Account, exchange: Exchange) -> None:
    exchange.set_balance(account, "spot", "15000")

    assert auto_allocate_capital_for_account(account.pk).outcome == "applied"


def test_guard_that_is_switched_off_believes_everything(
    account: Account, exchange: Exchange
) -> None:
    Account.objects.update(max_jump_percent=None)
    exchange.set_balance(account, "spot", "0")

    auto_allocate_capital_for_account(account.pk)

    assert capital_of(account) == Decimal(0)


def test_venue_that_comes_back_to_its_senses_clears_the_suspicion(
    account: Account, exchange: Exchange
) -> None:
    exchange.set_balance(account, "spot", "1")
    auto_allocate_capital_for_account(account.pk)
    exchange.set_balance(account, "spot", "10100")

    run = auto_allocate_capital_for_account(account.pk)

    account.refresh_from_db()
    assert run.outcome == "applied"
    assert account.suspect_readings == {}
    assert capital_of(account) == Decimal(10100)


def test_accepted_jump_is_allocated(account: Account, exchange: Exchange) -> None:
    # Nothing of it is to be accepted, and nobody asks for that.
    make_account(name="Other")
    exchange.set_balance(account, "spot", "40000")
    auto_allocate_capital_for_account(account.pk)

    run = auto_allocate_capital_for_account(account.pk, accept_jump=True)

    account.refresh_from_db()
    assert run.outcome == "applied"
    assert capital_of(account) == Decimal(40000)
    assert account.suspect_readings == {}


def test_accepting_a_jump_needs_its_permission(account: Account, exchange: Exchange) -> None:
    exchange.set_balance(account, "spot", "40000")
    auto_allocate_capital_for_account(account.pk)
    actor = make_operator("allocate_capital", "view_all_accounts")

    with pytest.raises(NotPermitted, match=r"capital\.accept_jump"):
        auto_allocate_capital_for_account(account.pk, actor=actor, accept_jump=True)
    assert capital_of(account) == Decimal(10000)

    actor.user_permissions.add(Permission.objects.get(codename="accept_jump"))
    actor = User.objects.get(pk=actor.pk)
    auto_allocate_capital_for_account(account.pk, actor=actor, accept_jump=True)
    assert capital_of(account) == Decimal(40000)


def test_later_jump_is_not_accepted_with_the_one_that_was_seen(
    account: Account, exchange: Exchange
) -> None:
    exchange.set_balance(account, "spot", "40000")
    auto_allocate_capital_for_account(account.pk)
    exchange.set_balance(account, "spot", "900000")

    run = auto_allocate_capital_for_account(account.pk, accept_jump=True)

    account.refresh_from_db()
    assert (run.outcome, run.code) == ("held", "jump_suspected")
    assert run.figures["accepted"] == "40000.00"
    assert account.suspect_readings["spot"]["amount"] == "900000"
    assert capital_of(account) == Decimal(10000)


def test_accepted_jump_serves_where_the_exchange_is_silent_now(
    account: Account, exchange: Exchange
) -> None:
    exchange.set_balance(account, "spot", "40000")
    auto_allocate_capital_for_account(account.pk)
    exchange.fail(account, "unauthorized")

    run = auto_allocate_capital_for_account(account.pk, accept_jump=True)

    assert run.outcome == "applied"
    assert capital_of(account) == Decimal(40000)
    assert DailyAccountSummary.objects.get().spot_balance == Decimal(40000)


def test_nothing_suspect_is_nothing_to_accept(account: Account) -> None:
    with pytest.raises(NothingToAccept, match="Main"):
        auto_allocate_capital_for_account(account.pk, accept_jump=True)


def test_schedule_records_a_suspicion_once(account: Account, exchange: Exchange) -> None:
    exchange.set_balance(account, "spot", "40000")
    first = check(account)
    exchange.set_balance(account, "spot", "40001")

    again = check(account)

    assert first.run is not None
    assert first.run.outcome == "held"
    assert (again.run, again.reason.code) == (None, "jump_suspected")


def test_schedule_records_a_suspicion_that_a_sync_found_first(
    account: Account, exchange: Exchange
) -> None:
    exchange.set_balance(account, "spot", "40000")
    sync_balances([account.pk])

    first, again = check(account), check(account)

    assert first.run is not None
    assert (first.run.outcome, first.run.figures["observed"]) == ("held", "40000.00")
    assert (again.run, again.reason.code) == (None, "jump_suspected")


def test_what_was_seen_waits_and_no_later_balance_near_it_takes_its_place(
    account: Account, exchange: Exchange
) -> None:
    for balance in ("40000", "55000", "59999"):
        exchange.set_balance(account, "spot", balance)
        sync_balances([account.pk])

    account.refresh_from_db()
    assert account.suspect_readings["spot"]["amount"] == "40000"
    assert check(account).reason.figures["observed"] == "40000.00"


@pytest.mark.parametrize(("seen", "later"), [("40000", "60001"), ("0", "40000"), ("40000", "0")])
def test_balance_that_jumps_again_is_a_suspicion_of_its_own(
    account: Account, exchange: Exchange, caplog: Any, seen: str, later: str
) -> None:
    exchange.set_balance(account, "spot", seen)
    sync_balances([account.pk])
    first = check(account)
    exchange.set_balance(account, "spot", later)
    caplog.clear()
    sync_balances([account.pk])

    second = check(account)

    assert first.run is not None
    assert second.run is not None
    assert (second.run.outcome, second.run.figures["observed"]) == ("held", f"{later}.00")
    assert account.suspect_readings["spot"]["amount"] == later
    assert any(f"reports {later}.00" in line for line in caplog.messages)
    assert check(account).run is None


@pytest.mark.parametrize(
    ("currency", "least"), [("USDT", Decimal(10)), ("KRW", Decimal(10_000)), ("BTC", None)]
)
def test_new_account_has_the_thresholds_of_its_currency(
    currency: str, least: Decimal | None
) -> None:
    account = make_account(venue="upbit" if currency == "KRW" else "binance", currency=currency)

    account.refresh_from_db()
    assert account.min_change_amount == least
    assert account.min_change_percent == Decimal("0.1")
    assert account.max_jump_percent == Decimal(50)
    assert account.max_cache_age_hours == 48


def test_suspicion_in_one_pool_holds_the_account(exchange: Exchange) -> None:
    account = exchange.open_account(
        wallets={"spot": {"USDT": "100"}, "futures": {"USDT": "100"}},
        max_jump_percent=Decimal(50),
    )
    make_link(account=account)
    make_link(account=account, market_type="futures")
    auto_allocate_capital_for_account(account.pk)
    exchange.set_balance(account, "spot", "120")
    exchange.set_balance(account, "futures", "1")

    run = auto_allocate_capital_for_account(account.pk)

    assert run.outcome == "held"
    assert set(StrategyCapital.objects.values_list("allocated_capital", flat=True)) == {
        Decimal(100)
    }
    summary = DailyAccountSummary.objects.get()
    assert (summary.spot_balance, summary.futures_balance) == (Decimal(120), Decimal(100))


# The stale cache


def test_cache_that_is_too_old_is_not_used_and_says_so(
    account: Account, exchange: Exchange
) -> None:
    exchange.fail(account, "unauthorized")
    later = timezone.now() + timedelta(hours=48, minutes=1)

    run = auto_allocate_capital_for_account(account.pk, clock=lambda: later)

    pool = run.pools.get()
    assert (run.outcome, pool.source, pool.code) == ("skipped", "none", "cache_stale")
    assert pool.figures["hours"] == "48"
    assert pool.figures["live"] == "exchange_refused_key"
    assert capital_of(account) == Decimal(10000)


def test_age_of_the_cache_is_limited_by_the_account(account: Account, exchange: Exchange) -> None:
    Account.objects.update(max_cache_age_hours=72)
    exchange.fail(account, "unauthorized")
    later = timezone.now() + timedelta(hours=71)

    run = auto_allocate_capital_for_account(account.pk, clock=lambda: later)

    assert run.pools.exists() or run.outcome == "unchanged"
    assert run.code == "unchanged"


# Sync


def test_sync_reads_every_pool_of_active_accounts_and_decides_nothing(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    inactive = exchange.open_account(wallets={"spot": {"USDT": "1"}}, is_active=False)

    counts = sync_balances([account.pk, inactive.pk])

    row = DailyAccountSummary.objects.get()
    assert counts == {"live": 2}
    assert (row.account, row.ending_balance) == (account, Decimal(3))
    assert not AllocationRun.objects.exists()


def test_sync_keeps_a_suspect_balance_out_of_the_summary(
    account: Account, exchange: Exchange, caplog: Any
) -> None:
    exchange.set_balance(account, "spot", "1")

    counts = sync_balances([account.pk])
    sync_balances([account.pk])

    account.refresh_from_db()
    assert counts["suspect"] == 1
    assert account.suspect_readings["spot"]["amount"] == "1"
    assert DailyAccountSummary.objects.get().spot_balance == Decimal(10000)
    assert len([line for line in caplog.messages if "last accepted" in line]) == 1


def test_sync_counts_what_could_not_be_read(account: Account, exchange: Exchange) -> None:
    exchange.fail(account, "unauthorized", "futures")

    assert sync_balances([account.pk]) == {"live": 1, "exchange_refused_key": 1}


# The command


def command(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    stdout = StringIO()
    code = 0
    try:
        call_command("reallocate", "--json", *arguments, stdout=stdout)
    except SystemExit as stopped:
        code = int(str(stopped.code))
    return code, json.loads(stdout.getvalue())["runs"]


def told_to_people() -> str:
    stdout = StringIO()
    with pytest.raises(SystemExit):
        call_command("reallocate", stdout=stdout)
    return stdout.getvalue()


def test_command_with_if_due_says_why_nothing_is_due(account: Account) -> None:
    code, runs = command("--if-due")

    assert code == 0
    assert (runs[0]["outcome"], runs[0]["code"]) == ("skipped", "change_too_small")
    assert (runs[0]["run_key"], runs[0]["pools"]) == (None, [])


def test_command_with_if_due_allocates_what_is(account: Account, exchange: Exchange) -> None:
    exchange.set_balance(account, "spot", "12000")

    assert command("--if-due", "--dry-run")[1][0]["outcome"] == "applied"
    assert capital_of(account) == Decimal(10000)
    code, runs = command("--if-due")
    assert (code, runs[0]["outcome"]) == (0, "applied")


def test_command_that_is_held_exits_1_and_force_helps(account: Account, exchange: Exchange) -> None:
    open_position(account)
    exchange.set_balance(account, "spot", "12000")

    code, runs = command()
    assert (code, runs[0]["outcome"], runs[0]["code"]) == (1, "held", "open_position")
    code, runs = command("--force")
    assert (code, runs[0]["outcome"]) == (0, "applied")


def test_command_accepts_the_jump_that_was_seen(account: Account, exchange: Exchange) -> None:
    exchange.set_balance(account, "spot", "40000")
    code, runs = command()
    assert (code, runs[0]["code"]) == (1, "jump_suspected")
    assert runs[0]["reason"].endswith("or someone accepts it.")
    assert f"To accept it: reallocate --account {account.pk} --accept-jump" in told_to_people()

    code, runs = command("--account", "Main", "--accept-jump")

    assert (code, runs[0]["outcome"]) == (0, "applied")
    with pytest.raises(CommandError, match="no suspect balance"):
        command("--account", "Main", "--accept-jump")


def test_summary_of_others_is_the_accepted_balance(exchange: Exchange) -> None:
    account = exchange.open_account(
        wallets={"spot": {"USDT": "15369"}}, max_jump_percent=Decimal(40)
    )
    make_link(account=account)
    make_summary(account=account, spot_balance=Decimal(10369))

    assert auto_allocate_capital_for_account(account.pk).code == "jump_suspected"


def test_batches_are_decided_as_their_results_are_asked_for(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capital.services.allocation.allocate.BATCH_SIZE", 1)
    accounts = [
        exchange.open_account(name=name, wallets={"spot": {"USDT": "100"}}) for name in "AB"
    ]
    for each in accounts:
        make_link(account=each)

    results = reallocate_one_by_one([each.pk for each in accounts], run_key="slot")

    assert not AllocationRun.objects.exists()
    first = next(results)
    assert first.run == AllocationRun.objects.get()
    runs = [result.run for result in (first, *results)]
    again = reallocate_where_due([each.pk for each in accounts], run_key="slot")
    assert [result.run for result in again] == runs
    assert AllocationRun.objects.count() == 2


def test_account_that_was_deleted_while_it_was_asked_is_left_out(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays, goes = (
        exchange.open_account(name=name, wallets={"spot": {"USDT": "100"}}) for name in "AB"
    )
    for each in (stays, goes):
        make_link(account=each)
    ids = [stays.pk, goes.pk]
    reallocate_where_due(ids)
    asked: list[list[int]] = []

    def load(keys: list[int]) -> dict[int, Account]:
        asked.append(keys)
        return {
            key: each
            for key, each in load_accounts(keys).items()
            if len(asked) == 1 or each.pk != goes.pk
        }

    monkeypatch.setattr("capital.services.allocation.allocate.load_accounts", load)

    results = reallocate_where_due(ids)

    assert asked == [ids, ids]
    assert [(result.account, result.run) for result in results] == [(stays, None)]


def test_account_that_was_deleted_before_it_was_read_has_no_run(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays, goes = (
        exchange.open_account(name=name, wallets={"spot": {"USDT": "100"}}) for name in "AB"
    )
    make_link(account=stays)

    def load(keys: list[int]) -> dict[int, Account]:
        Account.objects.filter(pk=goes.pk).delete()
        return load_accounts(keys)

    monkeypatch.setattr("capital.services.allocation.allocate.load_accounts", load)

    runs = allocate_capital([goes.pk, stays.pk])

    assert [(run.account, run.outcome) for run in runs] == [(stays, "applied")]


def test_one_account_that_is_deleted_before_it_was_read_is_unknown(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes = exchange.open_account(name="A", wallets={"spot": {"USDT": "100"}})
    monkeypatch.setattr("capital.services.allocation.allocate.load_accounts", lambda _keys: {})

    with pytest.raises(UnknownAccount) as refusal:
        auto_allocate_capital_for_account(goes.pk)

    assert refusal.value.reason.figures == {"account": str(goes.pk)}
