"""What is told of a course that was replayed."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from capital.services.allocation.whatif.figures import last_capital


def test_a_link_that_is_idle_by_the_last_day_trades_with_nothing() -> None:
    first = SimpleNamespace(capital={1: Decimal(5), 2: Decimal(7)}, earned={1: 0, 2: 0})
    last = SimpleNamespace(capital={2: Decimal(8)}, earned={2: 0})
    course: Any = SimpleNamespace(days=[first, last])

    assert last_capital(course, 1) == 0
    assert last_capital(course, 2) == 8
    assert last_capital(course, 3) is None
