"""Which rows that tell of one order count."""

from itertools import permutations

import pytest

from capital.domain.performance.telling import FillSource, Told, counting

VENUE, BOT, FILE = FillSource.VENUE, FillSource.BOT, FillSource.FILE


def row(key: int, source: FillSource = BOT, *, id: bool = False, **order: str) -> Told:  # noqa: A002
    return Told(key, source, is_identified=id, **order)


@pytest.mark.parametrize(
    ("rows", "counted"),
    [
        pytest.param([], set(), id="nothing"),
        pytest.param([row(1, id=True), row(2, id=True)], {1, 2}, id="fills without an order"),
        pytest.param([row(1, order_id="A"), row(2, order_id="B")], {1, 2}, id="two orders"),
        pytest.param(
            [row(1, order_id="A"), row(2, id=True, order_id="A"), row(3, id=True, order_id="A")],
            {2, 3},
            id="fills take the place of the order",
        ),
        pytest.param(
            [row(1, FILE, order_id="A"), row(2, BOT, order_id="A"), row(3, BOT, order_id="A")],
            {2, 3},
            id="a bot before a file",
        ),
        pytest.param(
            [row(1, BOT, order_id="A"), row(2, VENUE, order_id="A")], {2}, id="the venue first"
        ),
        pytest.param(
            [row(1, FILE, id=True, order_id="A"), row(2, VENUE, order_id="A")],
            {1},
            id="an identified fill before a better source",
        ),
        pytest.param(
            [row(1, order_id="A"), row(2, id=True, client_order_id="A")],
            {1, 2},
            id="an order id is no client order id",
        ),
        pytest.param(
            [
                row(1, client_order_id="mine"),
                row(2, order_id="A", client_order_id="mine"),
                row(3, id=True, order_id="A"),
            ],
            {3},
            id="joined by a third",
        ),
        pytest.param([row(1, FillSource.OPENING), row(2)], {1, 2}, id="an opening has no order"),
    ],
)
def test_which_count_in_any_order(rows, counted) -> None:
    for order in permutations(rows):
        assert counting(order) == counted
