"""Pages about the machinery: read-only, and only for those who see everyone's accounts."""

from datetime import datetime
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from capital.admin.frame.base import ReadOnly, SitePage
from capital.services.access import sees_everything


class OperationsAdmin(ReadOnly, SitePage, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Rows about the machinery, for those who may see everyone's."""

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return sees_everything(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return sees_everything(request.user)

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """The same time for every age that a page shows."""
        now = timezone.now()
        for row in rows:
            row.seen_at = now


def seen_at(row: Any) -> datetime:
    """The moment of the page; now, for a row that is shown alone."""
    return getattr(row, "seen_at", None) or timezone.now()
