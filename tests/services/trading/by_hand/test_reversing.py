"""A flow entered by mistake: its opposite beside it, once, by who may."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from capital.domain.errors import NotFound, NotPermitted, TradingRefused, UnknownAccount
from capital.domain.performance.flows import FlowKind, FlowSource
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.domain.sizing.orders import Side
from capital.exchange.trading.contract import ReadFlow
from capital.models import Account, Flow, Position, StrategyAccount
from capital.services.accounts.lookup import lock_accounts
from capital.services.trading import NewFill, can_reverse, enter_flow, report_fills, reverse_flow
from capital.services.trading.flows import record_venue_flows
from tests.factories import make_account, make_flow, make_link, make_market, make_user

pytestmark = pytest.mark.django_db

D = Decimal
BTC = "BTC/USDT:USDT"
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def enter(account: Account, **fields: Any) -> Flow:
    return enter_flow(
        account.pk,
        **{
            "pool": Pool.FUTURES,
            "kind": FlowKind.DEPOSIT,
            "currency": "USDT",
            "amount": D("1000.123456789012345678"),
            "occurred_at": NOON,
            "clock": lambda: NOON,
            **fields,
        },
    )


def tell(account: Account, amount: str) -> int:
    told = ReadFlow(
        kind=FlowKind.DEPOSIT,
        currency="USDT",
        amount=D(amount),
        occurred_at=NOON + timedelta(hours=1),
        venue_flow_id="77",
    )
    with transaction.atomic():
        (locked,) = lock_accounts([account.pk]).values()
        return record_venue_flows(locked, Pool.FUTURES, [told], now=NOON)


def hold(link: StrategyAccount, quantity: str) -> None:
    fill = NewFill(
        symbol=BTC,
        side=Side.BUY,
        quantity=D(quantity),
        price=D(100),
        executed_at=NOON - timedelta(hours=5),
        venue_fill_id=str(link.pk),
    )
    report_fills(link.pk, [fill], actor=None, clock=lambda: NOON)


def test_the_opposite_is_recorded_and_the_first_stays() -> None:
    entered = enter(make_account(), note="From the bank")

    opposite = reverse_flow(entered.pk, note="Typed twice", clock=lambda: NOON)

    rows = Flow.objects.order_by("pk").values_list("kind", "amount", "occurred_at", "note")
    assert list(rows) == [
        ("deposit", D("1000.123456789012345678"), NOON, "From the bank"),
        ("deposit", D("-1000.123456789012345678"), NOON, "Typed twice"),
    ]
    assert (opposite.reverses, opposite.source) == (entered, "person")


def test_funding_that_was_divided_is_taken_back_from_each() -> None:
    make_market(BTC)
    account = make_account()
    links = [make_link(account=account, market_type="futures") for _ in range(3)]
    for link, quantity in zip(links, ("1", "1", "5"), strict=True):
        hold(link, quantity)
    entered = enter(account, kind=FlowKind.FUNDING, symbol=BTC, amount=D("-10"))
    positions = Position.objects.order_by("strategy_account")
    assert next(row.realized_pnl for row in positions) < D("-1.42")

    reverse_flow(entered.pk, clock=lambda: NOON)

    assert [row.realized_pnl for row in positions.all()] == [0, 0, 0]


def test_what_was_reversed_is_matched_by_nothing_that_the_exchange_tells() -> None:
    account = make_account()
    reversed_ = enter(account, amount=D(100))
    reverse_flow(reversed_.pk, clock=lambda: NOON)
    stays = enter(account, amount=D(100), note="The right one")

    assert tell(account, "100") == 1

    assert Flow.objects.get(source=FlowSource.VENUE.value).matches == stays


def test_only_what_a_person_entered_and_counts_is_reversed() -> None:
    account = make_account()
    mine, told_since = enter(account, amount=D(1)), enter(account, amount=D(2))
    opposite = reverse_flow(mine.pk, clock=lambda: NOON)
    tell(account, "2")
    told = Flow.objects.get(source=FlowSource.VENUE.value)

    for flow, code in (
        (mine, Code.FLOW_REVERSED_ALREADY),
        (opposite, Code.FLOW_NOT_BY_HAND),
        (told, Code.FLOW_NOT_BY_HAND),
        (told_since, Code.FLOW_TOLD_SINCE),
    ):
        with pytest.raises(TradingRefused) as refused:
            reverse_flow(flow.pk)
        assert refused.value.code is code
        assert not can_reverse(Flow.objects.get(pk=flow.pk))
    assert can_reverse(enter(account))
    assert Flow.objects.filter(reverses__isnull=False).count() == 1


def test_who_may_not_cannot_reverse_one() -> None:
    flow = make_flow(make_link().account, source="person")

    with pytest.raises(NotPermitted):
        reverse_flow(flow.pk, actor=flow.account.owner)
    with pytest.raises(UnknownAccount):
        reverse_flow(flow.pk, actor=make_user())
    with pytest.raises(NotFound):
        reverse_flow(flow.pk + 1)
    assert can_reverse(flow)
