"""Reports and statements as tables: lines of cells for CSV, and workbooks (XLSX)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from capital.domain.formulas import is_formula
from capital.services.performance.figures import FIGURES, figures_of
from capital.services.performance.report import PerformanceReport
from capital.services.performance.statements import LINES, Statement
from capital.services.performance.written import statement_as_json, written
from capital.services.trading import write_workbook

# How many cells of a line are texts before its numbers begin.
_TEXTS_OF_REPORT = 2
_OF_STATEMENT = ("name", "currency", "month", "begins_at", "ends_at")
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
    columns = next(lines)
    rows = ([*line[:texts], *map(_number, line[texts:])] for line in lines)
    with write_workbook(columns, rows) as file:
        return file.read()


def _number(text: str) -> Decimal | str:
    """A cell that says a number, as that."""
    return Decimal(text) if _NUMBER.fullmatch(text) else text
