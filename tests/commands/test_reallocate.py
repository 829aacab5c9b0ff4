"""``manage.py reallocate``: its JSON, its exit codes, its words."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone, translation

from capital.models import AllocationRun, StrategyCapital
from strategies.models import MarketType
from tests.commands.running import run
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


def reallocate(*arguments: str) -> tuple[int, str]:
    return run("reallocate", *arguments)


def reallocate_json(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    code, output = reallocate("--json", *arguments)
    answer = json.loads(output)
    assert set(answer) == {"runs"}
    return code, answer["runs"]


@pytest.mark.usefixtures("seoul")
def test_json_is_exactly_what_is_documented(exchange: Exchange) -> None:
    account = exchange.open_account(
        name="Main", wallets={"spot": {"USDT": "10369.00"}, "futures": {"USDT": "5000"}}
    )
    strategy = make_strategy(key="trend", market_type=MarketType.FUTURES)
    make_link(account=account, strategy=strategy, weight=Decimal("0.50"))

    code, runs = reallocate_json("--run-key", "slot-1")

    assert code == 0
    run = runs[0]
    observed_at = run["pools"][0].pop("observed_at")
    assert observed_at.endswith("+09:00")
    assert runs == [
        {
            "account_id": account.pk,
            "account": "Main",
            "venue": "binance",
            "currency": "USDT",
            "outcome": "applied",
            "code": "allocated",
            "reason": "Capital was allocated.",
            "run_key": "slot-1",
            "pools": [
                {
                    "pool": "futures",
                    "balance": "5000.00",
                    "holdings": None,
                    "source": "live",
                    "reserve": "0.00",
                    "unallocated": "0.00",
                    "code": "live_balance",
                    "entries": [
                        {
                            "strategy": "trend",
                            "weight": "0.5",
                            "before": None,
                            "after": "5000.00",
                            "code": "share",
                            "how": "(5,000.00 − 0.00 reserve) × 0.5 of 0.5 = 5,000.00",
                        }
                    ],
                }
            ],
        }
    ]


def test_every_active_account_is_decided_by_default(exchange: Exchange) -> None:
    accounts = [exchange.open_account(wallets={"spot": {"USDT": "1"}}) for _ in range(2)]
    for account in [*accounts, make_account(is_active=False)]:
        make_link(account=account)

    code, runs = reallocate_json()

    assert code == 0
    assert [run["account_id"] for run in runs] == [account.pk for account in accounts]


def test_accounts_are_named_by_id_or_name_and_decided_once(exchange: Exchange) -> None:
    a = exchange.open_account(name="A", wallets={"spot": {"USDT": "1"}})
    b = exchange.open_account(name="B b", wallets={"spot": {"USDT": "1"}})
    exchange.open_account(name="C", wallets={"spot": {"USDT": "1"}})

    _, runs = reallocate_json("--account", "B b", str(a.pk), "--account", str(b.pk))

    assert [run["account"] for run in runs] == ["B b", "A"]


@pytest.mark.parametrize("name", ["No such", "999999", "", "９９", "1" * 30])
def test_unknown_account_is_a_bad_argument(name: str) -> None:
    with pytest.raises(CommandError, match="There is no account") as refused:
        reallocate("--account", name)

    assert refused.value.returncode == 2


def test_name_of_two_owners_is_a_bad_argument_that_lists_both() -> None:
    accounts = [make_account(owner=make_user(), name="Main") for _ in range(2)]

    with pytest.raises(CommandError, match="more than one account") as refused:
        reallocate("--account", "Main")

    assert refused.value.returncode == 2
    assert all(f"{account.pk} = " in str(refused.value) for account in accounts)


def test_pool_without_a_balance_exits_1_and_the_others_go_on(exchange: Exchange) -> None:
    failing = exchange.open_account(name="Failing", wallets={"spot": {"USDT": "1"}})
    sound = exchange.open_account(name="Sound", wallets={"spot": {"USDT": "100"}})
    for account in (failing, sound):
        make_link(account=account)
    exchange.fail(failing, "unauthorized")

    code, runs = reallocate_json()

    assert code == 1
    assert [run["outcome"] for run in runs] == ["skipped", "applied"]
    assert runs[0]["pools"][0] == {
        "pool": "spot",
        "balance": None,
        "holdings": None,
        "source": "none",
        "observed_at": None,
        "reserve": None,
        "unallocated": None,
        "code": "exchange_refused_key",
        "entries": runs[0]["pools"][0]["entries"],
    }


def test_partly_allocated_account_exits_1(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    make_link(account=account)
    make_link(account=account, market_type=MarketType.FUTURES)
    exchange.fail(account, "unauthorized", "futures")

    code, runs = reallocate_json()

    assert (code, runs[0]["outcome"], runs[0]["code"]) == (1, "applied", "partly_allocated")


def test_cached_balance_that_was_applied_exits_0(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}})
    make_link(account=account)
    make_summary(account=account, spot_balance=Decimal("123.45"))

    code, runs = reallocate_json("--cached")

    pool = runs[0]["pools"][0]
    assert code == 0
    assert (pool["balance"], pool["source"], pool["code"]) == ("123.45", "cached", "live_disabled")
    assert exchange.asked == []


def test_account_without_active_links_is_skipped_and_no_failure() -> None:
    make_account()

    code, runs = reallocate_json()

    assert (code, runs[0]["outcome"], runs[0]["code"]) == (0, "skipped", "nothing_to_allocate")


def test_dry_run_writes_nothing_and_has_no_key(exchange: Exchange) -> None:
    make_link(account=exchange.open_account(wallets={"spot": {"USDT": "1"}}))

    code, runs = reallocate_json("--dry-run")

    assert (code, runs[0]["outcome"], runs[0]["run_key"]) == (0, "applied", None)
    assert not AllocationRun.objects.exists()
    assert not StrategyCapital.objects.exists()


def test_dry_run_with_a_used_run_key_shows_the_answer_that_it_would_give(
    exchange: Exchange,
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}})
    make_link(account=account)
    first = reallocate_json("--run-key", "k")
    exchange.set_balance(account, "spot", "2")

    assert reallocate_json("--dry-run", "--run-key", "k") == first
    _, runs = reallocate_json("--dry-run", "--run-key", "another")
    assert runs[0]["pools"][0]["balance"] == "2.00"


@pytest.mark.parametrize(
    "arguments",
    [("--if-due", "--force"), ("--if-due", "--accept-jump", "--account", "1"), ("--accept-jump",)],
)
def test_contradictory_arguments_are_bad_arguments(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as refused:
        reallocate(*arguments)

    assert refused.value.returncode == 2


def test_same_run_key_prints_the_same_answer(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}})
    make_link(account=account)
    first = reallocate_json("--run-key", "k")
    exchange.set_balance(account, "spot", "2")

    assert reallocate_json("--run-key", "k") == first


def test_same_run_key_with_other_arguments_is_a_bad_argument(exchange: Exchange) -> None:
    make_link(account=exchange.open_account(wallets={"spot": {"USDT": "1"}}))
    reallocate("--run-key", "k")

    with pytest.raises(CommandError, match="different arguments \\(live balances\\)") as refused:
        reallocate("--run-key", "k", "--cached")

    assert refused.value.returncode == 2


def test_empty_run_key_is_a_bad_argument() -> None:
    make_account()
    with pytest.raises(CommandError, match="1 to 200 printable") as refused:
        reallocate("--run-key", "")

    assert refused.value.returncode == 2


def test_reason_is_in_the_readers_language_and_the_code_is_not(exchange: Exchange) -> None:
    make_link(account=exchange.open_account(wallets={"spot": {"USDT": "1"}}))

    with translation.override("ko"):
        _, runs = reallocate_json()

    assert (runs[0]["code"], runs[0]["reason"]) == ("allocated", "자본을 배분했습니다.")


def test_table_shows_the_whole_decision(exchange: Exchange) -> None:
    account = exchange.open_account(name="Main", wallets={"spot": {"USDT": "10369.005"}})
    make_link(account=account, strategy=make_strategy(key="grid"), capital="1234.50")
    paused = make_link(account=account, status="PAUSED", strategy=None)

    code, output = reallocate()

    assert code == 0
    (row,) = [line for line in output.splitlines() if "grid" in line]
    cells = [cell.strip() for cell in row.split("│")[1:-1]]
    assert cells == [
        "Main",
        "spot",
        "live",
        "10,369.005 USDT",
        "grid",
        "1",
        "1,234.50 → 10,369.00",
        "Allocated by weight.",
    ]
    assert paused.strategy.key in output
    assert "The strategy is paused." in output
    assert "Accounts: 1 (1 applied)." in output


def test_table_says_why_a_cached_balance_was_used(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}})
    make_link(account=account)
    make_summary(account=account, spot_balance=Decimal(5))

    _, output = reallocate("--cached", "--dry-run")

    today = f"{timezone.localdate():%Y-%m-%d}"
    assert f"Cached balance of {today} 00:00: Live balances are" in output
    assert "Dry run: nothing was written." in output


def test_no_active_account_is_said() -> None:
    assert reallocate() == (0, "No active accounts.\n")
    assert reallocate_json() == (0, [])


def test_markup_and_formulas_in_names_are_printed_as_they_are(exchange: Exchange) -> None:
    name = "[bold]=cmd()<script>"
    make_link(account=exchange.open_account(name=name, wallets={"spot": {"USDT": "1"}}))

    assert name in reallocate()[1]


def test_korean_reader_gets_names_and_programs_get_codes(exchange: Exchange) -> None:
    make_link(account=exchange.open_account(wallets={"spot": {"USDT": "100"}}))

    with translation.override("ko"):
        _, table = reallocate()
        _, runs = reallocate_json()

    assert "현물" in table
    assert "실시간" in table
    assert "계좌 1개: 적용됨 1." in table
    assert not any(code in table for code in ("spot", "live", "applied"))
    assert runs[0]["outcome"] == "unchanged"
    assert runs[0]["pools"][0]["pool"] == "spot"
