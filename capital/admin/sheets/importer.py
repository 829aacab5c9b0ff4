"""The library's import, as our pages use it. Imported only where such a page is opened.

As the library is imported, it loads all formats that it knows.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.forms import Media
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext, pgettext
from import_export.admin import ImportMixin
from import_export.results import RowResult

from capital.admin.frame.cells import badge
from capital.admin.frame.formats import NOTHING
from capital.admin.frame.views import asker_of, user_of
from capital.admin.sheets.forms import CarriedTable, ConfirmSheetForm, SheetForm, TableFormat
from capital.domain.errors import SheetChanged
from capital.domain.money import EXACT, plain
from capital.services.desks import SheetReport, Step, Verb
from capital.services.sentences import sentence

_MOST_PROBLEMS = 50


class Importer(ImportMixin):  # type: ignore[misc]  # the library has no types
    """Uploads, previews and imports one kind of table.

    Args:
        page: The ``ModelAdmin`` whose list it is: a ``SheetPages``.
    """

    import_template_name = "capital/sheets/import.html"
    import_form_class = SheetForm
    confirm_form_class = ConfirmSheetForm
    skip_admin_log = True

    def __init__(self, page: Any) -> None:
        super().__init__()
        self.model, self.opts, self.admin_site = page.model, page.opts, page.admin_site
        self._page, self._sheet = page, page.sheet()

    @property
    def media(self) -> Media:
        """The page's."""
        media: Media = self._page.media
        return media

    def has_import_permission(self, request: HttpRequest) -> bool:
        """As the page says."""
        return bool(self._page.has_import_permission(request))

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Choose a file, and see what it would do."""
        return self._dressed(super().import_action(request, **kwargs))

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Import what was shown, all of it, or nothing."""
        try:
            response = super().process_import(request, **kwargs)
        except SheetChanged as error:
            messages.error(request, sentence(error.reason))
            return HttpResponseRedirect(self._page.address_of("import_table"))
        return self._dressed(response)

    # What the library asks

    def get_import_formats(self) -> list[Any]:
        """Told by the content, not by whoever uploads it."""
        return [TableFormat]

    def get_import_resource_classes(self, request: HttpRequest) -> list[Any]:
        """The only one."""
        return [self._sheet]

    def get_import_resource_kwargs(
        self, request: HttpRequest, form: Any, **_kwargs: Any
    ) -> dict[str, Any]:
        """Who imports, where it is told, and what was shown before."""
        shown = getattr(form, "cleaned_data", {}).get("shown")
        return {**asker_of(request), "report": form.report, "shown": shown}

    def get_import_form_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Whose file it is, and what it is read as."""
        return {**super().get_import_form_kwargs(request), **self._reading(request)}

    def get_confirm_form_kwargs(self, request: HttpRequest, import_form: Any) -> dict[str, Any]:
        """The same."""
        kwargs = super().get_confirm_form_kwargs(request, import_form)
        return {**kwargs, **self._reading(request)}

    def get_confirm_form_initial(self, request: HttpRequest, import_form: Any) -> dict[str, Any]:
        """With the digest of what is shown."""
        initial: dict[str, Any] = super().get_confirm_form_initial(request, import_form)
        if import_form is not None:
            initial["shown"] = import_form.report.digest
        return initial

    def write_to_tmp_storage(self, import_file: Any, input_format: Any) -> CarriedTable:
        """Nowhere: the page carries it."""
        return CarriedTable(name=import_file.form.sealed, table=import_file.form.table)

    def get_tmp_storage_class(self) -> type[CarriedTable]:
        """What takes it back from the page."""
        return CarriedTable

    def process_result(self, result: Any, request: HttpRequest) -> HttpResponse:
        """Say how many, and show the list; the services recorded each change."""
        text = gettext("Imported: %(new)s new, %(changed)s changed, %(kept)s unchanged.")
        counts = {
            "new": result.totals[RowResult.IMPORT_TYPE_NEW],
            "changed": result.totals[RowResult.IMPORT_TYPE_UPDATE],
            "kept": result.totals[RowResult.IMPORT_TYPE_SKIP],
        }
        messages.success(request, text % counts)
        return HttpResponseRedirect(self._page.address_of("changelist"))

    # The page

    def _reading(self, request: HttpRequest) -> dict[str, Any]:
        return {"actor": user_of(request), "sheet": self._sheet, "kind": str(self.opts.model_name)}

    def _dressed(self, response: HttpResponse) -> HttpResponse:
        """The library's answer, with what our page shows."""
        context = getattr(response, "context_data", None)
        if context is None:
            return response
        columns = self._sheet.columns
        name = self.opts.verbose_name_plural
        title = gettext("Import %(name)s") % {"name": name}
        if "result" in context:
            title = gettext("Import %(name)s: preview") % {"name": name}
            context |= _preview(context["form"].report)
        address = self._page.address_of
        context |= {
            "title": title,
            "start": address("import_table"),
            "back": address("changelist"),
            "confirm": address("process_import"),
            "required": columns.name,
            "usual": [each for each in columns.usual if each != columns.name],
            "optional": columns.optional,
            "templates": [
                (ending.upper(), address(f"template_{ending}"))
                for ending in self._page.sheet_endings
            ],
        }
        return response


def _preview(report: SheetReport) -> dict[str, Any]:
    problems = report.problems
    is_new = any(step.verb is not Verb.KEPT for _, step in report.steps)
    return {
        "problems": problems[:_MOST_PROBLEMS],
        "more_problems": max(len(problems) - _MOST_PROBLEMS, 0),
        "steps": [_step(number, step) for number, step in report.steps],
        "is_new": is_new,
        "may_import": is_new and not problems,
    }


def _step(number: int, step: Step) -> dict[str, Any]:
    verbs = {
        Verb.MADE: (gettext("new"), "success"),
        Verb.CHANGED: (pgettext("import", "changed"), "warning"),
        Verb.KEPT: (gettext("unchanged"), ""),
    }
    kinds = {
        "account": gettext("account"),
        "strategy": gettext("strategy"),
        "link": gettext("strategy link"),
    }
    return {
        "number": number,
        "kind": kinds[step.kind],
        "name": step.name,
        "verb": badge(*verbs[step.verb]),
        "fields": _fields(step.fields, is_new=step.verb is Verb.MADE),
    }


def _fields(fields: Mapping[str, tuple[Any, Any]], *, is_new: bool) -> list[tuple[str, str]]:
    return [
        (name, gettext("new value, not shown"))
        if pair == (None, None)
        else (name, _text(pair[1]) if is_new else f"{_text(pair[0])} → {_text(pair[1])}")
        for name, pair in fields.items()
    ]


def _text(value: Any) -> str:
    match value:
        case None | "" | []:
            return NOTHING
        case bool():
            return "true" if value else "false"
        case Decimal():
            return plain(EXACT.normalize(value))
        case list():
            return ", ".join(map(str, value))
    return str(value)
