"""What a reservation holds, and for how long it counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.limits.reservations import ReservationState, Reserved, ceiled, expiry

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def reserved(state: str = "open", *, filled: str = "0", quantity: str = "3") -> Reserved:
    return Reserved(
        Decimal(100), Decimal(quantity), Decimal(filled), ReservationState(state), NOW + MINUTE
    )


@pytest.mark.parametrize(
    ("filled", "left"),
    [
        ("0", "100"),
        ("1", "66.666666666666666667"),
        ("2", "33.333333333333333334"),
        ("3", "0"),
        ("4", "0"),
    ],
)
def test_partial_fills_lower_what_it_holds_and_rounding_never_frees_too_much(filled, left) -> None:
    assert reserved(filled=filled).left == Decimal(left)


@pytest.mark.parametrize(
    ("filled", "left"), [("0", "100"), ("1", "100"), ("2", "50"), ("2.5", "25"), ("3", "0")]
)
def test_what_reduces_is_filled_first_and_lowers_nothing(filled, left) -> None:
    flip = replace(reserved(filled=filled), reduces=Decimal(1))

    assert flip.left == Decimal(left)


def test_an_open_one_expires_and_a_placed_one_does_not() -> None:
    at = NOW + MINUTE
    before = at - timedelta(microseconds=1)

    assert reserved().state_at(before) is ReservationState.OPEN
    assert reserved().state_at(at) is ReservationState.EXPIRED
    assert reserved("placed").state_at(at + timedelta(days=1)) is ReservationState.PLACED


@pytest.mark.parametrize(
    ("state", "known", "holds"),
    [
        ("open", None, True),
        ("open", MINUTE - timedelta(microseconds=1), True),
        ("open", MINUTE, False),
        ("expired", None, True),
        ("expired", MINUTE, False),
        ("placed", 2 * MINUTE, True),
        ("used", None, False),
        ("released", None, False),
    ],
)
def test_an_expired_one_counts_until_it_is_known_what_happened(state, known, holds) -> None:
    known_until = None if known is None else NOW + known

    assert reserved(state).holds_at(NOW + 2 * MINUTE, known_until=known_until) is holds


def test_it_is_rounded_up_after_eighteen_decimals() -> None:
    assert ceiled(Fraction(1, 3)) == Decimal("0.333333333333333334")
    assert ceiled(Fraction(2)) == Decimal(2)


@given(st.fractions(min_value=0, max_value=10**9, max_denominator=10**6))
def test_rounding_up_never_loses(amount) -> None:
    rounded = Fraction(ceiled(amount))

    assert 0 <= rounded - amount < Fraction(1, 10**18)


def test_a_time_of_seconds() -> None:
    assert expiry(NOW, 60) == NOW + MINUTE
