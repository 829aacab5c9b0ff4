"""The orders that lead from what is held to a position, closing first."""

from decimal import Decimal

import pytest

from capital.domain.sizing.orders import OrderRequest, PositionSide
from capital.domain.sizing.targets import Meant, Target, TargetRequest, asked_for

D = Decimal
BOTH, LONG, SHORT = PositionSide.BOTH, PositionSide.LONG, PositionSide.SHORT


def towards(target: Target | None, share: str = "100", **fields: object) -> TargetRequest:
    given = {"symbol": "BTC/USDT:USDT", "stake": D(300), "stake_of": "notional", **fields}
    if target not in (Target.LONG, Target.SHORT):
        given = {"symbol": "BTC/USDT:USDT", **fields}
    asked = asked_for(given, Meant(target, D(share)))
    assert isinstance(asked, TargetRequest)
    return asked


def told(orders: list[OrderRequest]) -> list[tuple[str, Decimal | None, Decimal | None]]:
    return [(order.side, order.qty_per, order.stake) for order in orders]


@pytest.mark.parametrize(
    ("target", "held", "orders"),
    [
        (Target.LONG, "0", [("buy", None, 300)]),
        (Target.LONG, "2", []),
        (Target.LONG, "-2", [("buy", -100, None), ("buy", None, 300)]),
        (Target.SHORT, "0", [("sell", None, 300)]),
        (Target.SHORT, "2", [("sell", -100, None), ("sell", None, 300)]),
        (Target.SHORT, "-2", []),
        (Target.FLAT, "0", []),
        (Target.FLAT, "2", [("sell", -100, None)]),
        (Target.FLAT, "-2", [("buy", -100, None)]),
    ],
)
def test_every_step_from_what_is_held_to_what_is_wanted(
    target: Target, held: str, orders: list[object]
) -> None:
    found = towards(target).orders({BOTH: D(held)})

    assert told(found) == orders
    assert all(order.problem is None for order in found)


def test_a_part_is_closed_of_whatever_is_held() -> None:
    part = towards(None, "33")

    assert told(part.orders({BOTH: D(2)})) == [("sell", -33, None)]
    assert told(part.orders({BOTH: D(-2)})) == [("buy", -33, None)]
    assert part.orders({}) == []


def test_of_two_positions_each_is_closed_by_its_own_order() -> None:
    held = {LONG: D(1), SHORT: D(-3)}

    long, flat = towards(Target.LONG).orders(held), towards(Target.FLAT).orders(held)

    assert [(order.side, order.position_side) for order in long] == [("buy", "short")]
    assert [(order.side, order.position_side) for order in flat] == [
        ("sell", "long"), ("buy", "short"),
    ]  # fmt: skip


def test_a_position_that_is_named_is_the_only_one_that_is_closed() -> None:
    held = {LONG: D(1), SHORT: D(-3)}

    (order,) = towards(Target.FLAT, position_side="short").orders(held)

    assert (order.side, order.position_side) == ("buy", "short")


def test_a_protective_stop_is_the_entry_s_alone_and_a_trigger_both_orders_() -> None:
    entry = towards(Target.LONG, stop_price=D(90), price=D(100))
    triggered = towards(Target.LONG, stop_price=D(90), order_type="STOP_MARKET")

    assert [order.stop_price for order in entry.orders({BOTH: D(-1)})] == [None, 90]
    assert [order.price for order in entry.orders({BOTH: D(-1)})] == [100, 100]
    assert [order.stop_price for order in triggered.orders({BOTH: D(-1)})] == [90, 90]


def test_an_entry_without_a_size_has_a_problem_and_a_close_has_none() -> None:
    assert towards(Target.LONG, stake=None, stake_of=None).problem is not None
    assert towards(Target.FLAT).problem is None
    towards(Target.FLAT).check()
