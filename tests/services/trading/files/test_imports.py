"""Importing files: once, to the right links, and what they come to."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.domain.errors import NotPermitted, TradeFileRefused, UnknownAccount
from capital.domain.performance.fills import Fee
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import Side
from capital.models import Account, Attribution, Fill, Flow, Position, StrategyAccount
from capital.services.trading import (
    ImportReport,
    NewFill,
    account_pnl,
    import_trades,
    read_trade_file,
    report_fills,
)
from capital.services.trading.files import Explained, TradeFile, TradeLine
from capital.services.trading.imports.report import ImportedSum
from tests.factories import (
    make_account,
    make_link,
    make_market,
    make_operator,
    make_strategy,
    make_user,
)
from tests.services.trading.files.databases import make_database

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
BTC = "BTC/USDT:USDT"
NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)


@pytest.fixture
def account():
    """An account with a strategy of each market, as the bots of the sample call themselves."""
    account = make_account(name="Main", venue="binance")
    for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT"):
        make_market(symbol)
        make_market(f"{symbol}:USDT", contract_size=D(1))
    for key, name, market in (("gridspot", "Grid", "spot"), ("trend", "TRENDFUT", "futures")):
        strategy = make_strategy(owner=account.owner, key=key, name=name, market_type=market)
        make_link(account=account, strategy=strategy)
    return account


def line(number: int, side: str, quantity: str, price: str, **fields) -> TradeLine:
    funding, strategy = fields.pop("funding", None), fields.pop("strategy", "trend")
    account, is_opening = fields.pop("account", ""), fields.pop("is_opening", False)
    values = {
        "symbol": BTC,
        "executed_at": NOON.replace(minute=number),
        "order_id": f"o{number}",
        **fields,
    }
    fill = NewFill(side=Side(side), quantity=D(quantity), price=D(price), **values)
    return TradeLine(
        number=number,
        fill=fill,
        strategy=strategy,
        account=account,
        funding=funding,
        is_opening=is_opening,
    )


def imported(account, *lines: TradeLine, **arguments) -> ImportReport:
    return import_trades(account.pk, TradeFile(lines=lines), **arguments)


@pytest.fixture
def sample(tmp_path: Path) -> TradeFile:
    return read_trade_file(make_database(tmp_path / "tradesv3.sqlite"))


def test_a_database_of_freqtrade_comes_to_the_cent(account, sample) -> None:
    report = import_trades(account.pk, sample)

    assert report.is_recorded
    assert [(link.strategy, link.recorded, link.fundings) for link in report.links] == [
        ("gridspot", 20, 0),
        ("trend", 30, 17),
    ]
    sums = report.sums["USDT"]
    assert (sums.realized, sums.fees, sums.funding) == (
        D("-259.87644"),
        D("117.56644"),
        D("-7.25"),
    )
    assert (sums.fees_unvalued, sums.unexplained) == ({}, 0)
    assert (Fill.objects.count(), Flow.objects.count()) == (50, 17)
    assert {fill.source for fill in Fill.objects.all()} == {"file"}
    assert {row.how for row in Attribution.objects.all()} == {"person"}
    assert {(flow.pool, flow.source, flow.kind) for flow in Flow.objects.all()} == {
        ("futures", "file", "funding")
    }
    assert {flow.strategy_account.strategy.key for flow in Flow.objects.all()} == {"trend"}
    booked = {row.strategy: row for row in account_pnl([account.pk], by=["strategy"])}
    assert (booked["trend"].realized, booked["trend"].funding) == (D("-360.705"), D("-7.25"))
    assert booked["gridspot"].realized == D("100.82856")


def test_it_may_be_imported_again(account, sample) -> None:
    first = import_trades(account.pk, sample)

    again = import_trades(account.pk, sample)

    assert [(link.recorded, link.known, link.fundings) for link in again.links] == [
        (0, 20, 0),
        (0, 30, 0),
    ]
    assert again.sums == first.sums
    assert (Fill.objects.count(), Flow.objects.count()) == (50, 17)


def without_keys(report: ImportReport) -> ImportReport:
    """A row that was taken back had a key, which is given to none behind it."""
    lines = [replace(each, result=replace(each.result, fill_id=0)) for each in report.lines]
    return replace(report, lines=tuple(lines))


def test_a_trial_writes_nothing_and_says_the_same(account, sample) -> None:
    tried = import_trades(account.pk, sample, dry_run=True)

    assert not Fill.objects.exists()
    assert not Flow.objects.exists()
    assert not tried.is_recorded
    done = import_trades(account.pk, sample)
    assert replace(without_keys(tried), is_recorded=True) == without_keys(done)


def test_funding_of_a_line_that_stands_there_twice_is_paid_once(account) -> None:
    twice = [line(number, "buy", "1", "100", order_id="o", funding=D(5)) for number in (1, 1)]

    report = imported(account, *twice)

    assert (report.sums["USDT"].funding, Flow.objects.get().amount) == (5, 5)
    assert imported(account, *twice).links[0].fundings == 0


def test_funding_of_fills_of_one_order_without_names_of_their_own_is_paid_together(account):
    parts = [
        line(number, "buy", "1", "100", order_id="o", funding=D(funding))
        for number, funding in ((1, "5"), (2, "-1.5"))
    ]

    report = imported(account, *parts)

    (flow,) = Flow.objects.all()
    assert (flow.amount, flow.occurred_at) == (D("3.5"), NOON.replace(minute=2))
    assert (report.sums["USDT"].funding, Fill.objects.count()) == (D("3.5"), 2)
    assert imported(account, *parts).links[0].fundings == 0


def test_two_fundings_of_one_fill_are_refused_at_their_line(account) -> None:
    lines = [
        replace(line(1, "buy", "1", "100", funding=D(funding)), number=number)
        for number, funding in ((2, 5), (3, 7))
    ]

    (problem,) = imported(account, *lines).problems

    assert (problem.number, problem.column) == (3, "funding")
    assert (problem.reason.code, problem.reason.figures) == (Code.LINE_FUNDING_TWICE, {"line": "2"})
    assert not Fill.objects.exists()


def test_other_funding_than_is_recorded_is_told_at_its_line(account) -> None:
    first, second = (
        line(number, "buy", "1", "100", order_id=str(number), funding=D(5)) for number in (1, 2)
    )
    imported(account, first, second)

    report = imported(account, first, replace(second, funding=D(7)))

    told = {each.line.fill.order_id: each.result.warnings for each in report.lines}
    assert told == {
        "1": (),
        "2": (Reason(Code.FUNDING_DIFFERS, {"recorded": "5", "told": "7", "currency": "USDT"}),),
    }
    assert [flow.amount for flow in Flow.objects.all()] == [5, 5]


def test_an_opening_is_recorded_once_and_may_be_imported_again(account) -> None:
    lines = (
        line(2, "sell", "1", "60"),
        line(1, "buy", "2", "50", order_id="", is_opening=True),
        line(1, "buy", "2", "50", order_id="", is_opening=True),
    )

    first = imported(account, *lines, dry_run=True)
    second = imported(account, *lines)
    third = imported(account, *lines)

    assert [(each.recorded, each.known) for each in first.links] == [(2, 1)]
    assert [(each.recorded, each.known) for each in second.links] == [(2, 1)]
    assert [(each.recorded, each.known) for each in third.links] == [(0, 3)]
    assert not any(each.is_provisional for each in second.lines if each.line.is_opening)
    opening, sale = Fill.objects.order_by("executed_at")
    assert (opening.source, opening.quantity, opening.price) == ("opening", D(2), D(50))
    assert sale.source == "file"
    position = Position.objects.get()
    assert (position.quantity, position.entry_price) == (D(1), D(50))


def test_an_opening_that_makes_no_sense_is_named(account) -> None:
    report = imported(account, line(7, "buy", "0", "50", is_opening=True))

    (problem,) = report.problems
    assert (problem.number, problem.column) == (7, "quantity")
    assert problem.reason.code is Code.FILL_NOT_POSITIVE
    assert not Fill.objects.exists()


def test_an_opening_is_for_those_who_may_enter_one(account) -> None:
    bot = make_operator("report_trading")
    Account.objects.filter(pk=account.pk).update(owner=bot)

    with pytest.raises(NotPermitted):
        imported(account, line(1, "buy", "2", "50", is_opening=True), actor=bot)
    assert not Fill.objects.exists()


def test_unsettled_funding_is_told(account, sample) -> None:
    report = import_trades(account.pk, replace(sample, unsettled={"USDT": D("0.5")}))

    assert report.sums["USDT"].unsettled == D("0.5")


def test_what_is_not_explained_is_told(account, sample) -> None:
    said = sample.explained["USDT"]
    wrong = replace(sample, explained={"USDT": replace(said, stated=said.stated + 3)})

    assert import_trades(account.pk, wrong).sums["USDT"].unexplained == -3


def test_the_way_from_what_a_file_states_to_ours_has_only_parts_that_are_there() -> None:
    said = Explained(stated=D(100), fees_of_open=D("0.5"), fees_counted_twice=D(0))

    told = ImportedSum(realized=D("96.5"), explained=said).difference

    assert [(amount, str(why)[:10]) for amount, why in told] == [
        (D("-0.5"), "entry fees"),
        (D(-3), "not explai"),
    ]
    # A sheet states nothing, which differs by nothing; to state zero is another thing.
    assert ImportedSum(realized=D("96.5")).difference == []
    nothing = replace(said, stated=D(0), fees_of_open=D(0))
    assert [each for each, _ in ImportedSum(realized=D(2), explained=nothing).difference] == [2]


def test_a_strategy_that_is_given_takes_all_lines(account) -> None:
    lines = (line(1, "buy", "1", "100", strategy=""), line(2, "sell", "1", "110", strategy="x"))

    report = imported(account, *lines, strategy="Trend")

    assert [(link.strategy, link.recorded) for link in report.links] == [("trend", 2)]
    sums = report.sums["USDT"]
    assert (sums.realized, sums.explained, sums.unexplained) == (10, None, 0)


def test_fees_of_unknown_value_are_told(account) -> None:
    fees = (Fee(D("0.2"), "BNB"), Fee(D("0.3"), "USDT"))

    sums = imported(account, line(1, "buy", "1", "100", fees=fees)).sums["USDT"]

    assert (sums.fees, sums.fees_unvalued) == (D("0.3"), {"BNB": D("0.2")})


def test_a_key_goes_before_a_name(account) -> None:
    other = make_strategy(owner=account.owner, key="other", name="trend", market_type="futures")
    make_link(account=account, strategy=other)

    report = imported(account, line(1, "buy", "1", "100", strategy="TREND"))

    assert [link.strategy for link in report.links] == ["trend"]


def test_two_strategies_of_one_name_are_not_guessed(account) -> None:
    for key in ("a", "b"):
        strategy = make_strategy(owner=account.owner, key=key, name="Twin", market_type="futures")
        make_link(account=account, strategy=strategy)

    (problem,) = imported(account, line(7, "buy", "1", "100", strategy="twin")).problems

    assert (problem.number, problem.column) == (7, "strategy")
    assert problem.reason.code is Code.LINE_STRATEGY_AMBIGUOUS
    assert problem.reason.figures == {"strategy": "twin", "known": "a, b"}


def test_lines_that_are_nobodys_are_told_and_nothing_is_recorded(account) -> None:
    """The other account has a strategy of that name: it is no link of this one."""
    elsewhere = make_strategy(owner=account.owner, key="elsewhere", market_type="futures")
    make_link(account=make_account(owner=account.owner, name="Other"), strategy=elsewhere)
    lines = (
        line(1, "buy", "1", "100"),
        line(4, "buy", "1", "100", strategy="elsewhere"),
        line(3, "buy", "1", "100", strategy=""),
        line(2, "buy", "1", "100", account="Other"),
        line(5, "buy", "1", "100", account="MAIN"),
    )

    report = imported(account, *lines)

    assert [(each.number, each.column, each.reason.code) for each in report.problems] == [
        (2, "account", Code.LINE_OF_OTHER_ACCOUNT),
        (3, "strategy", Code.LINE_STRATEGY_MISSING),
        (4, "strategy", Code.LINE_STRATEGY_UNKNOWN),
    ]
    assert report.problems[2].reason.figures == {
        "strategy": "elsewhere",
        "known": "gridspot, trend",
    }
    assert not report.is_recorded
    assert not Fill.objects.exists()


@pytest.mark.parametrize(
    ("fields", "column", "code"),
    [
        ({"symbol": "DOGE/USDT:USDT"}, "symbol", Code.UNKNOWN_SYMBOL),
        ({"order_id": ""}, "venue_fill_id", Code.FILL_NAMELESS),
        ({"executed_at": datetime(2126, 1, 1, tzinfo=UTC)}, "executed_at", Code.FILL_IN_FUTURE),
    ],
)
def test_a_line_that_makes_no_sense_is_named_and_nothing_is_recorded(
    account, fields: dict, column: str, code: Code
) -> None:
    lines = (line(1, "buy", "1", "100"), line(9, "buy", "1", "100", **fields))

    report = imported(account, *lines)

    (problem,) = report.problems
    assert (problem.number, problem.column, problem.reason.code) == (9, column, code)
    assert not report.is_recorded
    assert not Fill.objects.exists()


def test_a_file_of_another_exchange_is_refused(account, sample) -> None:
    with pytest.raises(TradeFileRefused) as refused:
        import_trades(account.pk, replace(sample, venue="okx"))

    assert refused.value.code is Code.FILE_OF_OTHER_VENUE
    assert refused.value.reason.figures == {"venue": "okx", "account_venue": "binance"}


def test_strangers_may_not_import(account, sample) -> None:
    with pytest.raises(UnknownAccount):
        import_trades(account.pk, sample, actor=make_user())


def test_what_a_bot_told_of_an_order_goes_before_the_file(account) -> None:
    link = StrategyAccount.objects.get(strategy__key="trend")
    told = line(1, "buy", "1", "100").fill
    report_fills(link.pk, [told], actor=None, clock=lambda: NOON)

    report = imported(account, line(1, "buy", "1", "100"), line(2, "sell", "1", "130"))

    (row,) = account_pnl([account.pk])
    assert (row.realized, row.fills) == (30, 2)
    assert report.sums["USDT"].realized == 30


def test_a_long_file_is_recorded_in_parts_of_constant_cost(account, monkeypatch) -> None:
    monkeypatch.setattr("capital.services.trading.imports.importing._AT_ONCE", 10)

    def cost(first: int, count: int) -> int:
        lines = [
            line(1, "buy", "1", "100", order_id=f"p{number}")
            for number in range(first, first + count)
        ]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            imported(account, *lines)
        return len(queries)

    cost(0, 10)
    once, twice, thrice = cost(100, 10), cost(200, 20), cost(300, 30)

    assert twice - once == thrice - twice


def test_a_line_of_what_the_strategy_does_not_trade_is_marked(account) -> None:
    lines = (line(1, "buy", "1", "100"), line(7, "buy", "1", "100", symbol="BTC/USDT"))

    report = imported(account, *lines)

    found = {each.line.number: [why.code for why in each.result.warnings] for each in report.lines}
    assert found == {1: [], 7: [Code.SYMBOL_OF_OTHER_MARKET]}
    assert Fill.objects.count() == 2
