from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.errors import InvalidAmount
from capital.domain.money import (
    CENT,
    EXACT,
    SATOSHI,
    UNIT,
    amount_text,
    ceil_to,
    floor_to,
    grouped,
    of_units,
    parse_amount,
    parse_whole,
    plain,
    quantum_of,
    usual_min_change,
    with_decimals,
)
from tests.domain.builders import QUANTA, balances


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0"),
        ("10369.00", "10369.00"),
        ("-12.5", "-12.5"),
        ("+12.5", "12.5"),
        ("007", "7"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e-8", "0.00000001"),
        ("1.5E+3", "1500"),
        ("99999999999999999999.99999999", "99999999999999999999.99999999"),
        ("0.000000000000000001", "0.000000000000000001"),
        ("0e100", "0"),
        (Decimal("1.25"), "1.25"),
        (7, "7"),
    ],
)
def test_plain_decimal_numbers_are_read_exactly(text, expected):
    assert parse_amount(text) == Decimal(expected)


@pytest.mark.parametrize("text", ["-0", "-0.00", "-.0", "-0e5", Decimal("-0"), Decimal("-0.0")])
def test_zero_has_no_sign(text):
    assert not parse_amount(text).is_signed()


@pytest.mark.parametrize(
    "text",
    [
        "", " ", " 1", "1 ", "1\n", "\n1", "1 000", "1,000", "1_000", "0x10", "1.2.3", ".", "-",
        "+-1", "e5", "1e", "1e99999", "abc", "NaN", "nan", "sNaN", "inf", "-Infinity", "Infinity",
        "１２３", "١٢٣", "1０", "−1", "½", "1.5 USDT", "$1", "None", "True",
    ],
)  # fmt: skip
def test_other_texts_are_refused(text):
    with pytest.raises(InvalidAmount, match="it is not a plain decimal number such as 1500"):
        parse_amount(text)


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("-5", -5), ("007", 7), ("9" * 18, 10**18 - 1)]
)
def test_a_whole_number_is_read(text: str, number: int) -> None:
    assert parse_whole(text) == number


@pytest.mark.parametrize(
    "text", ["", "-", "--5", "+5", " 5", "5\n", "٣", "½", "1_0", "1.0", "9" * 19]
)
def test_what_is_no_whole_number_is_none(text: str) -> None:
    assert parse_whole(text) is None


@pytest.mark.parametrize(
    "text", ["100000000000000000000", "-100000000000000000000", "1e20", "1e400", "1e9999"]
)
def test_more_than_twenty_integer_digits_are_refused(text):
    with pytest.raises(InvalidAmount, match="it has more than 20 integer digits"):
        parse_amount(text)


@pytest.mark.parametrize(
    "text", ["0." + "1" * 61, "1e-61", "1e-9999", "1" + "0" * 10 + "." + "0" * 60]
)
def test_more_than_sixty_digits_are_refused(text):
    with pytest.raises(InvalidAmount, match="it has more than 60 digits"):
        parse_amount(text)


@pytest.mark.parametrize("value", [1.5, 0.0, float("nan"), True, False, None, b"1", [], object()])
def test_what_is_neither_text_nor_decimal_nor_integer_is_refused(value):
    with pytest.raises(InvalidAmount, match=f"it is a {type(value).__name__}"):
        parse_amount(value)


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "1e20", "1e-61"])
def test_a_decimal_is_checked_like_a_text(value):
    with pytest.raises(InvalidAmount):
        parse_amount(Decimal(value))


def test_an_integer_is_checked_like_a_text():
    with pytest.raises(InvalidAmount):
        parse_amount(10**20)


def test_a_long_text_is_shortened_in_the_error():
    with pytest.raises(InvalidAmount) as refused:
        parse_amount("x" * 5000)

    assert len(str(refused.value)) < 120


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (1.5, "it is a float"),
        ("1,5", "it is not a plain decimal number such as 1500.25"),
        ("1e20", "it has more than 20 integer digits"),
        ("1e-61", "it has more than 60 digits"),
    ],
)
def test_refusal_names_the_value_and_the_problem(value, problem):
    with pytest.raises(InvalidAmount) as refused:
        parse_amount(value)

    assert refused.value.reason.figures == {"value": repr(value), "problem": problem}


@pytest.mark.parametrize("value", [Decimal("9" * 21), 10**21, Decimal("NaN")])
def test_refusal_of_a_number_shows_it_as_people_write_it(value):
    with pytest.raises(InvalidAmount) as refused:
        parse_amount(value)

    assert refused.value.reason.figures["value"] == str(value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("x" * 38, f"'{'x' * 38}'"), ("x" * 39, f"'{'x' * 36}…")],
)
def test_value_of_more_than_forty_characters_is_shortened(text, shown):
    with pytest.raises(InvalidAmount) as refused:
        parse_amount(text)

    assert refused.value.reason.figures["value"] == shown


@pytest.mark.parametrize("text", ["1e-60", "0." + "1" * 60, "9" * 20 + "." + "1" * 40])
def test_sixty_digits_are_read(text):
    assert parse_amount(text) == Decimal(text)


def test_digits_are_counted_together_before_and_after_the_point():
    with pytest.raises(InvalidAmount, match="it has more than 60 digits"):
        parse_amount("9" * 20 + "." + "1" * 41)


@given(balances)
def test_what_plain_writes_is_read_back(amount):
    written = plain(amount)

    assert "E" not in written
    assert parse_amount(written) == amount


