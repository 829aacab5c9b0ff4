"""What recorded answers do not show: hedged accounts, rebates, several fees, other coins, flows.

``kinds/`` has answers of ours in the form of each venue, with what they say by hand.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from capital.domain.reasons import Reason
from capital.exchange.trading.contract import Told
from tests.exchange.trading.answers import all_in, as_told, by_hand, read

KINDS = all_in("kinds")


@pytest.mark.parametrize("case", KINDS.values(), ids=KINDS)
def test_an_answer_is_read_as_it_was_by_hand(case: Mapping[str, Any]) -> None:
    told = read(case)

    if isinstance(case["reads"], str):
        assert isinstance(told, Reason)
        assert told.code.value == case["reads"]
        return
    assert isinstance(told, Told), told
    assert [as_told(row) for row in told.rows] == [by_hand(row) for row in case["reads"]]
    assert [as_told(row) for row in told.unread] == case["unread"]
