"""What fills and positions are filtered by: whose they are, and whether reports and fills agree."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from capital.models import Fill, Position
from capital.services.overview import mismatched, unattributed_fills


class AttributionFilter(DropdownFilter):  # type: ignore[misc]  # unfold has no types
    """Those of which it is not known whose they are."""

    title = gettext_lazy("whose")
    parameter_name = "attribution"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("none", gettext("not known"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Fill]) -> QuerySet[Fill]:
        return unattributed_fills(queryset) if self.value() == "none" else queryset


class MatchFilter(DropdownFilter):  # type: ignore[misc]
    """Those that their bot reports otherwise than their fills say."""

    title = gettext_lazy("report and fills")
    parameter_name = "match"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", gettext("differ"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Position]) -> QuerySet[Position]:
        if self.value() != "no":
            return queryset
        return queryset.filter(pk__in=mismatched(queryset))
