"""The first page: what it links to, what it says where nothing is known, and what it hides."""

import html
import json
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from capital.admin.dashboard.charts import Bars, Chart, Line, Row, day_bars, line_chart, pool_bars
from capital.admin.dashboard.concerns import _CONCERN_ROWS
from capital.domain.pools import Pool
from capital.models import Account
from capital.services.overview.concerns import Concern
from capital.services.overview.currencies import Slice
from capital.services.overview.rates import store_rate
from tests.admin.tenants import allow_everything, join, make_tenant
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user

pytestmark = pytest.mark.django_db

DAYS = [timezone.localdate()]


def page(client: Client, language: str = "en") -> str:
    return client.get("/admin/", headers={"accept-language": language}).content.decode()


def content(client: Client, language: str = "en") -> str:
    """What a reader sees of the page's own part."""
    text = page(client, language).partition('id="content"')[2]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)))


@pytest.mark.once
def test_every_link_of_the_dashboard_leads_somewhere(client: Client) -> None:
    tenant = make_tenant("mine", is_superuser=True)
    make_account(owner=tenant.user, currency="KRW", venue="upbit", name="unknown")
    client.force_login(tenant.user)

    links = set(re.findall(r'href="(/admin/[^"]*)"', page(client).partition('id="content"')[2]))

    assert len(links) > 12
    failed = [link for link in links if client.get(html.unescape(link)).status_code != 200]
    assert failed == []


def test_each_concern_leads_to_its_rows(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))

    for model, filters in _CONCERN_ROWS.values():
        response = client.get(f"/admin/capital/{model}/", filters)
        assert response.status_code == 200
        assert response.context["cl"].has_active_filters or "last_check_code" in filters
    assert set(_CONCERN_ROWS) == set(Concern)


def test_a_figure_s_link_leads_to_its_rows_and_to_no_others(client: Client) -> None:
    tenant = make_tenant("mine", is_superuser=True)
    other = make_account(owner=tenant.user, currency="BTC", name="in-bitcoin")
    make_link(account=other, strategy=tenant.strategies[0], capital="1")
    client.force_login(tenant.user)

    dollars = client.get("/admin/capital/strategycapital/?currency=USDT").content.decode()
    accounts = client.get("/admin/capital/account/?currency=BTC&state=active").content.decode()

    assert "in-bitcoin" not in dollars
    assert "mine-account" in dollars
    assert "in-bitcoin" in accounts
    assert "mine-account" not in accounts


@pytest.mark.once
def test_it_says_how_long_a_round_takes_where_accounts_take_turns(client: Client) -> None:
    tenant = make_tenant("mine", is_superuser=True)
    Account.objects.bulk_create(
        Account(owner=tenant.user, venue="mexc", currency="USDT", name=f"Turn {number}")
        for number in range(300)
    )
    client.force_login(tenant.user)

    assert "300 accounts every 2 minutes" in content(client)
    assert "Every account is read every 2 minutes" in content(client)


@pytest.mark.once
def test_it_says_how_often_every_account_is_read(client: Client) -> None:
    user = make_user(is_staff=True)
    client.force_login(user)
    assert "Every account is read" not in content(client)

    make_account(owner=user)

    assert "Every account is read every 1 minute" in content(client)


def test_a_currency_of_others_is_not_offered(client: Client) -> None:
    tenant = make_tenant("mine")
    make_account(currency="SECRETCOIN")
    client.force_login(allow_everything(tenant.user))

    for path in ("account", "strategycapital", "dailyaccountsummary"):
        assert "SECRETCOIN" not in client.get(f"/admin/capital/{path}/").content.decode()


@pytest.mark.once
def test_what_is_unknown_is_a_dash_and_never_zero(client: Client) -> None:
    user = make_user(is_staff=True)
    make_account(owner=user)
    client.force_login(user)

    text = content(client)

    # Another figure than the PnL of today, which the card of trading tells apart from it.
    assert "USDT Accounts: 1 — Balance change today —" in text
    assert "Allocated — Reserved — Unallocated —" in text
    assert "0.00" not in text
    assert "The balance of 1 of 1 accounts is not fully known." in text


@pytest.mark.once
def test_an_empty_desk_has_steps_and_no_charts_and_a_plain_user_no_links(client: Client) -> None:
    client.force_login(make_user(username="looker", is_staff=True))
    plain = page(client)
    client.force_login(make_user(is_staff=True, is_superuser=True))
    powerful = page(client)

    for text in (plain, powerful):
        assert "<canvas" not in text
    start = "/admin/capital/account/first-steps/"
    assert start not in plain
    assert "Getting started" not in plain
    assert "Tell them your username: looker" in plain
    assert start in powerful
    assert "Getting started" in powerful
    assert "You see no account yet" not in powerful


