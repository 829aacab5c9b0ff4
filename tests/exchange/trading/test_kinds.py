"""What recorded answers do not show: hedged accounts, rebates, several fees, other coins, flows.

``kinds/`` has answers of ours in the form of each venue, with what they say by hand.
"""

from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.reasons import Reason
from capital.exchange.trading.contract import Told
from tests.exchange.trading.answers import all_in, as_told, by_hand, read

pytestmark = pytest.mark.usefixtures("hurried")

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


@pytest.mark.parametrize(
    ("name", "row", "field"),
    [
        ("okx-contracts, rebate, hedged", 0, "fee"),
        ("okx-net short, hedged short, margin left out", 1, "pos"),
    ],
)
def test_turning_a_sign_keeps_every_digit(name: str, row: int, field: str) -> None:
    """The usual arithmetic of decimals rounds to 28 digits, even where it only turns a sign."""
    digits = "1.23456789012345678901234567890123456789"
    case = deepcopy(KINDS[name])
    case["answer"]["data"][row][field] = digits

    told = read(case)

    assert isinstance(told, Told), told
    one = told.rows[row]
    assert (one.fees[0][0] if field == "fee" else one.quantity) == Decimal(f"-{digits}")
