"""Changes of settings: who changed what, from where, with the old values and the new ones."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from capital.admin.frame.base import RecordAdmin
from capital.admin.frame.cells import instant, lines
from capital.admin.frame.filters import TimeFilter, VisibleFilter
from capital.admin.frame.formats import NOTHING
from capital.models import (
    Account,
    AccountAccess,
    ChangedRow,
    SettingChange,
    StrategyAccount,
    WebhookSecret,
)
from capital.models.columns.encrypted import EncryptedTextField
from capital.services.access import CHANGED, NOT_SET, SET
from capital.services.allocation import StrategyNames
from capital.services.labels import ROLE_NAMES
from strategies.models import Strategy

_MODELS: dict[str, type[Model]] = {
    ChangedRow.ACCOUNT: Account,
    ChangedRow.LINK: StrategyAccount,
    ChangedRow.ACCESS: AccountAccess,
    ChangedRow.STRATEGY: Strategy,
    ChangedRow.WEBHOOK: WebhookSecret,
}
# What is no column.
_OTHER_NAMES = {"secret": ChangedRow.WEBHOOK.label}
_MOST_VALUES = 3
_OF_SECRETS = {
    SET: pgettext_lazy("credentials", "set"),
    NOT_SET: gettext_lazy("not set"),
    CHANGED: gettext_lazy("replaced"),
}


@admin.register(SettingChange)
class ChangeAdmin(RecordAdmin):
    """Append-only. What was removed is still named."""

    nothing_yet = gettext_lazy(
        "Nothing has been changed yet. Changes of accounts, strategies, weights and access are "
        "recorded here."
    )
    list_display = [
        "shown_time",
        "shown_what",
        "name",
        "shown_few",
        "shown_actor",
        "origin",
    ]
    list_display_links = ["shown_time"]
    list_filter = [
        ("row", ChoicesDropdownFilter),
        ("account", VisibleFilter),
        ("strategy", VisibleFilter),
        ("created_at", TimeFilter),
    ]
    list_filter_submit = True
    search_fields = ["name", "actor__username", "origin"]
    # By primary key, which is the order of change and has an index.
    ordering = ["-pk"]
    fields = [
        ("shown_time", "shown_what", "name"),
        ("shown_actor", "origin"),
        "shown_values",
    ]
    readonly_fields = ["shown_time", "shown_what", "shown_actor", "shown_values"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SettingChange]:
        """With who changed it."""
        rows: QuerySet[SettingChange] = super().get_queryset(request)
        return rows.select_related("actor")

    def prepare_rows(self, request: HttpRequest, rows: list[SettingChange]) -> None:
        """Call strategies by their names, where the record calls them by their keys."""
        names = StrategyNames.of_records(changes=rows)
        for row in rows:
            # As it is shown: no such row is ever saved again.
            row.name = names.of_change(row)

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The same of one row, whose page has its name in several places."""
        row: SettingChange | None = super().get_object(request, *args, **kwargs)
        if row is not None:
            self.prepare_rows(request, [row])
        return row

    @admin.display(description=gettext_lazy("time"), ordering="created_at")
    def shown_time(self, change: SettingChange) -> str:
        """To the second."""
        return instant(change.created_at)

    @admin.display(description=pgettext_lazy("record", "change"))
    def shown_what(self, change: SettingChange) -> str:
        """What kind of row, and what happened to it."""
        return f"{capfirst(change.get_row_display())}: {change.get_verb_display()}"

    @admin.display(description=gettext_lazy("changed values"))
    def shown_few(self, change: SettingChange) -> Any:
        """The first of them."""
        shown = _values(change)
        more = len(shown) - _MOST_VALUES
        return lines(*shown[:_MOST_VALUES], f"+ {more}" if more > 0 else "") or NOTHING

    @admin.display(description=gettext_lazy("changed values"))
    def shown_values(self, change: SettingChange) -> Any:
        """All of them."""
        return lines(*_values(change)) or NOTHING

    @admin.display(description=gettext_lazy("changed by"), ordering="actor__username")
    def shown_actor(self, change: SettingChange) -> str:
        """Who asked."""
        return change.actor.get_username() if change.actor else gettext("command line")


def _values(change: SettingChange) -> list[SafeString]:
    """``weight: 1 → 2``, one for each field."""
    shown = []
    for name, values in change.values.items():
        field = _field(change.row, name)
        shown.append(
            format_html(
                "{}: {} → {}",
                _OTHER_NAMES.get(name, name) if field is None else field.verbose_name,
                _written(field, values.get("old")),
                _written(field, values.get("new")),
            )
        )
    return shown


def _field(row: str, name: str) -> Any:
    """None of what is no column, as a webhook's secret."""
    model = _MODELS.get(row)
    try:
        return None if model is None else model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _written(field: Any, value: Any) -> str:
    """In the reader's words, where there are some: a choice, a role, what became of a secret."""
    match value:
        case None | "":
            return NOTHING
        case True:
            return gettext("yes")
        case False:
            return gettext("no")
    if field is None or isinstance(field, EncryptedTextField):
        return str(_OF_SECRETS.get(value, value))
    words = ROLE_NAMES if field.model is AccountAccess else dict(field.flatchoices)
    return str(words.get(value, value))
