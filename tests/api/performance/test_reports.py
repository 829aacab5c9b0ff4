"""Performance over the API."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from openpyxl import load_workbook

from capital.api.frame.csv_lists import WORKBOOK_TYPE
from capital.models import LinkDay, StrategyAccount
from tests.admin.tenants import allow_everything
from tests.api.client import Bot, problem
from tests.factories import forge, make_account, make_link, make_strategy, make_user

pytestmark = pytest.mark.django_db

D = Decimal


def earn(link: StrategyAccount, realized: str, *, days_ago: int = 0) -> None:
    """What a link with 1,000 realised on a day."""
    LinkDay.objects.create(
        strategy_account=link,
        date=timezone.localdate() - timedelta(days=days_ago),
        currency="USDT",
        equity_start=D(1000),
        settled_start=D(1000),
        capital_added=D(0),
        realized=D(realized),
        unrealized=D(0),
        **dict.fromkeys(("fees", "funding", "volume"), D(0)),
    )


@pytest.fixture
def bot() -> Bot:
    return Bot(allow_everything(make_user()), scope="read")


@pytest.fixture
def link(bot: Bot) -> StrategyAccount:
    account = make_account(owner=bot.user, name="Main")
    link = make_link(account=account, strategy=make_strategy(owner=bot.user, key="trend"))
    earn(link, "50", days_ago=1)
    earn(link, "-20")
    return link


def test_the_same_is_a_file_of_csv_or_a_workbook(bot: Bot, link: StrategyAccount) -> None:
    forge(link.strategy, key="=1+1")
    file: Any = bot.get("performance/?period=7d", Accept="text/csv")
    head, row = csv.reader(io.StringIO(file.content.decode()))
    assert (head[:4], row[:4]) == (
        ["strategy", "currency", "return", "pnl"],
        ["'=1+1", "USDT", "0.029", "30"],
    )
    assert "attachment" in file["Content-Disposition"]
    file: Any = bot.get("performance/?period=7d", Accept=WORKBOOK_TYPE)
    sheet = load_workbook(io.BytesIO(file.content)).active
    names, cells = sheet.iter_rows()
    assert names[0].value == "strategy"
    assert (cells[0].value, cells[0].data_type) == ("'=1+1", "s")
    assert (cells[3].value, cells[3].data_type, cells[9].value) == (30, "n", None)


def test_a_statement_of_a_month_is_json_and_a_table(bot: Bot, link: StrategyAccount) -> None:
    path = f"accounts/{link.account_id}/statement/"
    answer = bot.get(f"{path}?month=2026-03").json()
    assert (answer["name"], answer["month"], answer["closing_balance"]) == ("Main", "2026-03", None)
    assert answer["missing"][0]["code"] == "balance_unknown"
    assert bot.get(path).json()["month"] == f"{timezone.localdate():%Y-%m}"
    head, row = bot.get(path, Accept="text/csv").content.decode().splitlines()
    assert head.startswith("account,currency,month,begins_at,ends_at,opening_balance,")
    assert row.startswith("Main,USDT,")
    book = load_workbook(io.BytesIO(bot.get(path, Accept=WORKBOOK_TYPE).content))
    assert [cell.value for cell in book.active[2]][:2] == ["Main", "USDT"]
    assert problem(bot.get(f"{path}?month=2026-13"), 400)["code"] == "invalid_month"
    other = make_account()
    assert bot.get(f"accounts/{other.pk}/statement/").status_code == 404


def test_there_is_a_row_for_each_strategy_that_one_sees(bot: Bot, link: StrategyAccount) -> None:
    earn(make_link(), "999")

    answer = bot.get("performance/?period=7d").json()

    (row,) = answer["results"]
    assert (answer["by"], row["id"], row["name"]) == ("strategy", link.strategy_id, "trend")
    assert (row["return"], row["pnl"], row["currency"]) == ("0.029", "30", "USDT")
    missing = {each["figure"]: each["code"] for each in row["missing"]}
    assert (missing["win_rate"], missing["sharpe"]) == ("no_trades", "too_few_days")


def test_period_group_and_currency_are_as_asked(bot: Bot, link: StrategyAccount) -> None:
    today = timezone.localdate().isoformat()

    (row,) = bot.get(f"performance/?by=account&from={today}&to={today}").json()["results"]
    assert (row["name"], row["return"]) == ("Main", "-0.02")
    assert bot.get("performance/?currency=BTC").json()["results"] == []
    answer = bot.get("performance/?from=2020-01-01&to=2020-01-31").json()
    assert answer["without_source"] == ["trend"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("period=fortnight", "invalid_period"),
        ("period=7d&from=2026-01-01", "invalid_period"),
        ("by=venue", "invalid_group"),
        ("from=soon", "invalid"),
        ("since=2026-01-01", "invalid"),
    ],
)
def test_what_is_asked_wrongly_is_refused(bot: Bot, query: str, code: str) -> None:
    assert problem(bot.get(f"performance/?{query}"), 400)["code"] == code


def test_a_strategy_has_a_curve_and_its_links(bot: Bot, link: StrategyAccount) -> None:
    other = make_link(account=make_account(owner=bot.user), strategy=link.strategy)
    earn(other, "50")

    answer = bot.get("strategies/trend/performance/?period=7d").json()

    (row,) = answer["rows"]
    assert row["pnl"] == "80"
    assert {each["pnl"] for each in answer["links"]} == {"30", "50"}
    (curve,) = answer["curves"]
    assert [day["daily_return"] for day in curve["days"]] == ["0.05", "0.015"]
    assert curve["days"][1]["chained"] == "0.06575"
    assert (answer["symbols"], answer["missing"]) == ([], [])


def test_a_strategy_of_which_nothing_is_known_says_what_to_do(bot: Bot) -> None:
    make_link(
        account=make_account(owner=bot.user), strategy=make_strategy(owner=bot.user, key="new")
    )

    answer = bot.get("strategies/new/performance/").json()

    assert (answer["rows"], answer["curves"]) == ([], [])
    assert answer["missing"][0]["code"] == "no_source"


def test_a_month_that_was_ruin_says_so(bot: Bot, link: StrategyAccount) -> None:
    LinkDay.objects.filter(date=timezone.localdate()).update(realized="-1000")

    (curve,) = bot.get("strategies/trend/performance/").json()["curves"]

    month = curve["months"][-1]
    assert (month["return"], month["code"]) == (None, "ruin")


def test_a_token_of_another_account_sees_nothing_of_this_one(bot: Bot, link) -> None:
    limited = Bot(bot.user, scope="read", account=make_account(owner=bot.user))

    assert limited.get("performance/").json()["results"] == []
