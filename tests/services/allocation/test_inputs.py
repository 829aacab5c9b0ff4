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
from capital.services.allocation.inputs import inputs_after_revert

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


@pytest.mark.parametrize("name", sorted({each.name for each in fields(Inputs)} - {"balances"}))
def test_a_revert_keeps_everything_else_that_the_last_run_rested_on(name: str) -> None:
    """Each field, those that are added later too: else the gate would notice a change."""
    kept: Any = object()
    last = replace(LAST, **{name: kept})

    after = inputs_after_revert(last, {Pool.SPOT: reading(Pool.SPOT, "310")})

    assert getattr(after, name) is kept
