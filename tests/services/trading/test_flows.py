"""Deposits, withdrawals and transfers that somebody enters."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.errors import NotPermitted, TradingRefused, UnknownAccount
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.models import Account, DailyAccountSummary, Flow
from capital.services.trading import enter_flow
from tests.factories import make_account, make_operator, make_user

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)


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
