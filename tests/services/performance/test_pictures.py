"""What pictures of performance are drawn from: sparklines, and the returns of trades."""

import pytest

from capital.domain.performance.measures.periods import Period
from capital.models import StrategyAccount, Trade
from capital.services.performance import (
    Spark,
    performance,
    performance_detail,
    spark,
    trade_returns,
)
from tests.factories import make_link, make_strategy
from tests.services.performance.builders import MARCH, D, make_day, make_trade, march

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]


def drawn(until: int, key: str = "trend") -> Spark | None:
    report = performance(StrategyAccount.objects.all(), period=Period(None, march(until)))
    (row,) = (row for row in report.rows if row.group.name == key and row.is_own)
    return spark(row)


def test_a_sparkline_is_the_chained_return_after_each_day() -> None:
    strategy = make_strategy(key="trend")
    links = [make_link(strategy=strategy) for _ in range(2)]
    make_day(links[0], 1, "1000", "50")
    make_day(links[1], 1, "1000", "150")
    make_day(links[0], 2, "2000", "-200")
    make_day(links[0], 2, None, "1", added=None, currency="BTC")
    unknown = make_link(strategy=make_strategy(key="unknown"))
    make_day(unknown, 1, None, "5", worth=(None, None))

    assert drawn(31) == Spark(2, [D("0.1"), D("-0.01")], D("-0.01"), D("0.1"))
    assert drawn(31, "unknown") is None


def test_a_sparkline_of_more_than_90_days_has_a_point_for_each_week_and_of_years_each_month() -> (
    None
):
    link = make_link(strategy=make_strategy(key="trend"))
    # The first of March 2026 is a Sunday.
    for day, earned in ((1, "100"), (2, "-550"), (3, "275"), (90, "0")):
        make_day(link, day, {1: "1000", 2: "1100", 3: "550"}.get(day, "825"), earned)
    by_day = drawn(90)
    make_day(link, 91, "825", "82.5")
    by_week = drawn(91)
    make_day(link, 91 + 728, "907.5", "0")
    by_month = drawn(900)

    assert by_day is not None
    assert by_week is not None
    assert by_month is not None
    assert by_day.points == [D("0.1"), D("-0.45"), D("-0.175"), D("-0.175")]
    assert by_week.points == [D("0.1"), D("-0.175"), D("-0.0925")]
    assert by_month.points == [D("-0.175"), D("-0.0925"), D("-0.0925")]
    assert by_month.last == D("-0.0925")
    assert (by_month.days, by_month.lowest, by_month.highest) == (6, D("-0.45"), D("0.1"))


def test_trades_are_counted_by_what_they_returned() -> None:
    link = make_link()
    for pnl in ("-11", "-10", "-1", "0", "0.5", "1", "1.5", "30"):
        make_trade(link, 1, pnl)
    make_trade(link, 1, "3", entry_value=D(0))

    bins = trade_returns(Trade.objects.all())

    assert [each.trades for each in bins] == [1, 1, 0, 0, 1, 1, 2, 1, 0, 0, 1]
    assert (bins[0].sign, bins[0].above, bins[0].most) == (-1, D("0.1"), None)
    assert (bins[7].sign, bins[7].above, bins[7].most) == (1, D("0.01"), D("0.02"))


def test_an_account_in_detail_is_all_that_is_on_it() -> None:
    link = make_link()
    make_day(link, 1, "1000", "50")
    make_day(make_link(account=link.account, strategy=make_strategy(key="beside")), 1, "1000", "30")

    detail = performance_detail(StrategyAccount.objects.all(), MARCH, by="account")

    assert [row.measures.pnl for row in detail.whole.rows] == [80]
    assert len(detail.links.rows) == 2
