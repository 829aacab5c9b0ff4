"""From when the PnL of a link counts, and what each run counts of it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.orders import Side
from capital.models import (
    AllocationRun,
    DailyAccountSummary,
    LinkDay,
    Position,
    StrategyAccount,
    StrategyCapital,
)
from capital.services.allocation import allocate_capital, revert_run
from capital.services.trading import NewFill, enter_flow, report_fills
from tests.factories import forge, make_account, make_link, make_market
from tests.simulated import Exchange

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
BTC = "BTC/USDT:USDT"
NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


@pytest.fixture
def link() -> StrategyAccount:
    return linked()


def linked(basis: str = "wallet") -> StrategyAccount:
    make_market(BTC)
    account = make_account(max_jump_percent=None, balance_basis=basis)
    return make_link(account=account, market_type="futures")


def balance(link: StrategyAccount, amount: str, *, read: int) -> None:
    """What was read at that minute; the runs of these tests decide on it."""
    DailyAccountSummary.objects.update_or_create(
        account=link.account,
        date=NOON.date(),
        defaults={"futures_balance": D(amount), "futures_observed_at": at(read)},
    )


def decide(link: StrategyAccount, minute: int, **asked: Any) -> AllocationRun:
    [run] = allocate_capital([link.account_id], live=False, clock=lambda: at(minute), **asked)
    return run


def trade(
    link: StrategyAccount, minute: int, gain: str, *, told: int | None = None, entry: str = "100"
) -> None:
    """Bought and sold within a minute, with that gain."""
    fills = [
        NewFill(
            symbol=BTC,
            side=side,
            quantity=D(1),
            price=price,
            executed_at=at(minute) + timedelta(seconds=second),
            venue_fill_id=f"{minute}-{side}",
        )
        for second, side, price in (
            (0, Side.BUY, D(entry)),
            (1, Side.SELL, D(entry) + D(gain)),
        )
    ]
    moment = at(minute + 1 if told is None else told)
    report_fills(link.pk, fills, actor=None, clock=lambda: moment)


def capital_of(link: StrategyAccount) -> StrategyCapital:
    return StrategyCapital.objects.get(strategy_account=link)


def added_by(run: AllocationRun, link: StrategyAccount) -> str | None:
    run.refresh_from_db()
    added: str | None = run.pnl[str(link.pk)]["added"]
    return added


def test_pnl_counts_from_the_reading_and_not_from_the_run(link) -> None:
    """Read at 10, traded at 15, decided at 20: the balance did not hold those 7 yet."""
    trade(link, 5, "50")
    balance(link, "1050", read=10)
    trade(link, 15, "7")

    run = decide(link, 20)

    capital = capital_of(link)
    assert (capital.allocated_capital, capital.pnl_since) == (D(1050), at(10))
    assert (capital.pnl_counted, capital.current_pnl) == (D(50), D(7))
    assert added_by(run, link) == "1000"


def test_each_fill_is_counted_once_by_when_it_became_known(link) -> None:
    balance(link, "1000", read=1)
    first = decide(link, 2)
    trade(link, 3, "50")
    balance(link, "1050", read=10)
    second = decide(link, 11)
    assert capital_of(link).current_pnl == 0

    trade(link, 4, "-20", told=12)

    assert capital_of(link).current_pnl == D(-20), "its loss was shared as if it were nobody's"
    balance(link, "1050", read=20)
    third = decide(link, 21)
    assert (third.outcome, capital_of(link).current_pnl) == ("unchanged", 0)
    assert [added_by(run, link) for run in (first, second, third)] == ["1000", "0", "20"]
    assert capital_of(link).pnl_counted == D(30)


def test_funding_behind_the_reading_is_divided_and_counts_later(link) -> None:
    other = make_link(account=link.account, market_type="futures")
    for each, side in ((link, Side.BUY), (other, Side.SELL)):
        quantity = D(2) if side is Side.BUY else D(1)
        fill = NewFill(
            symbol=BTC,
            side=side,
            quantity=quantity,
            price=D(100),
            executed_at=at(1),
            venue_fill_id=side.value,
        )
        report_fills(each.pk, [fill], actor=None, clock=lambda: at(2))
    balance(link, "1000", read=10)
    enter_flow(
        link.account_id,
        pool=Pool.FUTURES,
        kind=FlowKind.FUNDING,
        currency="USDT",
        amount=D(3),
        occurred_at=at(15),
        symbol=BTC,
        clock=lambda: at(15),
    )
    Position.objects.update(mark_price=D(100), marked_at=at(19))

    decide(link, 20, force=True)

    assert {capital_of(each).pnl_counted for each in (link, other)} == {D(0)}
    assert [capital_of(each).current_pnl for each in (link, other)] == [D(6), D(-3)]


def earn(link: StrategyAccount, minute: int, amount: str, **fields: Any) -> None:
    """Interest in no symbol, unless a symbol is given."""
    enter_flow(
        link.account_id,
        pool=Pool.FUTURES,
        kind=FlowKind.INTEREST,
        currency="USDT",
        amount=D(amount),
        occurred_at=at(minute),
        strategy_account=link.pk,
        clock=lambda: at(minute),
        **fields,
    )


@pytest.mark.parametrize("symbol", ["", BTC, "BTC/USD:BTC"])
def test_interest_behind_the_reading_counts_later_whatever_its_symbol(link, symbol) -> None:
    """5 before the reading, 7 behind it: the balance did not hold these 7 yet."""
    balance(link, "1000", read=1)
    decide(link, 2)
    earn(link, 5, "5", symbol=symbol)
    balance(link, "1005", read=10)
    earn(link, 15, "7", symbol=symbol)
    assert capital_of(link).current_pnl == D(12)

    run = decide(link, 20)

    capital = capital_of(link)
    assert (capital.pnl_counted, capital.current_pnl) == (D(5), D(7))
    assert added_by(run, link) == "0"
    day = LinkDay.objects.get(currency="USDT")
    assert (day.earned, day.settled_start) == (12, 0)


def test_what_is_earned_elsewhere_is_in_no_count(link) -> None:
    """Contracts that settle in the coin, on an account in USDT."""
    symbol = "BTC/USD:BTC"
    make_market(symbol, contract_size=D(10))
    fill = NewFill(
        symbol=symbol,
        side=Side.BUY,
        quantity=D(100),
        price=D(10000),
        executed_at=at(15),
        venue_fill_id="c",
    )
    report_fills(link.pk, [fill], actor=None, clock=lambda: at(16))
    balance(link, "1000", read=10)

    decide(link, 20, force=True)

    assert (capital_of(link).pnl_counted, capital_of(link).current_pnl) == (0, 0)


def test_a_held_run_begins_nothing_anew(link) -> None:
    balance(link, "1000", read=1)
    decide(link, 2)
    trade(link, 3, "50")
    Position.objects.create(strategy_account=link, symbol="ETH/USDT:USDT", quantity=D(1))
    balance(link, "1050", read=10)

    run = decide(link, 11)

    assert (run.outcome, run.pnl) == ("held", None)
    assert capital_of(link).pnl_since == at(1)
    assert (capital_of(link).pnl_counted, capital_of(link).current_pnl) == (0, D(50))


def test_a_link_that_is_kept_for_want_of_a_balance_is_not_begun_anew(link) -> None:
    spot = make_link(account=link.account)
    balance(link, "1000", read=1)
    DailyAccountSummary.objects.update(spot_balance=D(10), spot_observed_at=at(1))
    decide(link, 2)
    DailyAccountSummary.objects.update(spot_balance=None)
    balance(link, "1200", read=10)

    run = decide(link, 11)

    assert run.code == "partly_allocated"
    assert set(run.pnl) == {str(link.pk)}
    assert (capital_of(spot).pnl_since, capital_of(link).pnl_since) == (at(1), at(10))


def test_an_idle_link_that_is_released_is_counted(link) -> None:
    balance(link, "1000", read=1)
    decide(link, 2)
    trade(link, 3, "50")
    StrategyAccount.objects.filter(pk=link.pk).update(is_active=False)

    run = decide(link, 5)

    capital = capital_of(link)
    assert (capital.allocated_capital, capital.pnl_since) == (0, at(5))
    assert (capital.current_pnl, added_by(run, link)) == (0, "-1050")


def test_a_revert_takes_up_what_was_counted_before(exchange: Exchange) -> None:
    make_market(BTC)
    account = exchange.open_account(wallets={"spot": {"USDT": "0"}, "futures": {"USDT": "1000"}})
    link = make_link(account=account, market_type="futures")
    [first] = allocate_capital([account.pk], clock=lambda: at(2))
    since = capital_of(link).pnl_since
    trade(link, 3, "50")
    exchange.set_balance(account, "futures", "1050")
    [second] = allocate_capital([account.pk], clock=lambda: at(10))
    assert (second.outcome, capital_of(link).current_pnl) == ("applied", 0)
    trade(link, 12, "4")

    run = revert_run(second.pk, clock=lambda: at(20))

    capital = capital_of(link)
    assert (capital.allocated_capital, capital.pnl_since) == (D(1000), since)
    assert (capital.pnl_counted, capital.current_pnl) == (0, D(54))
    assert [added_by(each, link) for each in (first, second, run)] == ["1000", "0", "0"]


def test_a_revert_of_a_run_that_counted_nothing_counts_on(exchange: Exchange) -> None:
    """An earlier version wrote it."""
    account = exchange.open_account(wallets={"spot": {"USDT": "0"}, "futures": {"USDT": "1000"}})
    link = make_link(account=account, market_type="futures")
    [run] = allocate_capital([account.pk], clock=lambda: at(2))
    copy = AllocationRun.objects.get(pk=run.pk)
    StrategyCapital.objects.update(pnl_counted=D(3))
    forge(copy, pnl=None)

    revert_run(run.pk, clock=lambda: at(5))

    assert (capital_of(link).allocated_capital, capital_of(link).pnl_counted) == (0, D(3))


@pytest.mark.parametrize(
    ("basis", "decided_on", "pnl"), [("wallet", "1000", D(40)), ("equity", "1030", D(10))]
)
def test_on_equity_the_change_of_what_is_unrealised_counts(basis, decided_on, pnl) -> None:
    """Bought at 100; worth 130 when the capital was decided, and 140 now."""
    link = linked(basis)
    fill = NewFill(
        symbol=BTC,
        side=Side.BUY,
        quantity=D(1),
        price=D(100),
        executed_at=at(1),
        venue_fill_id="1",
    )
    report_fills(link.pk, [fill], actor=None, clock=lambda: at(1))
    Position.objects.update(mark_price=D(130), marked_at=at(9))
    balance(link, decided_on, read=10)
    decide(link, 10, force=True)
    at_once = {"wallet": D(30), "equity": D(0)}[basis]
    assert capital_of(link).current_pnl == at_once

    Position.objects.update(mark_price=D(140), marked_at=at(12))
    fill = NewFill(
        symbol="ETH/USDT:USDT",
        side=Side.BUY,
        quantity=D(1),
        price=D(5),
        executed_at=at(12),
        venue_fill_id="2",
    )
    make_market("ETH/USDT:USDT")
    report_fills(link.pk, [fill], actor=None, clock=lambda: at(12))
    Position.objects.filter(symbol="ETH/USDT:USDT").update(mark_price=D(5), marked_at=at(12))
    sold = NewFill(
        symbol="ETH/USDT:USDT",
        side=Side.SELL,
        quantity=D(1),
        price=D(5),
        executed_at=at(13),
        venue_fill_id="3",
    )
    report_fills(link.pk, [sold], actor=None, clock=lambda: at(13))

    capital = capital_of(link)
    assert capital.current_pnl == pnl
    # Either way the link is worth what it began with, and what its coin gained.
    assert capital.allocated_capital + capital.current_pnl == D(1040)


def test_without_a_mark_on_equity_nothing_is_known() -> None:
    link = linked("equity")
    trade(link, 1, "5")
    fill = NewFill(
        symbol=BTC,
        side=Side.BUY,
        quantity=D(1),
        price=D(100),
        executed_at=at(3),
        venue_fill_id="open",
    )
    report_fills(link.pk, [fill], actor=None, clock=lambda: at(3))
    balance(link, "1000", read=10)

    run = decide(link, 10, force=True)

    assert (capital_of(link).unrealized_then, capital_of(link).current_pnl) == (None, None)
    assert added_by(run, link) is None


def test_without_books_capital_has_a_beginning_and_no_pnl(link) -> None:
    balance(link, "1000", read=1)

    run = decide(link, 2)

    capital = capital_of(link)
    assert (capital.pnl_since, capital.current_pnl) == (at(1), None)
    assert run.pnl == {
        str(link.pk): {
            "since": at(1).isoformat(),
            "counted": "0",
            "unrealized": "0",
            "before": {"since": None, "counted": "0", "unrealized": None},
            "added": "1000",
        }
    }


def test_the_chained_example_of_three_days(link) -> None:
    """1,000 earns 50; 950 more comes in, the 2,000 lose 100; 1,900 earn 190."""
    balance(link, "1000", read=1)
    decide(link, 2)
    trade(link, 60, "50")
    DailyAccountSummary.objects.all().delete()
    day = 24 * 60
    for number, amount, gain in ((1, "2000", "-100"), (2, "1900", "190")):
        DailyAccountSummary.objects.create(
            account=link.account,
            date=(NOON + timedelta(days=number)).date(),
            futures_balance=D(amount),
            futures_observed_at=at(number * day),
        )
        decide(link, number * day + 1)
        trade(link, number * day + 60, gain, entry="500")

    days = LinkDay.objects.filter(strategy_account=link).order_by("date")

    assert [(row.equity_start, row.capital_added, row.earned) for row in days] == [
        (0, D(1000), D(50)),
        (D(1050), D(950), D(-100)),
        (D(1900), 0, D(190)),
    ]


def test_queries_of_a_run_do_not_grow_with_its_links_and_their_fills(link) -> None:
    def queries(minute: int, amount: str) -> int:
        balance(link, amount, read=minute)
        for each in StrategyAccount.objects.filter(account=link.account):
            trade(each, minute + 1, "1")
        with CaptureQueriesContext(connection) as captured:
            decide(link, minute + 3)
        return len(captured)

    queries(10, "1000")
    one = queries(20, "1001")
    for _ in range(5):
        make_link(account=link.account, market_type="futures")
    queries(30, "1002")

    assert queries(40, "1003") == one
