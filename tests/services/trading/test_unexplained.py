"""What of the changes of balances fills and flows explain, by account, pool and day."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.domain.balances import BalanceBasis
from capital.models import Account, DayMark, Fill, PoolDay, StrategyAccount
from capital.services.trading import explain_balances
from capital.services.trading.unexplained.moved import Seen, first_new
from tests.factories import make_account, make_fill, make_flow, make_link, make_summary

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
PERP, PAIR = "BTC/USDT:USDT", "BTC/USDT"
# Noon in Seoul on the tenth; balances are read an hour before midnight, fills are made at noon.
NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)
TENTH = date(2026, 3, 10)


def noon(days: int, **more: int) -> datetime:
    return NOON + timedelta(days=days, **more)


def read(account: Account, days: int, futures: str | None, spot: str | None = "1000") -> None:
    """What was read at eleven in the evening, so many days after the tenth."""
    at = noon(days, hours=11)
    make_summary(
        account=account,
        date=TENTH + timedelta(days=days),
        spot_balance=None if spot is None else D(spot),
        futures_balance=None if futures is None else D(futures),
        spot_observed_at=None if spot is None else at,
        futures_observed_at=None if futures is None else at,
    )


def trade(link: StrategyAccount, side: str, price: str, days: int, **fields: Any) -> Fill:
    return make_fill(
        link,
        fields.pop("symbol", PERP),
        **{"side": side, "price": D(price), "executed_at": noon(days), **fields},
    )


def explain(*accounts: Account, days: int) -> int:
    return explain_balances([each.pk for each in accounts], clock=lambda: noon(days, hours=11.5))  # type: ignore[arg-type]


def days_of(account: Account, pool: str = "futures") -> list[tuple[int, str, Decimal | None]]:
    """Day after the tenth, code, unexplained."""
    rows = PoolDay.objects.filter(account=account, pool=pool).order_by("date")
    return [((row.date - TENTH).days, row.code, row.unexplained) for row in rows]


@pytest.fixture
def link() -> StrategyAccount:
    return make_link(market_type="futures")


def test_days_of_fills_and_flows_are_explained_to_the_last_cent(link: StrategyAccount) -> None:
    account = link.account
    for days, futures, spot in (
        (0, "1000", "1000"),
        (1, "1499.5", "900"),
        (2, "1519.5", "900"),
        (3, "1521.5", "907"),
    ):
        read(account, days, futures, spot)
    trade(link, "buy", "100", 1, fees=[{"amount": "0.5", "currency": "USDT"}])
    make_flow(account, amount=D(500), occurred_at=noon(1))
    trade(link, "buy", "100", 1, symbol=PAIR)
    trade(link, "sell", "120", 2)
    make_flow(account, kind="funding", symbol=PERP, amount=D(2), occurred_at=noon(3))
    explain(account, days=3)
    assert days_of(account) == [(0, "no_books", None), (1, "", 0), (2, "", 0), (3, "", 0)]
    # Spot: 100 were paid; 7 came on the thirteenth, and nobody knows why.
    assert days_of(account, "spot")[1:] == [(1, "", 0), (2, "", 0), (3, "", 7)]
    second = PoolDay.objects.get(account=account, pool="futures", date=TENTH + timedelta(days=1))
    assert (second.change, second.fills, second.flows) == (D("499.5"), D("-0.5"), D(500))


def test_what_happens_after_the_last_reading_belongs_to_the_next_day(link: StrategyAccount) -> None:
    for days, balance in ((0, "1000"), (1, "1000"), (2, "1020")):
        read(link.account, days, balance)
    trade(link, "buy", "100", 0)
    trade(link, "sell", "120", 1, executed_at=noon(1, hours=11, minutes=30))
    explain(link.account, days=2)
    assert days_of(link.account)[-2:] == [(1, "", 0), (2, "", 0)]


def test_a_position_counts_as_the_account_holds_it_whoever_traded(link: StrategyAccount) -> None:
    other = make_link(account=link.account, market_type="futures")
    for days, balance in ((0, "1000"), (1, "1000"), (2, "1010")):
        read(link.account, days, balance)
    trade(link, "buy", "100", 1)
    # By the links' own books nothing is realised: one is long, the other short.
    trade(other, "sell", "110", 2)
    trade(other, "buy", "500", 2, strategy_account=None, symbol="ETH/USDT:USDT")
    explain(link.account, days=2)
    assert days_of(link.account)[-1] == (2, "", 0)


def test_a_late_fill_explains_its_day_and_those_behind_it(link: StrategyAccount) -> None:
    bystander = make_link(market_type="futures")
    for account in (link.account, bystander.account):
        for days, balance in ((0, "1000"), (1, "995"), (2, "995"), (3, "1010")):
            read(account, days, balance)
    make_flow(bystander.account, amount=D(1), occurred_at=noon(1))
    trade(link, "buy", "100", 0)
    trade(link, "sell", "115", 3)
    explain(link.account, bystander.account, days=3)
    assert days_of(link.account)[-3:] == [(1, "", -5), (2, "", 0), (3, "", 0)]
    trade(link, "sell", "95", 1)
    trade(link, "buy", "100", 2)
    explain(link.account, bystander.account, days=3)
    assert days_of(link.account)[-3:] == [(1, "", 0), (2, "", 0), (3, "", 0)]
    assert days_of(bystander.account)[-3:] == [(1, "", -6), (2, "", 0), (3, "", 15)]


def test_what_came_before_all_that_was_known_begins_the_days_earlier(link: StrategyAccount) -> None:
    for days, balance in ((0, "1000"), (1, "993"), (2, "993"), (3, "993")):
        read(link.account, days, balance)
    make_flow(link.account, amount=D(1), occurred_at=noon(3))
    explain(link.account, days=3)
    assert days_of(link.account) == [(2, "no_books", None), (3, "", -1)]
    make_flow(link.account, kind="withdrawal", amount=D(-7), occurred_at=noon(1))
    explain(link.account, days=3)
    assert days_of(link.account) == [(0, "no_books", None), (1, "", 0), (2, "", 0), (3, "", -1)]


def test_what_was_seen_of_one_account_is_new_of_another() -> None:
    first, second = make_account(), make_account()
    early = make_flow(first, occurred_at=noon(1))
    late = make_flow(first, occurred_at=noon(3))
    make_flow(second, occurred_at=noon(2))

    # Of the first one all but its last flow was seen, of the second nothing.
    seen = {first.pk: Seen(fills=0, flows=early.pk), second.pk: Seen(fills=0, flows=0)}
    assert first_new(seen) == {first.pk: noon(3), second.pk: noon(2)}

    seen[first.pk] = Seen(fills=0, flows=late.pk)
    assert first_new(seen) == {second.pk: noon(2)}


def test_what_the_exchange_tells_takes_the_place_of_what_was_told_before(
    link: StrategyAccount,
) -> None:
    for days, balance in ((0, "1000"), (1, "990"), (2, "990"), (3, "990")):
        read(link.account, days, balance)
    trade(link, "buy", "100", 0)
    told = {"venue_fill_id": "", "order_id": "7"}
    trade(link, "sell", "91", 1, **told)
    entered = make_flow(link.account, amount=D(3), occurred_at=noon(2))
    explain(link.account, days=3)
    assert days_of(link.account)[-3:] == [(1, "", -1), (2, "", -3), (3, "", 0)]
    trade(link, "sell", "90", 1, order_id="7", source="venue")
    make_flow(link.account, amount=D(3), occurred_at=noon(3), source="venue", matches=entered)
    # An hour later the same as if it had been known at once.
    explain(link.account, days=3)
    assert days_of(link.account)[-3:] == [(1, "", 0), (2, "", 0), (3, "", -3)]
    # A row of a file about the same order, of a day in between, counts for nothing.
    trade(link, "sell", "5", 3, venue_fill_id="", order_id="7", source="file")
    explain(link.account, days=3)
    assert days_of(link.account)[-3:] == [(1, "", 0), (2, "", 0), (3, "", -3)]


def test_a_day_without_a_reading_is_covered_by_the_next(link: StrategyAccount) -> None:
    read(link.account, 0, "1000")
    trade(link, "buy", "100", 0)
    read(link.account, 1, None)
    carried = {"futures_balance": D(1000), "futures_observed_at": noon(0, hours=11)}
    link.account.summaries.filter(date=TENTH + timedelta(days=1)).update(**carried)
    trade(link, "sell", "105", 1)
    explain(link.account, days=1)
    assert days_of(link.account)[-1] == (1, "not_read", None)
    read(link.account, 2, "1005")
    explain(link.account, days=2)
    assert days_of(link.account)[-1] == (2, "", 0)


def test_a_balance_that_is_not_known_explains_nothing(link: StrategyAccount) -> None:
    for days, balance in ((0, None), (1, "1000"), (2, None), (3, "1000"), (4, "1000")):
        read(link.account, days, balance)
    trade(link, "buy", "100", 0)
    trade(link, "sell", "90", 2)
    explain(link.account, days=4)
    unknown = [(days, "no_balance", None) for days in range(4)]
    assert days_of(link.account) == [*unknown, (4, "", 0)]


def test_on_the_basis_free_nothing_is_computed(link: StrategyAccount) -> None:
    link.account.balance_basis = BalanceBasis.FREE.value
    link.account.save()
    Account.objects.filter(pk=link.account.pk).update(readings_since=None)
    read(link.account, 0, "1000")
    read(link.account, 1, "900")
    trade(link, "buy", "100", 1)
    explain(link.account, days=1)
    assert [code for _, code, _ in days_of(link.account)] == ["free_basis", "free_basis"]


def test_balances_of_another_meaning_are_not_compared(link: StrategyAccount) -> None:
    for days in range(3):
        read(link.account, days, "1000")
    trade(link, "buy", "100", 0)
    Account.objects.filter(pk=link.account.pk).update(readings_since=noon(1))
    explain(link.account, days=2)
    assert days_of(link.account)[-2:] == [(1, "other_meaning", None), (2, "", 0)]


def test_on_the_basis_equity_the_change_of_unrealised_explains(link: StrategyAccount) -> None:
    Account.objects.filter(pk=link.account.pk).update(balance_basis=BalanceBasis.EQUITY.value)
    for days, balance in ((0, "1000"), (1, "1030"), (2, "1010"), (3, "1010")):
        read(link.account, days, balance)
    trade(link, "buy", "100", 1)
    trade(link, "buy", "7", 1, symbol="BTC/BTC:BTC", settle="BTC")
    for days, price in ((0, "90"), (1, "130"), (2, "110")):
        date_of = TENTH + timedelta(days=days)
        DayMark.objects.create(venue="binance", symbol=PERP, date=date_of, price=D(price))
        # Of another exchange.
        DayMark.objects.create(venue="bybit", symbol=PERP, date=date_of, price=D(1))
    explain(link.account, days=3)
    known = [(1, "", 0), (2, "", 0), (3, "no_mark", None)]
    assert days_of(link.account)[-3:] == known
    # Written again tomorrow, from what is stored.
    read(link.account, 4, "1012")
    for days in (3, 4):
        DayMark.objects.create(
            venue="binance", symbol=PERP, date=TENTH + timedelta(days=days), price=D(110)
        )
    explain(link.account, days=4)
    assert days_of(link.account)[-2:] == [(3, "", 0), (4, "", 2)]


def test_an_account_without_fills_and_flows_has_no_such_days() -> None:
    account = make_account()
    read(account, 0, "1000")
    assert explain(account, days=0) == 0
    assert not PoolDay.objects.exists()


def test_today_is_written_again_with_each_reading(link: StrategyAccount) -> None:
    read(link.account, 0, "1000")
    trade(link, "buy", "100", 0)
    explain(link.account, days=0)
    read(link.account, 1, "1007")
    explain(link.account, days=1)
    assert days_of(link.account)[-1] == (1, "", 7)
    trade(link, "sell", "107", 1)
    explain(link.account, days=1)
    explain(link.account, days=1)
    assert days_of(link.account)[-1] == (1, "", 0)
    assert PoolDay.objects.filter(account=link.account, pool="futures").count() == 2


def test_the_number_of_queries_does_not_grow_with_accounts() -> None:
    def desk(accounts: int) -> list[Account]:
        links = [make_link(market_type="futures") for _ in range(accounts)]
        for link in links:
            for days in range(3):
                read(link.account, days, "1000")
            trade(link, "buy", "100", 1)
        return [link.account for link in links]

    def count(accounts: list[Account]) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            explain(*accounts, days=2)
        return len(queries)

    first, more = desk(1), desk(4)
    assert count(more) == count(first)
    for account in (*first, *more):
        trade(make_link(account=account, market_type="futures"), "sell", "101", 2)
    assert count(more) == count(first)
