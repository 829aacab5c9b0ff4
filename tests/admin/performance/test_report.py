"""The page of performance: its table, order, periods and files, and who sees what of it."""

import html
import io
import re
from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from capital.models import LinkDay, LinkMonth, StrategyAccount, SymbolDay
from capital.services.performance import currencies_of
from tests.admin.performance.reading import read, text_of
from tests.admin.tenants import allow
from tests.factories import make_account, make_link, make_strategy, make_user
from tests.services.performance.builders import make_day, make_trade

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

MARCH = "/admin/performance/?from=2026-03-01&to=2026-03-31"


def body(answer) -> bytes:
    return b"".join(answer) if answer.streaming else answer.content


@pytest.mark.once
def test_a_row_says_what_was_earned_and_how_it_went(admin: Client, link: StrategyAccount) -> None:
    make_link(strategy=make_strategy(key="silent", name="Quiet"))

    page = read(admin, MARCH)

    why = "— No trade lost, so there is nothing to divide by. 5.00%"
    assert f"Trend trend USDT +9.72% +140.00 +8.57% 100.00% {why}" in text_of(page)
    assert "3 days: return +9.72%, lowest -0.25%, highest +9.72%" in page
    assert f"/admin/strategies/strategy/{link.strategy_id}/performance/?from=2026-03-01" in page
    assert "Without known fills: Quiet" in text_of(page)
    assert "freqtrade's is over trades and comes out differently." in html.unescape(page)


@pytest.mark.once
def test_the_reason_of_a_dash_opens_where_it_is_tapped(
    admin: Client, link: StrategyAccount
) -> None:
    make_day(make_link(strategy=make_strategy(key="beside")), 1, "1000", "5")

    page = read(admin, MARCH)

    buttons = re.findall(r'popovertarget="(report-why-\d)" title="([^"]*)"', page)
    notes = dict(re.findall(r'id="(report-why-\d)" role="note">([^<]*)<', page))
    # Each reason once, however many dashes it has.
    assert [notes[number] for number, _ in buttons] == [why for _, why in buttons]
    assert sorted(notes) == [f"report-why-{number}" for number in (1, 2, 3, 4)]
    assert notes["report-why-1"] == "No trade won or lost in this period."
    assert len(buttons) == 5


@pytest.mark.once
def test_a_symbol_says_what_it_realised_where_others_have_a_return(
    admin: Client, link: StrategyAccount
) -> None:
    for symbol, realized in (("BTC/USDT:USDT", "190"), ("ETH/USDT:USDT", "-7")):
        SymbolDay.objects.create(
            strategy_account=link,
            symbol=symbol,
            position_side="both",
            date=date(2026, 3, 3),
            currency="USDT",
            realized=realized,
            fees="1",
            funding="-0.5",
            volume="400",
            cost_unknown="0",
        )

    text = text_of(read(admin, f"{MARCH}&by=symbol&o=realized"))

    # Before a fee of 1 and half a dollar of funding; losses come first.
    assert "ETH/USDT:USDT USDT -5.50 1.00 -0.50 " in text
    assert text.index("ETH/USDT:USDT") < text.index("BTC/USDT:USDT USDT +191.50 1.00 -0.50 100.00%")
    assert "Realised" in text
    assert "Drawdown" not in text


def test_currencies_that_were_earned_in_may_be_chosen(admin: Client, link: StrategyAccount) -> None:
    """As those of accounts; both where they are packed by now and where they are not."""
    hidden = make_link(account=make_account(currency="KRW"), strategy=make_strategy(key="hidden"))
    make_day(hidden, 1, None, "1", added=None, currency="ETH")
    make_day(link, 1, None, "0.5", added=None, currency="BTC")
    make_day(link, 2, None, "0.5", added=None, currency="BNB")
    LinkDay.objects.filter(currency="BTC").update(is_packed=True)
    LinkMonth.objects.create(
        strategy_account=link,
        currency="BTC",
        month=date(2026, 3, 1),
        since=date(2026, 3, 1),
        until=date(2026, 3, 1),
        scale=6,
        days=0,
    )
    of_link = StrategyAccount.objects.filter(pk=link.pk)

    assert currencies_of(of_link) == ["BNB", "BTC", "USDT"]
    page = read(admin, f"{MARCH}&currency=ETH")
    for name in ("BNB", "BTC", "ETH", "KRW", "USDT"):
        assert f'<option value="{name}"' in page


@pytest.mark.once
def test_rows_are_sorted_and_unknown_figures_come_last(
    admin: Client, link: StrategyAccount
) -> None:
    for key, earned in (("little", "10"), ("lost", "-20")):
        make_day(make_link(strategy=make_strategy(key=key)), 1, "1000", earned)
    make_day(make_link(strategy=make_strategy(key="unknown")), 1, None, "5", worth=(None, None))
    keys = ("little", "lost", "trend", "unknown")

    def order(asked: str) -> list[str]:
        table = read(admin, f"{MARCH}&o={asked}").partition("<tbody>")[2]
        return sorted(keys, key=lambda key: table.index(f">{key}<"))

    assert order("-pnl") == ["trend", "little", "lost", "unknown"]
    assert order("pnl") == ["lost", "little", "trend", "unknown"]
    assert order("-name") == ["unknown", "trend", "lost", "little"]


