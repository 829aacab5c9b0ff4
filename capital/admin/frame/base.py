"""What every page of the admin shares: a user sees their own rows, and nothing by accident."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NoReturn

from django.apps import apps
from django.contrib import messages
from django.contrib.admin import AdminSite, ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters, csrf_protect_m
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import SEARCH_VAR
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import (
    PROTECT,
    BigIntegerField,
    ForeignKey,
    IntegerField,
    Model,
    QuerySet,
)
from django.forms import ModelChoiceField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import strip_tags
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import override as translation_override
from unfold.admin import ModelAdmin, TabularInline
from unfold.overrides import FORMFIELD_OVERRIDES_INLINE
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextInputWidget

from capital.admin.frame.formats import number, ratio
from capital.admin.frame.lists import BoundedPaginator, by_currency, is_key
from capital.domain.errors import AppendOnly, HasHistory
from capital.models.columns.exact import ExactDecimalField
from capital.services.access import ACCOUNT_PATHS, visible_to


class OwnRows:
    """Only the rows that the user may see: in lists, pages, actions, exports and choices.

    For a ``ModelAdmin`` or an inline, before its base class. The admin's own views, its
    autocompletes and its history all start from ``get_queryset``, so another user's row is
    not found anywhere.
    """

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Start from what is visible."""
        return visible_to(request.user, super().get_queryset(request))  # type: ignore[misc]

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any] | None":
        """Offer, and accept, only visible rows."""
        target: type[Model] = db_field.related_model
        if target in ACCOUNT_PATHS and "queryset" not in kwargs:
            kwargs["queryset"] = visible_to(request.user, target._default_manager.all())
        if "widget" not in kwargs and db_field.name in self.get_autocomplete_fields(request):  # type: ignore[attr-defined]
            site = self.admin_site  # type: ignore[attr-defined]
            kwargs["widget"] = _Searched(db_field, site, using=kwargs.get("using"))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc,no-any-return]


class _Searched(AutocompleteSelect):
    """A choice that is searched for. What was sent, and is no key of a row, has no name to show."""

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        model = self.field.remote_field.model
        shown = [each for each in value if not each or is_key(model, each)]
        return super().optgroups(name, shown, attrs)


class SiteChangeList(ChangeList):  # type: ignore[misc]  # unfold has no types
    """A page of rows, for all of which together the admin then finds what else it shows."""

    page_num: int

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """Whatever an address asks for that no filter takes is told, and all rows are shown."""
        with _told_what_no_filter_takes(request):
            rows: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        return rows

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Amounts by their currency first: 5,000 KRW is not more than 100 USDT."""
        return by_currency(super().get_ordering(request, queryset))

    def get_results(self, request: HttpRequest) -> None:
        """Hand the page's rows to ``prepare_rows``: a constant number of queries a page.

        A page behind the last one is the last one: rows went while it was open. Django would leave
        out the filters, and show all rows.
        """
        with _told_what_no_filter_takes(request):
            try:
                super().get_results(request)
            except IncorrectLookupParameters:
                per_page = self.list_per_page
                pages = self.model_admin.get_paginator(request, self.queryset, per_page).num_pages
                self.page_num = min(self.page_num, pages)
                super().get_results(request)
        if not self.query and not self.get_filters_params():
            # All of them are shown: the title need not offer that.
            self.full_result_count = self.result_count
        self.result_list: list[Any] = list(self.result_list)
        self.model_admin.prepare_rows(request, self.result_list)


@contextmanager
def _told_what_no_filter_takes(request: HttpRequest) -> Iterator[None]:
    """Django goes on to the whole list then, and does not say so.

    Filters read what an address says, and a number that no column holds fails only when it is asked
    for, as ``OverflowError``.
    """
    try:
        # PostgreSQL fails over it, wherever a text is compared with it. Django tells a search so.
        filters = (texts for name, texts in request.GET.lists() if name != SEARCH_VAR)
        if any("\0" in text for texts in filters for text in texts):
            raise IncorrectLookupParameters
        yield
    except (IncorrectLookupParameters, OverflowError, ValueError, ValidationError) as error:
        text = gettext("The list cannot be filtered as this address asks. All rows are shown.")
        messages.warning(request, text)
        raise IncorrectLookupParameters from error


class NumberInput(UnfoldAdminTextInputWidget):  # type: ignore[misc]  # unfold has no types
    """A number that reaches the form as it was typed.

    A browser's own field for numbers leaves out what it does not expect: of ``1,5`` it sent 15.
    """

    keyboard = "decimal"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"inputmode": self.keyboard, "autocomplete": "off", **(attrs or {})})


class WholeInput(NumberInput):
    """A whole number, which needs no point on a phone's keyboard."""

    keyboard = "numeric"


