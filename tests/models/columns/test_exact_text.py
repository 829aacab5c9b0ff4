"""Amounts as text: what many are together is what each is alone."""

from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from capital.domain.errors import InvalidAmount
from capital.models.columns.exact_text import exact_text, exact_texts

D = Decimal
amounts = st.one_of(
    st.decimals(
        allow_nan=False, allow_infinity=False, min_value=-(10**20) + 1, max_value=10**20 - 1
    ),
    st.decimals(places=4, min_value=-1000, max_value=1000),
    st.sampled_from([D("0"), D("-0.00"), D("100"), D("1E+3"), D("1.500"), D("0.0")]),
)


def _written_or_refused(write: Callable[[], Sequence[str]]) -> list[str] | str:
    try:
        return list(write())
    except InvalidAmount as problem:
        return str(problem)


@example([D("1"), D("3." + "9" * 60 + "E-59"), D("2")])
@given(st.lists(amounts, min_size=1, max_size=8))
def test_many_are_written_or_refused_as_each_is(some):
    alone = _written_or_refused(lambda: [exact_text(amount) for amount in some])

    assert _written_or_refused(lambda: exact_texts(some)) == alone


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1.50", "1.5"), ("100", "100"), ("100.00", "100"), ("0.00", "0"), ("1E+2", "100")],
)
def test_needless_zeros_go_and_others_stay(amount, text):
    assert list(exact_texts([D(amount), D("7")])) == [text, "7"]


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "1" + "0" * 20])
def test_what_is_no_amount_is_refused_among_others(amount):
    with pytest.raises(InvalidAmount):
        exact_texts([D(1), D(amount)])
