"""Every recorded answer about fills and positions, read to the last digit as somebody did by hand.

``recorded/`` has answers that ccxt recorded from venues or shows in its sources (MIT), each with
the instruments that are known, and what it says. Amounts are compared as numbers, exactly.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from capital.exchange.trading.contract import Told
from tests.exchange.trading.answers import all_in, as_told, by_hand, read

pytestmark = pytest.mark.usefixtures("hurried")

RECORDED = all_in("recorded")


@pytest.mark.parametrize("case", RECORDED.values(), ids=RECORDED)
def test_an_answer_is_read_as_it_was_by_hand(case: Mapping[str, Any]) -> None:
    told = read(case)

    assert isinstance(told, Told), told
    assert [as_told(row) for row in told.rows] == [by_hand(row) for row in case["reads"]]
    assert [as_told(row) for row in told.unread] == case["unread"]
