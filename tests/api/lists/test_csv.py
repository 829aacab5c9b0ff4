"""Lists of what was traded and earned as CSV and as workbooks; what fills are filtered by."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from capital.api.frame import csv_lists
from capital.api.frame.csv_lists import cell
from capital.models import Attribution, LinkDay, StrategyAccount
from tests.admin.tenants import allow_everything
from tests.api.client import Bot, problem
from tests.api.description import description
from tests.factories import (
    make_account,
    make_fill,
    make_flow,
    make_link,
    make_link_day,
    make_position,
    make_user,
)

pytestmark = pytest.mark.django_db

D = Decimal
LISTS = ("link-days", "fills", "flows", "positions")
NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)


@pytest.fixture
def bot() -> Bot:
    return Bot(allow_everything(make_user()), scope="read")


@pytest.fixture
def link(bot: Bot) -> StrategyAccount:
    return make_link(account=make_account(owner=bot.user), market_type="futures")


def lines(bot: Bot, path: str) -> list[dict[str, str]]:
    answer: Any = bot.get(path, Accept="text/csv")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def fill_all(link: StrategyAccount, number: int = 1) -> None:
    for each in range(number):
        make_link_day(link, date=date(2026, 3, 1 + each))
        make_fill(link, executed_at=NOON)
        make_flow(link.account)
        make_position(link, "1.5", symbol=f"X{each}/USDT")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_as_csv_has_the_rows_and_columns_of_the_list(bot, link, name: str) -> None:
    fill_all(link, 3)
    fill_all(make_link())

    told = lines(bot, f"{name}/")

    rows = bot.get(f"{name}/").json()["results"]
    assert [row["id"] for row in told] == [str(row["id"]) for row in rows]
    assert len(told) == 3
    assert list(told[0]) == list(rows[0])


def test_amounts_are_exact_and_what_is_not_known_is_empty(bot, link) -> None:
    make_link_day(
        link, realized=D("-0.000000000000000001"), equity_start=None, fees_unvalued={"BNB": "0.01"}
    )

    (row,) = lines(bot, "link-days/")

    assert (row["realized"], row["equity_start"]) == ("-0.000000000000000001", "")
    assert (row["earned"], row["unrealized"]) == ("-0.800000000000000001", "")
    assert row["fees_unvalued"] == '{"BNB": "0.01"}'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("-5", "-5"),
        ("-0.5", "-0.5"),
        (-7, "-7"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-1+cmd|x", "'-1+cmd|x"),
        ("- 5", "'- 5"),
        ("＝1", "'＝1"),
        (" =1", "' =1"),
        ("메모", "메모"),
        (None, ""),
        (True, "true"),
        ([{"amount": "-1", "currency": "=A"}], '[{"amount": "-1", "currency": "=A"}]'),
    ],
)
def test_a_spreadsheet_runs_nothing_and_negative_numbers_stay(value: Any, written: str) -> None:
    assert cell(value) == written


def test_a_note_that_is_a_formula_is_marked(bot, link) -> None:
    make_flow(link.account, note='=HYPERLINK("http://x")', amount=D("-12.5"), kind="withdrawal")

    (row,) = lines(bot, "flows/")

    assert (row["note"], row["amount"]) == ('\'=HYPERLINK("http://x")', "-12.5")


def test_filters_and_chosen_fields_hold_for_a_file_too(bot, link) -> None:
    for day in (1, 2, 3):
        make_link_day(link, date=date(2026, 3, day))
    make_link_day(link, date=date(2026, 3, 2), currency="BTC")

    told = lines(
        bot, "link-days/?date_from=2026-03-02&date_to=2026-03-03&currency=USDT&fields=date,fees"
    )

    assert told == [{"date": "2026-03-03", "fees": "0.3"}, {"date": "2026-03-02", "fees": "0.3"}]


@pytest.mark.parametrize("name", ["link-days", "fills", "flows", "positions"])
@pytest.mark.parametrize("by", ["strategy", "strategy_account", "account"])
def test_each_list_is_filtered_by_account_strategy_and_link(bot, link, name: str, by: str) -> None:
    other = make_link(account=make_account(owner=bot.user), market_type="futures")
    for each in (link, other):
        make_link_day(each)
        make_fill(each)
        make_flow(each.account, kind="funding", strategy_account=each)
        make_position(each, "1")
    value = {"strategy": link.strategy.key, "strategy_account": link.pk, "account": link.account_id}

    found = bot.get(f"{name}/?{by}={value[by]}").json()["results"]

    assert [row["account"] for row in found] == [link.account_id]


def test_a_fill_is_found_by_what_it_is_paid_in(bot, link) -> None:
    fill = make_fill(link, settle="BTC")
    make_fill(link)

    assert [row["id"] for row in lines(bot, "fills/?currency=BTC")] == [str(fill.pk)]


def test_a_file_has_no_pages_and_other_refusals_are_problems(bot, link) -> None:
    for query in ("page_size=1", "cursor=x", "date_from=soon", "fields=nothing"):
        answer = problem(bot.get(f"link-days/?{query}", Accept="text/csv"), 400)
        assert answer["errors"][0]["field"] == query.partition("=")[0]
    problem(bot.get("accounts/", Accept="text/csv"), 406)
    problem(bot.get(f"link-days/{make_link_day(link).pk}/", Accept="text/csv"), 406)
    assert bot.get("link-days/", Accept="*/*")["Content-Type"] == "application/json"


def test_a_long_file_is_read_piece_by_piece(bot, link, monkeypatch: Any) -> None:
    monkeypatch.setattr(csv_lists, "ROWS_AT_ONCE", 2)

    def queries(number: int) -> int:
        LinkDay.objects.all().delete()
        for day in range(number):
            make_link_day(link, date=date(2026, 1, 1 + day))
        with CaptureQueriesContext(connection) as captured:
            assert len(lines(bot, "link-days/")) == number
        return len(captured)

    # What is asked of the token itself is kept for two seconds.
    bot.get("accounts/")
    assert queries(3) == queries(30)


def test_the_description_says_that_there_is_a_file() -> None:
    for name in LISTS:
        answer = description()["paths"][f"/api/v1/{name}/"]["get"]["responses"]["200"]["content"]
        assert answer["text/csv"]["schema"]["type"] == "string"
    accounts = description()["paths"]["/api/v1/accounts/"]["get"]["responses"]["200"]["content"]
    assert list(accounts) == ["application/json"]


def sheet(bot: Bot, path: str) -> list[tuple[Any, ...]]:
    answer: Any = bot.get(path, Accept=csv_lists.WORKBOOK_TYPE)
    assert answer.status_code == 200
    assert answer["Content-Type"] == csv_lists.WORKBOOK_TYPE
    workbook = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    return list(workbook.worksheets[0].values)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_as_a_workbook_has_the_rows_and_columns_of_the_list(bot, link, name: str) -> None:
    fill_all(link, 2)

    head, *told = sheet(bot, f"{name}/")

    rows = bot.get(f"{name}/").json()["results"]
    assert list(head) == list(rows[0])
    assert [row[0] for row in told] == [row["id"] for row in rows]


def test_a_workbook_has_amounts_as_numbers_and_ids_as_text(bot, link) -> None:
    make_fill(
        link, venue_fill_id="007", quantity=D("1.5"), price=D("0.1234567890123456789"),
        client_order_id="=1+1", fees=[{"amount": "1", "currency": "BNB"}], fee_amount=None,
    )  # fmt: skip

    head, row = sheet(bot, "fills/")

    told = dict(zip(head, row, strict=True))
    assert (told["venue_fill_id"], told["client_order_id"]) == ("007", "=1+1")
    assert (told["quantity"], told["price"]) == (1.5, "0.1234567890123456789")
    assert told["fees"].startswith('[{"amount": "1", "currency": "BNB"')
    assert told["fee_amount"] is None
    problem(bot.get("fills/?page_size=5", Accept=csv_lists.WORKBOOK_TYPE), 400)


@pytest.mark.usefixtures("seoul")
def test_fills_are_filtered_by_whose_they_are_now_and_by_days(bot, link) -> None:
    other = make_link(account=link.account, market_type="futures")
    at = datetime(2026, 3, 9, 15, tzinfo=UTC)
    own = make_fill(link, executed_at=at)
    moved = make_fill(link, executed_at=at + timedelta(hours=23, minutes=59))
    Attribution.objects.create(fill=moved, strategy_account=other, how="person")
    nobody_knows = make_fill(link, strategy_account=None, executed_at=at - timedelta(minutes=1))
    of_nobody = make_fill(link, strategy_account=None, executed_at=at + timedelta(days=1))
    Attribution.objects.create(fill=of_nobody, strategy_account=None, how="person")

    def found(query: str) -> set[int]:
        return {row["id"] for row in bot.get(f"fills/?{query}").json()["results"]}

    assert found(f"strategy={link.strategy.key}") == {own.pk}
    assert found(f"strategy_account={other.pk}") == {moved.pk}
    assert found("unattributed=true") == {nobody_knows.pk}
    assert found("unattributed=false") == {own.pk, moved.pk, of_nobody.pk}
    assert found("date_from=2026-03-10&date_to=2026-03-10") == {own.pk, moved.pk}
    assert found("date_to=2026-03-09") == {nobody_knows.pk}
    assert len(found("date_from=0001-01-01&date_to=9999-12-31")) == 4
    assert found("date_to=0001-01-01") == set()
    problem(bot.get("fills/?unattributed=yes"), 400)