@given(st.one_of(st.text(max_size=12), st.text("0123456789.eE+-_ ", max_size=8)))
def test_any_text_is_an_exact_amount_or_refused(text):
    try:
        amount = parse_amount(text)
    except InvalidAmount:
        return
    assert amount.is_finite()
    assert text.isascii()
    assert Fraction(text) == Fraction(amount)


@pytest.mark.parametrize(
    ("amount", "quantum", "floor", "ceiling"),
    [
        ("1.239", CENT, "1.23", "1.24"),
        ("1.23", CENT, "1.23", "1.23"),
        ("-1.231", CENT, "-1.24", "-1.23"),
        ("999.9", UNIT, "999", "1000"),
        ("-0.1", UNIT, "-1", "0"),
        ("0.000000019", SATOSHI, "0.00000001", "0.00000002"),
        ("99999999999999999999.999999999", SATOSHI,
         "99999999999999999999.99999999", "100000000000000000000"),
    ],
)  # fmt: skip
def test_floor_is_towards_minus_infinity_and_ceiling_towards_infinity(
    amount, quantum, floor, ceiling
):
    assert floor_to(Decimal(amount), quantum) == Decimal(floor)
    assert ceil_to(Decimal(amount), quantum) == Decimal(ceiling)


@given(balances, st.sampled_from(QUANTA))
def test_floor_and_ceiling_enclose_the_amount_within_one_quantum(amount, quantum):
    floor, ceiling = floor_to(amount, quantum), ceil_to(amount, quantum)

    assert floor <= amount <= ceiling
    assert Fraction(ceiling) - Fraction(floor) in (0, Fraction(quantum))
    assert (Fraction(floor) / Fraction(quantum)).denominator == 1


@pytest.mark.parametrize(
    ("currencies", "quantum"),
    [
        (["USD", "USDT", "USDC", "FDUSD", "EUR"], "0.01"),
        (["KRW", "JPY"], "1"),
        (["BTC", "ETH", "SOL", "XRP", "DOGE"], "0.00000001"),
    ],
)
def test_each_currency_has_its_quantum(currencies, quantum):
    assert [str(plain(quantum_of(currency))) for currency in currencies] == [quantum] * len(
        currencies
    )


def test_exact_arithmetic_raises_where_it_would_round():
    with pytest.raises(ArithmeticError):
        EXACT.divide(Decimal(1), Decimal(3))


@pytest.mark.parametrize(
    ("currency", "change"),
    [("USDT", 10), ("EUR", 10), ("KRW", 10_000), ("JPY", 10_000), ("BTC", None), ("XRP", None)],
)
def test_change_that_is_worth_a_reallocation_is_about_ten_dollars(currency, change):
    assert usual_min_change(currency) == change


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1000", "USDT", "1000.00"),
        ("1000.5", "USDT", "1000.50"),
        ("1000.50", "USDT", "1000.50"),
        ("1000.12300000", "USDT", "1000.123"),
        ("1000.00000000", "USDT", "1000.00"),
        ("1E+3", "KRW", "1000"),
        ("1000.00", "KRW", "1000"),
        ("1000.5", "KRW", "1000.5"),
        ("0.1", "BTC", "0.10000000"),
        ("0.123456789", "BTC", "0.123456789"),
        ("-2", "USDT", "-2.00"),
        ("0", "USDT", "0.00"),
    ],
)
def test_amount_has_the_decimals_of_its_currency_at_least_and_no_zeros_beyond(
    amount, currency, text
):
    assert str(with_decimals(Decimal(amount), currency)) == text
    assert amount_text(Decimal(amount), currency) == text


def test_text_of_an_amount_has_no_exponent():
    assert amount_text(Decimal("0.00000001"), "BTC") == "0.00000001"


def test_rounding_knows_amounts_that_the_default_context_would_refuse():
    """28 digits are the standard library's own; the columns hold 20 before the point."""
    long = Decimal("99999999999999999999.123456789")

    assert floor_to(long, SATOSHI) == Decimal("99999999999999999999.12345678")
    assert ceil_to(long, SATOSHI) == Decimal("99999999999999999999.12345679")
    assert floor_to(Decimal("12345678901234567890"), SATOSHI * SATOSHI) == Decimal(
        "12345678901234567890"
    )
    assert ceil_to(Decimal("12345678901234567890"), SATOSHI * SATOSHI) == Decimal(
        "12345678901234567890"
    )


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1234567.5", "USDT", "1,234,567.50"),
        ("1234567.5", "KRW", "1,234,567.5"),
        ("1234567.5", "", "1,234,567.5"),
        ("1234567.50", "", "1,234,567.50"),
        ("999", "KRW", "999"),
        ("-1000", "KRW", "-1,000"),
        ("1E+3", "", "1,000"),
        ("0.000000012345", "BTC", "0.000000012345"),
        ("12345678901234567890.123456789012345", "", "12,345,678,901,234,567,890.123456789012345"),
        ("-0", "", "0"),
        ("-0.00", "USDT", "0.00"),
    ],
)  # fmt: skip
def test_people_read_digits_in_groups(amount, currency, text):
    assert grouped(Decimal(amount), currency) == text
    assert currency or grouped(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("units", "decimals", "amount"),
    [
        (150, 2, "1.5"),
        (-1, 36, "-1E-36"),
        (1200, 0, "1.2E+3"),
        (0, 8, "0"),
        (10**60 + 1, 1, f"1{'0' * 59}.1"),
    ],
)
def test_whole_units_are_an_amount_exactly(units: int, decimals: int, amount: str) -> None:
    assert str(of_units(units, decimals)) == amount
