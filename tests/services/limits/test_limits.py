"""Limits of loss: a day of fills, what stops, what warns, and what never does."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from capital.domain.errors import NotPermitted
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.domain.sizing.orders import Side
from capital.models import (
    Account,
    DailyAccountSummary,
    LimitState,
    Position,
    Stop,
    StrategyAccount,
    StrategyCapital,
)
from capital.services.accounts import change_account, change_link
from capital.services.accounts.lookup import lock_accounts
from capital.services.allocation.allocate import auto_allocate_capital_for_account
from capital.services.limits import Scope, judge_limits, lift_stop, lift_stops
from capital.services.sizing.orders import SizedOrder, size_orders
from capital.services.trading import NewFill, enter_flow, report_fills
from capital.services.trading.days.closing import close_days
from tests.admin.tenants import allow
from tests.domain.sizing.builders import order
from tests.factories import make_account, make_link, make_link_day, make_market, make_summary

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
BTC = "BTC/USDT:USDT"
# Noon in Seoul on the tenth
NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)


def linked(capital: str = "1000", *, account: Account | None = None, **limits: Any) -> Any:
    return make_link(account=account, market_type="futures", capital=capital, **limits)


@pytest.fixture(autouse=True)
def market() -> None:
    make_market(BTC, contract_size=D("0.001"), fetched_at=NOON)


class Bot:
    """Tells of trades of one link, each a minute after the one before."""

    def __init__(self, link: StrategyAccount) -> None:
        self.link, self.fills = link, 0

    def fill(self, side: str, quantity: str, price: str, *, days: int = 0) -> None:
        self.fills += 1
        at = NOON + timedelta(days=days, minutes=self.fills)
        fill = NewFill(
            symbol=BTC,
            side=Side(side),
            quantity=D(quantity),
            price=D(price),
            executed_at=at,
            venue_fill_id=f"{self.link.pk}-{self.fills}",
        )
        report_fills(self.link.pk, [fill], actor=None, clock=lambda: at)

    def lose(self, amount: int, *, days: int = 0) -> None:
        """A round trip of 1 that loses so much."""
        self.fill("buy", "1", "100", days=days)
        self.fill("sell", "1", str(100 - amount), days=days)


def size(link: StrategyAccount, **fields: Any) -> SizedOrder:
    asked = {"symbol": BTC, "qty_per": "10", "price": "100", **fields}
    (answer,) = size_orders([link.pk], [order(**asked)], clock=lambda: NOON)
    return answer


def stops() -> list[tuple[str, str]]:
    return [(stop.scope, stop.code) for stop in Stop.objects.order_by("pk")]


def state(kind: str = "daily_loss") -> LimitState:
    return LimitState.objects.get(kind=kind)


def mark(link: StrategyAccount, price: str, *, minutes: int = 30, days: int = 0) -> None:
    """What a sync does that reads marks."""
    at = NOON + timedelta(days=days, minutes=minutes)
    Position.objects.filter(strategy_account=link).update(mark_price=D(price), marked_at=at)
    close_days([link.account_id], clock=lambda: at)


def test_day_of_losses_warns_then_stops_and_the_next_order_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    link = linked(max_daily_loss_percent=D(5))
    bot = Bot(link)
    for used in ("1", "2", "3"):
        bot.lose(10)
        assert (state().used, state().code) == (D(used), "")
    assert caplog.records == []
    bot.lose(10)
    assert (state().used, state().code) == (4, "daily_loss_near")
    assert size(link).code is Code.SIZED
    bot.lose(9)
    assert stops() == []
    # A warning is logged once.
    assert [record.getMessage() for record in caplog.records] == [
        f"{link}: Today's loss is 4.00%. New entries stop at 5%."
    ]
    bot.lose(1)

    assert stops() == [("link", "daily_loss_reached")]
    refused = size(link)
    assert (refused.code, refused.figures["cause"]) == (Code.STOPPED, "daily_loss_reached")
    assert "Entries of" in caplog.records[-1].getMessage()
    bot.lose(10)
    # It is stopped once, and closing goes on.
    assert stops() == [("link", "daily_loss_reached")]
    bot.fill("buy", "2", "100")
    assert size(link, side="sell", qty_per="-100").quantity == 2


def test_unrealised_loss_stops_with_the_mark_and_comes_with_no_fill() -> None:
    link = linked(max_drawdown_percent=D(10), max_daily_loss_amount=D(150))
    Bot(link).fill("buy", "10", "100")
    mark(link, "91")
    assert (state("drawdown").used, state("drawdown").code) == (9, "drawdown_near")
    mark(link, "90", minutes=31)
    assert stops() == [("link", "drawdown_reached")]
    mark(link, "85", minutes=32)
    assert stops() == [("link", "drawdown_reached"), ("link", "daily_loss_amount_reached")]


def test_old_mark_judges_nothing_and_says_so() -> None:
    link = linked(max_daily_loss_percent=D(5))
    Bot(link).fill("buy", "10", "100")
    Position.objects.update(mark_price=D(50), marked_at=NOON)

    close_days([link.account_id], clock=lambda: NOON + timedelta(hours=1))

    assert stops() == []
    assert (state().code, state().figures, state().used) == (
        "limit_not_judged",
        {"cause": "pnl_unknown"},
        None,
    )


def test_drawdown_goes_over_days_and_a_daily_loss_ends_with_its_day() -> None:
    link = linked(max_drawdown_percent=D(10), max_daily_loss_percent=D(6))
    bot = Bot(link)
    for days in range(2):
        bot.lose(40, days=days)
        assert stops() == []
    assert state("drawdown").code == "drawdown_near" or state("drawdown").used is not None
    bot.lose(40, days=2)

    assert stops() == [("link", "drawdown_reached")]
    assert state().used == D("4.347826086956521700")


def test_limit_of_the_account_stops_all_of_its_links_and_no_other() -> None:
    account = make_account(max_daily_loss_percent=D(5))
    first, second, other = linked(account=account), linked(account=account), linked()
    bots = [Bot(first), Bot(second)]
    bots[0].lose(60)
    assert stops() == []
    bots[1].lose(40)

    assert stops() == [("account", "daily_loss_reached")]
    assert [size(each).code for each in (first, second, other)] == [
        Code.STOPPED,
        Code.STOPPED,
        Code.SIZED,
    ]


def test_capital_of_a_link_without_fills_is_a_part_of_the_account() -> None:
    account = make_account(max_daily_loss_percent=D(5))
    link, silent = linked("1000", account=account), linked("3000", account=account)
    Bot(link).lose(60)
    assert state().used == D("1.5")
    # One that tells what it holds and no fills may have lost anything.
    Position.objects.create(strategy_account=silent, symbol=BTC, quantity=D(1))
    close_days([account.pk], clock=lambda: NOON + timedelta(minutes=9))
    assert state().code == "limit_not_judged"


def test_capital_that_a_link_without_fills_was_given_later_was_not_there_before() -> None:
    account = make_account(max_drawdown_percent=D(50))
    link = make_link(account=account, market_type="futures")
    silent = make_link(account=account, market_type="futures", is_active=False)
    decide(account, balance="1000", minutes=-24 * 60)
    bot = Bot(link)
    bot.lose(50)
    assert state("drawdown").used == 5
    StrategyAccount.objects.filter(pk=silent.pk).update(is_active=True)
    decide(account, balance="2000", minutes=23 * 60)
    assert StrategyCapital.objects.get(strategy_account=silent).allocated_capital == 1000
    bot.lose(40, days=2)

    # 50 of 1,000 on the first day; after the decision 40 of the 1,000 that each of them has.
    assert state("drawdown").used == D("6.9")
    assert stops() == []


def test_what_a_link_lost_in_another_currency_is_no_loss_in_its_accounts() -> None:
    link = linked(max_daily_loss_percent=D(5))
    today = {"date": NOON.date(), "fees": D(0), "funding": D(0), "unrealized": D(0)}
    make_link_day(link, currency="BTC", realized=D(-900), **today)
    with transaction.atomic():
        judge_limits([link.account_id], now=NOON)
    assert state().figures == {"cause": "no_books"}
    make_link_day(link, realized=D(-30), **today)
    with transaction.atomic():
        judge_limits([link.account_id], now=NOON)

    assert (state().used, state().code) == (3, "")
    assert stops() == []


def test_profit_of_one_link_saves_the_account_and_not_the_other_link() -> None:
    account = make_account(max_daily_loss_percent=D(5))
    first, second = linked(account=account), linked(account=account, max_daily_loss_percent=D(5))
    Bot(first).lose(-80)
    Bot(second).lose(90)

    assert stops() == [("link", "daily_loss_reached")]


# What is no loss


def decide(account: Account, *, balance: str, minutes: int) -> None:
    """Allocate what was read, as the job does."""
    at = NOON + timedelta(minutes=minutes)
    fields = {"futures_balance": D(balance), "futures_observed_at": at}
    if not DailyAccountSummary.objects.filter(account=account).update(**fields):
        make_summary(account=account, date=at.date(), **fields)
    auto_allocate_capital_for_account(account.pk, live=False, clock=lambda: at)


def test_decision_that_moves_2000_of_5000_away_stops_nothing() -> None:
    limits = {"max_drawdown_percent": D(5), "max_daily_loss_percent": D(5)}
    account = make_account(**limits)
    link = make_link(account=account, market_type="futures", weight=D(3), **limits)
    other = make_link(account=account, market_type="futures", weight=D(2), is_active=False)
    decide(account, balance="5000", minutes=-24 * 60)
    bot = Bot(link)
    bot.lose(50)
    StrategyAccount.objects.filter(pk=other.pk).update(is_active=True)
    decide(account, balance="4950", minutes=10)
    held = StrategyCapital.objects.order_by("strategy_account").values_list("allocated_capital")
    assert [row for (row,) in held] == [2970, 1980]
    bot.fills = 20
    bot.lose(1)

    assert stops() == []
    # Of the day's 5,000 that the link began with, 51 are lost; so are they of the account's.
    assert {row.used for row in LimitState.objects.all()} == {D("1.02")}
    assert LimitState.objects.count() == 4
    bot.lose(30, days=1)
    # Of 2,969 the day after; the account has 4,949.
    assert LimitState.objects.get(strategy_account=link, kind="daily_loss").used == D(
        "1.0104412260020209"
    )
    assert LimitState.objects.get(account=account, kind="daily_loss").used == D(
        "0.6061830672863205"
    )
    assert stops() == []


@pytest.mark.parametrize(
    ("kind", "amount"),
    [(FlowKind.DEPOSIT, "5000"), (FlowKind.WITHDRAWAL, "-900"), (FlowKind.TRANSFER, "-900")],
)
def test_deposit_withdrawal_and_transfer_stop_nothing(kind: FlowKind, amount: str) -> None:
    account = make_account(max_drawdown_percent=D(2), max_daily_loss_percent=D(2))
    link = linked(account=account, max_drawdown_percent=D(2), max_daily_loss_amount=D(20))
    Bot(link).lose(10)

    enter_flow(
        account.pk,
        pool=Pool.FUTURES,
        kind=kind,
        currency="USDT",
        amount=D(amount),
        occurred_at=NOON + timedelta(minutes=3),
        clock=lambda: NOON + timedelta(minutes=5),
    )
    close_days([account.pk], clock=lambda: NOON + timedelta(minutes=6))

    assert stops() == []
    assert {row.used for row in LimitState.objects.exclude(kind="daily_loss_amount")} == {D(1)}


def test_funding_is_a_loss() -> None:
    link = linked(max_daily_loss_amount=D(5))
    bot = Bot(link)
    bot.fill("buy", "1", "100")
    Position.objects.update(mark_price=D(100), marked_at=NOON + timedelta(minutes=5))
    enter_flow(
        link.account_id,
        pool=Pool.FUTURES,
        kind=FlowKind.FUNDING,
        currency="USDT",
        amount=D(-5),
        symbol=BTC,
        occurred_at=NOON + timedelta(minutes=3),
        clock=lambda: NOON + timedelta(minutes=5),
    )

    assert stops() == [("link", "daily_loss_amount_reached")]


def test_books_that_come_late_are_judged_when_they_come() -> None:
    """Yesterday's loss, told today, is of the drawdown; it is no loss of today."""
    link = linked(max_drawdown_percent=D(5), max_daily_loss_percent=D(5))
    bot = Bot(link)
    bot.lose(1, days=1)
    bot.fills = 0
    late = [
        NewFill(
            symbol=BTC,
            side=Side(side),
            quantity=D(1),
            price=D(price),
            executed_at=NOON + timedelta(minutes=number),
            venue_fill_id=f"late-{number}",
        )
        for number, (side, price) in enumerate((("buy", "100"), ("sell", "40")))
    ]
    report_fills(link.pk, late, actor=None, clock=lambda: NOON + timedelta(days=1, minutes=20))

    assert stops() == [("link", "drawdown_reached")]
    assert state().used is not None
    assert state().used < 1


