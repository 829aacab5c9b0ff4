"""``manage.py audit_capital``: what is checked, what is broken, and the exit code."""

import json
from decimal import Decimal

import pytest
from django.core.management import CommandError
from django.utils import translation

from capital.models import StrategyCapital
from capital.services.allocation.allocate import allocate_capital
from tests.commands.running import run
from tests.factories import make_account, make_link
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


def audit(*arguments: str) -> tuple[int, str]:
    return run("audit_capital", *arguments)


def test_sound_database_exits_0_and_says_what_was_checked(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    make_link(account=account)
    make_link(account=account)
    make_account(is_active=False)
    allocate_capital([account.pk])

    code, output = audit()

    assert code == 0
    assert output == (
        "Checked: accounts 2, allocations 1, pools 1, entries 2, strategy capital 2,"
        " daily summaries 1, fills 0, flows 0, positions 0, days of PnL 0. Violations: 0.\n"
    )


def test_broken_rule_is_one_line_and_exits_1(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}}, is_active=True)
    link = make_link(account=account)
    allocate_capital([account.pk])
    StrategyCapital.objects.update(allocated_capital=Decimal(99))

    code, output = audit("--account", account.name)

    assert code == 1
    assert output.splitlines()[0] == (
        f"Account {account.pk}, allocation —: "
        f"Strategy link {link.pk} holds 99, but its last allocation left it 100. "
        "(capital_not_recorded)"
    )
    assert output.splitlines()[1].endswith("Violations: 1.")


def test_json_names_code_account_run_and_detail(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    link = make_link(account=account)
    run = allocate_capital([account.pk])[0]
    make_link(account=account, capital="0.01")

    code, output = audit("--json")

    assert code == 1
    assert json.loads(output) == {
        "checked": {
            "accounts": 1,
            "runs": 1,
            "pools": 1,
            "entries": 1,
            "capital": 2,
            "summaries": 1,
            "fills": 0,
            "flows": 0,
            "positions": 0,
            "days": 0,
        },
        "violations": [
            {
                "code": "capital_exceeds_balance",
                "account_id": account.pk,
                "run_id": None,
                "detail": (
                    "Spot pool: its strategies hold 100.01, more than its last balance of 100."
                ),
            }
        ],
    }
    assert (link.account_id, run.account_id) == (account.pk, account.pk)


def test_inactive_accounts_are_checked_too() -> None:
    account = make_account(is_active=False, suspect_readings={"margin": {}})

    code, output = audit("--json")

    assert code == 1
    assert [each["account_id"] for each in json.loads(output)["violations"]] == [account.pk]


def test_korean_reader_gets_korean() -> None:
    make_account(suspect_readings={"margin": {}})

    with translation.override("ko"):
        _, output = audit()

    assert "margin 풀의 의심 잔고를 읽을 수 없어" in output
    assert "규칙 위반 1건." in output


def test_unknown_account_exits_2() -> None:
    with pytest.raises(CommandError, match="no account 'nobody'") as refused:
        audit("--account", "nobody")

    assert refused.value.returncode == 2
