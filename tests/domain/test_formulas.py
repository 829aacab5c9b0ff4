"""What a spreadsheet would run, as it is, at its full width, or behind what nobody sees."""

import pytest

from capital.domain.formulas import is_formula

UNSEEN = (
    "",
    " ",
    "\u00a0",
    "\u3000",
    "\u200b",
    "\ufeff",
    "\u2060\u200e",
    "\u3164",
    "\x00",
    "\ufe0f",
)


@pytest.mark.parametrize("begin", "=+-@＝＋－＠")
@pytest.mark.parametrize("before", UNSEEN, ids=ascii)
def test_a_formula_is_one_whatever_stands_unseen_before_it(before: str, begin: str) -> None:
    assert is_formula(f"{before}{begin}1")


@pytest.mark.parametrize("text", ["\t1", "\r", "\n1"])
def test_what_begins_a_new_cell_or_line_may_be_one(text: str) -> None:
    assert is_formula(text)


@pytest.mark.parametrize("text", ["", " ", "계좌", "a=1", "1-2", "\u200b계좌", "≥ 1", "１＝１"])
def test_other_text_is_none(text: str) -> None:
    assert not is_formula(text)
