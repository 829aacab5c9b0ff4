"""Amounts in whole quanta."""

from decimal import Decimal
from fractions import Fraction

import pytest

from capital.domain.allocation.filling import whole


@pytest.mark.parametrize(
    ("amount", "quantum", "down", "up"),
    [
        ("10.019", "0.01", "10.01", "10.02"),
        ("10.01", "0.01", "10.01", "10.01"),
        ("1999", "1000", "1000", "2000"),
        ("0", "1", "0", "0"),
        ("-0.5", "1", "-1", "0"),
    ],
)
def test_what_is_less_than_a_quantum_is_cut_off_or_completed(
    amount: str, quantum: str, down: str, up: str
) -> None:
    assert whole(Fraction(amount), quantum=Decimal(quantum)) == Fraction(down)
    assert whole(Fraction(amount), quantum=Decimal(quantum), up=True) == Fraction(up)
