"""Our rounding is ccxt's ``decimal_to_precision`` with TRUNCATE, from exact fractions."""

from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from ccxt.base import decimal_to_precision as of_ccxt
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.sizing.instruments import PrecisionMode
from capital.domain.sizing.rounding import cut, magnitude, round_down, step_at, to_nearest
from tests.domain.sizing.builders import precisions

CCXT_MODES = {
    PrecisionMode.TICK_SIZE: of_ccxt.TICK_SIZE,
    PrecisionMode.DECIMAL_PLACES: of_ccxt.DECIMAL_PLACES,
    PrecisionMode.SIGNIFICANT_DIGITS: of_ccxt.SIGNIFICANT_DIGITS,
}
amounts = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(0, 10**16),
    st.integers(-16, 6),
)
fractions = st.fractions(0, 10**12, max_denominator=10**9)


def rounded_by_ccxt(amount: Decimal, mode: PrecisionMode, precision: Decimal) -> Decimal:
    # It changes the context that it finds, whose usual 28 digits are too few for 1e20 / 1e-8.
    with localcontext(Context(prec=60)):
        text = of_ccxt.decimal_to_precision(
            format(amount, "f"),
            of_ccxt.TRUNCATE,
            precision if mode is PrecisionMode.TICK_SIZE else int(precision),
            CCXT_MODES[mode],
        )
    return Decimal(text)


@given(amount=amounts, rule=precisions)
def test_it_is_what_ccxt_truncates_to(amount, rule):
    mode, precision = rule

    assert round_down(Fraction(amount), mode, precision) == rounded_by_ccxt(amount, mode, precision)


@given(amount=fractions, rule=precisions)
def test_it_is_never_above_and_less_than_a_step_below(amount, rule):
    mode, precision = rule

    rounded = Fraction(round_down(amount, mode, precision))

    step = Fraction(step_at(amount, mode, precision))
    assert rounded <= amount
    assert amount - rounded < step or amount == 0
    assert not step or rounded % step == 0


@given(amounts=st.tuples(fractions, fractions), rule=precisions)
def test_more_never_rounds_to_less(amounts, rule):
    mode, precision = rule

    low, high = sorted(amounts)

    assert round_down(low, mode, precision) <= round_down(high, mode, precision)


@pytest.mark.parametrize(
    ("amount", "mode", "precision", "expected"),
    [
        ("7.4", PrecisionMode.TICK_SIZE, "0.5", "7.0"),
        ("7.5", PrecisionMode.TICK_SIZE, "0.5", "7.5"),
        ("0.49", PrecisionMode.TICK_SIZE, "0.5", "0"),
        ("23.236", PrecisionMode.TICK_SIZE, "1", "23"),
        ("1.99999999", PrecisionMode.DECIMAL_PLACES, "4", "1.9999"),
        ("1999", PrecisionMode.DECIMAL_PLACES, "-2", "1900"),
        ("12345.678", PrecisionMode.SIGNIFICANT_DIGITS, "3", "12300"),
        ("0.0012399", PrecisionMode.SIGNIFICANT_DIGITS, "3", "0.00123"),
        ("0", PrecisionMode.SIGNIFICANT_DIGITS, "3", "0"),
        ("5", PrecisionMode.SIGNIFICANT_DIGITS, "0", "0"),
    ],
)
def test_it_rounds_down_in_every_mode(amount, mode, precision, expected):
    assert round_down(Fraction(amount), mode, Decimal(precision)) == Decimal(expected)


def test_ccxt_rounds_up_where_we_do_not():
    """What ccxt's own ``amount_to_precision`` of hyperliquid does: past the budget."""
    with localcontext(Context(prec=28)):
        by_ccxt = of_ccxt.decimal_to_precision(
            "0.0019", of_ccxt.ROUND, Decimal("0.001"), of_ccxt.TICK_SIZE
        )

    assert Decimal(by_ccxt) == Decimal("0.002")
    assert round_down(Fraction("0.0019"), PrecisionMode.TICK_SIZE, Decimal("0.001")) == Decimal(
        "0.001"
    )


@given(amount=st.fractions(min_value=Fraction(1, 10**30), max_value=10**30))
def test_magnitude_is_the_power_of_ten_at_or_below(amount):
    power = magnitude(amount)

    assert Fraction(10) ** power <= amount < Fraction(10) ** (power + 1)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (Fraction(0), "0"),
        (Fraction(1, 3), "0.333333333333333333"),
        (Fraction(2, 3), "0.666666666666666666"),
        (Fraction(5, 2), "2.5"),
        (Fraction(1200), "1200"),
    ],
)
def test_what_is_shown_is_cut_and_never_rounded_up(number, expected):
    assert format(cut(number), "f") == expected


@given(amounts.filter(bool), st.integers(1, 9))
def test_prices_are_rounded_to_digits_as_ccxt_rounds_them(number: Decimal, digits: int) -> None:
    """But for a half, which ccxt rounds down at times: what is sent is never above ours."""
    text = format(number, "f")
    of_theirs = of_ccxt.decimal_to_precision(
        text, of_ccxt.ROUND, digits, of_ccxt.SIGNIFICANT_DIGITS, of_ccxt.NO_PADDING
    )
    half = step_at(Fraction(number), PrecisionMode.SIGNIFICANT_DIGITS, Decimal(digits)) / 2

    ours, theirs = to_nearest(Fraction(number), digits=digits), Decimal(of_theirs)

    assert ours == theirs or (ours - number == half and number - theirs == half)
