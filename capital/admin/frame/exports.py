"""CSV and workbooks that a spreadsheet opens without running anything in them."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone

from capital.domain.formulas import is_formula
from capital.domain.money import plain

# Without it a spreadsheet takes Korean for something else.
_BYTE_ORDER_MARK = "\ufeff"
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class _Line:
    """What ``csv`` writes to: it hands each line back."""

    def write(self, text: str) -> str:
        return text


def csv_response(
    name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """A file of this name and today's date, sent as it is made."""
    writer = csv.writer(_Line())

    def content() -> Iterator[str]:
        yield _BYTE_ORDER_MARK
        yield writer.writerow(columns)
        for row in rows:
            yield writer.writerow([cell(value) for value in row])

    response = StreamingHttpResponse(content(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = _attached(name, "csv")
    return response


@dataclass(frozen=True)
class Column:
    """Of a workbook: its head, and how a spreadsheet writes the numbers below it."""

    title: str
    format: str = ""


def workbook_response(
    name: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]]
) -> HttpResponse:
    """An XLSX file of this name and today's date. Numbers are numbers there, of 15 digits.

    Args:
        name: Of the file.
        columns: One for each cell of a row.
        rows: Texts, numbers, days, spans, and None for an empty cell.
    """
    # Loaded only here: it is an eighth of what any process of ours takes to start.
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    workbook = Workbook(write_only=True)
    sheet: Any = workbook.create_sheet()
    sheet.freeze_panes = "A2"
    heads = [WriteOnlyCell(sheet, cell(column.title)) for column in columns]
    for head in heads:
        head.font = Font(bold=True)
    sheet.append(heads)
    for row in rows:
        cells = []
        for column, value in zip(columns, row, strict=True):
            made = WriteOnlyCell(sheet, cell(value) if isinstance(value, str) else value)
            if column.format and value is not None:
                made.number_format = column.format
            cells.append(made)
        sheet.append(cells)
    content = io.BytesIO()
    workbook.save(content)
    response = HttpResponse(content.getvalue(), content_type=_WORKBOOK)
    response["Content-Disposition"] = _attached(name, "xlsx")
    return response


def _attached(name: str, ending: str) -> str:
    return f'attachment; filename="{name}-{timezone.localdate():%Y-%m-%d}.{ending}"'


def cell(value: Any) -> str:
    """A number as it is; a text that would be a formula with an apostrophe before it."""
    match value:
        case None:
            return ""
        case bool():
            return "1" if value else "0"
        case Decimal():
            return plain(value)
        case int():
            return str(value)
        case datetime():
            return timezone.localtime(value).isoformat(timespec="seconds")
        case date():
            return value.isoformat()
    text = str(value)
    return f"'{text}" if is_formula(text) else text
