"""``manage.py revert``: its words, its JSON, its exit codes."""

import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from capital.models import AllocationRun, StrategyAccount, StrategyCapital
from capital.services.allocation.allocate import allocate_capital
from tests.factories import make_link, make_strategy
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(exchange: Exchange) -> AllocationRun:
    """It gave all of 300 to a strategy that had 100 before."""
    account = exchange.open_account(name="Main", wallets={"spot": {"USDT": "300"}})
    make_link(account=account, strategy=make_strategy(key="trend"), capital="100.00")
    return allocate_capital([account.pk])[0]


def revert(*arguments: Any) -> str:
    stdout = StringIO()
    call_command("revert", *map(str, arguments), stdout=stdout)
    return stdout.getvalue()


def test_people_see_the_decision_and_what_was_done(run: AllocationRun) -> None:
    output = revert(run.pk)

    assert "300.00 → 100.00" in output
    assert f"Capital was restored to what it was before allocation #{run.pk}." in output
    assert "Dry run" not in output
    assert StrategyCapital.objects.get().allocated_capital == Decimal(100)


def test_programs_get_the_run(run: AllocationRun) -> None:
    answer = json.loads(revert(run.pk, "--json"))

    (made,) = answer["runs"]
    assert (made["outcome"], made["code"]) == ("applied", "reverted")
    assert made["run_key"].startswith(f"revert:{run.pk}:")
    assert made["pools"][0]["entries"] == [
        {"strategy": "trend", "weight": "1", "before": "300.00", "after": "100.00",
         "code": "restored", "how": ""}
    ]  # fmt: skip


def test_dry_run_writes_nothing(run: AllocationRun) -> None:
    assert "Dry run: nothing was written." in revert(run.pk, "--dry-run")
    assert AllocationRun.objects.count() == 1


def test_refusal_says_why_and_exits_with_2(run: AllocationRun) -> None:
    StrategyAccount.objects.update(weight=2)
    revert(run.pk)

    with pytest.raises(
        CommandError, match=rf"Allocation #{run.pk} was already reverted"
    ) as refused:
        revert(run.pk)
    assert refused.value.returncode == 2
    with pytest.raises(CommandError, match="no allocation #999"):
        revert(999)
