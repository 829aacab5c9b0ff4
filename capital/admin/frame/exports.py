"""Files that a spreadsheet opens without running anything in them: CSV and XLSX."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
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
    cells = ([cell(value) for value in row] for row in rows)
    return _file(name, chain([columns], cells))


def lines_response(name: str, lines: Iterable[Sequence[str]]) -> StreamingHttpResponse:
    """A CSV file of cells that a service has written already, the heads first."""
    return _file(name, lines)


def _file(name: str, lines: Iterable[Sequence[str]]) -> StreamingHttpResponse:
    writer = csv.writer(_Line())

    def content() -> Iterator[str]:
        yield _BYTE_ORDER_MARK
        for line in lines:
            yield writer.writerow(line)

    response = StreamingHttpResponse(content(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = _attached(name, "csv")
    return response


def workbook_response(name: str, content: bytes) -> HttpResponse:
    """A workbook that a service has written, as a file of this name and today's date."""
    response = HttpResponse(content, content_type=_WORKBOOK)
    response["Content-Disposition"] = _attached(name, "xlsx")
    return response


def _attached(name: str, ending: str) -> str:
    """What says that an answer is a file of this name and today's date."""
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
