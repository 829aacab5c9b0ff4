"""Deposits, withdrawals and transfers that somebody enters."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.db.models import Model

from capital.domain.errors import NotFound, NotPermitted, TradingRefused, UnknownAccount
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.domain.sizing.orders import Side
from capital.exchange.trading.contract import ReadFlow
from capital.models import (
    Account,
    DailyAccountSummary,
    Flow,
    Position,
    StrategyAccount,
    SymbolDay,
)
from capital.services.accounts.lookup import lock_accounts
from capital.services.trading import NewFill, account_pnl, enter_flow, report_fills
from capital.services.trading.booking.undivided import undivided_flows
from capital.services.trading.flows import book_flows, record_venue_flows
from tests.factories import (
    make_account,
    make_flow,
    make_link,
    make_market,
    make_operator,
    make_user,
)
from tests.services.waiting import Beside

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def account() -> Account:
    return make_account()


def enter(account: Account, **fields: Any) -> Flow:
    return enter_flow(
        account.pk,
        **{
            "pool": Pool.FUTURES,
            "kind": FlowKind.DEPOSIT,
            "currency": "USDT",
            "amount": Decimal("1000.123456789012345678"),
            "occurred_at": NOON,
            "clock": lambda: NOON,
            **fields,
        },
    )


def test_a_flow_is_kept_exactly_with_who_entered_it(account) -> None:
    person = account.owner
    person.user_permissions.add(*make_operator("change_flows").user_permissions.all())

    entered = enter(account, note="From the bank", actor=type(person).objects.get(pk=person.pk))

    flow = Flow.objects.get(pk=entered.pk)
    assert flow.amount == Decimal("1000.123456789012345678")
    assert (flow.pool, flow.kind, flow.source) == ("futures", "deposit", "person")
    assert (flow.actor, flow.note, flow.recorded_at) == (person, "From the bank", NOON)
    assert flow.strategy_account is None


def test_a_flow_changes_no_balance(account) -> None:
    enter(account)

    assert not DailyAccountSummary.objects.exists()


def test_an_amount_that_no_sum_of_the_books_could_keep_is_refused(account) -> None:
    enter(account, amount=Decimal("1e-27"))
    with pytest.raises(TradingRefused) as refused:
        enter(account, amount=Decimal("1e-28"))

    assert (refused.value.code, refused.value.field) == (Code.TOO_MANY_DECIMALS, "amount")
    with pytest.raises(TradingRefused) as refused:
        enter(account, amount=Decimal("1e17"))
    assert (refused.value.code, refused.value.field) == (Code.AMOUNT_TOO_LARGE, "amount")
    assert Flow.objects.count() == 1


@pytest.mark.parametrize(
    ("kind", "amount"),
    [("deposit", "-1"), ("withdrawal", "1"), ("rebate", "-1"), ("transfer", "0")],
)
def test_a_wrong_sign_is_refused(account, kind, amount) -> None:
    with pytest.raises(TradingRefused) as refused:
        enter(account, kind=FlowKind(kind), amount=Decimal(amount))

    assert (refused.value.code, refused.value.field) == (Code.FLOW_SIGN, "amount")
    assert not Flow.objects.exists()


@pytest.mark.parametrize(
    ("kind", "amount"),
    [("withdrawal", "-1"), ("transfer", "-1"), ("transfer", "1"), ("funding", "-1")],
)
def test_a_right_sign_is_recorded(account, kind, amount) -> None:
    assert enter(account, kind=FlowKind(kind), amount=Decimal(amount)).amount == Decimal(amount)


def test_a_pool_that_the_account_does_not_have_is_refused(account) -> None:
    with pytest.raises(TradingRefused) as refused:
        enter(account, pool=Pool.UNIFIED)

    assert refused.value.code is Code.FLOW_POOL_NOT_OF_ACCOUNT
    assert refused.value.reason.figures == {"pool": "unified", "pools": "spot, futures"}


def test_what_is_still_to_come_is_refused(account) -> None:
    with pytest.raises(TradingRefused) as refused:
        enter(account, occurred_at=NOON + timedelta(minutes=11))

    assert (refused.value.code, refused.value.field) == (Code.FILL_IN_FUTURE, "occurred_at")


def test_what_is_older_than_any_coin_is_refused(account) -> None:
    with pytest.raises(TradingRefused) as refused:
        enter(account, occurred_at=datetime(39, 4, 14, tzinfo=UTC))

    assert (refused.value.code, refused.value.field) == (Code.MOMENT_TOO_OLD, "occurred_at")
    assert enter(account, occurred_at=datetime(2009, 1, 1, tzinfo=UTC)).pk


def test_who_may_not_cannot_enter_one(account) -> None:
    with pytest.raises(NotPermitted):
        enter(account, actor=account.owner)
    with pytest.raises(UnknownAccount):
        enter(account, actor=make_user())


BTC = "BTC/USDT:USDT"
FUNDING = {"kind": FlowKind.FUNDING, "symbol": BTC}


def link_on(account: Account) -> StrategyAccount:
    return make_link(account=account, market_type="futures")


def hold(link: StrategyAccount, number: int, side: str, quantity: str, *, hours: int = -5) -> None:
    fill = NewFill(
        symbol=BTC,
        side=Side(side),
        quantity=Decimal(quantity),
        price=Decimal(100),
        executed_at=NOON + timedelta(hours=hours),
        venue_fill_id=str(number),
    )
    report_fills(link.pk, [fill], actor=None, clock=lambda: NOON)


def earned(link: StrategyAccount, symbol: str = BTC) -> Decimal | None:
    return Position.objects.get(strategy_account=link, symbol=symbol).realized_pnl


@pytest.fixture
def links(account) -> tuple[StrategyAccount, StrategyAccount]:
    """One is long 2, the other one short 1."""
    make_market(BTC)
    long, short = link_on(account), link_on(account)
    hold(long, 1, "buy", "2")
    hold(short, 2, "sell", "1")
    return long, short


def test_funding_is_divided_by_what_each_holds(account, links) -> None:
    long, short = links

    enter(account, amount=Decimal("-0.7"), **FUNDING)

    assert (earned(long), earned(short)) == (Decimal("-1.4"), Decimal("0.7"))
    days = SymbolDay.objects.order_by("strategy_account")
    assert [(day.funding, day.fees, day.fills) for day in days] == [
        (Decimal("-1.4"), 0, 1),
        (Decimal("0.7"), 0, 1),
    ]
    assert {position.quantity for position in Position.objects.all()} == {2, -1}


def test_funding_of_a_moment_when_all_sums_to_zero_is_nobodys(account, links) -> None:
    long, short = links
    hold(short, 3, "sell", "1", hours=-4)

    enter(account, amount=Decimal(-1), **FUNDING)

    assert (earned(long), earned(short)) == (0, 0)
    assert Flow.objects.get().strategy_account is None


def test_funding_that_names_its_link_is_all_its(account, links) -> None:
    long, short = links

    enter(account, amount=Decimal(3), strategy_account=short.pk, **FUNDING)

    assert (earned(long), earned(short)) == (0, Decimal(3))


def test_a_late_fill_divides_the_funding_behind_it_again(account, links) -> None:
    """The short one was short 1 more: of 2 and -2 nobody can say whose the funding is."""
    long, short = links
    enter(account, amount=Decimal("-0.7"), **FUNDING)
    assert earned(long) == Decimal("-1.4")

    hold(short, 3, "sell", "0.5", hours=-3)

    assert (earned(long), earned(short)) == (Decimal("-2.8"), Decimal("2.1"))


def test_a_link_that_was_not_known_to_hold_anything_takes_its_part(account, links) -> None:
    long, short = links
    enter(account, amount=Decimal(-1), **FUNDING)
    third = link_on(account)

    hold(third, 3, "buy", "1", hours=-2)

    assert (earned(long), earned(short)) == (Decimal(-1), Decimal("0.5"))
    assert earned(third) == Decimal("-0.5")


def test_any_order_of_arrival_gives_the_same_days(account) -> None:
    make_market(BTC)

    def days(order: Sequence[int]) -> list[tuple[object, ...]]:
        on = make_account()
        long, short = link_on(on), link_on(on)
        steps = [
            lambda: hold(long, 1, "buy", "2"),
            lambda: hold(short, 2, "sell", "1", hours=-4),
            lambda: enter(on, amount=Decimal("0.9"), occurred_at=NOON - MINUTE * 200, **FUNDING),
            lambda: hold(long, 3, "sell", "1.5", hours=-3),
            lambda: enter(on, amount=Decimal("0.4"), occurred_at=NOON - MINUTE * 150, **FUNDING),
            lambda: enter(on, amount=Decimal(5), strategy_account=long.pk, kind=FlowKind.INTEREST),
        ]
        for number in order:
            steps[number]()
        found = SymbolDay.objects.filter(strategy_account__account=on)
        of = {long.pk: "long", short.pk: "short"}
        return sorted(
            (of[day.strategy_account_id], day.symbol, day.date, day.realized, day.funding)
            for day in found
        )

    expected = days(range(6))
    assert len(expected) == 3
    for order in ([5, 4, 3, 2, 1, 0], [2, 0, 4, 3, 5, 1], [4, 1, 0, 5, 2, 3]):
        assert days(order) == expected


def test_what_is_booked_again_is_flat_by_the_rules_of_its_own_venue(account) -> None:
    make_market(BTC)
    make_market(BTC, venue="bybit", amount_precision=Decimal(1000))
    link = link_on(account)
    hold(link, 1, "buy", "2")
    hold(link, 2, "sell", "1", hours=-4)

    enter(account, **{**FUNDING, "occurred_at": NOON - timedelta(hours=6)})

    assert {day.trades for day in SymbolDay.objects.all()} == {0}


def test_interest_without_a_symbol_is_in_the_links_days(account) -> None:
    link = link_on(account)

    enter(account, kind=FlowKind.INTEREST, amount=Decimal("-0.25"), strategy_account=link.pk)
    enter(account, kind=FlowKind.REBATE, amount=Decimal("0.05"), strategy_account=link.pk)

    day = SymbolDay.objects.get()
    assert (day.symbol, day.currency, day.realized) == ("", "USDT", Decimal("-0.2"))
    assert (day.funding, day.fees, day.fills) == (Decimal("-0.25"), Decimal("-0.05"), 0)
    assert not Position.objects.exists()


def test_funding_in_another_currency_stands_apart(account, links) -> None:
    long, short = links

    enter(account, amount=Decimal(-1), currency="BNFCR", **FUNDING)

    assert (earned(long), earned(short)) == (0, 0)
    apart = SymbolDay.objects.filter(currency="BNFCR").order_by("strategy_account")
    assert [(day.realized, day.funding) for day in apart] == [(-2, -2), (1, 1)]


def test_what_nobody_can_be_named_for_is_the_accounts(account, links) -> None:
    enter(account, kind=FlowKind.INTEREST, amount=Decimal(1))
    enter(account, amount=Decimal(1))

    assert {earned(link) for link in links} == {Decimal(0)}


def test_what_is_divided_among_nobody_stands_in_a_row_without_a_strategy(account, links) -> None:
    """Long 1 beside short 1 are paid nothing together; what the exchange took is not lost."""
    long, short = links
    enter(account, **{**FUNDING, "amount": Decimal(-1), "occurred_at": NOON - timedelta(hours=2)})
    hold(long, 3, "sell", "1", hours=-1)
    enter(account, amount=Decimal("-0.7"), **FUNDING)
    enter(account, amount=Decimal("-0.1"), symbol="ETH/USDT:USDT", kind=FlowKind.FUNDING)
    enter(account, kind=FlowKind.INTEREST, amount=Decimal("0.25"))
    enter(account, kind=FlowKind.REBATE, amount=Decimal("0.05"))
    enter(account, kind=FlowKind.INTEREST, amount=Decimal(3), strategy_account=short.pk)
    enter(account)

    def rows(*by: str, **asked: Any) -> list[tuple[Any, ...]]:
        found = account_pnl([account.pk], by=by, **asked)
        return [
            (*(getattr(row, name) for name in by), row.realized, row.funding, row.fees)
            for row in found
        ]

    assert rows("strategy")[-1] == (None, Decimal("-0.5"), Decimal("-0.55"), Decimal("-0.05"))
    assert [row[1:3] for row in rows("strategy")[:-1]] == [(-2, -2), (4, 4)]
    assert rows() == [(Decimal("1.5"), Decimal("1.45"), Decimal("-0.05"))]
    assert [row[:2] for row in rows("symbol")] == [
        ("", Decimal("3.3")),
        (BTC, Decimal("-1.7")),
        ("ETH/USDT:USDT", Decimal("-0.1")),
    ]
    assert rows(since=NOON.date() + timedelta(days=1)) == []


def test_what_the_exchange_tells_takes_the_place_of_what_a_person_entered(account, links) -> None:
    long, short = links
    entered = enter(account, amount=Decimal(-1), strategy_account=long.pk, **FUNDING)
    assert earned(long) == -1

    with transaction.atomic():
        locked = lock_accounts([account.pk])[account.pk]
        told = make_flow(
            account,
            kind="funding",
            symbol=BTC,
            amount=Decimal(-1),
            occurred_at=NOON,
            source="venue",
            venue_flow_id="9",
            matches=entered,
        )
        book_flows(locked, [told], now=NOON)

    assert (earned(long), earned(short)) == (-2, 1)


def test_what_was_earned_is_matched_by_its_kind_and_symbol(account, links) -> None:
    """A person may leave the symbol out; the interest of the same day is another payment."""
    long, _ = links
    amount = Decimal(3)
    interest = enter(account, kind=FlowKind.INTEREST, amount=amount, strategy_account=long.pk)
    other = enter(account, **{**FUNDING, "symbol": "ETH/USDT:USDT"}, amount=amount)
    entered = enter(account, kind=FlowKind.FUNDING, amount=amount, strategy_account=long.pk)
    told = ReadFlow(FlowKind.FUNDING, "USDT", amount, NOON - MINUTE, BTC, "f1")

    with transaction.atomic():
        locked = lock_accounts([account.pk])[account.pk]
        assert record_venue_flows(locked, Pool.FUTURES, [told], now=NOON) == 1

    matched = Flow.objects.get(venue_flow_id="f1")
    assert (matched.matches, matched.strategy_account) == (entered, long)
    assert set(Flow.objects.filter(source="person", matched_by=None)) == {interest, other}
    # Both are its own, each once.
    assert sum(day.funding for day in SymbolDay.objects.filter(strategy_account=long)) == 6


def test_books_of_funding_alone_hold_nothing(account) -> None:
    link = link_on(account)

    enter(account, amount=Decimal(-1), strategy_account=link.pk, **FUNDING)

    position = Position.objects.get()
    assert (position.quantity, position.entry_price, position.realized_pnl) == (0, None, -1)


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"kind": FlowKind.DEPOSIT, "symbol": BTC}, "symbol", Code.FLOW_NOT_EARNED),
        (
            {"kind": FlowKind.FUNDING, "symbol": "bitcoin"},
            "symbol",
            Code.FLOW_SYMBOL_UNREADABLE,
        ),
    ],
)
def test_a_symbol_that_does_not_belong_there_is_refused(account, fields, field, code) -> None:
    with pytest.raises(TradingRefused) as refused:
        enter(account, **fields)

    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_link_of_another_account_is_refused(account) -> None:
    link_on(account)
    with pytest.raises(TradingRefused) as refused:
        enter(account, kind=FlowKind.FUNDING, strategy_account=link_on(make_account()).pk)

    assert refused.value.code is Code.FLOW_LINK_NOT_OF_ACCOUNT
    with pytest.raises(TradingRefused) as refused:
        enter(account, strategy_account=link_on(account).pk)
    assert refused.value.code is Code.FLOW_NOT_EARNED


def test_a_rebate_is_nobodys_only_where_it_has_neither_strategy_nor_symbol(account) -> None:
    link = make_link(account=account, market_type="futures")
    arguments = {"kind": FlowKind.REBATE, "amount": Decimal(3)}
    enter(account, **arguments)
    enter(account, **arguments, strategy_account=link.pk)

    (found,) = undivided_flows([account.pk], (None, None))

    assert (found.fees, found.funding, found.earned) == (Decimal(-3), 0, Decimal(3))


def _same(moment: datetime) -> datetime:
    return moment


@pytest.mark.parametrize("zone", ["Asia/Seoul", "America/Havana", "America/Santiago"])
def test_of_a_span_no_flows_but_its_own_are_read(account, settings, monkeypatch, zone) -> None:
    """In Havana a midnight comes twice on the last day; in Santiago that of the first one never."""
    settings.TIME_ZONE = zone
    first, last = date(2026, 9, 6), date(2026, 11, 1)
    begins, ends = (
        min(datetime.combine(day, time(hour), ZoneInfo(zone)).astimezone(UTC) for hour in (0, 1))
        for day in (first, last + timedelta(days=1))
    )
    tick = timedelta(microseconds=1)
    moments = [begins - timedelta(days=30), begins - tick, begins, ends - tick, ends]
    for number, at in enumerate([*moments, ends + timedelta(days=30)]):
        amount = Decimal(10) ** number
        enter(
            account, kind=FlowKind.INTEREST, amount=amount, occurred_at=at, clock=partial(_same, at)
        )
    read: list[int] = []
    monkeypatch.setattr(
        Flow, "from_db", lambda *given: read.append(1) or Model.from_db.__func__(Flow, *given)
    )

    def earned(*span: date | None) -> tuple[Decimal, int]:
        read.clear()
        return sum(each.earned for each in undivided_flows([account.pk], span)), len(read)

    assert earned(first, last) == (Decimal(1100), 2)
    assert earned(None, last) == (Decimal(1111), 4)
    assert earned(first, None) == (Decimal(111100), 4)
    assert earned(date.min, date.max) == (Decimal(111111), 6)


def test_of_a_day_that_comes_back_its_own_moments_alone_are_told(account, settings) -> None:
    """Clocks at Goose Bay went back at a minute past midnight: to the day before."""
    settings.TIME_ZONE = "America/Goose_Bay"
    midnight = datetime(2010, 11, 7, 3, tzinfo=UTC)
    for amount, minutes in ((1, -1), (10, 0), (100, 1), (1000, 59), (10_000, 60)):
        at = midnight + timedelta(minutes=minutes)
        make_flow(account, kind=FlowKind.INTEREST.value, amount=Decimal(amount), occurred_at=at)

    def earned(day: int) -> Decimal:
        asked = date(2010, 11, day)
        return sum(each.earned for each in undivided_flows([account.pk], (asked, asked)))

    assert (earned(6), earned(7)) == (Decimal(1101), Decimal(10_010))


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_an_account_that_is_removed_meanwhile_nothing_is_entered(account: Account) -> None:
    with transaction.atomic():
        lock_accounts([account.pk])
        entering = Beside(lambda: enter(account))
        entering.wait_for_lock()
        Account.objects.filter(pk=account.pk).delete()

    with pytest.raises(NotFound):
        entering.result()
    assert not Flow.objects.exists()
