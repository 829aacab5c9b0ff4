"""``manage.py archive``: what it says, and its exit codes."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.utils import translation

from capital.models import Account, AllocationRun
from capital.services.allocation.allocate import allocate_capital
from tests.commands.running import run
from tests.factories import make_link
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(exchange: Exchange) -> Account:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}}, max_jump_percent=None)
    make_link(account=account)
    for month, balance in [(1, "100"), (2, "110"), (3, "120")]:
        exchange.set_balance(account, "spot", balance)
        at = datetime(2026, month, 5, tzinfo=UTC)
        allocate_capital([account.pk], clock=lambda at=at: at)
    return account


def test_it_says_what_it_did(account: Account, tmp_path: Path) -> None:
    arguments = ("archive", "--before", "2026-03-31", "--to", str(tmp_path))

    assert run(*arguments, "--dry-run") == (
        0,
        "Before 2026-03-01: allocations 2, webhook events 0. Nothing was changed.\n",
    )
    assert run(*arguments) == (
        0,
        "Archived before 2026-03-01: allocations 2, webhook events 0; files 6.\n",
    )
    assert AllocationRun.objects.count() == 1


def test_json_names_each_file_and_its_digest(account: Account, tmp_path: Path) -> None:
    code, output = run(
        "archive", "--before", "2026-02-01", "--to", str(tmp_path), "--account", account.name,
        "--json",
    )  # fmt: skip

    told = json.loads(output)
    assert code == 0
    assert told["before"] == "2026-02-01"
    assert told["rows"] == {"runs": 1, "pools": 1, "entries": 1, "deliveries": 0}
    assert {Path(file["path"]).parent for file in told["files"]} == {tmp_path / "2026-01"}
    assert all(len(file["sha256"]) == 64 and file["rows"] == 1 for file in told["files"])


def test_a_month_that_is_too_young_is_refused(account: Account, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Only months that ended at least 31 days ago") as error:
        run("archive", "--before", "2999-01-01", "--to", str(tmp_path))

    assert error.value.returncode == 2


@pytest.mark.parametrize("day", ["0001-01-01", "0001-02-01"])
def test_before_the_first_day_of_the_calendar_there_is_nothing(
    account: Account, tmp_path: Path, day: str
) -> None:
    _, output = run("archive", "--before", day, "--to", str(tmp_path), "--json")

    assert json.loads(output)["files"] == []


def test_it_speaks_korean(account: Account, tmp_path: Path) -> None:
    with translation.override("ko"):
        _, output = run("archive", "--before", "2026-03-31", "--to", str(tmp_path), "--dry-run")

    assert output == (
        "2026-03-01 이전 기록: 배분 내역 2건, 웹훅 수신 내역 0건. 변경한 내용은 없습니다.\n"
    )
