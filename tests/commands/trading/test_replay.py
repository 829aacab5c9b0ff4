"""``replay``: the days on record beside the same days by another policy."""

import json
from datetime import date
from typing import Any

import pytest
from django.core.management.base import CommandError

from capital.models import Account
from tests.commands.running import run
from tests.factories import make_account, make_link, make_link_day, make_strategy
from tests.services.performance.builders import D

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]


@pytest.fixture
def account() -> Account:
    """a earned 10 % twice, b lost 5 % twice, each with 5,000 at first."""
    account = make_account(name="Main")
    earned = {"a": [("5000", "500"), ("5500", "550")], "b": [("5000", "-250"), ("4750", "-237.5")]}
    for key, days in earned.items():
        link = make_link(account=account, strategy=make_strategy(key=key, market_type="futures"))
        for day, (start, gain) in enumerate(days, 10):
            zero: dict[str, Any] = dict.fromkeys(("fees", "funding", "unrealized"), D(0))
            make_link_day(
                link,
                date=date(2026, 3, day),
                equity_start=D(start),
                settled_start=D(start),
                realized=D(gain),
                **zero,
            )
    return account


def test_both_courses_stand_beside_each_other(account: Account) -> None:
    code, text = run("replay", "--account", "Main", "--policy", "weights")

    assert code == 0
    cells = {
        line.split("│")[1].strip(): [each.strip() for each in line.split("│")[2:-1]]
        for line in text.splitlines()
        if line.count("│") > 2
    }
    assert cells["Equity at the end"] == ["10,562.50", "10,506.25"]
    assert cells["Return"] == ["5.62 %", "5.06 %"]
    assert cells["Days with a change of capital"] == ["0", "1"]
    assert cells["a"] == ["5,500.00", "1,050.00", "5,125.00", "1,012.50"]
    assert "same return with any capital" in text


def test_json_has_every_day(account: Account) -> None:
    asked = ("--from", "2026-03-10", "--to", "2026-03-10", "--json")
    code, text = run("replay", "--account", "Main", "--policy", "own_profit", *asked)

    told = json.loads(text)
    assert (code, told["policy"], told["to"]) == (0, "own_profit", "2026-03-10")
    assert [day["capital"] for day in told["replayed"]["days"]] == [
        {"a": "5000.00", "b": "5000.00"}
    ]


def test_parameters_are_taken(account: Account) -> None:
    asked = ("--lookback-days", "30", "--drift-band-percent", "8", "--json")
    _, text = run("replay", "--account", "Main", "--policy", "weights", *asked)

    told = json.loads(text)
    assert told["parameters"] == {"lookback_days": 30, "drift_band_percent": "8"}
    assert told["replayed"]["turnover"] == "0.00"


@pytest.mark.parametrize(
    "asked",
    [
        ("--account", "nobody", "--policy", "weights"),
        ("--account", "Main", "--policy", "nothing"),
        ("--account", "Main", "--policy", "weights", "--to", "2026-03-01"),
        ("--account", "Main", "--policy", "weights", "--from", "2026-03-11", "--to", "2026-03-10"),
        ("--account", "Main", "--policy", "weights", "--lookback-days", "29"),
        ("--account", "Main", "--policy", "weights", "--lookback-days", "x"),
        ("--account", "Main", "--policy", "weights", "--drift-band-percent", "101"),
        ("--account", "Main", "--policy", "weights", "--drift-band-percent", "x"),
        ("--account", "Main"),
    ],
)
def test_what_cannot_be_replayed_is_refused(account: Account, asked: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run("replay", *asked)
