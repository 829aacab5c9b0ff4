"""Lists as CSV or as a workbook: all rows that fit the filters. Tables, too, made at once."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from capital.api.frame.base import ApiView
from capital.api.frame.fields import ExactField
from capital.api.frame.pages import ListAndRetrieve
from capital.domain.formulas import is_formula
from capital.services.trading import write_workbook

ROWS_AT_ONCE = 500
MEDIA_TYPE = "text/csv"
WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_OF_PAGES = frozenset({"cursor", "page_size"})
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class CsvRenderer(BaseRenderer):
    """Says that a list may be asked for as CSV; the view writes it."""

    media_type = MEDIA_TYPE
    format = "csv"
    charset = "utf-8"


class WorkbookRenderer(BaseRenderer):
    """Says that a list or a table may be asked for as XLSX; the view writes it."""

    media_type = WORKBOOK_TYPE
    format = "xlsx"
    charset = None


class TableView(ApiView):
    """A resource of which some actions answer a table, as CSV or XLSX for whoever asks for that.

    Attributes:
        tables: These actions.
    """

    tables: Sequence[str] = ()

    def get_renderers(self) -> list[BaseRenderer]:
        """JSON first: it is what those get who do not say."""
        if self.action not in self.tables:
            return super().get_renderers()
        return [JSONRenderer(), CsvRenderer(), WorkbookRenderer()]

    def as_table(
        self, lines: Callable[[], Iterable[Sequence[str]]], workbook: Callable[[], bytes], name: str
    ) -> Response | None:
        """The table in the form that was asked for; None: as JSON.

        Args:
            lines: Makes its lines of cells.
            workbook: Makes it as XLSX.
            name: Of the file, without its ending.
        """
        renderer = getattr(self.request, "accepted_renderer", None)
        if isinstance(renderer, CsvRenderer):
            text = "".join(csv.writer(_Line()).writerow(line) for line in lines())
            file: Any = HttpResponse(text, content_type=f"{MEDIA_TYPE}; charset=utf-8")
        elif isinstance(renderer, WorkbookRenderer):
            file = HttpResponse(workbook(), content_type=WORKBOOK_TYPE)
        else:
            return None
        file["Content-Disposition"] = f'attachment; filename="{name}.{renderer.format}"'
        return file  # type: ignore[no-any-return]  # the framework sends any response of Django


class CsvLists(ListAndRetrieve):
    """A resource whose list is CSV, or XLSX, for whoever accepts nothing else."""

    def get_renderers(self) -> list[BaseRenderer]:
        """JSON first: it is what those get who do not say."""
        files = [CsvRenderer(), WorkbookRenderer()] if self.action == "list" else []
        return [JSONRenderer(), *files]

    @property
    def file_type(self) -> str:
        """As which file the list was asked for; empty where it was not."""
        renderer: Any = getattr(self.request, "accepted_renderer", None)
        is_file = isinstance(renderer, CsvRenderer | WorkbookRenderer)
        return str(renderer.media_type) if self.action == "list" and is_file else ""

    def known_query(self) -> set[str]:
        """Without pages: a file has all rows."""
        known = super().known_query()
        return known - _OF_PAGES if self.file_type else known

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One page of the rows that you may see; as `text/csv` or a workbook all of them."""
        if not self.file_type:
            return super().list(request, *args, **kwargs)
        fields = self.get_serializer().fields
        columns = list(fields)
        rows = self._rows(self.filter_queryset(self.get_queryset()))
        answer: Any
        if self.file_type == WORKBOOK_TYPE:
            exact = {name for name, field in fields.items() if isinstance(field, ExactField)}
            values = ([_value(row[name], name in exact) for name in columns] for row in rows)
            answer = FileResponse(write_workbook(columns, values), content_type=WORKBOOK_TYPE)
        else:
            lines = _lines(columns, rows)
            answer = StreamingHttpResponse(lines, content_type=f"{MEDIA_TYPE}; charset=utf-8")
        return answer  # type: ignore[no-any-return]  # the framework sends any response of Django

    def _rows(self, rows: QuerySet[Any]) -> Iterator[Any]:
        every = rows.iterator(chunk_size=ROWS_AT_ONCE)
        while page := list(islice(every, ROWS_AT_ONCE)):
            yield from self.rows_as_json(page)


def _lines(columns: Sequence[str], rows: Iterable[Any]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([cell(row[name]) for name in columns])


class _Line:
    """What ``csv`` writes to: it hands each line back."""

    def write(self, text: str) -> str:
        return text


def cell(value: Any) -> str:
    """One value of a row: nothing for null, and a text that a spreadsheet would run marked.

    A number stays as it is, also below zero. Others get an apostrophe before them, as spreadsheets
    mark a text.
    """
    if value is None:
        return ""
    if isinstance(value, bool | dict | list):
        return json.dumps(value, ensure_ascii=False)
    text = str(value)
    return f"'{text}" if is_formula(text) and not _NUMBER.fullmatch(text) else text


def _value(value: Any, is_exact: bool) -> Any:  # noqa: FBT001  # of a column
    """One value of a row for a workbook: an amount as a number, a list as JSON, a text as text."""
    if is_exact and value is not None:
        return Decimal(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value
