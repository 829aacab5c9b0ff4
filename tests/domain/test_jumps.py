"""When a live balance is too far from the last accepted one to be believed."""

from decimal import Decimal

import pytest

from capital.domain.jumps import is_suspect, jump_percent


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


@pytest.mark.parametrize(
    ("accepted", "observed", "percent"),
    [
        ("100", "150", "50"),
        ("100", "49.5", "50.5"),
        ("200", "201", "0.5"),
        ("-100", "100", "200"),
        ("1", "1", "0"),
        ("0", "5", None),
        (None, "5", None),
    ],
)
def test_jump_is_told_in_percent_of_the_accepted_balance(
    accepted: str | None, observed: str, percent: str | None
) -> None:
    assert jump_percent(None if accepted is None else Decimal(accepted), Decimal(observed)) == (
        None if percent is None else Decimal(percent)
    )


def test_percent_of_a_jump_may_be_rounded_and_whether_it_is_suspect_is_not() -> None:
    third = jump_percent(Decimal(3), Decimal(4))

    assert third is not None
    assert f"{third:.30f}" == "33." + "3" * 30
    assert is_suspect(Decimal(3), Decimal(4), max_jump_percent=Decimal("33." + "3" * 18))
    assert not is_suspect(Decimal(3), Decimal(4), max_jump_percent=Decimal("33.34"))
