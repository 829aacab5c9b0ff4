"""A form asks for one preview, however often it is sent; and who has answered while it waits."""

from datetime import timedelta
from decimal import Decimal
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError

from capital.domain.balances import Observation
from capital.domain.errors import NothingToAccept
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import Account, AllocationPlan, PlanRequest
from capital.services.allocation.asking import once
from capital.services.allocation.asking.due import due_accounts
from capital.services.allocation.asking.once import find_request, make_plan_once, who_answered
from tests.factories import make_account, make_link, make_operator, make_summary, make_user
from tests.services.allocation.moments import NOON, at
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

KEY = UUID("11111111-1111-4111-8111-111111111111")
OTHER = UUID("22222222-2222-4222-8222-222222222222")


@pytest.fixture
def actor() -> Any:
    return make_operator("allocate_capital", "accept_jump", username="minsu")


@pytest.fixture
def account(exchange: Exchange, actor: Any) -> Account:
    account = exchange.open_account(
        name="Main", owner=actor, wallets={"spot": {"USDT": "300"}, "futures": {"USDT": "0"}}
    )
    make_link(account=account)
    return account


def test_second_click_makes_no_second_plan(account: Account, actor: Any) -> None:
    first = make_plan_once(KEY, [account.pk], actor=actor)
    second = make_plan_once(KEY, [account.pk], actor=actor)

    assert first.plan is not None
    assert second.plan == first.plan
    assert AllocationPlan.objects.count() == 1


def test_another_form_another_choice_and_another_user_ask_for_another_plan(
    account: Account, actor: Any
) -> None:
    other = make_user(username="jisoo", is_superuser=True)
    asked = [
        make_plan_once(KEY, [account.pk], actor=actor),
        make_plan_once(OTHER, [account.pk], actor=actor),
        make_plan_once(KEY, [account.pk], actor=actor, live=False),
        make_plan_once(KEY, [account.pk], actor=other),
    ]

    assert len({each.plan_id for each in asked}) == 4
    assert find_request(KEY, actor=other) == asked[3]
    assert find_request(OTHER, actor=other) is None


def test_who_asks_while_the_first_waits_gets_the_request_without_a_plan(
    account: Account, actor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, seen = once.make_plan, []

    def slow(ids: Any, **how: Any) -> AllocationPlan:
        seen.append(make_plan_once(KEY, ids, actor=actor))
        how["on_account"](
            account.pk,
            {
                Pool.SPOT: Observation(Decimal("300.50"), NOON),
                Pool.FUTURES: Reason(
                    Code.EXCHANGE_REFUSED_KEY, {"venue": "binance", "kind": "AuthenticationError"}
                ),
            },
        )
        return make(ids, **how)

    monkeypatch.setattr(once, "make_plan", slow)
    asked = make_plan_once(KEY, [account.pk], actor=actor)

    assert [each.plan for each in seen] == [None]
    assert asked.plan is not None
    assert AllocationPlan.objects.count() == 1


def test_plan_that_expired_or_was_left_or_applied_is_made_anew(
    account: Account, actor: Any
) -> None:
    first = make_plan_once(KEY, [account.pk], actor=actor, clock=at())
    within = make_plan_once(KEY, [account.pk], actor=actor, clock=at(minutes=4))
    late = make_plan_once(KEY, [account.pk], actor=actor, clock=at(minutes=6))
    assert (within.plan_id == first.plan_id, late.plan_id == first.plan_id) == (True, False)

    AllocationPlan.objects.update(applied_at=NOON)
    applied = make_plan_once(KEY, [account.pk], actor=actor, clock=at(minutes=7))
    assert applied.plan_id != late.plan_id

    PlanRequest.objects.update(plan=None)
    waits = make_plan_once(KEY, [account.pk], actor=actor, clock=at(minutes=11))
    left = make_plan_once(KEY, [account.pk], actor=actor, clock=at(minutes=13))
    assert (waits.plan, left.plan is None) == (None, False)


def test_request_that_failed_may_be_made_again(account: Account, actor: Any) -> None:
    with pytest.raises(NothingToAccept):
        make_plan_once(KEY, [account.pk], actor=actor, accept_jump=True)

    assert not PlanRequest.objects.exists()


def test_those_who_have_not_answered_come_first_and_nobody_else_s_is_named(
    account: Account, actor: Any
) -> None:
    silent = make_account(owner=actor, name="Silent")
    foreign = make_account(name="Foreign")
    request = PlanRequest.objects.create(
        key=KEY,
        actor=actor,
        started_at=NOON,
        accounts=[account.pk, silent.pk, foreign.pk],
        answers={
            str(account.pk): [
                ["spot", "300.5", "", {}],
                ["futures", None, "exchange_timeout", {"venue": "binance", "seconds": "10"}],
            ]
        },
    )

    told = who_answered(request, actor=actor)

    assert [each.account.name for each in told] == ["Silent", "Main"]
    spot, futures = told[1].pools
    assert (spot.amount, spot.reason) == (Decimal("300.5"), "")
    assert (futures.amount, "10" in futures.reason) == (None, True)
    assert told[0].pools == []


def test_answers_are_stored_once_and_a_database_that_refuses_stops_nothing(
    actor: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", once.__name__)
    request = PlanRequest.objects.create(key=KEY, actor=actor, started_at=NOON)
    other = PlanRequest.objects.create(key=OTHER, actor=actor, started_at=NOON)
    told = once._Told(request)
    told.add(7, {Pool.SPOT: Observation(Decimal("12.30"), NOON)})
    told.store()
    request.refresh_from_db()
    assert request.answers == {"7": [["spot", "12.30", "", {}]]}
    other.refresh_from_db()
    assert other.answers == {}

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr(PlanRequest.objects, "filter", refuse)
    told.store()
    assert caplog.messages == []
    told.add(8, {Pool.SPOT: Reason(Code.LIVE_DISABLED)})
    told.store()
    assert caplog.messages == ["Who answered could not be stored (DatabaseError)."]


def test_due_are_the_active_accounts_that_one_may_allocate_by_name(
    actor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # They are asked about in parts, and all parts count.
    monkeypatch.setattr("capital.services.allocation.gate._AT_ONCE", 1)
    found = {}
    for name, fields in (
        ("B", {}),
        ("A", {}),
        ("Off", {"is_active": False}),
        ("Foreign", {"owner": make_user()}),
    ):
        account = make_account(**{"name": name, "owner": actor, **fields})
        make_link(account=account)
        make_summary(account=account, spot_balance=Decimal(10), ending_balance=Decimal(10))
        found[name] = account.pk

    due = due_accounts(actor)

    assert due == [found["A"], found["B"]]


def test_what_is_answered_is_stored_while_the_others_are_waited_for(
    account: Account, actor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, stored = PlanRequest(accounts=[account.pk]), Event()
    monkeypatch.setattr(once, "_WRITTEN_EVERY", timedelta(milliseconds=1))
    monkeypatch.setattr(once._Told, "store", lambda _told: stored.set())

    with once._written(request):
        assert stored.wait(60)
