"""What every page of the admin shares: a user sees their own rows, and nothing by accident."""

from typing import Any

from django.db.models import ForeignKey, Model, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from capital.services.visibility import OWNER_PATHS, visible_to


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
    ) -> ModelChoiceField[Any] | None:
        """Offer, and accept, only visible rows."""
        target: type[Model] = db_field.related_model
        if target in OWNER_PATHS and "queryset" not in kwargs:
            kwargs["queryset"] = visible_to(request.user, target._default_manager.all())
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc,no-any-return]


class DeskModelAdmin(OwnRows, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """A page of ours, in the theme."""

    list_per_page = 50
    show_full_result_count = False
    compressed_fields = True
    warn_unsaved_form = True


class RecordAdmin(DeskModelAdmin):
    """A page of rows that services write: looked at, never edited here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Services write them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Services write them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody deletes them."""
        return False


class DeskTabularInline(OwnRows, TabularInline):  # type: ignore[misc]
    """Rows inside another row's page."""

    extra = 0
