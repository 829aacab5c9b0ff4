"""Importing accounts or strategies from a table: uploaded, seen first, and imported exactly so."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from capital.admin.frame.exports import csv_response, workbook_response
from capital.services.trading import write_workbook

if TYPE_CHECKING:
    from capital.admin.sheets.importer import Importer


class SheetPages:
    """For a ``ModelAdmin``: upload, see first, import. Before its other base classes.

    Attributes:
        sheet: Gives the class of what is imported here; the library is loaded when it is called.
        sheet_permission: Who may.
        sheet_endings: The files that there are to begin with.
    """

    sheet: Callable[[], type[Any]]
    sheet_permission: str
    sheet_endings = ("csv", "xlsx")
    admin_site: Any
    opts: Any

    def get_urls(self) -> list[Any]:
        """The pages behind the button."""
        wrap = self.admin_site.admin_view
        names = self._names()
        return [
            path("import/now/", wrap(self.process_import), name=f"{names}_process_import"),
            *(
                path(
                    f"import/template.{ending}",
                    wrap(self.template_view),
                    {"ending": ending},
                    name=f"{names}_template_{ending}",
                )
                for ending in self.sheet_endings
            ),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def has_import_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        """Whoever may make one may make several; of each line the service asks again."""
        return bool(request.user.has_perm(self.sheet_permission))

    @action(  # type: ignore[untyped-decorator]
        permissions=["import"],
        description=gettext_lazy("Import CSV or XLSX"),
        url_path="import",
        icon="upload_file",
    )
    def import_table(self, request: HttpRequest) -> HttpResponse:
        """Choose a file, and see what it would do."""
        return self._importer().import_action(request)

    def process_import(self, request: HttpRequest) -> HttpResponse:
        """Import what was shown, all of it, or nothing."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseRedirect(self.address_of("import_table"))
        return self._importer().process_import(request)

    def template_view(self, request: HttpRequest, ending: str) -> HttpResponse:
        """A table to begin with: the columns that most need, and an example."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        usual = self.sheet().columns.usual
        columns, row = list(usual), list(usual.values())
        name = str(self.opts.model_name)
        if ending == "xlsx":
            with write_workbook(columns, [row]) as workbook:
                return workbook_response(name, workbook.read())
        return csv_response(name, columns, [row])  # type: ignore[return-value]

    def address_of(self, page: str) -> str:
        """Of the list and the pages of its import: ``changelist``, ``import_table`` …"""
        return reverse(f"admin:{self._names()}_{page}")

    def _importer(self) -> "Importer":
        # Loaded only here: with all formats that the library knows it is 300 modules.
        from capital.admin.sheets.importer import Importer

        return Importer(self)

    def _names(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"
