"""Reports and statements as tables: lines of cells for CSV, and workbooks (XLSX)."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from capital.domain.formulas import is_formula
from capital.services.performance.figures import FIGURES, figures_of
from capital.services.performance.report import PerformanceReport
from capital.services.performance.statements import LINES, Statement
from capital.services.performance.written import statement_as_json, written

# How many cells of a line are texts before its numbers begin.
_TEXTS_OF_REPORT = 2
_OF_STATEMENT = ("name", "currency", "month", "begins_at", "ends_at")
# More digits a spreadsheet does not keep of a number.
_MOST_DIGITS = 15
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def report_as_table(report: PerformanceReport) -> Iterator[list[str]]:
    """The report as lines of cells, the first of them with the names. Empty cells are not known.

    A name that a spreadsheet would take for a formula begins with an apostrophe.
    """
    yield [report.by, "currency", *FIGURES]
    for row in report.rows:
        values: Mapping[str, Any] = figures_of(row).values
        cells = [row.group.name, row.currency, *(written(values[name]) for name in FIGURES)]
        yield _cells(cells, texts=_TEXTS_OF_REPORT)


def statements_as_table(statements: Sequence[Statement], *, of: str) -> Iterator[list[str]]:
    """Statements as lines of cells, in the way of ``report_as_table``.

    Args:
        statements: Of accounts, or of owners.
        of: What the first column is called: ``account`` or ``owner``.
    """
    yield [of, *_OF_STATEMENT[1:], *LINES]
    for statement in statements:
        told = statement_as_json(statement)
        cells = [told[name] for name in (*_OF_STATEMENT, *LINES)]
        yield _cells(cells, texts=len(_OF_STATEMENT))


def report_as_workbook(report: PerformanceReport) -> bytes:
    """``report_as_table`` as XLSX. Numbers of more than 15 digits are texts: none is rounded."""
    return _workbook(report_as_table(report), texts=_TEXTS_OF_REPORT)


def statements_as_workbook(statements: Sequence[Statement], *, of: str) -> bytes:
    """``statements_as_table`` as XLSX, in the way of ``report_as_workbook``."""
    return _workbook(statements_as_table(statements, of=of), texts=len(_OF_STATEMENT))


def _cells(values: Sequence[Any], *, texts: int) -> list[str]:
    cells = ["" if value is None else str(value) for value in values]
    for at in range(texts):
        if is_formula(cells[at]):
            cells[at] = f"'{cells[at]}"
    return cells


def _workbook(lines: Iterator[list[str]], *, texts: int) -> bytes:
    # Takes a tenth of a second to import, which only this needs.
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    head = next(lines)
    sheet.append(head)
    for line in lines:
        row: list[Any] = []
        for at, text in enumerate(line):
            number: Any = _number(text) if at >= texts else None
            cell = WriteOnlyCell(sheet, value=number)
            if cell.value is None and text:
                # Not as it is written: a text with an equals sign would be a formula.
                cell.value, cell.data_type = text, "s"
            row.append(cell)
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _number(text: str) -> Decimal | None:
    """The number that a spreadsheet keeps exactly; None where it is none, or has more digits."""
    if not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    return number if len(number.as_tuple().digits) <= _MOST_DIGITS else None