def test_link_without_books_is_not_judged_and_says_so() -> None:
    link = linked(max_daily_loss_percent=D(5))
    silent = linked(account=link.account, max_drawdown_percent=D(5))
    Bot(link).lose(1)

    shown = LimitState.objects.get(strategy_account=silent)
    assert (shown.code, shown.figures, shown.used) == (
        "limit_not_judged",
        {"cause": "no_books"},
        None,
    )


def test_without_a_limit_one_query_is_all_that_judging_costs(
    django_assert_num_queries: Any,
) -> None:
    link = linked()
    with transaction.atomic():
        lock_accounts([link.account_id])
        with django_assert_num_queries(1):
            judge_limits([link.account_id], now=NOON)
    assert not LimitState.objects.exists()


def test_limit_that_is_removed_takes_its_state_along_and_lifts_nothing() -> None:
    link = linked(max_daily_loss_percent=D(5), max_drawdown_percent=D(90))
    bot = Bot(link)
    bot.lose(50)
    StrategyAccount.objects.update(max_daily_loss_percent=None)
    bot.lose(1)

    assert [row.kind for row in LimitState.objects.all()] == ["drawdown"]
    assert size(link).code is Code.STOPPED


def test_failure_of_judging_loses_no_fill(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    link = linked(max_daily_loss_percent=D(5))
    monkeypatch.setattr("capital.services.limits.limits.load_standings", lambda *_, **__: 1 / 0)

    Bot(link).fill("buy", "1", "100")

    assert Position.objects.get().quantity == 1
    account = link.account
    assert f"The limits of {account.name} #{account.pk} could not be judged." in caplog.messages


# Lifting


def test_lifted_stop_lets_entries_go_on_until_the_limit_is_used_again() -> None:
    link = linked(max_daily_loss_percent=D(5), max_drawdown_percent=D(8))
    bot = Bot(link)
    bot.lose(50)
    at = NOON + timedelta(minutes=20)
    lifted = lift_stop(Stop.objects.get().pk, reason="Seen", actor=None, clock=lambda: at)

    assert lifted.lifted_figures == {"date": "2026-03-10", "return": "-0.05", "pnl": "-50"}
    assert size(link).code is Code.SIZED
    bot.lose(20)
    assert len(stops()) == 1
    assert state().used == 2
    # The drawdown was not what stopped it: it goes on where it was.
    assert state("drawdown").used == 7
    bot.lose(10)
    assert stops()[1:] == [("link", "drawdown_reached")]
    lift_stops(Scope(link_id=link.pk), reason="Seen", actor=None, clock=lambda: at)
    bot.lose(1)
    assert state("drawdown").used == D("0.108695652173913000")
    assert Stop.objects.open().count() == 0
    bot.lose(19)
    assert stops()[2:] == [("link", "daily_loss_reached")]


def test_stop_lifted_before_anything_happened_today_counts_from_the_days_beginning() -> None:
    link = linked(max_daily_loss_percent=D(5), max_drawdown_percent=D(8))
    bot = Bot(link)
    bot.lose(90)
    at = NOON + timedelta(hours=13)
    lifted = lift_stops(Scope(link_id=link.pk), reason="A new day", actor=None, clock=lambda: at)

    told = {"date": "2026-03-11", "return": "0", "pnl": "0"}
    assert [each.lifted_figures for each in lifted] == [told, told]
    bot.lose(90, days=1)
    assert sorted(stops()[2:]) == [("link", "daily_loss_reached"), ("link", "drawdown_reached")]


def test_stop_lifted_while_there_is_no_capital_is_judged_by_what_is_given_then() -> None:
    account = make_account()
    link = make_link(account=account, market_type="futures", max_drawdown_percent=D(20))
    decide(account, balance="200", minutes=-10)
    bot = Bot(link)
    bot.lose(60)
    decide(account, balance="140", minutes=30)
    tomorrow = NOON + timedelta(days=1)
    close_days([account.pk], clock=lambda: tomorrow)
    lift_stops(Scope(link_id=link.pk), reason="Seen", actor=None, clock=lambda: tomorrow)
    decide(account, balance="140", minutes=24 * 60)
    bot.lose(42, days=1)

    assert state("drawdown").used == 30
    assert Stop.objects.open().count() == 1


def test_person_stop_keeps_no_figures_and_lifting_it_changes_no_limit() -> None:
    from capital.services.limits import place_stop

    link = linked(max_daily_loss_percent=D(5))
    Bot(link).lose(30)
    place_stop(Scope(link_id=link.pk), reason="Mine", actor=None)
    lifted = lift_stops(Scope(link_id=link.pk), reason="Over", actor=None)

    assert [each.lifted_figures for each in lifted] == [{}]
    assert state().used == 3


# Changing limits


@pytest.mark.parametrize(
    ("name", "before", "looser"),
    [
        ("max_drawdown_percent", "10", "10.5"),
        ("max_drawdown_percent", "10", None),
        ("max_daily_loss_percent", "5", "6"),
        ("max_daily_loss_amount", "100", "100.01"),
    ],
)
@pytest.mark.parametrize("of", ["link", "account"])
def test_loosening_takes_the_permission_to_lift_and_tightening_does_not(
    of: str, name: str, before: str, looser: str | None
) -> None:
    link = linked(**({name: D(before)} if of == "link" else {}))
    if of == "account":
        Account.objects.update(**{name: D(before)})
    user = allow(link.account.owner, "capital.change_strategyaccount", "capital.change_account")

    def change(value: str | None) -> None:
        fields = {name: None if value is None else D(value)}
        if of == "link":
            change_link(link.pk, actor=user, **fields)
        else:
            change_account(link.account_id, actor=user, **fields)

    change(str(D(before) - 1))
    change(str(D(before) - 1))
    with pytest.raises(NotPermitted, match="lift_stop"):
        change(looser)
    user = allow(user, "capital.lift_stop")
    change(looser)
    row = (StrategyAccount if of == "link" else Account).objects.get()
    assert getattr(row, name) == (None if looser is None else D(looser))


def test_stop_by_limit_asks_for_a_reallocation(
    django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued: list[Any] = []
    monkeypatch.setattr(
        "capital.services.allocation.events._queue", lambda *task: queued.append(task)
    )
    link = linked(max_daily_loss_percent=D(5))
    bot = Bot(link)
    bot.fill("buy", "1", "100")
    with django_capture_on_commit_callbacks(execute=True):
        bot.fill("sell", "1", "40")
    assert [link.account_id] in [task[1] for task in queued]
    queued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        lift_stop(Stop.objects.get().pk, reason="Seen", actor=None)
    assert [task[1] for task in queued] == [[link.account_id]]
