from decimal import Decimal
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from capital.domain.allocation.links import Reserve
from capital.domain.money import CENT, SATOSHI, UNIT, floor_to
from tests.domain.builders import QUANTA, balances, reserves


def reserve_of(balance: str, *, percent: str = "0", amount: str = "0", quantum=CENT) -> Decimal:
    return Reserve(Decimal(percent), Decimal(amount)).of(Decimal(balance), quantum=quantum)


def test_without_a_rule_nothing_is_reserved():
    assert Reserve().of(Decimal("10369.00"), quantum=CENT) == 0


def test_percent_is_of_the_pool():
    assert reserve_of("10369.00", percent="10") == Decimal("1036.90")


def test_the_larger_of_percent_and_amount_is_reserved():
    assert reserve_of("1000.00", percent="10", amount="50") == Decimal("100.00")
    assert reserve_of("1000.00", percent="10", amount="150") == Decimal("150.00")


@pytest.mark.parametrize(
    ("balance", "percent", "quantum", "expected"),
    [
        ("100.01", "10", CENT, "10.01"),  # 10.001
        ("12345", "10", UNIT, "1235"),  # 1234.5
        ("0.00000003", "50", SATOSHI, "0.00000002"),  # 0.000000015
    ],
)
def test_a_share_between_two_quanta_is_rounded_up(balance, percent, quantum, expected):
    assert reserve_of(balance, percent=percent, quantum=quantum) == Decimal(expected)


def test_an_amount_between_two_quanta_is_rounded_up():
    assert reserve_of("100.00", amount="0.001") == Decimal("0.01")


def test_at_most_the_balance_is_reserved():
    assert reserve_of("80.00", amount="100") == Decimal("80.00")
    assert reserve_of("80.00", percent="100") == Decimal("80.00")


@pytest.mark.parametrize("balance", ["0", "-0.01", "-5000"])
def test_nothing_is_reserved_of_zero_or_of_a_debt(balance):
    assert reserve_of(balance, percent="50", amount="100") == 0


@given(balances, reserves, st.sampled_from(QUANTA))
def test_a_reserve_is_whole_quanta_between_zero_and_the_balance(reading, reserve, quantum):
    balance = floor_to(reading, quantum)

    kept_back = reserve.of(balance, quantum=quantum)

    assert 0 <= kept_back <= max(balance, Decimal(0))
    assert kept_back == floor_to(kept_back, quantum)


@given(balances, reserves, st.sampled_from(QUANTA))
def test_a_reserve_is_the_exact_rule_rounded_up_and_capped(reading, reserve, quantum):
    balance = floor_to(reading, quantum)
    assume(balance >= 0)
    exact = max(Fraction(balance) * Fraction(reserve.percent) / 100, Fraction(reserve.amount))
    rounded_up = ceil(exact / Fraction(quantum)) * Fraction(quantum)

    kept_back = reserve.of(balance, quantum=quantum)

    assert Fraction(kept_back) == min(rounded_up, Fraction(balance))
