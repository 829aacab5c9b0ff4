"""What fills and positions are filtered by: whose they are, and whether reports and fills agree."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import TextFilter

from capital.admin.frame.filters import OneOfFilter, VisibleFilter
from capital.models import Fill, Position
from capital.services.overview import mismatched, unattributed_fills
from capital.services.trading import of_nobody, of_strategy


class AttributionFilter(OneOfFilter):
    """Those of which it is not known whose they are, or that a person gave to nobody."""

    title = gettext_lazy("whose")
    parameter_name = "attribution"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("none", gettext("not known")), ("nobody", gettext("nobody's"))]

    def chosen(self, queryset: QuerySet[Fill], asked: str) -> QuerySet[Fill]:
        """The fills that are so."""
        return unattributed_fills(queryset) if asked == "none" else of_nobody(queryset)


class PresentStrategyFilter(VisibleFilter):
    """By the strategy whose they are now, whatever was known when they were recorded."""

    def of_row(self, request: HttpRequest, queryset: QuerySet[Fill]) -> QuerySet[Fill]:
        """Those that are the strategy's now."""
        return of_strategy(queryset, int(self.value())) if self.value() else queryset


class SymbolFilter(TextFilter):  # type: ignore[misc]
    """By the whole symbol."""

    title = gettext_lazy("symbol")
    parameter_name = "in"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Fill]) -> QuerySet[Fill]:
        asked = (self.value() or "").strip().upper()
        return queryset.filter(symbol=asked) if asked else queryset


class MatchFilter(OneOfFilter):
    """Those that their bot reports otherwise than their fills say."""

    title = gettext_lazy("report and fills")
    parameter_name = "match"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", gettext("differ"))]

    def chosen(self, queryset: QuerySet[Position], asked: str) -> QuerySet[Position]:
        """The positions that differ."""
        return queryset.filter(pk__in=mismatched(queryset))