@pytest.mark.once
def test_who_has_access_to_an_account_and_no_group_is_told_what_is_missing(client: Client) -> None:
    user = make_user(username="looker", is_staff=True)
    make_account(owner=user)
    client.force_login(user)
    told = "are in no group that may open its pages"

    assert told in page(client)
    join(user, "viewer")
    assert told not in page(client)


@pytest.mark.once
def test_korean_is_complete_on_the_dashboard(client: Client) -> None:
    tenant = make_tenant("mine", is_superuser=True)
    client.force_login(tenant.user)

    text = content(client, "ko")

    assert "계좌 1개" in text
    assert "최근 30일 잔고" in text
    assert re.findall(r"Accounts|Capital|Equity|Jobs|late|stale|Show", text) == []


def test_cost_in_queries_is_the_same_for_one_account_and_many(client: Client) -> None:
    user = make_user(is_staff=True, is_superuser=True)
    client.force_login(user)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            page(client)
        return len(queries)

    def grow(count: int) -> None:
        for _ in range(count):
            account = make_account(owner=user)
            make_link(account=account, strategy=make_strategy(owner=user), capital="1")
            make_summary(account=account, ending_balance=Decimal(1))

    grow(1)
    page(client)
    before = cost()
    grow(9)

    assert cost() == before <= 38


def test_amounts_stay_text_until_the_browser() -> None:
    amount = Decimal("99999999999999999999.12345678")
    chart = line_chart("Equity", "BTC", DAYS, [Line("Total", [amount])])

    assert json.loads(chart.data)["series"][0]["amounts"] == ["99999999999999999999.12345678"]
    assert chart.rows[0].cells == ["99,999,999,999,999,999,999.12345678"]


def test_a_day_without_a_balance_is_a_gap_and_a_dash() -> None:
    days = [DAYS[0], DAYS[0]]
    chart = line_chart("Equity", "KRW", days, [Line("Total", [None, Decimal(5)])])

    told = json.loads(chart.data)
    assert told["series"][0]["amounts"] == [None, "5"]
    assert told["currency"] == "KRW"
    assert [row.cells for row in chart.rows] == [["5"], ["—"]]


def test_nothing_known_draws_nothing() -> None:
    assert line_chart("Equity", "KRW", DAYS, [Line("Total", [None])]).data == ""
    assert pool_bars("Capital", "KRW", [], name="Strategy", urls={}).data == ""


def test_more_bars_than_tell_anything_become_one_and_the_table_keeps_more() -> None:
    slices = [Slice(str(n), f"s{n}", {Pool.SPOT: Decimal(40 - n)}) for n in range(40)]

    chart = pool_bars("Capital", "USDT", slices, name="Strategy", urls={})

    told = json.loads(chart.data)
    assert told["labels"] == [*(f"s{n}" for n in range(11)), "29 others"]
    assert told["series"][0]["amounts"][-1] == "435.00"
    assert [row.name for row in chart.rows] == [f"s{n}" for n in range(40)]


def test_of_a_thousand_rows_the_table_has_fifty_and_the_last_leads_to_the_rest() -> None:
    slices = [Slice(str(n), f"s{n}", {Pool.SPOT: Decimal(2000 - n)}) for n in range(1000)]
    urls = {str(n): f"/of/{n}" for n in range(1000)}

    chart = pool_bars("Capital", "USDT", slices, name="Strategy", urls=urls, rest_url="/all")

    assert [(row.name, row.url) for row in chart.rows] == [
        *((f"s{n}", f"/of/{n}") for n in range(49)),
        ("951 others", "/all"),
    ]
    # 1,951 down to 1,001
    assert chart.rows[-1].cells == ["1,403,676.00"]


def test_more_lines_than_tell_anything_become_one() -> None:
    lines = [Line(f"a{n}", [Decimal(n)]) for n in range(10)]

    told = json.loads(line_chart("Capital", "USDT", DAYS, lines).data)

    assert [each["name"] for each in told["series"]][-2:] == ["a6", "3 others"]
    assert told["series"][-1]["amounts"] == ["24.00"]


@pytest.mark.once
def test_names_are_text_in_charts_and_tables(client: Client) -> None:
    tenant = make_tenant("<script>alert(1)</script>", is_superuser=True)
    client.force_login(tenant.user)

    assert "<script>alert" not in page(client)
    address = f"/admin/capital/account/{tenant.account.pk}/change/"
    assert "<script>alert" not in client.get(address).content.decode()


