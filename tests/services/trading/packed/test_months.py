"""Packed days: reports say the same of them, and a day that changes is packed again."""

from datetime import date, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from capital.domain.performance.measures.packed import unpack_month
from capital.domain.performance.measures.periods import Period
from capital.models import LinkDay, LinkMonth, StrategyAccount, SymbolDay, Trade
from capital.services.performance import performance, report_as_json
from capital.services.trading.packed.months import pack_days
from tests.factories import forge, make_link, make_strategy
from tests.services.performance.builders import make_day, make_symbol_day, make_trade, march

pytestmark = pytest.mark.django_db

D = Decimal


def pack(*links: StrategyAccount, today: date, dropped: Any = ()) -> int:
    """How many queries it took."""
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        pack_days([link.pk for link in links], today=today, dropped=dropped)
    return len(captured)


def told(since: date | None, until: date, by: str = "strategy") -> Any:
    links = StrategyAccount.objects.all()
    report = report_as_json(performance(links, by=by, period=Period(since, until)))
    return sorted(report["results"], key=lambda row: (row["name"], row["currency"]))


def test_reports_say_the_same_of_days_that_are_packed() -> None:
    strategy = make_strategy(market_type="futures")
    first, second = (make_link(strategy=strategy, market_type="futures") for _ in range(2))
    late = make_link(market_type="futures")
    worth = "0"
    for day in range(1, 41):
        after = str(day % 7)
        make_day(first, day, "1000", f"{day % 5 - 2}.5", worth=(worth, after), fees=D("0.1"))
        if day > 10:
            fees = {"BNB": "0.01"} if day in (12, 35) else {}
            make_day(
                second,
                *(day, "500", "3.00000001"),
                added=None if day == 33 else "20",
                worth=(None, None) if day == 20 else ("0", "0"),
                fees_unvalued=fees,
                fills=3,
                trades=1,
            )
        worth = after
    for day in (5, 6):
        # In another currency: what was held before its first day has an unknown worth.
        make_day(late, day, None, "0.1", added=None, worth=(None, "0.2"), currency="BTC")
    SymbolDay.objects.create(
        strategy_account=late,
        symbol="BTC/USD:BTC",
        position_side="both",
        date=march(2),
        currency="BTC",
        held=D(1),
        **dict.fromkeys(("realized", "fees", "funding", "volume", "cost_unknown", "cost"), D(0)),
    )
    for number, (of, day) in enumerate(
        [(first, day) for day in (1, 2, 9, 15, 30)] + [(second, day) for day in (12, 20, 31)]
    ):
        symbol = "BTC/USDT:USDT" if number % 3 else "ETH/USDT:USDT"
        pnl = ("7.5", "-3.25", "0", "-1e-7")[number % 4]
        make_trade(of, day, pnl, hours=number, symbol=symbol, is_complete=number != 2)
        for side in ("long", "short"):
            make_symbol_day(of, day, symbol, pnl, position_side=side, fees_unvalued={"BNB": "0.1"})
    make_symbol_day(second, 40, "BTC/USDT:USDT", "1")
    make_symbol_day(second, 12, "", "5")
    # Of months before the first day of a link: symbols are older than days.
    make_symbol_day(second, 3, "BTC/USDT:USDT", "4")
    make_trade(second, 3, "4")
    periods = [
        (None, march(40)), (march(1), march(31)), (march(5), march(38)), (march(15), march(15)),
        (march(31), march(40)), (march(40), march(40)), (march(21), march(33)),
    ]  # fmt: skip
    asked = [(*period, by) for period in periods for by in ("strategy", "link", "symbol")]
    before = [told(*each) for each in asked]

    pack(first, second, late, today=march(40))

    assert LinkMonth.objects.count() == 5
    assert not LinkDay.objects.filter(is_packed=False, date__lt=march(40)).exists()
    assert [told(*each) for each in asked] == before
    # Nothing is read row by row that a month tells, and nothing twice.
    Trade.objects.filter(date__lt=march(32)).update(realized=D(0))
    SymbolDay.objects.filter(date__lt=march(32)).update(realized=D(0))
    names = ("wins", "losses", "largest_loss", "payoff", "average_held", "realized")
    for each, then in zip(asked, before, strict=True):
        if each[:2] == (march(1), march(31)):
            rows = zip(told(*each), then, strict=True)
            assert all(row[name] == was[name] for row, was in rows for name in names)
    assert LinkMonth.objects.get(strategy_account=late).unknown_since == march(5)


