"""What the formulas of a row mean: conditions, fields that may be empty, and places in lists."""

from typing import Any

import pytest

from capital.domain.errors import BalanceUnavailable
from capital.domain.reasons import Code
from capital.exchange.calls.balances import FREE, WALLET, Withheld
from capital.exchange.calls.places import Formula, TheRow
from capital.exchange.entries import is_plain_name
from capital.exchange.formulas import amount_of, fields_of, is_so, read_along, value_at


def worked_out(entry: dict[str, Any], formula: Formula, info: Any = None) -> Any:
    try:
        return amount_of(entry, info, formula, "somewhere")
    except BalanceUnavailable as error:
        return error.reason.code


MISSING = Code.EXCHANGE_BAD_ANSWER


@pytest.mark.parametrize(
    ("formula", "entry", "expected"),
    [
        ("a - b", {"a": "3", "b": "1"}, 2),
        ("a - b", {"a": "3"}, MISSING),
        ("a - b", {"a": "3", "b": None}, MISSING),
        ("a - b", {"a": "3", "b": ""}, MISSING),
        # May be empty: there, with nothing in it.
        ("a - b?", {"a": "3", "b": ""}, 3),
        ("a - b?", {"a": "3", "b": None}, 3),
        ("a - b?", {"a": "3", "b": "1"}, 2),
        ("a - b?", {"a": "3"}, MISSING),
        # What it is in has to be there.
        ("a - b.c?", {"a": "3", "b": {"c": None}}, 3),
        ("a - b.c?", {"a": "3", "b": {}}, MISSING),
        # May be missing.
        ("a - b??", {"a": "3"}, 3),
        ("a - b??", {"a": "3", "b": None}, 3),
        ("a - b??", {"a": "3", "b": "1"}, 2),
        ("a - b??", {"a": "3", "b": "NaN"}, MISSING),
        ("a - b??", {"b": "1"}, MISSING),
        # Conditions.
        ("a if b", {"a": "3", "b": "1"}, 3),
        ("a if b", {"a": "3", "b": ""}, MISSING),
        ("a if b", {"a": "3"}, MISSING),
        ("a if b == 0", {"a": "3", "b": "0.00"}, 3),
        ("a if b == 0", {"a": "3", "b": "0.01"}, MISSING),
        ("a if b == 0", {"a": "3"}, MISSING),
        ("a if b + c == d", {"a": "3", "b": "1", "c": "1", "d": "2.0"}, 3),
        ("a if b != c", {"a": "3", "b": "1", "c": "2"}, 3),
        ("a if b != c", {"a": "3", "b": "1", "c": "1.0"}, MISSING),
        ("a if b != c", {"a": "3", "b": "1"}, MISSING),
        (("a if b", "c"), {"a": "3", "c": "5"}, 5),
        (("a if b", "c"), {"a": "3", "b": "0", "c": "5"}, 3),
    ],
)
def test_formula_is_worked_out(formula: Formula, entry: dict[str, Any], expected: Any) -> None:
    assert worked_out(entry, formula) == expected


def test_path_may_name_a_place_in_a_list() -> None:
    info = {"list": [{"a": "1"}, {"a": "2"}]}

    assert value_at({}, info, "/list.1.a") == "2"
    assert value_at({}, info, "/list.2.a") is None
    assert worked_out({"x": "5"}, "x if /list.0.a", info) == 5
    assert worked_out({"x": "5"}, "x if /list.7.a", info) is MISSING


def test_fields_are_named_without_marks_and_numbers() -> None:
    assert fields_of(("a + b.c?? if d == 0", "e[].f? - /g.h")) == {"a", "b.c", "d", "e[].f", "/g.h"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [("5", False), ("5.000001", False), ("5.0001", True), ("NaN", MISSING), (None, MISSING)],
)
def test_withheld_above_a_sum(value: Any, expected: Any) -> None:
    withheld = Withheld(FREE, "free", Code.BASIS_OVER_CURRENCIES, over="whole - used")
    entry = {"free": value, "whole": "7", "used": "2"}

    try:
        found: Any = is_so(entry, None, withheld, "somewhere")
    except BalanceUnavailable as error:
        found = error.reason.code

    assert found is expected


def test_sum_below_zero_withholds_all_that_is_free() -> None:
    withheld = Withheld(FREE, "free", Code.BASIS_OVER_CURRENCIES, over="whole - used")

    assert is_so({"free": "1", "whole": "1", "used": "9"}, None, withheld, "somewhere")
    assert not is_so({"free": "0", "whole": "1", "used": "9"}, None, withheld, "somewhere")


def test_amount_that_may_be_missing_is_no_loan() -> None:
    withheld = Withheld(WALLET, "credit?", Code.BASIS_WITH_LOAN, is_amount=True)

    assert not is_so({}, None, withheld, "somewhere")
    assert not is_so({"credit": ""}, None, withheld, "somewhere")
    assert not is_so({"credit": "0.0"}, None, withheld, "somewhere")
    assert is_so({"credit": "0.1"}, None, withheld, "somewhere")


ROW = TheRow(without="subtype", says={"type": ("UNIFIED",)})


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"a": 1}], 1),
        ([{"a": 6, "subtype": "LTC-USDT"}, {"a": 1, "subtype": ""}], 1),
        ([{"a": 6, "type": "ISOLATED"}, {"a": 1, "type": "UNIFIED"}], 1),
        ([{"a": 1}, {"a": 2}], None),
        ([{"a": 6, "subtype": "LTC-USDT"}], None),
        ([], None),
        (None, None),
        ([5, {"a": 1}], 1),
    ],
)
def test_the_row_is_the_only_one_that_fits(rows: Any, expected: Any) -> None:
    assert read_along({"rows": rows}, ("rows", ROW, "a")) == expected


@pytest.mark.parametrize(
    ("name", "is_plain"),
    [
        ("USDT", True), ("usdt", True), ("USD.F", True), ("1000SATS", True), ("$PURGE", True),
        ("币安人生", True), ("ＵＳＤＴ", False), ("USDТ", False), ("USDT ", False),
        ("US DT", False), ("USDT\u200b", False), ("\ufeffUSDT", False), ("USDT\n", False),
    ],
)  # fmt: skip
def test_name_is_plain_if_it_is_what_it_looks_like(name: str, is_plain: bool) -> None:
    assert is_plain_name(name) is is_plain
