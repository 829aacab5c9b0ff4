"""Months joined by year: reports say the same of them, and a late fill is in its old year."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from capital.domain.performance.measures.periods import Period
from capital.models import LinkDay, LinkMonth, LinkYear, StrategyAccount, Trade
from capital.services.performance import performance, report_as_json
from capital.services.trading.packed.backlog import pack_backlog
from capital.services.trading.packed.months import pack_all, pack_days
from capital.services.trading.packed.years import as_text, from_text
from tests.factories import forge, make_link, make_strategy
from tests.services.performance.builders import make_day, make_symbol_day, make_trade, march

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
# Every fourth day from the middle of June 2024 on.
NUMBERS = range(-625, 41, 4)
TODAY = march(41)
PERIODS = [
    Period(None, TODAY),
    Period(date(2025, 1, 1), date(2025, 12, 31)),
    Period(date(2025, 1, 1), TODAY),
    Period(date(2024, 8, 15), date(2025, 9, 14)),
    Period(date(2024, 8, 1), date(2024, 11, 30)),
    Period(date(2024, 12, 1), date(2025, 1, 31)),
    Period(date(2024, 7, 10), date(2024, 7, 20)),
    Period(date(2025, 11, 3), TODAY),
    Period(date(2026, 1, 1), date(2026, 2, 10)),
    Period(date(2026, 4, 10), TODAY),
    Period(None, date(2025, 6, 15)),
    Period(None, date(2024, 6, 20)),
    Period(date(2026, 1, 1), date(2026, 1, 31)),
    # One link ended before it, and in a month that is cut.
    Period(date(2025, 11, 1), date(2025, 12, 31)),
    Period(date(2025, 10, 2), date(2025, 12, 31)),
]


@pytest.fixture
def links() -> list[StrategyAccount]:
    """Two of one strategy, and one that begins late and ends early; one earns in a coin, too."""
    strategy = make_strategy(market_type="futures")
    links = [make_link(strategy=strategy, market_type="futures") for _ in range(2)]
    links.append(make_link(market_type="futures"))
    for place, link in enumerate(links):
        worth = "0"
        for number in NUMBERS[60:120] if place == 2 else NUMBERS:
            after = str(number % 5 - 2)
            unknown = place == 1 and number % 31 == 0
            make_day(
                link,
                *(number, "1000", f"{number % 7 - 3}.{1 + place}"),
                added=None if unknown else "10",
                worth=(None if unknown else worth, None if number % 53 == 0 else after),
                fees=D("0.1"),
                fees_unvalued={"BNB": "0.01"} if number % 71 == 0 else {},
                fills=2,
                trades=1,
            )
            worth = after
            pnl = ("7.5", "-3.25", "0", "-1e-7")[number % 4 if place else 0]
            pnl = f"{pnl}" if number % 3 else "-2.125"
            make_trade(link, number, pnl, hours=1 + place)
            make_symbol_day(link, number, f"{'BTC' if number % 3 else 'ETH'}/USDT:USDT", pnl)
    for number in NUMBERS[10:50:10]:
        make_day(links[0], number, None, "0.1", added=None, worth=("0", "0"), currency="BTC")
    return links


def told(period: Period, by: str) -> Any:
    report = performance(StrategyAccount.objects.all(), by=by, period=period)
    return sorted(report_as_json(report)["results"], key=lambda row: (row["name"], row["currency"]))


def all_told() -> list[Any]:
    return [told(period, by) for period in PERIODS for by in ("strategy", "link", "symbol")]


def pack(links: list[StrategyAccount], *, today: date = TODAY, dropped: Any = ()) -> int:
    """How many queries it took."""
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        pack_days([link.pk for link in links], today=today, dropped=dropped)
    return len(captured)


def pack_everything(links: list[StrategyAccount], today: date = TODAY) -> None:
    with transaction.atomic():
        pack_all([link.pk for link in links], today=today)


def test_reports_say_the_same_of_months_that_are_joined(links: list[StrategyAccount]) -> None:
    before = all_told()

    pack_everything(links)

    joined = LinkYear.objects.filter(strategy_account=links[0], currency="USDT").order_by("year")
    assert [(year.year, year.since, year.until) for year in joined] == [
        (2024, march(NUMBERS[0]), date(2024, 12, 30)),
        (2025, date(2025, 1, 3), date(2025, 12, 29)),
        (2026, date(2026, 1, 2), date(2026, 3, 31)),
    ]
    loose = LinkMonth.objects.filter(is_in_year=False)
    assert set(loose.values_list("month", flat=True)) == {date(2026, 4, 1)}
    assert all_told() == before
    # As right after an upgrade: before the job of the day's end joined anything.
    LinkYear.objects.all().delete()
    LinkMonth.objects.update(is_in_year=False)
    assert all_told() == before


def test_what_a_year_tells_is_not_read_from_its_months_or_rows(links) -> None:
    pack_everything(links)
    before = all_told()[:3]

    LinkMonth.objects.filter(is_in_year=True).update(days=0, symbols={}, largest_win=D(99))
    Trade.objects.filter(date__lt=date(2026, 4, 1)).update(realized=D(0))

    names = ("pnl", "return", "wins", "losses", "fees", "largest_win", "largest_loss", "volume")
    for rows, then in zip(all_told()[:3], before, strict=True):
        for row, was in zip(rows, then, strict=True):
            assert [row[name] for name in names] == [was[name] for name in names]


def test_years_of_another_form_are_joined_anew_by_the_job(links: list[StrategyAccount]) -> None:
    """Those that have room for the days before their first one, as until migration 0056."""
    pack_everything(links)
    before = all_told()
    LinkYear.objects.update(figures=b"of another form")
    migration = import_module("capital.migrations.0056_years_from_their_first_day")

    migration.join_anew(apps, connection.schema_editor())

    assert not LinkYear.objects.exists()
    assert all_told() == before
    now = datetime(2026, 4, 10, 3, tzinfo=UTC)
    assert pack_backlog([link.account_id for link in links], clock=lambda: now) == len(links)
    assert LinkYear.objects.filter(strategy_account=links[0], currency="USDT").count() == 3
    assert all_told() == before


def _last_two(total: int) -> range:
    return range(total)[:-3:-1]


def test_of_rows_that_are_not_told_no_packed_day_is_read(links: list[StrategyAccount]) -> None:
    pack_everything(links)
    every = StrategyAccount.objects.all()
    for by in ("link", "strategy", "symbol"):
        for period in PERIODS[:4]:
            whole = performance(every, by=by, period=period)
            assert whole.total == len(whole.rows)
            last = _last_two(whole.total)

            part = performance(
                every, by=by, period=period, choose=lambda total: range(total)[:-3:-1]
            )

            assert report_as_json(part)["results"] == [
                report_as_json(whole)["results"][number] for number in last
            ]
            assert (part.total, part.without_source) == (whole.total, whole.without_source)
    (row,) = performance(every, by="link", period=PERIODS[0], choose=lambda _: range(1)).rows
    assert row.gathered is not None
    (chain,) = row.gathered.chains
    of_link = LinkYear.objects.filter(strategy_account=chain.link_id).values_list("pk", flat=True)
    assert sorted(chain.read.years) == sorted(of_link)


@pytest.mark.parametrize("day", [NUMBERS[0], NUMBERS[50], NUMBERS[100], NUMBERS[-8]])
def test_a_late_fill_of_an_old_year_is_in_it_at_once(links, day: int) -> None:
    pack_everything(links)
    late = LinkDay.objects.get(strategy_account=links[0], date=march(day), currency="USDT")
    forge(late, realized=D("77.123456789"), unrealized=D("3"), is_packed=False)
    make_trade(links[0], day, "77.123456789", hours=9)
    behind = LinkDay.objects.get(strategy_account=links[0], date=march(day + 4), currency="USDT")
    forge(behind, equity_start=D(1000), settled_start=D(997), is_packed=False)

    pack(links)

    after = all_told()
    LinkYear.objects.all().delete()
    LinkMonth.objects.all().delete()
    LinkDay.objects.update(is_packed=False)
    assert all_told() == after


def test_a_day_that_is_no_more_is_in_no_year(links) -> None:
    pack_everything(links)
    gone = LinkDay.objects.filter(strategy_account=links[2], date__gte=date(2025, 6, 1))
    dropped = list(gone)
    gone.delete()
    pack(links, dropped=dropped)

    assert LinkYear.objects.get(strategy_account=links[2], year=2025).until < date(2025, 6, 1)
    rest = LinkDay.objects.filter(strategy_account=links[2])
    dropped = list(rest)
    rest.delete()
    pack(links, dropped=dropped)
    assert not LinkYear.objects.filter(strategy_account=links[2]).exists()
    assert LinkYear.objects.filter(strategy_account=links[1]).count() == 3


def test_the_first_day_of_a_month_joins_the_one_before_it(links) -> None:
    last = date(2026, 3, 31)
    pack_everything(links, today=last)
    assert {year.until.month for year in LinkYear.objects.filter(year=2026)} == {2}
    usual = pack(links, today=last)
    make_day(links[0], 30, "1000", "5")

    first = pack(links, today=date(2026, 4, 1))

    assert usual == 1 < first
    year = LinkYear.objects.get(strategy_account=links[0], year=2026)
    assert year.until == last
    more = make_link(market_type="futures")
    make_day(more, 31, "1000", "5")
    for link in links:
        make_day(link, 32, "1000", "5")
    forge(LinkDay.objects.filter(strategy_account=links[1]).latest("date"), is_packed=False)
    assert pack([*links, more], today=march(33)) <= first


def test_months_that_were_never_joined_are_joined_by_the_job(links) -> None:
    pack_everything(links)
    LinkYear.objects.all().delete()
    LinkMonth.objects.update(is_in_year=False)
    before = all_told()
    now: Callable[[], datetime] = lambda: datetime(2026, 4, 10, 3, tzinfo=UTC)  # noqa: E731
    accounts = [link.account_id for link in links]

    assert pack_backlog(accounts, clock=now, seconds=timedelta(0)) == 0
    assert pack_backlog(accounts[:1], clock=now) == 1
    assert all_told() == before
    assert pack_backlog(accounts, clock=now) == 2
    assert pack_backlog(accounts, clock=now) == 0

    assert all_told() == before
    assert LinkMonth.objects.filter(is_in_year=False).count() == 2


def test_a_chain_that_begins_with_today_knows_what_was_unrealised_before_its_month(links) -> None:
    """Yesterday is packed, and of another month than the first day that is asked for."""
    link = make_link(market_type="futures")
    make_day(link, 31, "1000", "0", worth=("0", "7"))
    make_day(link, 31, None, "0.1", added=None, currency="BTC")
    pack([link], today=march(32))
    LinkDay.objects.create(
        strategy_account=link,
        date=march(32),
        currency="USDT",
        unrealized=D(9),
        **dict.fromkeys(("realized", "fees", "funding", "volume"), D(0)),
    )

    (row,) = (row for row in told(Period(march(32), march(32)), "link") if row["id"] == link.pk)

    assert row["pnl"] == "2"


def test_the_largest_of_months_are_told_as_text() -> None:
    largest = {1: (D("7.5"), None), 3: (None, None), 11: (D("1e-7"), D("-3"))}

    assert as_text(largest) == "1 7.5 ,11 0.0000001 -3"
    assert dict(from_text(as_text(largest))) == {1: largest[1], 11: largest[11]}
    assert dict(from_text("")) == {}
