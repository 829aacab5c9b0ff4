"""Performance of strategies, links, accounts, owners and symbols."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from capital.domain.errors import InvalidGroup, InvalidPeriod
from capital.domain.performance.flows import FlowKind
from capital.domain.performance.measures.drawdowns import Drawdowns
from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.trades import longest_losing
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import LinkDay, StrategyAccount, SymbolDay
from capital.services.performance import (
    PerformanceReport,
    PerformanceRow,
    chosen_period,
    currencies_of,
    curve,
    ended_trades,
    figures_of,
    performance,
    report_as_json,
    report_as_table,
)
from capital.services.performance.returns import Gathered
from capital.services.performance.stored.chains import chains_of
from capital.services.trading import enter_flow
from capital.services.trading.packed.months import pack_days
from tests.factories import make_account, make_link, make_strategy, make_user
from tests.services.performance.builders import (
    MARCH,
    D,
    make_day,
    make_symbol_day,
    make_trade,
    march,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)


def asked(**options) -> PerformanceReport:
    return performance(StrategyAccount.objects.all(), **{"period": MARCH, **options})


def only(**options) -> PerformanceRow:
    (row,) = asked(**options).rows
    return row


@pytest.fixture
def link() -> StrategyAccount:
    return make_link(market_type="futures", capital="2090")


@pytest.fixture
def stated(link) -> StrategyAccount:
    """1,000 earns 50; 950 more comes in, the 2,000 lose 100; 1,900 earn 190."""
    make_day(link, 1, "1000", "50")
    make_day(link, 2, "1050", "-100", added="950")
    make_day(link, 3, "1900", "190")
    return link


def test_the_days_of_the_ruling_are_9_725_percent(stated) -> None:
    row = only()

    assert row.group.name == stated.strategy.key
    assert (row.currency, row.is_own, row.capital) == ("USDT", True, D(2090))
    assert row.measures.total_return == D("0.09725")
    assert row.measures.pnl == 140
    assert row.measures.roi == D("0.085714285714285714")
    assert (row.measures.days, row.measures.days_with_return) == (3, 3)
    assert isinstance(row.measures.drawdown, Drawdowns)
    assert row.measures.drawdown.depth == D("0.05")
    assert isinstance(row.measures.money_drawdown, Drawdowns)
    assert row.measures.money_drawdown.depth == 100
    assert row.measures.ratios.sharpe == Reason(Code.TOO_FEW_DAYS, {"days": "3", "least": "30"})


def test_only_days_of_the_period_count(stated) -> None:
    assert only(period=Period(march(2), march(2))).measures.total_return == D("-0.05")
    assert only(period=Period(None, march(1))).measures.total_return == D("0.05")
    assert asked(period=Period(march(4), march(9))).rows == []


def test_fees_and_funding_are_in_what_was_earned(link) -> None:
    make_day(link, 1, "1000", "50", fees=D(3), funding=D(-2), fees_unvalued={"BNB": "0.1"})
    make_day(link, 2, "1045", "0", fees=D(1), fees_unvalued={"BNB": "0.2"})

    row = only()

    assert row.measures.pnl == 44
    assert (row.sums.realized, row.sums.fees, row.sums.funding) == (50, 4, -2)
    assert row.sums.fees_unvalued == {"BNB": D("0.3")}


def test_what_was_unrealised_before_the_period_is_not_earned_in_it(link) -> None:
    make_day(link, 1, "1000", worth=("0", "40"))
    make_day(link, 2, "1040", "30", worth=("40", "15"))

    row = only(period=Period(march(2), march(2)))

    assert row.measures.pnl == 5
    assert figures_of(row).values["unrealized_change"] == -25


def test_a_missing_mark_is_counted_and_no_return(link) -> None:
    make_day(link, 1, "1000", "10", worth=("0", None))
    make_day(link, 2, None, "10", worth=(None, "0"))
    make_day(link, 3, "1020", "102")

    row = only()

    assert row.measures.total_return == D("0.1")
    assert (row.measures.days_with_return, row.measures.days_unknown) == (1, 2)
    assert row.measures.pnl == 122
    told = figures_of(only(period=Period(march(1), march(1))))
    assert told.reasons["pnl"] == told.reasons["drawdown_amount"] == Reason(Code.PNL_UNKNOWN)
    assert told.reasons["unrealized_change"] == Reason(Code.PNL_UNKNOWN)
    assert told.values["pnl"] is None


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("strategy", ["grid", "trend"]),
        ("link", ["grid / Main", "trend / Main", "trend / Other"]),
        ("account", ["Main", "Other"]),
        ("owner", ["mina"]),
    ],
)
def test_a_row_for_each_that_was_asked_for(by: str, names: list[str]) -> None:
    owner = make_user(username="mina")
    main, other = (make_account(owner=owner, name=name) for name in ("Main", "Other"))
    trend, grid = (make_strategy(owner=owner, key=key) for key in ("trend", "grid"))
    links = [
        make_link(account=main, strategy=trend, capital="100"),
        make_link(account=other, strategy=trend, capital="300"),
        make_link(account=main, strategy=grid),
    ]
    for each, earned in zip(links, ("10", "30", "5"), strict=True):
        make_day(each, 1, "100", earned)

    rows = asked(by=by).rows

    assert [row.group.name for row in rows] == names
    pnl = {row.group.name: row.measures.pnl for row in rows}
    assert sum(pnl.values()) == 45
    if by == "strategy":
        assert pnl == {"grid": 5, "trend": 40}
        assert [row.capital for row in rows] == [None, D(400)]
        assert rows[1].measures.total_return == D("0.2")


def test_another_currency_stands_apart(link) -> None:
    make_day(link, 1, "1000", "10")
    make_day(link, 1, None, "0.2", added=None, currency="BTC", worth=("0", "0.1"))
    make_day(link, 2, None, "0", added=None, currency="BTC", worth=("0.1", "0.3"))

    apart, own = asked().rows

    assert (apart.currency, apart.is_own, apart.capital) == ("BTC", False, None)
    assert apart.measures.pnl == D("0.5")
    assert apart.measures.total_return == Reason(Code.OTHER_CURRENCY)
    assert apart.measures.ratios.sharpe == Reason(Code.OTHER_CURRENCY)
    assert (own.currency, own.measures.pnl) == ("USDT", 10)
    assert [row.currency for row in asked(currency="BTC").rows] == ["BTC"]


def test_the_currencies_of_links_are_those_of_accounts_of_packed_days_and_of_today(link) -> None:
    make_day(make_link(account=make_account(currency="KRW")), 1, None, "1", currency="ETH")
    make_day(link, 1, None, "0.5", added=None, currency="BTC")
    with transaction.atomic():
        pack_days([link.pk], today=march(2))
    make_day(link, 2, None, "0.5", added=None, currency="BNB")

    assert currencies_of(StrategyAccount.objects.filter(pk=link.pk)) == ["BNB", "BTC", "USDT"]
    assert currencies_of(StrategyAccount.objects.none()) == []


def test_a_chain_that_begins_in_the_middle_of_something_does_not_know_what_it_earned(link) -> None:
    """Days of links are younger than those of symbols: something was held before the first."""
    SymbolDay.objects.create(
        strategy_account=link,
        symbol="BTC/USD:BTC",
        position_side="both",
        date=march(1),
        currency="BTC",
        held=D(1),
        cost=D(1),
        **dict.fromkeys(("realized", "fees", "funding", "volume", "cost_unknown"), D(0)),
    )
    make_day(link, 5, None, "0.2", added=None, currency="BTC", worth=(None, "0.1"))

    assert only().measures.pnl == Reason(Code.PNL_UNKNOWN)

    make_day(link, 1, None, "0", added=None, currency="BTC", worth=(None, "0.1"))
    for day in (2, 3, 4):
        make_day(link, day, None, "0", added=None, currency="BTC", worth=(None, "0.1"))
    assert only().measures.pnl == D("0.3")


def test_trades_of_the_period_are_counted_with_their_group(stated) -> None:
    other = make_link(account=stated.account, market_type="futures")
    make_day(other, 1, "100", "-5")
    for day, pnl in ((1, "100"), (2, "-40"), (3, "0")):
        make_trade(stated, day, pnl, hours=day)
    make_trade(other, 1, "-5")
    LinkDay.objects.filter(strategy_account=stated, date=march(1)).update(trades=5)

    rows = {row.group.name: row for row in asked().rows}

    mine, its = rows[stated.strategy.key], rows[other.strategy.key]
    assert (mine.trades.trades, mine.trades.wins, mine.trades.losses) == (3, 1, 1)
    assert mine.trades.profit_factor == D("2.5")
    assert mine.trades.average_held_for == timedelta(hours=2)
    assert mine.trades_unlisted == 2
    assert (its.trades.trades, its.trades.win_rate) == (1, 0)
    (first,) = asked(by="account", period=Period(march(1), march(1))).rows
    assert (first.trades.wins, first.trades.losses) == (1, 1)


def test_the_longest_losing_series_is_told_only_where_it_was_asked_for(stated) -> None:
    assert only().longest_losing_series == 0
    make_trade(stated, 1, "-5")
    make_trade(stated, 2, "-5")

    assert only().longest_losing_series == 2
    row = only(with_series=False)
    assert (row.longest_losing_series, row.trades.trades, row.trades.losses) == (None, 2, 2)


def test_the_longest_losing_series_is_that_of_all_trades_of_a_row_in_their_order(stated) -> None:
    """Those of two links and two symbols are one series of their strategy."""
    other = make_link(strategy=stated.strategy, market_type="futures")
    make_day(other, 1, "1000", "0")
    chance, ended = random.Random(5), defaultdict[object, list[Decimal]](list)
    for _ in range(80):
        link, symbol = chance.choice([stated, other]), chance.choice(["BTC/USDT:USDT", "ETH/USDT"])
        pnl = chance.choice(["-1e-18", "-3.5", "-2", "-1", "0", "-0", "0.5"])
        make_trade(link, 1, pnl, symbol=symbol)
        for key in ("strategy", link.pk, symbol):
            ended[key].append(D(pnl))

    assert only().longest_losing_series == longest_losing(ended["strategy"]) > 2
    for row in asked(by="link").rows:
        assert row.longest_losing_series == longest_losing(ended[row.group.id])
    make_symbol_day(stated, 1, "ETH/USDT", "1")
    make_symbol_day(stated, 1, "BTC/USDT:USDT", "1")
    for row in asked(by="symbol").rows:
        assert row.longest_losing_series == longest_losing(ended[row.group.name])


def test_listed_trades_are_those_of_the_period_and_the_currency(stated) -> None:
    other = make_link(market_type="futures")
    kept = [make_trade(stated, day, "1") for day in (2, 3)]
    make_trade(stated, 4, "1")
    make_trade(stated, 1, "1")
    make_trade(stated, 2, "1", currency="BTC")
    make_trade(other, 2, "1")
    links = StrategyAccount.objects.filter(pk=stated.pk)

    found = ended_trades(links, Period(march(2), march(3)), currency="USDT")

    assert list(found) == kept[::-1]
    assert ended_trades(links, Period(None, march(9))).count() == 5


def test_by_symbol_only_what_was_realised_is_known(link) -> None:
    for day, symbol, realized in (
        (1, "BTC/USDT:USDT", "7"),
        (2, "BTC/USDT:USDT", "2"),
        (1, "ETH/USDT:USDT", "1"),
        (1, "", "100"),
        (9, "ETH/USDT:USDT", "50"),
    ):
        SymbolDay.objects.create(
            strategy_account=link,
            symbol=symbol,
            position_side="both",
            date=march(day),
            currency="USDT",
            realized=D(realized),
            fees=D(1),
            funding=D("0.5"),
            volume=D(10),
            cost_unknown=D(0),
            trades=1,
        )
    make_trade(link, 2, "9")

    bitcoin, ether = asked(by="symbol", currency="USDT", period=Period(march(1), march(3))).rows

    assert (bitcoin.group.name, bitcoin.sums.realized, bitcoin.sums.earned) == (
        "BTC/USDT:USDT",
        D(10),
        D(9),
    )
    assert (bitcoin.trades.trades, bitcoin.trades_unlisted) == (1, 1)
    assert bitcoin.measures.total_return == Reason(Code.NOT_BY_SYMBOL)
    assert (ether.sums.earned, ether.trades.trades, ether.capital) == (D(1), 0, None)
    assert len(asked(by="symbol", period=Period(None, march(9))).rows) == 2
    assert asked(by="symbol").without_source == []


def test_who_has_no_days_is_named(stated) -> None:
    silent = make_link(account=stated.account, market_type="futures", capital="5")

    assert [group.name for group in asked().without_source] == [silent.strategy.key]
    assert asked(by="account").without_source == []


@pytest.mark.parametrize(("by", "capital"), [("account", D(2095)), ("strategy", D(2095))])
def test_capital_now_is_that_of_links_without_days_too(stated, by: str, capital: D) -> None:
    make_link(account=stated.account, strategy=make_strategy(market_type="futures"), capital="5")
    if by == "strategy":
        silent = make_link(strategy=stated.strategy, account=make_account(), capital="5")
        make_link(strategy=stated.strategy, account=make_account(currency="KRW"), capital="7000")
        assert silent.account.currency == stated.account.currency

    (row,) = asked(by=by).rows

    assert row.capital == capital


def test_a_deposit_changes_no_figure(stated) -> None:
    before = [figures_of(row) for row in asked().rows]

    enter_flow(
        stated.account_id,
        pool=Pool.FUTURES,
        kind=FlowKind.DEPOSIT,
        currency="USDT",
        amount=D(5000),
        occurred_at=NOON,
        clock=lambda: NOON,
    )

    assert [figures_of(row) for row in asked().rows] == before


def test_a_curve_has_a_point_for_each_day(stated) -> None:
    make_day(stated, 4, "2090", "5", worth=("0", None))

    points = curve(Gathered(chains_of(StrategyAccount.objects.all(), MARCH).chains).series.days)

    assert [point.date for point in points] == [march(day) for day in (1, 2, 3, 4)]
    assert [point.daily_return for point in points] == [D("0.05"), D("-0.05"), D("0.1"), None]
    assert [point.chained for point in points] == [D("0.05"), D("-0.0025"), *[D("0.09725")] * 2]
    assert [point.drawdown for point in points] == [0, D("0.05"), 0, 0]
    assert [point.equity_end for point in points] == [1050, 1900, 2090, None]
    assert [point.capital for point in points] == [1000, 2000, 1900, 2090]


def test_the_number_of_queries_does_not_depend_on_how_much_there_is(stated) -> None:
    def queries(**options) -> int:
        with CaptureQueriesContext(connection) as captured:
            asked(**options)
        return len(captured)

    make_trade(stated, 1, "5")
    few = [queries(by=by) for by in ("strategy", "account", "symbol")]
    for number in range(5):
        other = make_link(market_type="futures", capital="10")
        for day in range(1, 6):
            make_day(other, day, "10", str(number))
            make_trade(other, day, "1")

    assert [queries(by=by) for by in ("strategy", "account", "symbol")] == few == [6, 6, 6]


def test_a_period_is_a_name_or_two_dates() -> None:
    assert chosen_period(now=NOON) == Period(date(2026, 2, 9), march(10))
    assert chosen_period("month", now=NOON) == Period(march(1), march(10))
    assert chosen_period(since=march(2), now=NOON) == Period(march(2), march(10))
    assert chosen_period(until=march(2), now=NOON) == Period(None, march(2))
    assert chosen_period(since=march(2), until=march(2), now=NOON) == Period(march(2), march(2))
    ends = chosen_period(since=date.min, until=date.max, now=NOON)
    assert ends == Period(date(1970, 1, 1), date(9000, 1, 1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "fortnight"},
        {"name": "month", "since": march(1)},
        {"since": march(3), "until": march(2)},
        {"since": march(11)},
    ],
)
def test_what_is_no_period_is_refused(wrong) -> None:
    with pytest.raises(InvalidPeriod) as refused:
        chosen_period(**wrong, now=NOON)

    assert "today, 7d, 30d, 90d, month, year, all" in str(refused.value)


def test_a_group_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidGroup):
        asked(by="venue")


def test_what_programs_read_says_what_is_missing(stated) -> None:
    make_trade(stated, 1, "100", hours=2)

    answer = report_as_json(asked())

    assert (answer["by"], answer["since"], answer["until"]) == (
        "strategy",
        "2026-03-01",
        "2026-03-31",
    )
    (row,) = answer["results"]
    assert (row["return"], row["pnl"], row["trades"]) == ("0.09725", "140", 1)
    assert (row["average_held"], row["drawdown_since"], row["sharpe"]) == (7200, None, None)
    missing = {each["figure"]: each for each in row["missing"]}
    assert missing["sharpe"]["code"] == "too_few_days"
    assert "30" in missing["sharpe"]["reason"]
    assert missing["profit_factor"]["code"] == "no_losses"
    assert "drawdown_since" not in missing, "at its highest there is nothing to tell"


def test_a_table_has_a_cell_for_each_figure_and_no_formula(stated) -> None:
    type(stated.account).objects.update(name="=1+1")

    heads, cells = report_as_table(asked(by="account"))

    line = dict(zip(heads, cells, strict=True))
    assert (line["account"], line["currency"], line["return"]) == ("'=1+1", "USDT", "0.09725")
    assert (line["sharpe"], line["fees"]) == ("", "0")


def test_ratios_of_thirty_days_are_told(link) -> None:
    equity = Decimal(1000)
    for day in range(1, 31):
        earned = "10" if day % 3 else "-8"
        make_day(link, day, str(equity), earned)
        equity += D(earned)

    ratios = only().measures.ratios

    names = ("annual_return", "annual_volatility", "sharpe", "sortino", "calmar")
    assert all(isinstance(getattr(ratios, name), Decimal) for name in names)
