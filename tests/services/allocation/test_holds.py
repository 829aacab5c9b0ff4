"""A pool that is held beside one that moves, and what is due once it no longer is."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.models import Account, AllocationRun, Position, StrategyAccount
from capital.services.allocation import (
    allocate_capital,
    check_gate,
    reallocate_where_due,
    report_runs,
)
from capital.services.allocation.policies.kept import inputs_from_json
from capital.services.audit import audit_capital
from tests.factories import capital_of, make_account, make_link, make_position, make_summary
from tests.simulated import Exchange

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]
D = Decimal


def make_desk(**fields: Any) -> tuple[Account, StrategyAccount, StrategyAccount]:
    """1,000 on spot and 500 of futures, with a strategy each."""
    account = make_account(max_jump_percent=None, **fields)
    links = [make_link(account=account, market_type=market) for market in ("spot", "futures")]
    read(account, "1000", "500")
    return account, *links


def read(account: Account, spot: str, futures: str) -> None:
    account.summaries.all().delete()
    make_summary(account=account, spot_balance=D(spot), futures_balance=D(futures))


def allocate(account: Account, **asked: Any) -> AllocationRun:
    [run] = allocate_capital([account.pk], live=False, **asked)
    return run


def check(account: Account) -> tuple[str | None, str]:
    """What the scheduled check does: the code of its run, if there is one, and why."""
    why = check_gate(account.pk, live=False).reason.code.value
    [result] = reallocate_where_due([account.pk], live=False)
    return (None if result.run is None else result.run.code), why


def is_clean(account: Account) -> bool:
    return not audit_capital([account.pk]).violations


def close(link: StrategyAccount) -> None:
    Position.objects.filter(strategy_account=link).update(quantity=0)


def test_the_other_pool_moves_and_the_held_one_says_why_it_does_not() -> None:
    account, spot, futures = make_desk()
    allocate(account)
    make_position(futures, "1", "BTC/USDT:USDT")
    read(account, "1200", "800")

    run = allocate(account)

    assert (run.outcome, run.code, run.figures) == ("applied", "partly_held", {"pools": "futures"})
    assert [capital_of(spot), capital_of(futures)] == [D(1200), D(500)]
    [report] = report_runs([run])
    spot_pool, held = report.pools
    assert (spot_pool.entries[0].code, held.code, held.entries[0].code) == (
        "share",
        "open_position",
        "held",
    )
    assert report.reason == "Capital was allocated, but these pools keep what they have: futures."
    assert not report.complete
    assert is_clean(account)


def test_log_tells_of_no_reading_that_failed_where_a_position_holds_the_pool(caplog: Any) -> None:
    account, _, futures = make_desk()
    make_position(futures, "1", "BTC/USDT:USDT")
    read(account, "1200", "800")

    allocate(account)

    failed = [text for text in caplog.messages if "잔고 조회 실패" in text]
    assert failed == [f"계좌 {account.name}: 실시간 현물 잔고 조회 실패, 캐시 사용 ($1200.00)"]


def test_where_the_other_pool_stays_as_it_was_nothing_changed() -> None:
    account, _, futures = make_desk()
    allocate(account)
    make_position(futures, "1", "BTC/USDT:USDT")

    run = allocate(account)

    assert (run.outcome, run.code) == ("unchanged", "unchanged_beside_held")
    assert report_runs([run])[0].reason == (
        "Nothing changed. These pools are on hold and keep what they have: futures."
    )
    assert is_clean(account)


def test_where_every_pool_is_held_so_is_the_account_and_each_says_why() -> None:
    account, spot, futures = make_desk()
    make_position(spot, "1")
    make_position(futures, "1", "BTC/USDT:USDT")

    run = allocate(account)

    assert (run.outcome, run.code, run.basis) == ("held", "open_position", None)
    gate = check_gate(account.pk, live=False)
    assert (gate.is_held, gate.due, gate.reason.code) == (True, False, "open_position")
    assert allocate(account, force=True).outcome == "applied"
    assert is_clean(account)


def test_an_idle_link_gives_up_its_capital_beside_a_held_pool() -> None:
    account, spot, futures = make_desk()
    allocate(account)
    make_position(futures, "1", "BTC/USDT:USDT")
    spot.strategy.status = "ARCHIVED"
    spot.strategy.save()

    run = allocate(account)

    assert (run.outcome, run.code) == ("applied", "partly_held")
    assert [capital_of(spot), capital_of(futures)] == [D(0), D(500)]
    assert is_clean(account)
    # An idle link of a held pool keeps what it has.
    futures.strategy.status = "ARCHIVED"
    futures.strategy.save()
    assert allocate(account).outcome == "unchanged"
    assert capital_of(futures) == D(500)
    assert is_clean(account)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("weight", "weights_changed"),
        ("reserve", "reserve_changed"),
        ("policy", "policy_changed"),
        ("balance", "balance_changed"),
    ],
)
def test_what_changed_while_a_pool_was_held_is_due_once_it_is_free(change: str, code: str) -> None:
    """A run of the other pool meanwhile must not make it look as if it had been decided."""
    account, _, futures = make_desk()
    make_link(account=account, market_type="futures")
    allocate(account)
    make_position(futures, "1", "BTC/USDT:USDT")
    balance = "500"
    match change:
        case "weight":
            futures.weight = D(3)
            futures.save()
        case "balance":
            balance = "600"
        case _:
            account.reserve_percent = D(10) if change == "reserve" else D(0)
            account.drift_band_percent = D(0) if change == "reserve" else D(5)
            account.save()
    read(account, "1300", balance)

    why = {"balance": "balance_changed", "weight": "balance_changed"}.get(change, code)
    assert check(account) == ("partly_held", why)
    # What has been decided of the other pool is decided, however often it is checked.
    assert check(account)[0] is None
    allocate(account)
    assert check(account)[0] is None

    close(futures)
    expected = "unchanged" if change == "policy" else "allocated"
    assert check(account) == (expected, code)
    assert check(account)[0] is None
    assert is_clean(account)


def test_a_pool_that_was_held_from_the_first_is_allocated_once_it_is_free() -> None:
    account, _, futures = make_desk()
    make_position(futures, "1", "BTC/USDT:USDT")

    assert check(account) == ("partly_held", "never_allocated")
    run = AllocationRun.objects.latest("pk")
    assert run.basis["held"] == {"futures": None}
    assert inputs_from_json(run.basis).held.keys() == {"futures"}
    assert check(account)[0] is None
    close(futures)
    assert check(account) == ("allocated", "never_allocated")
    assert capital_of(futures) == D(500)


def test_a_pool_that_is_free_again_and_changed_by_nothing_is_not_due() -> None:
    account, _, futures = make_desk()
    allocate(account)
    make_position(futures, "1", "BTC/USDT:USDT")
    read(account, "1300", "500")
    assert check(account) == ("partly_held", "balance_changed")
    assert check(account)[0] is None

    close(futures)

    assert check(account)[0] is None


def test_a_new_strategy_of_a_held_pool_waits_and_is_new_under_own_profit() -> None:
    account, _, futures = make_desk(policy="own_profit", counts_spot_holdings=True)
    allocate(account)
    make_position(futures, "1", "BTC/USDT:USDT")
    late = make_link(account=account, market_type="futures")
    read(account, "1300", "500")
    allocate(account)
    assert capital_of(late) is None

    Position.objects.all().delete()
    allocate(account)

    assert [capital_of(futures), capital_of(late)] == [D(250), D(250)]
    assert is_clean(account)


def test_a_page_says_which_pool_is_held_while_the_account_is_not() -> None:
    account, _, futures = make_desk()
    allocate(account)
    make_position(futures, "1", "BTC/USDT:USDT")

    gate = check_gate(account.pk, live=False)

    assert not gate.is_held
    assert {pool.value: why.code.value for pool, why in gate.held.items()} == {
        "futures": "open_position"
    }


def test_a_page_says_so_too_while_the_other_pool_waits_for_a_second_reading(
    exchange: Exchange,
) -> None:
    account = exchange.open_account(
        wallets={"spot": {"USDT": "1000"}, "futures": {"USDT": "500"}}, max_jump_percent=D(50)
    )
    for market in ("spot", "futures"):
        link = make_link(account=account, market_type=market)
    make_position(link, "1", "BTC/USDT:USDT")

    gate = check_gate(account.pk)

    assert gate.reason.code == "balance_unconfirmed"
    assert {pool.value: why.code.value for pool, why in gate.held.items()} == {
        "futures": "open_position"
    }


def test_what_was_read_is_known_though_all_is_held(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"futures": {"USDT": "500"}})
    link = make_link(account=account, market_type="futures")
    allocate_capital([account.pk])
    make_position(link, "1", "BTC/USDT:USDT")
    exchange.set_balance(account, "futures", "550")

    [run] = allocate_capital([account.pk])

    assert (run.outcome, run.code, capital_of(link)) == ("held", "open_position", D(500))
    assert account.summaries.get().futures_balance == D(550)


def test_holding_costs_seven_queries_more_for_any_number_of_accounts() -> None:
    """What the held pools were decided on before is read for all at once; four tell of it."""
    desks = [make_desk() for _ in range(4)]
    ids = [account.pk for account, *_ in desks]
    allocate_capital(ids, live=False)

    def cost(spot: str) -> int:
        for account, *_ in desks:
            read(account, spot, "500")
        with CaptureQueriesContext(connection) as queries:
            allocate_capital(ids, live=False)
        return len(queries)

    free = cost("1100")
    for _, _, futures in desks:
        make_position(futures, "1", "BTC/USDT:USDT")
    assert cost("1200") <= free + 7
