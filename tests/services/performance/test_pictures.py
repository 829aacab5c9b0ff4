"""What pictures of performance are drawn from: sparklines, and the returns of trades."""

import pytest

from capital.domain.performance.measures.periods import Period
from capital.models import StrategyAccount, Trade
from capital.services.performance import Group, performance_detail, sparks, trade_returns
from tests.factories import make_link, make_strategy
from tests.services.performance.builders import MARCH, D, make_day, make_trade, march

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]


def test_a_sparkline_is_the_chained_return_of_the_last_days() -> None:
    strategy = make_strategy(key="trend")
    links = [make_link(strategy=strategy) for _ in range(2)]
    make_day(links[0], 1, "1000", "50")
    make_day(links[1], 1, "1000", "150")
    make_day(links[0], 2, "2000", "-200")
    make_day(links[0], 2, None, "1", added=None, currency="BTC")
    unknown = make_link(strategy=make_strategy(key="unknown"))
    make_day(unknown, 1, None, "5", worth=(None, None))
    make_day(make_link(strategy=make_strategy(key="other")), 1, "1000", "5")
    groups = [Group("trend", strategy.pk), Group("unknown", unknown.strategy_id)]
    every = StrategyAccount.objects.all()

    found = sparks(every, groups, by="strategy", period=MARCH)

    assert found == {(groups[0], "USDT"): [D("0.1"), D("-0.01")]}
    # Of everything the last 90 days: the first of March is the day before them.
    late = Period(None, march(91))
    assert sparks(every, groups[:1], by="strategy", period=late) == {
        (groups[0], "USDT"): [D("-0.1")]
    }
    assert sparks(every, [Group("BTC/USDT")], by="symbol", period=MARCH) == {}


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
