"""``pnl`` and ``positions``: what was earned and what is held."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from capital.domain.performance.fills import Fee
from capital.domain.sizing.orders import Side
from capital.models import Position
from capital.services.trading import NewFill, report_fills, report_position
from tests.commands.running import run
from tests.factories import make_account, make_link, make_market, make_strategy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
BTC = "BTC/USDT:USDT"


def report(link, number: int, side: str, quantity: str, price: str, day: int, **fields) -> None:
    fill = NewFill(
        symbol=BTC,
        side=Side(side),
        quantity=D(quantity),
        price=D(price),
        executed_at=datetime(2026, 3, day, 3, tzinfo=UTC),
        venue_fill_id=str(number),
        **fields,
    )
    report_fills(link.pk, [fill], actor=None)


@pytest.fixture
def link():
    make_market(BTC, contract_size=D("0.001"))
    account = make_account(name="Main")
    strategy = make_strategy(key="trend", market_type="futures", owner=account.owner)
    link = make_link(account=account, strategy=strategy)
    report(link, 1, "buy", "1", "100", 10, fees=(Fee(D("0.1"), "USDT"), Fee(D("0.2"), "BNB")))
    report(link, 2, "sell", "1", "1130.5", 11)
    return link


def rows(*arguments: str) -> list[dict]:
    code, text = run("pnl", "--json", *arguments)
    assert code == 0
    return json.loads(text)["rows"]


def test_without_groups_there_is_a_row_a_currency(link) -> None:
    assert rows() == [
        {
            "strategy": None,
            "account": None,
            "symbol": None,
            "date": None,
            "currency": "USDT",
            "realized": "1030.4",
            "unrealized": "0",
            "fees": "0.1",
            "funding": "0",
            "fees_unvalued": {"BNB": "0.2"},
            "fills": 2,
            "trades": 1,
        }
    ]


def test_it_is_grouped_as_asked(link) -> None:
    by = rows("--by", "strategy", "--by", "day")

    assert [(row["strategy"], row["date"], row["realized"]) for row in by] == [
        ("trend", "2026-03-10", "-0.1"),
        ("trend", "2026-03-11", "1030.5"),
    ]
    assert {row["unrealized"] for row in by} == {None}
    [one] = rows("--by", "account", "--by", "symbol", "--from", "2026-03-11", "--to", "2026-03-11")
    assert (one["account"], one["symbol"], one["realized"]) == ("Main", BTC, "1030.5")


def test_an_open_position_without_a_mark_has_no_unrealised_pnl(link) -> None:
    report(link, 3, "buy", "1", "100", 12)

    assert rows("--by", "strategy")[0]["unrealized"] is None
    assert rows()[0]["unrealized"] is None


def test_accounts_can_be_named(link) -> None:
    other = make_account(name="Second")

    assert rows("--account", "Second") == []
    assert len(rows("--account", "Main", str(other.pk))) == 1


def test_for_people_it_is_a_table(link) -> None:
    code, text = run("pnl", "--by", "strategy")

    assert code == 0
    assert all(word in text for word in ("trend", "1,030.40", "0.10", "0.2 BNB", "USDT"))


def test_nothing_known_is_said() -> None:
    assert run("pnl") == (0, "No fills are known for that. Report them: see docs/bots.md.\n")
    assert run("positions") == (0, "No open positions are known.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--by", "week"),
        ("--from", "yesterday"),
        ("--account", "Nobody"),
        ("--from", "2026-03-11", "--to", "2026-03-10"),
    ],
)
def test_wrong_arguments_are_refused(arguments) -> None:
    """Days the wrong way round would otherwise look like days without fills."""
    with pytest.raises(CommandError):
        call_command("pnl", *arguments, stdout=StringIO())


def test_positions_are_listed(link) -> None:
    report(link, 3, "sell", "0.5", "1000", 12)
    other = make_link(account=make_account(name="Other", venue="bybit"))
    report_position(other.pk, symbol="X/USDT", quantity=D(3))

    code, text = run("positions", "--json", "--account", "Main")

    [position] = json.loads(text)["positions"]
    assert code == 0
    assert position.pop("updated_at")
    assert position == {
        "strategy": "trend",
        "account": "Main",
        "symbol": BTC,
        "position_side": "both",
        "quantity": "-0.5",
        "entry_price": "1000",
        "mark_price": None,
        "realized_pnl": "1030.4",
        "unrealized_pnl": None,
        "currency": "USDT",
        "source": "fills",
    }
    _, table = run("positions")
    assert all(word in table for word in ("Main", "Other", "-0.5", "X/USDT", "1,030.4 USDT"))


def test_what_is_unrealised_is_written_without_needless_zeros(link) -> None:
    """A mark from the database has eighteen decimals."""
    report(link, 3, "sell", "0.5", "1000", 12)
    Position.objects.update(mark_price=D("987.25"), marked_at=timezone.now())

    _, listed = run("positions", "--json")
    _, table = run("positions")

    assert json.loads(listed)["positions"][0]["unrealized_pnl"] == "6.375"
    assert " 6.375 USDT " in table
    assert rows()[0]["unrealized"] == "6.375"
