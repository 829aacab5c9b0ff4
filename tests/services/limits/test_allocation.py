"""What a limit's stop does to the division of a pool, and what a person's does not."""

import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from capital.domain.allocation.gate import Inputs
from capital.domain.reasons import Code
from capital.models import AllocationEntry, AllocationRun, Stop, StrategyAccount
from capital.services.allocation import check_gate
from capital.services.allocation.allocate import auto_allocate_capital_for_account
from capital.services.allocation.policies.kept import inputs_as_json, inputs_from_json
from capital.services.limits import Scope, lift_stops, place_stop
from tests.factories import capital_of, make_account, make_link, make_summary

pytestmark = pytest.mark.django_db

D = Decimal


@pytest.fixture
def links() -> tuple[StrategyAccount, StrategyAccount]:
    account = make_account()
    make_summary(account=account, futures_balance=D(9000))
    return tuple(  # type: ignore[return-value]
        make_link(account=account, market_type="futures", weight=D(weight)) for weight in (2, 1)
    )


def allocate(link: StrategyAccount) -> AllocationRun:
    return auto_allocate_capital_for_account(link.account_id, live=False)


def limit_stop(**scope: Any) -> Stop:
    return Stop.objects.create(code="drawdown_reached", figures={}, **scope)


def held(*links: StrategyAccount) -> list[Decimal | None]:
    return [capital_of(link) for link in links]


def due(link: StrategyAccount) -> tuple[bool, Code]:
    status = check_gate(link.account_id, live=False)
    return status.due, status.reason.code


def test_share_of_a_stopped_link_stays_unallocated_and_nobody_else_gets_it(
    links: tuple[StrategyAccount, StrategyAccount],
) -> None:
    first, second = links
    allocate(first)
    assert held(first, second) == [6000, 3000]
    limit_stop(strategy_account=first)
    assert due(first) == (True, Code.STOPS_CHANGED)

    run = allocate(first)

    assert held(first, second) == [0, 3000]
    pool = run.pools.get()
    assert (pool.unallocated, pool.reserve) == (6000, 0)
    entries = AllocationEntry.objects.filter(pool=pool).order_by("strategy_account")
    assert [entry.code for entry in entries] == ["share_stopped", "share"]
    assert not due(first)[0]
    call_command("audit_capital", "--full", stdout=StringIO())

    lift_stops(Scope(link_id=first.pk), reason="Seen", actor=None)
    assert due(first) == (True, Code.STOPS_CHANGED)
    allocate(first)
    assert held(first, second) == [6000, 3000]
    call_command("audit_capital", "--full", stdout=StringIO())


def test_limit_of_the_account_leaves_all_of_it_unallocated(
    links: tuple[StrategyAccount, StrategyAccount],
) -> None:
    limit_stop(account=links[0].account)
    run = allocate(links[0])

    assert held(*links) == [0, 0]
    assert run.pools.get().unallocated == 9000


def test_stop_of_a_person_moves_no_capital_and_is_no_input(
    links: tuple[StrategyAccount, StrategyAccount],
) -> None:
    first, second = links
    allocate(first)
    for scope in (
        Scope(link_id=first.pk),
        Scope(account_id=first.account_id),
        Scope(owner_id=first.account.owner_id),
        Scope(everybody=True),
    ):
        place_stop(scope, reason="Outage", actor=None)
    assert not due(first)[0]
    allocate(first)

    assert held(first, second) == [6000, 3000]


def test_stop_of_an_idle_link_or_of_another_account_changes_nothing(
    links: tuple[StrategyAccount, StrategyAccount],
) -> None:
    first, _ = links
    idle = make_link(account=first.account, market_type="futures", is_active=False)
    allocate(first)
    limit_stop(strategy_account=idle)
    limit_stop(account=make_account())
    limit_stop(strategy_account=make_link())

    assert not due(first)[0]


def test_runs_of_before_limits_had_no_stops(
    links: tuple[StrategyAccount, StrategyAccount],
) -> None:
    run = allocate(links[0])
    stored = json.loads(json.dumps(run.basis))
    assert "stopped" not in str(stored)

    read: Inputs = inputs_from_json(stored)
    assert not any(link.stopped for link in read.links.values())
    limit_stop(strategy_account=links[0])
    again = inputs_from_json(allocate(links[0]).basis)
    assert [link.stopped for _, link in sorted(again.links.items())] == [True, False]
    assert inputs_from_json(inputs_as_json(again)) == again
