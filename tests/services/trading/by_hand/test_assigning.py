"""Fills assigned by hand: the whole order, the books of both links, and who may."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from capital.domain.errors import NotFound, NotPermitted, TradingRefused, UnknownAccount
from capital.domain.reasons import Code
from capital.domain.sizing.orders import Side
from capital.models import Account, Attribution, Fill, LinkDay, Position, StrategyAccount
from capital.services.accounts.lookup import lock_accounts
from capital.services.overview import unattributed_fills
from capital.services.trading import (
    NewFill,
    assign_fills,
    attribute_again,
    preview_assignment,
    report_fills,
)
from capital.services.trading.by_hand.orders import of_nobody, of_strategy
from capital.services.trading.fills import record_venue_fills
from strategies.models import Strategy
from tests.admin.tenants import allow
from tests.factories import make_account, make_link, make_market, make_strategy, make_user

pytestmark = pytest.mark.django_db

D = Decimal
BTC = "BTC/USDT:USDT"
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def clock() -> datetime:
    return NOON + timedelta(hours=5)


def told(number: int, side: str, quantity: str, price: str, **fields: Any) -> NewFill:
    return NewFill(
        **{
            "symbol": BTC,
            "side": Side(side),
            "quantity": D(quantity),
            "price": D(price),
            "executed_at": NOON + timedelta(minutes=number),
            "venue_fill_id": str(number),
            **fields,
        }
    )


@pytest.fixture
def account() -> Account:
    make_market(BTC)
    return make_account()


@pytest.fixture
def links(account: Account) -> list[StrategyAccount]:
    return [
        make_link(account=account, strategy=make_strategy(key=key, market_type="futures"))
        for key in ("grid", "trend")
    ]


def record(account: Account, *fills: NewFill) -> list[int]:
    with transaction.atomic():
        (locked,) = lock_accounts([account.pk]).values()
        return [each.fill_id for each in record_venue_fills(locked, fills, now=clock())]


def books(link: StrategyAccount) -> tuple[Decimal, Decimal | None]:
    position = Position.objects.filter(strategy_account=link).first()
    return (D(0), None) if position is None else (position.quantity, position.realized_pnl)


def test_an_order_moves_as_a_whole_and_both_links_are_booked_again(links) -> None:
    grid, trend = links
    first, _, _, _ = (
        each.fill_id
        for each in report_fills(
            grid.pk,
            [
                told(1, "buy", "0.5", "100", order_id="7"),
                told(2, "buy", "0.5", "100", client_order_id="x", order_id="7"),
                # Of the same order, which the bot told as a whole: it never counts.
                told(3, "buy", "1", "100", client_order_id="x", venue_fill_id=""),
                told(4, "sell", "1", "120", order_id="8"),
            ],
            actor=None,
            clock=clock,
        )
    )
    assert books(grid) == (0, 20)

    done = assign_fills([first], trend.pk, note="its bot was down", clock=clock)

    assert (len(done.fills), done.along, done.link) == (3, 2, trend)
    assert [(each.link, each.currency, each.before, each.after) for each in done.effects] == [
        (grid, "USDT", D(20), D(0)),
        (trend, "USDT", None, D(0)),
    ]
    assert (books(grid), books(trend)) == ((-1, 0), (1, 0))
    newest = Attribution.objects.filter(strategy_account=trend)
    assert {(each.how, each.note) for each in newest} == {("person", "its bot was down")}

    sold = Fill.objects.get(order_id="8")
    assign_fills([sold.pk], trend.pk, clock=clock)

    assert (books(grid), books(trend)) == ((0, None), (0, 20))
    days = dict(LinkDay.objects.filter(trades=1).values_list("strategy_account", "realized"))
    assert days == {trend.pk: D(20)}
    # What is recorded stays as it was told; whose it is now, the newest attribution says.
    assert set(Fill.objects.values_list("strategy_account", flat=True)) == {grid.pk}
    assert of_strategy(Fill.objects.all(), trend.strategy_id).count() == 4
    assert not of_strategy(Fill.objects.all(), grid.strategy_id).exists()


def test_what_was_assigned_already_is_not_assigned_again(links, account) -> None:
    grid, trend = links
    fills = record(account, told(1, "buy", "1", "100"), told(2, "sell", "1", "90"))

    assert len(assign_fills(fills, grid.pk, clock=clock).fills) == 2
    assert len(assign_fills(fills, grid.pk, clock=clock).fills) == 0

    assert Attribution.objects.count() == 2
    assert (books(grid), books(trend)) == ((0, -10), (0, None))


def test_a_fill_given_to_nobody_counts_nowhere_and_no_rule_takes_it(links, account) -> None:
    grid, _ = links
    mine, other = record(account, told(1, "buy", "1", "100"), told(2, "buy", "1", "100"))
    assert unattributed_fills(Fill.objects.all()).count() == 2
    assign_fills([mine], grid.pk, clock=clock)

    assign_fills([mine], None, clock=clock)

    assert books(grid) == (0, None)
    assert [each.pk for each in of_nobody(Fill.objects.all())] == [mine]
    assert [each.pk for each in unattributed_fills(Fill.objects.all())] == [other]
    StrategyAccount.objects.filter(pk=grid.pk).update(symbols=[BTC])
    assert attribute_again([mine, other], clock=clock) == 1
    assert books(grid)[0] == 1
    assert [each.pk for each in of_nobody(Fill.objects.all())] == [mine]


def test_a_preview_says_what_would_follow_and_leaves_no_trace(links, account) -> None:
    grid, trend = links
    fills = record(account, told(1, "buy", "1", "100"), told(2, "sell", "1", "90"))

    found = preview_assignment(fills, trend.pk, clock=clock)

    assert [(each.link, each.before, each.after) for each in found.effects] == [
        (trend, None, D(-10))
    ]
    assert not Attribution.objects.exists()
    assert not Position.objects.exists()
    assert unattributed_fills(Fill.objects.all()).count() == 2
    assert books(grid) == (0, None)


def test_today_s_rules_are_asked_where_nobody_ever_said(links, account) -> None:
    Account.objects.filter(pk=account.pk).update(venue="bybit", wallet_mode="unified")
    make_market(BTC, venue="bybit")
    grid, trend = links
    fills = record(
        account,
        told(1, "buy", "1", "100", client_order_id="tr7-1"),
        told(2, "buy", "2", "100", client_order_id="other"),
    )
    elsewhere = make_link(account=make_account(), market_type="futures")
    theirs = record(elsewhere.account, told(1, "buy", "1", "100"))
    Strategy.objects.filter(pk=trend.strategy_id).update(order_tag="tr7")
    # Another tag rewrites nothing by itself.
    assert (books(grid), books(trend)) == ((0, None), (0, None))

    assert attribute_again([*fills, *theirs], clock=clock) == 1

    assert (books(grid), books(trend)) == ((0, None), (1, 0))
    (said,) = Attribution.objects.all()
    assert (said.fill_id, said.how, said.actor) == (fills[0], "tag", None)


def refusal(*arguments: Any, **fields: Any) -> tuple[Code, str | None]:
    with pytest.raises(TradingRefused) as refused:
        assign_fills(*arguments, clock=clock, **fields)
    return refused.value.code, refused.value.field


def test_links_of_other_accounts_and_markets_are_refused(links, account) -> None:
    grid, _ = links
    mine = record(account, told(1, "buy", "1", "100"))
    spot = make_link(account=account, strategy=make_strategy(key="spot"))
    elsewhere = make_link(account=make_account(), market_type="futures")
    theirs = record(elsewhere.account, told(1, "buy", "1", "100"))

    assert refusal(mine, elsewhere.pk) == (Code.FLOW_LINK_NOT_OF_ACCOUNT, "link")
    assert refusal(mine, spot.pk) == (Code.SYMBOL_OF_OTHER_MARKET, "link")
    assert refusal([*mine, *theirs], grid.pk) == (Code.FILLS_NOT_OF_ONE_ACCOUNT, "fills")
    for absent in ([], [*mine, 10**9]):
        with pytest.raises(NotFound):
            assign_fills(absent, grid.pk, clock=clock)
    assert not Attribution.objects.exists()


def test_only_who_may_on_the_account_assigns(links, account) -> None:
    grid, _ = links
    fills = record(account, told(1, "buy", "1", "100"))
    stranger = allow(make_user(), "capital.assign_fills")

    for work in (
        lambda actor: assign_fills(fills, grid.pk, actor=actor, clock=clock),
        lambda actor: preview_assignment(fills, grid.pk, actor=actor, clock=clock),
        lambda actor: attribute_again(fills, actor=actor, clock=clock),
    ):
        with pytest.raises(UnknownAccount):
            work(stranger)
        with pytest.raises(NotPermitted):
            work(account.owner)
    assert not Attribution.objects.exists()

    owner = allow(account.owner, "capital.assign_fills")
    assign_fills(fills, grid.pk, actor=owner, clock=clock)

    assert Attribution.objects.get().actor == owner


def test_of_two_symbols_with_an_order_of_one_name_only_the_fills_of_one_move(
    links, account
) -> None:
    make_market("ETH/USDT:USDT")
    grid, trend = links
    fills = record(
        account,
        told(1, "buy", "1", "100", order_id="7"),
        told(2, "buy", "2", "100", order_id="7"),
        told(3, "buy", "5", "10", order_id="7", symbol="ETH/USDT:USDT"),
    )
    assign_fills(fills, grid.pk, clock=clock)

    done = assign_fills(fills[:1], trend.pk, clock=clock)

    assert ([each.pk for each in done.fills], done.along) == (fills[:2], 1)
    held = Position.objects.exclude(quantity=0).values_list("strategy_account", "symbol")
    assert dict(held) == {trend.pk: BTC, grid.pk: "ETH/USDT:USDT"}


def test_the_number_of_queries_does_not_depend_on_the_number_of_fills(links, account) -> None:
    grid, trend = links
    made = []
    for count, start in ((2, 0), (30, 100)):
        fills = record(
            account,
            *(told(start + n, "buy", "1", "100", order_id=f"o{start + n}") for n in range(count)),
        )
        assign_fills(fills, grid.pk, clock=clock)
        with CaptureQueriesContext(connection) as captured:
            assign_fills(fills, trend.pk, clock=clock)
        made.append(len(captured))

    assert made[0] == made[1]
