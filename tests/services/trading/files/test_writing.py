"""Workbooks: exact, and nothing in them runs."""

from decimal import Decimal
from typing import Any

from openpyxl import load_workbook

from capital.services.trading.files.writing import write_workbook

D = Decimal


def read(*rows: list[Any], most_rows: int = 100) -> list[list[tuple[Any, str]]]:
    with write_workbook(["a", "b"], rows, most_rows=most_rows) as content:
        workbook = load_workbook(content)
    return [
        [(cell.value, cell.data_type) for row in sheet.iter_rows(min_row=2) for cell in row]
        for sheet in workbook.worksheets
    ]


def test_numbers_are_numbers_as_far_as_a_spreadsheet_keeps_them() -> None:
    (found,) = read(
        [D("0.1"), D("-1234567890.12345")],
        [D("0.123456789012345678"), 123456789012345678],
        [True, None],
        ["00123", ""],
    )

    assert found == [
        (0.1, "n"),
        (-1234567890.12345, "n"),
        ("0.123456789012345678", "s"),
        ("123456789012345678", "s"),
        (True, "b"),
        (None, "n"),
        ("00123", "s"),
        (None, "n"),
    ]


def test_a_formula_is_text_and_control_characters_are_left_out() -> None:
    (found,) = read(["=1+1", "bell\x07"])

    assert found == [("=1+1", "s"), ("bell", "s")]


def test_what_does_not_fit_stands_on_another_sheet() -> None:
    sheets = read(*([D(number), None] for number in range(5)), most_rows=3)

    assert [[value for value, _ in sheet[::2]] for sheet in sheets] == [[0, 1], [2, 3], [4]]
    assert read() == [[]]
