"""The days of links, and of their accounts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from capital.domain.performance.fills import Fee
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.orders import Side
from capital.models import (
    AllocationRun,
    DailyAccountSummary,
    DayMark,
    Fill,
    LinkDay,
    Position,
    StrategyAccount,
    StrategyCapital,
    SymbolDay,
)
from capital.services.accounts.lookup import lock_accounts
from capital.services.allocation.allocate import allocate_capital
from capital.services.jobs.table import CLOSE_DAY, Slot
from capital.services.jobs.work import WORK
from capital.services.trading import NewFill, enter_flow, report_fills
from capital.services.trading.booking.writing import PositionKey
from capital.services.trading.books import earned_after, keep_current, realized_after
from capital.services.trading.days.closing import close_days, restate_days
from tests.factories import make_account, make_link, make_market, make_summary

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
BTC = "BTC/USDT:USDT"
# Noon in Seoul on the tenth
NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)
TENTH, ELEVENTH, TWELFTH = date(2026, 3, 10), date(2026, 3, 11), date(2026, 3, 12)


@pytest.fixture
def link() -> StrategyAccount:
    make_market(BTC, contract_size=D("0.001"))
    return make_link(market_type="futures", capital="1000")


def report(
    link: StrategyAccount,
    number: int,
    side: str,
    quantity: str,
    price: str,
    *,
    days: int = 0,
    now: int | None = None,
    **fields: Any,
) -> None:
    """A fill at noon, so many days after the tenth; told at once, or so many days after it."""
    at = NOON + timedelta(days=days, minutes=number)
    fill = NewFill(
        symbol=fields.pop("symbol", BTC),
        side=Side(side),
        quantity=D(quantity),
        price=D(price),
        executed_at=at,
        venue_fill_id=str(number),
        **fields,
    )
    told = at if now is None else NOON + timedelta(days=now, hours=1)
    report_fills(link.pk, [fill], actor=None, clock=lambda: told)


def close(link: StrategyAccount, *, days: int) -> None:
    """Half a minute into the day that is so many days after the tenth."""
    close_days([link.account_id], clock=lambda: NOON + timedelta(days=days, hours=-11.99))


def mark(price: str, *days: date, symbol: str = BTC) -> None:
    for day in days:
        DayMark.objects.create(venue="binance", symbol=symbol, date=day, price=D(price))


def days_of(link: StrategyAccount, currency: str = "USDT") -> dict[date, LinkDay]:
    rows = LinkDay.objects.filter(strategy_account=link, currency=currency)
    return {row.date: row for row in rows.order_by("date")}


def test_a_day_says_what_was_earned_before_fees_and_what_they_were(link) -> None:
    report(link, 1, "buy", "1", "100", fees=(Fee(D("0.1"), "USDT"), Fee(D("0.01"), "BNB")))
    report(link, 2, "sell", "1", "130", fees=(Fee(D("0.2"), "USDT"),))
    enter_flow(
        link.account_id,
        pool=Pool.FUTURES,
        kind=FlowKind.FUNDING,
        currency="USDT",
        amount=D("-0.5"),
        occurred_at=NOON,
        strategy_account=link.pk,
        symbol=BTC,
        clock=lambda: NOON,
    )

    day = days_of(link)[TENTH]

    assert (day.realized, day.fees, day.funding) == (D(30), D("0.3"), D("-0.5"))
    assert day.earned == D("29.2")
    assert (day.fees_unvalued, day.volume) == ({"BNB": "0.01"}, D(230))
    assert (day.fills, day.trades, day.wins, day.losses) == (2, 1, 1, 0)
    assert (day.unrealized, day.capital_added) == (0, 0)
    assert (day.equity_start, day.restated_at) == (D(1000), None)


def test_days_chain_by_what_was_earned_and_what_is_open(link) -> None:
    """Buy 1 at 100; 110 at midnight; 95 at the next, when nothing was traded."""
    mark("110", TENTH)
    mark("95", ELEVENTH)
    report(link, 1, "buy", "1", "100", fees=(Fee(D("0.5"), "USDT"),))

    close(link, days=1)
    close(link, days=2)

    days = days_of(link)
    assert [(day.equity_start, day.unrealized, day.fills) for day in days.values()] == [
        (D(1000), D(10), 1),
        (D("1009.5"), D(-5), 0),
        (D("994.5"), None, 0),
    ]
    assert [day.settled_start for day in days.values()] == [D(1000), D("999.5"), D("999.5")]


def test_without_a_mark_a_days_end_and_the_next_ones_start_are_not_known(link) -> None:
    mark("90", ELEVENTH)
    report(link, 1, "buy", "1", "100")
    close(link, days=1)
    close(link, days=2)

    days = days_of(link)

    assert (days[TENTH].unrealized, days[ELEVENTH].equity_start) == (None, None)
    assert (days[ELEVENTH].unrealized, days[TWELFTH].equity_start) == (D(-10), D(990))


def test_a_late_fill_restates_its_day_and_those_behind_it(link) -> None:
    mark("110", TENTH, ELEVENTH)
    report(link, 1, "buy", "1", "100")
    report(link, 3, "sell", "1", "120", days=1)
    close(link, days=2)
    before = {day: (row.realized, row.restated_at) for day, row in days_of(link).items()}
    # The tenth was not over when it was written, and had no mark then.
    ended = NOON + timedelta(days=1, minutes=3)
    assert before == {TENTH: (0, ended), ELEVENTH: (D(20), None), TWELFTH: (0, None)}
    capital = StrategyCapital.objects.get()

    report(link, 2, "buy", "1", "90", now=2)

    days = days_of(link)
    told = NOON + timedelta(days=2, hours=1)
    assert (days[TENTH].unrealized, days[TENTH].restated_at) == (D(30), told)
    assert (days[ELEVENTH].realized, days[ELEVENTH].unrealized) == (D(25), D(15))
    assert (days[ELEVENTH].equity_start, days[ELEVENTH].restated_at) == (D(1030), told)
    assert (days[TWELFTH].settled_start, days[TWELFTH].restated_at) == (D(1025), None)
    after = StrategyCapital.objects.get()
    assert after.allocated_capital == capital.allocated_capital == D(1000)


def test_any_order_of_arrival_gives_the_same_days() -> None:
    make_market(BTC, contract_size=D("0.001"))
    mark("110", TENTH, ELEVENTH)
    told = [("buy", "2", "100", 0), ("sell", "1", "120", 1), ("sell", "3", "90", 2)]

    def figures(order: list[int]) -> list[tuple[object, ...]]:
        link = make_link(market_type="futures", capital="1000")
        for number in order:
            side, quantity, price, day = told[number]
            report(link, number, side, quantity, price, days=day, now=2)
        return [
            (day.date, day.realized, day.unrealized, day.equity_start, day.trades)
            for day in days_of(link).values()
        ]

    expected = figures([0, 1, 2])
    assert [each[1] for each in expected] == [0, D(20), D(-10)]
    for order in ([2, 1, 0], [1, 2, 0], [2, 0, 1]):
        assert figures(order) == expected


def test_closing_again_changes_nothing(link) -> None:
    mark("110", TENTH)
    report(link, 1, "buy", "1", "100")
    close(link, days=1)
    rows = list(LinkDay.objects.order_by("pk").values())

    close(link, days=1)

    assert list(LinkDay.objects.order_by("pk").values()) == rows


def test_days_that_were_never_closed_are_written_with_the_next(link) -> None:
    report(link, 1, "buy", "1", "100")
    report(link, 2, "sell", "1", "110")

    close(link, days=4)

    days = days_of(link)
    assert len(days) == 5
    assert days[date(2026, 3, 14)].equity_start == D(1010)


def test_the_last_day_before_a_gap_is_written_as_it_ended(link) -> None:
    """No job ran for four days: it was begun without a mark, which it had at its end."""
    report(link, 1, "buy", "1", "100")
    mark("110", TENTH)

    report(link, 2, "sell", "1", "130", days=4)

    days = days_of(link)
    assert (days[TENTH].unrealized, days[ELEVENTH].equity_start) == (D(10), D(1010))
    assert days[date(2026, 3, 14)].equity_start is None


def test_a_link_without_books_has_no_days_and_no_current_pnl(link) -> None:
    other = make_link(account=link.account, market_type="futures", capital="5")
    report(link, 1, "buy", "1", "100")
    close(link, days=1)

    assert days_of(other) == {}
    assert StrategyCapital.objects.get(strategy_account=other).current_pnl is None
    assert len(days_of(link)) == 2


def test_what_is_earned_in_another_currency_stands_apart() -> None:
    """1,000 contracts of 10 USD from 10,000 to 12,500: 0.2 BTC on an account in USDT."""
    symbol = "BTC/USD:BTC"
    make_market(symbol, contract_size=D(10))
    link = make_link(market_type="futures", capital="1000")
    report(link, 1, "buy", "1000", "10000", symbol=symbol)
    report(link, 2, "sell", "1000", "12500", symbol=symbol)

    day = days_of(link, "BTC")[TENTH]

    assert (day.realized, day.equity_start, day.capital_added) == (D("0.2"), None, None)
    assert days_of(link) == {}
    assert StrategyCapital.objects.get().current_pnl == 0


def test_the_accounts_summary_is_filled_from_its_links(link) -> None:
    other = make_link(account=link.account, market_type="futures")
    summary = make_summary(account=link.account, date=TENTH)
    untold = make_summary(account=link.account, date=date(2026, 3, 9), total_fees=D("1.5"))
    report(link, 1, "buy", "1", "100", fees=(Fee(D("0.1"), "USDT"),))
    report(link, 2, "sell", "1", "130")
    report(other, 3, "buy", "1", "100")
    report(other, 4, "sell", "1", "90")

    summary.refresh_from_db()

    assert (summary.realized_pnl, summary.total_fees) == (D("19.9"), D("0.1"))
    assert (summary.total_trades, summary.winning_trades, summary.losing_trades) == (2, 1, 1)
    assert (summary.total_volume, summary.unrealized_pnl) == (D(420), 0)
    untold.refresh_from_db()
    assert untold.total_fees == D("1.5"), "a day without books is as others told it"


def test_a_summary_without_a_mark_has_no_unrealised_pnl(link) -> None:
    summary = make_summary(account=link.account, date=TENTH)
    report(link, 1, "buy", "1", "100")

    summary.refresh_from_db()

    assert (summary.realized_pnl, summary.unrealized_pnl) == (0, None)


def test_days_of_which_nothing_is_left_are_gone(link) -> None:
    """The only fill turns out to be of another link."""
    summary = make_summary(account=link.account, date=TENTH)
    report(link, 1, "buy", "1", "100")
    key = PositionKey(link.pk, BTC, "both")
    fill = Fill.objects.get()
    fill.attributions.create(strategy_account=None, how="person")

    with transaction.atomic():
        lock_accounts([link.account_id])
        keep_current({}, again=[key], steps={}, now=NOON)

    assert days_of(link) == {}
    assert not SymbolDay.objects.exists()
    summary.refresh_from_db()
    assert (summary.realized_pnl, summary.total_trades) == (None, None)


def test_a_day_that_another_version_wrote_has_no_known_holding(link) -> None:
    mark("110", TENTH)
    report(link, 1, "buy", "1", "100")
    SymbolDay.objects.update(held=None, cost=None)

    close(link, days=1)

    assert days_of(link)[TENTH].unrealized is None


def test_closing_a_day_costs_the_same_number_of_queries_whatever_it_has(link) -> None:
    def queries(*links: StrategyAccount) -> int:
        ids = [each.account_id for each in links]
        with CaptureQueriesContext(connection) as captured:
            close_days(ids, clock=lambda: NOON + timedelta(days=1))
        return len(captured)

    others = [make_link(market_type="futures", capital="10") for _ in range(4)]
    for number, each in enumerate((link, *others)):
        make_summary(account=each.account, date=TENTH)
        report(each, number, "buy", "1", "100")

    assert queries(link) == queries(*others)


def test_closing_days_of_accounts_without_books_asks_little() -> None:
    account = make_account()
    with CaptureQueriesContext(connection) as captured:
        close_days([account.pk], clock=lambda: NOON)

    assert not LinkDay.objects.exists()
    assert len(captured) <= 8


def test_the_job_of_the_days_end_closes_them(link) -> None:
    make_summary(account=link.account, date=TENTH, spot_balance=D(5))
    mark("110", TENTH)
    report(link, 1, "buy", "1", "100")
    midnight = NOON + timedelta(hours=12, seconds=30)

    counts = WORK[CLOSE_DAY.name].do([link.account_id], Slot(None, lambda: midnight))

    assert counts == {"opened": 1}
    assert days_of(link)[ELEVENTH].equity_start == D(1010)
    today = DailyAccountSummary.objects.get(date=ELEVENTH)
    assert (today.realized_pnl, today.total_trades) == (0, 0)
    yesterday = DailyAccountSummary.objects.get(date=TENTH)
    assert yesterday.unrealized_pnl == D(10)


@pytest.mark.parametrize("late", [1, 4])
def test_capital_that_decisions_give_and_take_is_in_the_chain(link, late) -> None:
    """1,000 earns 50; 950 more comes in."""
    report(link, 1, "buy", "1", "100")
    report(link, 2, "sell", "1", "150")
    AllocationRun.objects.create(
        account=link.account,
        run_key="x",
        trigger="command",
        outcome="applied",
        code="allocated",
        created_at=NOON + timedelta(hours=2),
        pnl={str(link.pk): {"added": "950"}},
    )
    StrategyCapital.objects.update(allocated_capital=D(2000), pnl_counted=D(50))

    close(link, days=late)

    days = days_of(link)
    assert (days[TENTH].equity_start, days[TENTH].capital_added) == (D(1000), D(950))
    assert days[ELEVENTH].equity_start == D(2000)


def test_what_a_decision_added_may_be_unknown(link) -> None:
    report(link, 1, "buy", "1", "100")
    report(link, 2, "sell", "1", "150")
    AllocationRun.objects.create(
        account=link.account,
        run_key="x",
        trigger="command",
        outcome="applied",
        code="allocated",
        created_at=NOON + timedelta(hours=2),
        pnl={str(link.pk): {"added": None}},
    )

    close(link, days=1)

    assert days_of(link)[TENTH].capital_added is None
    assert days_of(link)[ELEVENTH].equity_start is None


def test_before_its_first_decision_a_link_has_no_equity_that_a_return_could_be_of(link) -> None:
    """It earns 20 with nobody knows what; on the eleventh 500 is decided, and earns 30."""
    bare = make_link(account=link.account, market_type="futures")
    report(bare, 1, "buy", "1", "100")
    report(bare, 2, "sell", "1", "120")
    report(bare, 3, "buy", "1", "100", days=1)
    assert [day.equity_start for day in days_of(bare).values()] == [None, None]
    assert [day.settled_start for day in days_of(bare).values()] == [D(0), D(20)]
    never = {"since": None, "counted": "0", "unrealized": None}
    count = {"since": NOON.isoformat(), "counted": "20", "unrealized": "0", "before": never}
    AllocationRun.objects.create(
        account=link.account,
        run_key="x",
        trigger="command",
        outcome="applied",
        code="allocated",
        created_at=NOON + timedelta(days=1),
        pnl={str(bare.pk): {**count, "added": "480"}},
    )
    StrategyCapital.objects.create(
        strategy_account=bare, allocated_capital=D(500), pnl_since=NOON, pnl_counted=D(20)
    )

    report(bare, 4, "sell", "1", "130", days=1)
    close(bare, days=2)

    days = days_of(bare)
    assert [day.equity_start for day in days.values()] == [None, D(20), D(530)]
    assert [day.capital_added for day in days.values()] == [D(0), D(480), D(0)]
    with transaction.atomic():
        restate_days([link.account_id], since=TENTH, now=NOON + timedelta(days=2))
    assert [day.equity_start for day in days_of(bare).values()] == [None, D(20), D(530)]


@pytest.mark.parametrize("basis", ["wallet", "equity"])
def test_a_late_fill_of_before_the_first_decision_leaves_what_it_gave_known(basis) -> None:
    make_market(BTC, contract_size=D("0.001"))
    link = make_link(account=make_account(balance_basis=basis), market_type="futures")
    balance = {"futures_balance": D(1000), "futures_observed_at": NOON}
    make_summary(account=link.account, date=TENTH, **balance)
    allocate_capital([link.account_id], live=False, clock=lambda: NOON)
    report(link, 1, "buy", "1", "100", days=1)
    report(link, 2, "sell", "1", "110", days=1)
    report(link, 3, "buy", "1", "100", days=-1, now=2)
    report(link, 4, "sell", "1", "130", days=-1, now=2)

    days = list(days_of(link).values())

    assert [day.capital_added for day in days] == [D(0), D(1000), D(0), D(0)]
    assert [day.settled_start for day in days] == [D(0), D(30), D(1030), D(1040)]
    assert [day.equity_start for day in days] == [None, D(30), D(1030), D(1040)]


def test_on_equity_a_link_begins_with_what_was_not_yet_realised() -> None:
    """1,000 was decided on a balance with 40 unrealised in it; or nobody knows how much."""
    make_market(BTC, contract_size=D("0.001"))
    account = make_account(balance_basis="equity")
    link = make_link(account=account, market_type="futures", capital="1000")
    StrategyCapital.objects.update(unrealized_then=D(40))
    report(link, 1, "buy", "1", "100")
    assert days_of(link)[TENTH].settled_start == D(960)

    LinkDay.objects.all().delete()
    StrategyCapital.objects.update(unrealized_then=None)
    with transaction.atomic():
        restate_days([account.pk], since=TENTH, now=NOON)
    assert days_of(link)[TENTH].settled_start is None


def test_current_pnl_is_what_is_realised_and_open(link) -> None:
    report(link, 1, "buy", "1", "100", fees=(Fee(D("0.5"), "USDT"),))
    assert StrategyCapital.objects.get().current_pnl is None, "no mark"
    Position.objects.update(mark_price=D(110), marked_at=NOON)

    report(link, 2, "sell", "0.5", "120")

    assert StrategyCapital.objects.get().current_pnl == D("14.5")


def test_interest_counts_to_current_pnl(link) -> None:
    report(link, 1, "buy", "1", "100")
    report(link, 2, "sell", "1", "110")
    enter_flow(
        link.account_id,
        pool=Pool.FUTURES,
        kind=FlowKind.INTEREST,
        currency="USDT",
        amount=D("-3"),
        occurred_at=NOON,
        strategy_account=link.pk,
        clock=lambda: NOON,
    )

    assert StrategyCapital.objects.get().current_pnl == D(7)
    assert days_of(link)[TENTH].earned == D(7)


def test_interest_in_another_currency_does_not_count_to_current_pnl(link) -> None:
    report(link, 1, "buy", "1", "100")
    report(link, 2, "sell", "1", "110")
    enter_flow(
        link.account_id,
        pool=Pool.FUTURES,
        kind=FlowKind.INTEREST,
        currency="BTC",
        amount=D("0.5"),
        occurred_at=NOON,
        strategy_account=link.pk,
        clock=lambda: NOON + timedelta(hours=1),
    )

    assert StrategyCapital.objects.get().current_pnl == D(10)


def test_what_was_held_before_the_first_known_day_has_no_known_start(link) -> None:
    report(link, 1, "buy", "1", "100")
    LinkDay.objects.all().delete()

    report(link, 2, "sell", "1", "110", days=1)

    assert [(day.date, day.equity_start) for day in days_of(link).values()] == [(ELEVENTH, None)]


def test_a_summary_of_an_account_without_books_stays(link) -> None:
    other = make_link()
    summary = make_summary(account=other.account, date=ELEVENTH, total_fees=D("1.5"))
    report(link, 1, "buy", "1", "100")

    close_days(
        [link.account_id, other.account_id], clock=lambda: NOON + timedelta(days=1, hours=-11.99)
    )

    summary.refresh_from_db()
    assert summary.total_fees == D("1.5")


# What came after a moment


def _interest(link: StrategyAccount, minutes: int, currency: str = "USDT") -> None:
    enter_flow(
        link.account_id,
        pool=Pool.FUTURES,
        kind=FlowKind.INTEREST,
        currency=currency,
        amount=D(minutes),
        occurred_at=NOON + timedelta(minutes=minutes),
        strategy_account=link.pk,
        clock=lambda: NOON + timedelta(hours=1),
    )


def test_what_came_after_a_moment_is_of_each_link_and_its_currency(link: StrategyAccount) -> None:
    other = make_link(account=link.account, market_type="futures", capital="1000")
    for minutes, of in ((1, link), (2, other), (3, link)):
        _interest(of, minutes)
    _interest(link, 4, currency="BTC")
    moments = {link.pk: NOON, other.pk: NOON + timedelta(minutes=2)}

    found = earned_after(moments, dict.fromkeys(moments, "USDT"))

    assert found == {link.pk: D(4)}
    assert earned_after({}, {}) == {}


def test_another_link_of_the_symbol_is_not_told_of_unless_it_is_asked_for(
    link: StrategyAccount,
) -> None:
    other = make_link(account=link.account, market_type="futures", capital="1000")
    for number, of in ((1, link), (3, other)):
        report(of, number, "buy", "1", "100")
        report(of, number + 1, "sell", "1", "110")
    positions = Position.objects.filter(strategy_account=link).select_related("strategy_account")

    found = realized_after({link.pk: NOON}, list(positions), {link.pk: "USDT"})

    assert found == {link.pk: D(10)}
