"""Which file; and, after the preview, the same file again, as the page carried it."""

from typing import Any

from django import forms
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_lazy
from import_export.formats.base_formats import Format
from import_export.forms import ConfirmImportForm
from import_export.tmp_storages import BaseStorage
from tablib import Dataset
from unfold.contrib.import_export.forms import ImportForm

from capital.domain.errors import SheetRefused
from capital.services.desks import (
    LARGEST_SHEET_KB,
    MOST_LINES,
    SheetReport,
    open_sheet,
    seal_sheet,
)
from capital.services.sentences import sentence


class TableFormat(Format):  # type: ignore[misc]  # the library has no types
    """What the forms have read already: they tell by the first bytes whether it is a CSV."""

    def __init__(self, encoding: str | None = None) -> None:
        super().__init__()

    def get_title(self) -> str:
        """Of the only one."""
        return gettext("CSV or XLSX")

    def create_dataset(self, in_stream: Dataset) -> Dataset:
        """As it is."""
        return in_stream


class CarriedTable(BaseStorage):  # type: ignore[misc]
    """Keeps nothing: a table is in the page between its preview and its import, sealed.

    Its ``name`` is the sealed text where it goes to the page, and the table where it came back.
    """

    def __init__(self, *, table: Dataset | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._table = table

    def read(self) -> Dataset:
        """The table."""
        return self.name if self._table is None else self._table

    def remove(self) -> None:
        """There is nothing to remove."""


class _OfSheet:
    """Knows who imports, and what is imported; ``report`` is told what comes of it."""

    def __init__(
        self, *args: Any, actor: AbstractUser, sheet: type[Any], kind: str, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._actor, self._sheet, self._kind = actor, sheet, kind
        self.report = SheetReport()


class SheetForm(_OfSheet, ImportForm):  # type: ignore[misc]
    """Which file. ``table`` is what it says, ``sealed`` the text that the page carries."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("resource", "format"):
            self.fields[name].widget = forms.HiddenInput()
            self.initial[name] = "0"
        field = self.fields["import_file"]
        field.label = gettext_lazy("File")
        field.help_text = gettext("CSV or XLSX. At most %(lines)s lines and %(size)s KB.") % {
            "lines": MOST_LINES,
            "size": LARGEST_SHEET_KB,
        }

    @property
    def media(self) -> forms.Media:
        """The library's guesses the format by the file's name, of which there is only one."""
        return forms.Media()

    def clean_import_file(self) -> Any:
        """The file, once it can be read."""
        file = self.cleaned_data["import_file"]
        content = file.read()
        try:
            self.sealed = seal_sheet(content, kind=self._kind, actor=self._actor)
            self.table = self._sheet.read(content, name=file.name)
        except SheetRefused as error:
            raise ValidationError(sentence(error.reason)) from None
        if not len(self.table):
            raise ValidationError(gettext("The file has no line below the names of its columns."))
        file.form = self
        return file


class ConfirmSheetForm(_OfSheet, ConfirmImportForm):  # type: ignore[misc]
    """The file as the page carried it, and the digest of what was shown of it."""

    shown = forms.CharField(widget=forms.HiddenInput())

    def clean_format(self) -> str:
        """There is only one."""
        return "0"

    def clean_import_file_name(self) -> Dataset:
        """What the file says; of one that was carried too long, that it is to be sent again."""
        sealed = self.cleaned_data["import_file_name"]
        try:
            content = open_sheet(sealed, kind=self._kind, actor=self._actor)
            return self._sheet.read(content, name=gettext("the file"))
        except SheetRefused as error:
            raise ValidationError(sentence(error.reason)) from None