class ExactInput(NumberInput):
    """A number as a person writes it: 0.1, never 0.10000000 or 0E-8."""

    def format_value(self, value: Any) -> str | None:
        """Without idle zeros and without an exponent; what was typed stays as typed."""
        return ratio(value) if isinstance(value, Decimal) else value


def without_idle_zeros(contents: str) -> str:
    """A number that is only shown, as a person writes it: ``1,000,000``, ``0.5``."""
    text = str(contents).replace(",", "")
    return number(Decimal(text)) if _DECIMALS.fullmatch(text) else contents


def without_link(contents: str) -> str:
    """Who it is. Django links to the user's page, which hardly anybody may open."""
    return strip_tags(contents)


def _without(rows: list[Any], starts: tuple[str, ...]) -> list[Any]:
    """A nested list of names without those that start so."""
    return [
        _without(row, starts) if isinstance(row, list) else row
        for row in rows
        if isinstance(row, list) or not str(row).startswith(starts)
    ]


_DECIMALS = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_NUMBERS: Any = {
    ExactDecimalField: {"widget": ExactInput},
    IntegerField: {"widget": WholeInput},
    BigIntegerField: {"widget": WholeInput},
}


class SitePage:
    """How every page of the site behaves, whoever's rows it shows."""

    formfield_overrides = _NUMBERS

    def __init__(self, model: type[Model], admin_site: AdminSite) -> None:
        super().__init__(model, admin_site)  # type: ignore[call-arg]
        self.readonly_preprocess_fields = {
            field.name: without_idle_zeros
            for field in model._meta.fields
            if isinstance(field, ExactDecimalField)
        } | {
            field.name: without_link
            for field in model._meta.fields
            if field.related_model is get_user_model()
        }

    list_per_page = 50
    list_max_show_all = 0
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    compressed_fields = True
    warn_unsaved_form = True
    object_history_template = "capital/frame/history.html"

    # What an empty list says that nothing narrows: why nothing is there, and how rows come.
    nothing_yet: Any = gettext_lazy("Nothing here yet.")
    # What to do instead of deleting a row that other rows refer to.
    instead_of_deleting: Any = gettext_lazy("It has to be kept.")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SiteChangeList]:
        """The list that prepares its rows together."""
        return SiteChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Call a list by what is in it, as the menu does; Django says "Select … to change"."""
        title = capfirst(str(self.opts.verbose_name_plural))  # type: ignore[attr-defined]
        context = {"title": title, **(extra_context or {})}
        return super().changelist_view(request, context)  # type: ignore[misc,no-any-return]

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Take what is ticked; what is no key of a row is none that could be."""
        ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
        keys = [key for key in ticked if is_key(queryset.model, key)]
        if len(keys) < len(ticked):
            sound: Any = request.POST.copy()
            sound.setlist(ACTION_CHECKBOX_NAME, keys)
            request.POST = sound
        return super().response_action(request, queryset)  # type: ignore[misc]

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Put on the rows of one page what their columns show beyond the row itself."""

    def _get_obj_does_not_exist_redirect(self, *_args: Any) -> NoReturn:
        """Another user's row is not found, like a row that does not exist."""
        raise Http404

    @csrf_protect_m  # type: ignore[untyped-decorator]
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Refuse what has history, and say what to do instead."""
        row = self.get_object(request, unquote(object_id))  # type: ignore[attr-defined]
        refusal = None if row is None else self.deletion_refusal([row])
        if refusal is None:
            try:
                return super().delete_view(request, object_id, extra_context)  # type: ignore[misc,no-any-return]
            except (AppendOnly, HasHistory, IntegrityError):
                # Something was recorded since the page was shown.
                refusal = self._refusal([row], [])
        elif not self.has_delete_permission(request, row):  # type: ignore[attr-defined]
            return super().delete_view(request, object_id, extra_context)  # type: ignore[misc,no-any-return]
        self.message_user(request, refusal, messages.ERROR)  # type: ignore[attr-defined]
        return HttpResponseRedirect(self.url_of("change", object_id))

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        change: bool = False,  # noqa: FBT001, FBT002
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """Offer to delete only what can be deleted."""
        if obj is not None and self.has_delete_permission(request, obj):  # type: ignore[attr-defined]
            context["show_delete"] = self.deletion_refusal([obj]) is None
        return super().render_change_form(request, context, add, change, form_url, obj)  # type: ignore[misc,no-any-return]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, Any]:
        """What goes with these rows, without the rows of tables between two models.

        Django names those "Group-permission relationship: Group_permissions object (3)".
        """
        rows, counts, *refused = super().get_deleted_objects(objs, request)  # type: ignore[misc]
        between = [model._meta for model in apps.get_models(include_auto_created=True)]
        between = [options for options in between if options.auto_created]
        starts = tuple(f"{capfirst(str(options.verbose_name))}: " for options in between)
        for options in between:
            counts.pop(options.verbose_name_plural, None)
        return _without(rows, starts), counts, *refused

    def deletion_refusal(self, rows: Iterable[Any]) -> str | None:
        """Why these rows cannot be deleted; None where they can. One query a kind of row."""
        rows = list(rows)
        kinds = [kind for kind in self.protecting(rows) if kind]
        return self._refusal(rows, kinds) if kinds else None

    def protecting(self, rows: list[Any]) -> list[str]:
        """The kinds of rows that refer to these and protect them."""
        options = self.model._meta  # type: ignore[attr-defined]
        return [
            str(relation.related_model._meta.verbose_name_plural)
            for relation in options.related_objects
            if relation.on_delete is PROTECT
            and relation.related_model._base_manager.filter(
                **{f"{relation.field.name}__in": [row.pk for row in rows]}
            ).exists()
        ]

    def _refusal(self, rows: list[Any], kinds: list[str]) -> str:
        name = ", ".join(str(row) for row in rows[:3]) + (" …" if len(rows) > 3 else "")
        if not kinds:
            why = gettext("%(name)s cannot be deleted: other records depend on it.") % {
                "name": name
            }
        else:
            why = gettext("%(name)s cannot be deleted: it has related records (%(kinds)s).") % {
                "name": name,
                "kinds": ", ".join(kinds),
            }
        return f"{why} {self.instead_of_deleting}"

    def construct_change_message(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
    ) -> list[dict[str, Any]]:
        """Name the fields as the catalogue does; the history translates them when it is read.

        Django stores the labels of the form, which begin with a capital and are in no catalogue.
        """
        message: list[dict[str, Any]] = super().construct_change_message(  # type: ignore[misc]
            request, form, formsets, add
        )
        # The form of a password is of no model.
        model: Any = self.model  # type: ignore[attr-defined]
        models = [model, *(formset.model for formset in formsets or ())]
        with translation_override(None):
            names = {
                capfirst(str(field.verbose_name)): str(field.verbose_name)
                for model in models
                for field in (*model._meta.fields, *model._meta.many_to_many)
            }
        for part in message:
            for what in part.values():
                if "fields" in what:
                    what["fields"] = [names.get(label, label) for label in what["fields"]]
        return message

    def url_of(self, page: str, *arguments: Any) -> str:
        """The address of one of this model's pages: ``changelist``, ``change`` …"""
        options = self.opts  # type: ignore[attr-defined]
        name = f"admin:{options.app_label}_{options.model_name}_{page}"
        return reverse(name, args=arguments)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Rows are deleted one by one, where the page says why one cannot be."""
        actions: dict[str, Any] = super().get_actions(request)  # type: ignore[misc]
        actions.pop("delete_selected", None)
        return {
            name: (function, action, capfirst(title))
            for name, (function, action, title) in actions.items()
        }


class SiteModelAdmin(SitePage, OwnRows, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """A page of ours, in the theme."""


class ReadOnly:
    """Rows that services write: looked at, never edited here."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class RecordAdmin(ReadOnly, SiteModelAdmin):
    """A page of rows that services write."""


class SiteTabularInline(OwnRows, TabularInline):  # type: ignore[misc]
    """Rows inside another row's page."""

    extra = 0
    hide_title = True
    formfield_overrides = {**FORMFIELD_OVERRIDES_INLINE, **_NUMBERS}
