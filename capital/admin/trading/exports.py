"""Lists of trading as files: for a spreadsheet, or for another program."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from capital.admin.frame.exports import csv_response
from capital.services.trading import write_workbook

EXPORTS = ["export", "export_xlsx"]


class ExportActions:
    """For a ``ModelAdmin`` that says what of its rows is exported.

    Attributes:
        export_name: What the file is called.
        export_columns: The names of its columns.
    """

    export_name: str
    export_columns: Sequence[str]

    def export_rows(self, rows: QuerySet[Any]) -> Iterator[Sequence[Any]]:
        """One line for each row, exact: read as they are sent."""
        raise NotImplementedError

    @admin.action(permissions=["view"], description=gettext_lazy("Export as CSV"))
    def export(self, request: HttpRequest, queryset: QuerySet[Any]) -> StreamingHttpResponse:
        """One line a row, exact."""
        rows = self.export_rows(queryset)
        return csv_response(self.export_name, self.export_columns, rows)

    @admin.action(permissions=["view"], description=gettext_lazy("Export as XLSX"))
    def export_xlsx(self, request: HttpRequest, queryset: QuerySet[Any]) -> FileResponse:
        """The same; numbers of more than 15 digits are text."""
        content = write_workbook(self.export_columns, self.export_rows(queryset))
        name = f"{self.export_name}-{timezone.localdate():%Y-%m-%d}.xlsx"
        return FileResponse(content, as_attachment=True, filename=name)
