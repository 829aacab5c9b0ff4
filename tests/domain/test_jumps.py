"""When a live balance is too far from the last accepted one to be believed."""

from decimal import Decimal

import pytest

from capital.domain.jumps import is_suspect


@pytest.mark.parametrize(
    ("accepted", "observed", "limit", "suspect"),
    [
        ("100", "150", "50", False),
        ("100", "150.01", "50", True),
        ("100", "50", "50", False),
        ("100", "49.99", "50", True),
        ("100", "0", "50", True),
        ("100", "-1", "150", False),
        ("-100", "100", "150", True),
        ("0", "1000000", "50", False),
        (None, "1000000", "50", False),
        ("100", "1000000", None, False),
        ("100", "100.01", "0", True),
    ],
)
def test_balance_that_jumps_is_suspect(
    accepted: str | None, observed: str, limit: str | None, suspect: bool
) -> None:
    assert suspect is is_suspect(
        None if accepted is None else Decimal(accepted),
        Decimal(observed),
        max_jump_percent=None if limit is None else Decimal(limit),
    )