def test_a_day_that_changes_is_packed_again_with_those_behind_it() -> None:
    link, other = (make_link(market_type="futures") for _ in range(2))
    for day in range(29, 36):
        make_day(link, day, "1000", "1")
        make_day(other, day, "1000", "1")
    pack(link, other, today=march(35))
    changed = LinkDay.objects.get(strategy_account=link, date=march(31))
    forge(changed, realized=D(7), unrealized=D(5), is_packed=False)
    queries = pack(link, other, today=march(35))

    march_of, april_of = LinkMonth.objects.filter(strategy_account=link).order_by("month")
    days = dict(unpack_month(march_of.days, march_of.scale))
    assert [days[day].realized for day in (29, 30, 31)] == [1, 1, 7]
    assert (march_of.since, march_of.until, march_of.unrealized) == (march(29), march(31), 5)
    of_april = dict(unpack_month(april_of.days, april_of.scale))
    assert (sorted(of_april), of_april[1].worth_start) == ([1, 2, 3], 5)
    assert pack(link, other, today=march(35)) == 1 < queries

    gone = LinkDay.objects.filter(strategy_account=link, date__gte=march(31), date__lt=march(35))
    dropped = list(gone)
    gone.delete()
    pack(link, other, today=march(35), dropped=dropped)
    (left,) = LinkMonth.objects.filter(strategy_account=link)
    assert (left.until, left.unrealized) == (march(30), 0)
    assert LinkMonth.objects.filter(strategy_account=other).count() == 2
    first = list(LinkDay.objects.filter(strategy_account=link, date__lt=march(35)))
    LinkDay.objects.filter(pk__in=[day.pk for day in first]).delete()
    pack(link, today=march(35), dropped=first)
    assert not LinkMonth.objects.filter(strategy_account=link).exists()


def test_what_is_old_and_was_never_packed_does_not_keep_the_locks_of_who_writes_days() -> None:
    """A late fill of a link that is packed is packed at once, however old it is."""
    old, known = (make_link(market_type="futures") for _ in range(2))
    for link in (old, known):
        make_day(link, 1, "1000", "1")
    pack(known, today=march(2))
    forge(LinkDay.objects.get(strategy_account=known), realized=D(7), is_packed=False)
    today = march(1) + timedelta(days=63)

    pack(old, known, today=today)

    (month,) = LinkMonth.objects.all()
    assert dict(unpack_month(month.days, month.scale))[1].realized == 7
    assert LinkDay.objects.get(is_packed=False).strategy_account == old

    pack(old, today=march(63))
    assert LinkMonth.objects.count() == 2


def test_days_that_are_left_in_one_currency_are_left_though_another_one_is_packed() -> None:
    """They would be read from months that do not have them."""
    link = make_link(market_type="futures")
    make_day(link, 1, "1000", "5")
    make_day(link, 70, None, "0.1", added=None, currency="BTC")
    before = told(None, march(80))

    pack(link, today=march(72))

    assert [month.currency for month in LinkMonth.objects.all()] == ["BTC"]
    assert [day.currency for day in LinkDay.objects.filter(is_packed=False)] == ["USDT"]
    assert told(None, march(80)) == before


def test_days_that_an_earlier_version_called_packed_are_read_again() -> None:
    link, other = (make_link(market_type="futures") for _ in range(2))
    for day in (1, 2, 40):
        make_day(link, day, "1000", "5")
    make_day(other, 1, "1000", "5")
    before = told(None, march(80))
    pack(link, today=march(3))
    LinkDay.objects.update(is_packed=True)
    assert told(None, march(80)) != before

    migration = import_module("capital.migrations.0058_days_of_no_month")
    migration.pack_anew(apps, connection.schema_editor())

    assert told(None, march(80)) == before
    packed = LinkDay.objects.filter(is_packed=True).values_list("strategy_account", "date")
    assert set(packed) == {(link.pk, march(1)), (link.pk, march(2))}


def test_a_trade_of_a_packed_month_counts_once_where_most_links_are_not_packed() -> None:
    strategy = make_strategy(market_type="futures")
    links = [make_link(strategy=strategy, market_type="futures") for _ in range(3)]
    for number, link in enumerate(links, start=1):
        make_day(link, 1, "1000", str(number), fills=2, trades=1)
        make_trade(link, 1, str(number))
        make_symbol_day(link, 1, "BTC/USDT:USDT", str(number))

    pack(links[0], today=march(2))

    (row,) = performance(
        StrategyAccount.objects.all(), by="strategy", period=Period(march(1), march(31))
    ).rows
    assert (row.trades.trades, row.trades.wins, row.trades.largest_win) == (3, 3, 3)
    assert (row.sums.trades, row.trades_unlisted) == (3, 0)
