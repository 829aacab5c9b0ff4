"""What a decision rests on, and what of it a revert leaves."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.allocation.gate import Inputs, LinkState
from capital.domain.allocation.links import Reserve
from capital.domain.balances import PoolReading, Source
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import Account, AllocationRun
from capital.services.allocation.inputs import inputs_after_revert, last_allocations
from tests.factories import make_account

LAST = Inputs(
    links={1: LinkState("grid", Decimal(2), None), 2: LinkState("old", Decimal(1), Code.KEPT)},
    reserve=Reserve(Decimal(10), Decimal(50)),
    balances={Pool.SPOT: Decimal(300), Pool.FUTURES: Decimal(90)},
)


def reading(pool: Pool, amount: str | None) -> PoolReading:
    source = Source.NONE if amount is None else Source.LIVE
    return PoolReading(
        pool, None if amount is None else Decimal(amount), source, None, Reason(Code.NOT_READ)
    )


def test_a_revert_rests_on_the_present_balances_of_the_pools_that_it_read() -> None:
    readings = {Pool.SPOT: reading(Pool.SPOT, "310"), Pool.FUTURES: reading(Pool.FUTURES, None)}

    after = inputs_after_revert(LAST, readings)

    assert after.balances == {Pool.SPOT: Decimal(310), Pool.FUTURES: Decimal(90)}


def test_a_revert_names_the_pools_in_which_it_gave_back() -> None:
    last = replace(LAST, restored=frozenset({Pool.FUTURES}))

    after = inputs_after_revert(last, {Pool.SPOT: reading(Pool.SPOT, "310")})

    assert after.restored == {Pool.SPOT, Pool.FUTURES}
    assert after.is_restored(Pool.SPOT)
    assert not LAST.is_restored(Pool.SPOT)


# What a revert says of its own.
OWN = {"balances", "restored"}


@pytest.mark.parametrize("name", sorted({each.name for each in fields(Inputs)} - OWN))
def test_a_revert_keeps_everything_else_that_the_last_run_rested_on(name: str) -> None:
    """Each field, those that are added later too: else the gate would notice a change."""
    kept: Any = object()
    last = replace(LAST, **{name: kept})

    after = inputs_after_revert(last, {Pool.SPOT: reading(Pool.SPOT, "310")})

    assert getattr(after, name) is kept


def run_of(account: Account, outcome: str, code: str, *, basis: Any) -> AllocationRun:
    return AllocationRun.objects.create(
        account=account,
        run_key=f"key-{AllocationRun.objects.count()}",
        trigger="command",
        outcome=outcome,
        code=code,
        basis=basis,
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("outcome", "code", "basis", "counts"),
    [
        ("applied", "allocated", {}, True),
        ("unchanged", "unchanged", {}, True),
        ("skipped", "nothing_to_allocate", {}, True),
        ("skipped", "no_balance", {}, False),
        ("held", "open_position", {}, False),
        ("failed", "database_error", {}, False),
        ("applied", "allocated", None, False),
    ],
)
def test_gate_compares_with_the_accounts_own_last_run_that_allocated(
    outcome: str, code: str, basis: Any, counts: bool
) -> None:
    account, other, without = make_account(), make_account(), make_account()
    first = run_of(account, "applied", "allocated", basis={})
    others = run_of(other, "applied", "allocated", basis={})
    last = run_of(account, outcome, code, basis=basis)

    assert last_allocations([account.pk, without.pk]) == {
        account.pk: last.pk if counts else first.pk,
        without.pk: None,
    }
    assert last_allocations([other.pk]) == {other.pk: others.pk}