@pytest.mark.once
def test_a_wrong_query_is_told_and_nothing_else(admin: Client, link: StrategyAccount) -> None:
    for query, said in (
        ("from=yesterday", "Enter a date such as 2026-11-30."),
        ("from=2026-03-02&to=2026-03-01", "a last day in this order"),
        ("period=decade", "Select a valid choice. decade"),
        ("o=luck", "Select a valid choice. luck"),
        ("currency=DOGE", "Select a valid choice. DOGE"),
    ):
        text = text_of(read(admin, f"/admin/performance/?{query}"))
        assert said in text, query
        assert "USDT +" not in text


@pytest.mark.once
def test_without_fills_the_page_says_what_to_do(admin: Client) -> None:
    page = read(admin, "/admin/performance/?period=all")

    assert "No fills are known of this period." in text_of(page)
    for address in ("/api/docs/", "/admin/capital/fill/import", "/admin/capital/jobrun/health/"):
        assert f'href="{address}' in page
    assert "<tbody>" not in page


@pytest.mark.once
def test_files_have_the_rows_that_are_shown_and_all_figures(
    admin: Client, link: StrategyAccount
) -> None:
    won = make_link(account=make_account(currency="KRW"), strategy=make_strategy(key="won"))
    make_day(won, 1, "1000", "1", currency="KRW")
    shown = f"{MARCH}&currency=USDT"

    lines = body(admin.get(f"{shown}&export=csv")).decode().splitlines()
    sheet = load_workbook(io.BytesIO(body(admin.get(f"{shown}&export=xlsx")))).worksheets[0]

    assert lines[0].startswith("\ufeffstrategy,currency,return,pnl,roi,")
    assert lines[1].startswith("trend,USDT,0.09725,140,0.085714285714285714,")
    assert len(lines) == 2
    head, row = sheet.iter_rows()
    assert [cell.value for cell in head[:4]] == ["strategy", "currency", "return", "pnl"]
    assert [cell.value for cell in row[:4]] == ["trend", "USDT", 0.09725, 140]
    assert admin.get(f"{shown}&export=pdf").status_code == 404


def test_one_sees_the_performance_of_ones_own_accounts(
    client: Client, link: StrategyAccount
) -> None:
    """Also of a strategy that is shared: what it earns elsewhere is not in its figures."""
    client.force_login(make_user(is_staff=True))
    assert client.get(MARCH).status_code == 403
    user = allow(make_user(is_staff=True), "capital.view_strategyaccount")
    client.force_login(user)
    own = make_link(account=make_account(owner=user, name="own"), strategy=link.strategy)
    make_day(own, 1, "1000", "7")

    page = text_of(read(client, MARCH))

    assert "Trend trend USDT +0.70% +7.00" in page
    assert link.account.name not in text_of(read(client, f"{MARCH}&by=account"))


def test_a_page_shows_its_rows_whatever_they_are_sorted_by(
    admin: Client, link: StrategyAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capital.admin.performance.report._ON_A_PAGE", 2)
    for number in range(1, 5):
        more = make_link(strategy=make_strategy(key=f"s{number}", name=f"S{number}"))
        make_day(more, 1, "1000", str(number % 3 * 10))

    def names(query: str) -> list[str]:
        page = read(admin, f"{MARCH}&{query}")
        return re.findall(r'desk-link-strong" href="[^"]*">([^<]*)<', page)

    pages = {
        order: [names(f"o={order}&page={number}") for number in (1, 2, 3, 9)]
        for order in ("", "name", "-name", "-pnl", "pnl")
    }

    assert pages[""] == pages["name"] == [["S1", "S2"], ["S3", "S4"], ["Trend"], ["Trend"]]
    assert pages["-name"] == [["Trend", "S4"], ["S3", "S2"], ["S1"], ["S1"]]
    assert pages["-pnl"] == [["Trend", "S2"], ["S1", "S4"], ["S3"], ["S3"]]
    assert pages["pnl"] == [["S3", "S1"], ["S4", "S2"], ["Trend"], ["Trend"]]


def test_the_page_costs_the_same_with_more_rows(admin: Client, link: StrategyAccount) -> None:
    def cost(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            read(admin, path)
        return len(captured)

    paths = [f"{MARCH}&by={by}" for by in ("strategy", "link", "account", "owner", "symbol")]
    paths.append(f"/admin/strategies/strategy/{link.strategy_id}/performance/?period=all")
    few = [cost(path) for path in paths]
    for number in range(12):
        for strategy in (link.strategy, make_strategy(key=f"more-{number}")):
            more = make_link(strategy=strategy)
            make_day(more, 1, "1000", "5")
            make_trade(more, 1, "5")

    assert [cost(path) for path in paths] == few
    assert max(few) <= 32