@pytest.mark.once
def test_the_page_of_an_account_and_of_a_strategy_have_their_charts(client: Client) -> None:
    tenant = make_tenant("mine", is_superuser=True)
    client.force_login(tenant.user)

    account = client.get(f"/admin/capital/account/{tenant.account.pk}/change/").content.decode()
    strategy = client.get(
        f"/admin/strategies/strategy/{tenant.strategies[0].pk}/change/"
    ).content.decode()

    def charts(text: str) -> list[Any]:
        found = re.findall(r'data-desk-chart="([^"]*)"', text)
        return [json.loads(html.unescape(each)) for each in found]

    balance, capital, _ = charts(account)
    assert [each["name"] for each in balance["series"]] == ["Total", "spot", "futures"]
    assert [each["amounts"][-1] for each in balance["series"]] == [
        "15369.00",
        "10369.00",
        "5000.00",
    ]
    assert capital["labels"] == ["mine-spot", "mine-futures"]
    # Its capital over time is the timeline, which comes by itself.
    (pnl,) = charts(strategy)
    assert pnl["kind"] == "days"
    assert "data-timeline-src" in strategy
    assert "Recent allocations" in account


@pytest.mark.once
def test_all_currencies_are_one_total_where_a_reporting_currency_is_set(
    client: Client, settings: Any
) -> None:
    tenant = make_tenant("mine", is_superuser=True)
    won = make_account(owner=tenant.user, currency="KRW", venue="upbit")
    make_summary(account=won, spot_balance=Decimal(1000000), ending_balance=Decimal(1000000))
    client.force_login(tenant.user)
    assert "All currencies" not in content(client)
    settings.CAPITAL_REPORTING_CURRENCY = "USD"

    store_rate("USDT", "USD", "0.9998")
    missing = content(client)
    store_rate("KRW", "USD", "0.00072", clock=lambda: timezone.now() - timedelta(days=3))
    told = content(client)

    # 15369 · 0.9998 = 15365.9262, and 720 for the won.
    assert "All currencies in USD" in missing
    assert "16,085.92" not in missing
    assert "KRW" in missing.partition("All currencies in USD")[2][:300]
    assert "16,085.92 USD" in told
    assert "3 d ago" in told


@pytest.mark.once
def test_what_is_worth_next_to_nothing_is_folded_away(client: Client, settings: Any) -> None:
    settings.CAPITAL_REPORTING_CURRENCY = "USDT"
    tenant = make_tenant("mine", is_superuser=True)
    coins = make_account(owner=tenant.user, currency="BTC", name="coins")
    make_summary(account=coins, spot_balance=Decimal("0.0001"), ending_balance=Decimal("0.0001"))
    client.force_login(tenant.user)
    assert "Small balances" not in content(client)

    store_rate("BTC", "USDT", "60000")

    assert "Small balances: 0.00010000 BTC" in content(client)


@pytest.mark.once
def test_total_of_what_is_known_says_that_it_is_not_all(client: Client, settings: Any) -> None:
    settings.CAPITAL_REPORTING_CURRENCY = "USDT"
    tenant = make_tenant("mine", is_superuser=True)
    make_account(owner=tenant.user, currency="KRW", venue="upbit", name="unknown")
    client.force_login(tenant.user)

    told = content(client)

    assert "Some balances are unknown and not included." in told
    assert "oldest rate" not in told


def test_dashboard_says_when_many_exchanges_fail_and_where_to_who_sees_them() -> None:
    owner = allow_everything(make_user(is_staff=True))
    make_account(owner=owner, venue="okx", connection_code="exchange_unreachable")
    make_account(venue="binance", connection_code="exchange_unreachable")

    def said(user: Any) -> str:
        client = Client()
        client.force_login(user)
        return client.get("/admin/").content.decode()

    everyone = make_user(is_staff=True, is_superuser=True)
    assert "2 of 2 active accounts could not be read" in said(everyone)
    theirs = said(owner)
    assert "Half of all accounts, or more, could not be read from their exchange." in theirs
    assert "binance" not in theirs
    for _ in range(3):
        make_account()
    assert "could not be read from" not in said(everyone)


def test_bars_that_would_all_be_zero_are_a_sentence_with_their_table() -> None:
    def chart(*amounts: str | None) -> Chart:
        days = [DAYS[0]] * len(amounts)
        bars = Bars("Left", [None if each is None else Decimal(each) for each in amounts], 1)
        rows = [Row("a day", ["0"])]
        return day_bars("Left", "USDT", days, [bars], head=["Left"], rows=rows, all_zero="None is.")

    assert (chart("0", None).data, chart("0", None).instead) == ("", "None is.")
    assert (chart(None).data, chart(None).instead) == ("", "")
    assert '"1.00"' in chart("0", "1").data
