"""``performance``: how well strategies did."""

import csv
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from capital.models import LinkDay
from tests.commands.running import run
from tests.factories import make_account, make_link, make_strategy
from tests.services.performance.builders import D

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]


@pytest.fixture
def link():
    account = make_account(name="Main")
    strategy = make_strategy(key="trend", market_type="futures", owner=account.owner)
    link = make_link(account=account, strategy=strategy, capital="1097.25")
    LinkDay.objects.create(
        strategy_account=link,
        date=timezone.localdate(),
        currency="USDT",
        equity_start=D(1000),
        settled_start=D(1000),
        capital_added=D(0),
        realized=D("97.25"),
        unrealized=D(0),
        **dict.fromkeys(("fees", "funding", "volume"), D(0)),
    )
    return link


def test_a_table_shows_what_matters_and_a_dash_for_what_has_no_answer(link) -> None:
    code, text = run("performance", "--period", "today")

    assert code == 0
    line = next(line for line in text.splitlines() if "trend" in line)
    assert "9.72 %" in line
    assert "97.25" in line
    assert "1,097.25" in line
    assert "—" in line


def test_json_has_all_figures_and_what_is_missing(link) -> None:
    code, text = run("performance", "--by", "account", "--json", "--account", "Main")

    answer = json.loads(text)
    (row,) = answer["results"]
    assert (code, answer["by"], row["name"], row["return"]) == (0, "account", "Main", "0.09725")
    assert {each["figure"] for each in row["missing"]} >= {"sharpe", "win_rate"}


def test_csv_has_the_same_figures(link) -> None:
    code, text = run("performance", "--csv")

    (row,) = csv.DictReader(text.splitlines())
    assert (code, row["strategy"], row["pnl"], row["sharpe"]) == (0, "trend", "97.25", "")


def test_only_the_accounts_and_days_that_are_asked_for(link) -> None:
    other = make_account(name="Other")

    code, text = run("performance", "--account", str(other.pk))
    assert code == 0
    assert "docs/bots.md" in text
    _, text = run("performance", "--json", "--from", "2020-01-01", "--to", "2020-01-31")
    answer = json.loads(text)
    assert (answer["results"], answer["without_source"]) == ([], ["trend"])
    _, text = run("performance", "--json", "--currency", "BTC")
    assert json.loads(text)["results"] == []


def test_all_days_that_can_be_written_may_be_asked_for(link) -> None:
    _, text = run("performance", "--json", "--from", "0001-01-01", "--to", "9999-12-31")

    (row,) = json.loads(text)["results"]
    assert (row["name"], row["pnl"]) == ("trend", "97.25")


def test_what_makes_no_period_is_a_bad_argument(link) -> None:
    with pytest.raises(CommandError, match="today, 7d") as refused:
        call_command("performance", "--period", "month", "--from", "2026-01-01")

    assert refused.value.returncode == 2
