from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.allocation.split import split_by_weight
from capital.domain.errors import InvalidAllocation
from capital.domain.money import CENT, SATOSHI, UNIT
from tests.domain.builders import QUANTA, weights


def split(total: str, *shares: str, quantum: Decimal = CENT) -> list[str]:
    amounts = split_by_weight(Decimal(total), [Decimal(share) for share in shares], quantum=quantum)
    return [str(amount) for amount in amounts]


def test_one_weight_gets_everything():
    assert split("10369.00", "0.5") == ["10369.00"]


def test_equal_weights_get_equal_halves():
    assert split("10000.00", "0.5", "0.5") == ["5000.00", "5000.00"]


def test_weights_need_not_sum_to_one():
    assert split("100.00", "30", "10") == ["75.00", "25.00"]


def test_leftover_cents_go_to_the_largest_remainders():
    # 100.00 × 1/6 = 16.666…, × 2/6 = 33.333…, × 3/6 = 50: one cent is left, for the 0.666….
    assert split("100.00", "1", "2", "3") == ["16.67", "33.33", "50.00"]


def test_several_leftover_cents_go_one_each():
    # In cents: 0.545…, 0.818…, 1.636…; 0, 0 and 1 are sure and two are left.
    assert split("0.03", "2", "3", "6") == ["0.00", "0.01", "0.02"]


def test_equal_remainders_favour_the_earlier_position():
    assert split("0.02", "1", "1", "1") == ["0.01", "0.01", "0.00"]
    assert split("100.00", "1", "1", "1") == ["33.34", "33.33", "33.33"]


def test_answers_stand_in_the_order_of_the_weights():
    assert split("60.00", "3", "1", "2") == ["30.00", "10.00", "20.00"]


def test_a_weight_of_zero_gets_zero():
    assert split("100.01", "0", "1", "0") == ["0.00", "100.01", "0.00"]


def test_zero_splits_into_zeros():
    assert split("0", "1", "2") == ["0.00", "0.00"]


def test_won_are_whole():
    assert split("1000000", "1", "1", "1", quantum=UNIT) == ["333334", "333333", "333333"]


def test_coins_are_split_to_the_eighth_decimal():
    assert split("0.00000010", "1", "2", quantum=SATOSHI) == ["3E-8", "7E-8"]


def test_twenty_integer_digits_among_a_thousand_weights_lose_nothing():
    total = Decimal("99999999999999999999.99999999")
    shares = [Decimal(number) / 100_000_000 for number in range(1, 1001)]

    amounts = split_by_weight(total, shares, quantum=SATOSHI)

    assert sum(map(Fraction, amounts)) == Fraction(total)
    assert amounts[0] == Decimal("199800199800199.80019980")
    assert amounts[-1] == Decimal("199800199800199800.19980020")


@pytest.mark.parametrize(
    ("total", "shares", "quantum", "problem"),
    [
        ("-0.01", ["1"], "0.01", "the total -0.01 is not an amount of zero or more"),
        ("NaN", ["1"], "0.01", "the total NaN is not an amount of zero or more"),
        ("Infinity", ["1"], "0.01", "the total Infinity is not an amount of zero or more"),
        ("0.015", ["1"], "0.01", "the total 0.015 is not a whole number of 0.01"),
        ("10.5", ["1"], "1", "the total 10.5 is not a whole number of 1"),
        ("10", [], "0.01", "no weight is above zero"),
        ("10", ["0", "0"], "0.01", "no weight is above zero"),
        ("10", ["1", "-1"], "0.01", "a weight is not a number of zero or more"),
        ("10", ["1", "NaN"], "0.01", "a weight is not a number of zero or more"),
        ("10", ["1", "sNaN"], "0.01", "a weight is not a number of zero or more"),
        ("10", ["Infinity"], "0.01", "a weight is not a number of zero or more"),
        ("10", ["1"], "0", "the quantum 0 is not above zero"),
        ("10", ["1"], "-0.01", "the quantum -0.01 is not above zero"),
        ("10", ["1"], "NaN", "the quantum NaN is not above zero"),
    ],
)
def test_what_cannot_be_split_is_refused_with_its_problem(total, shares, quantum, problem):
    with pytest.raises(InvalidAllocation) as refused:
        split(total, *shares, quantum=Decimal(quantum))

    assert str(refused.value) == f"This cannot be allocated: {problem}."


@st.composite
def cases(draw: st.DrawFn) -> tuple[Decimal, list[Decimal], Decimal]:
    quantum = draw(st.sampled_from(QUANTA))
    most_units = int(Decimal(10) ** 20 / quantum) - 1
    units = draw(st.one_of(st.integers(0, most_units), st.integers(0, 50)))
    shares = draw(
        st.lists(st.one_of(weights, st.just(Decimal(0)), st.just(Decimal(1))), max_size=40)
    )
    shares.insert(draw(st.integers(0, len(shares))), draw(weights))
    return Decimal(units).scaleb(quantum.as_tuple().exponent), shares, quantum


def exact_share(total: Decimal, shares: list[Decimal], position: int) -> Fraction:
    return Fraction(total) * Fraction(shares[position]) / sum(map(Fraction, shares))


@given(cases())
def test_the_parts_sum_to_the_total_exactly(case):
    total, shares, quantum = case

    amounts = split_by_weight(total, shares, quantum=quantum)

    assert len(amounts) == len(shares)
    assert sum(map(Fraction, amounts)) == Fraction(total)


@given(cases())
def test_every_part_is_its_exact_share_rounded_down_or_up_to_the_quantum(case):
    total, shares, quantum = case

    for position, amount in enumerate(split_by_weight(total, shares, quantum=quantum)):
        units = Fraction(amount) / Fraction(quantum)
        exact = exact_share(total, shares, position) / Fraction(quantum)
        assert units.denominator == 1
        assert units >= 0
        assert units - exact < 1
        assert exact - units < 1


@given(cases())
def test_nobody_gets_a_leftover_before_somebody_with_a_larger_remainder(case):
    total, shares, quantum = case
    amounts = split_by_weight(total, shares, quantum=quantum)
    exact = [exact_share(total, shares, at) / Fraction(quantum) for at in range(len(shares))]
    # The larger remainder first; of equal ones the earlier.
    order = sorted(range(len(shares)), key=lambda at: (-(exact[at] % 1), at))

    favoured = [Fraction(amounts[at]) / Fraction(quantum) > exact[at] // 1 for at in order]

    assert favoured == sorted(favoured, reverse=True)


@given(cases(), st.integers(1, 10**6))
def test_only_the_proportion_of_weights_counts(case, factor):
    total, shares, quantum = case

    scaled = [share * factor for share in shares]

    assert split_by_weight(total, scaled, quantum=quantum) == split_by_weight(
        total, shares, quantum=quantum
    )
