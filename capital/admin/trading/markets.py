"""Markets: each venue's own rules, by which orders are rounded. The same for everybody."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, DropdownFilter

from capital.admin.frame.base import ReadOnly, SitePage
from capital.admin.frame.cells import badge, figure, since
from capital.admin.frame.formats import money, number, ratio
from capital.models import Market


class MarketVenueFilter(DropdownFilter):  # type: ignore[misc]  # unfold has no types
    """By venue: of those whose rules are known."""

    title = gettext_lazy("exchange")
    parameter_name = "venue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Their ids."""
        venues = Market.objects.order_by("venue").values_list("venue", flat=True).distinct()
        return [(venue, venue) for venue in venues]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Market]) -> QuerySet[Market]:
        """The markets there."""
        return queryset.filter(venue=self.value()) if self.value() else queryset


@admin.register(Market)
class MarketAdmin(ReadOnly, SitePage, ModelAdmin):  # type: ignore[misc]
    """Nobody's in particular: whoever may see markets sees all of them."""

    list_display = [
        "symbol",
        "venue",
        "shown_kind",
        "settle",
        "shown_step",
        "shown_least",
        "shown_least_cost",
        "shown_state",
        "shown_fetched",
    ]
    list_filter = [
        MarketVenueFilter,
        ("kind", ChoicesDropdownFilter),
        ("is_active", BooleanRadioFilter),
    ]
    list_filter_submit = True
    search_fields = ["symbol", "market_id"]
    ordering = ["venue", "symbol", "pk"]
    fields = [
        ("symbol", "venue", "market_id"),
        ("shown_kind", "base", "quote", "settle"),
        ("contract_size", "precision_mode", "amount_precision"),
        ("min_amount", "max_amount"),
        ("market_min_amount", "market_max_amount"),
        ("min_cost", "max_cost"),
        ("shown_state", "fetched_at"),
    ]
    readonly_fields = ["shown_kind", "shown_state"]

    @admin.display(description=gettext_lazy("type"), ordering="kind")
    def shown_kind(self, market: Market) -> str:
        """Spot, linear or inverse."""
        return market.get_kind_display()

    @admin.display(description=gettext_lazy("quantity precision"))
    def shown_step(self, market: Market) -> Any:
        """A step, or a number of digits and of which."""
        return figure(f"{ratio(market.amount_precision)} ({market.get_precision_mode_display()})")

    @admin.display(description=gettext_lazy("minimum order quantity"))
    def shown_least(self, market: Market) -> Any:
        """In the venue's unit."""
        return _figure(market.min_amount)

    @admin.display(description=gettext_lazy("minimum order value"))
    def shown_least_cost(self, market: Market) -> Any:
        """In the quote currency."""
        return figure(money(market.min_cost, market.quote))

    @admin.display(description=gettext_lazy("status"), ordering="is_active")
    def shown_state(self, market: Market) -> Any:
        """Whether the venue lists it."""
        if market.is_active:
            return badge(gettext("tradable"), "success")
        return badge(gettext("not tradable"))

    @admin.display(description=gettext_lazy("fetched at"), ordering="fetched_at")
    def shown_fetched(self, market: Market) -> Any:
        """How old the rules are."""
        return since(market.fetched_at, now=timezone.now())


def _figure(value: Decimal | None) -> Any:
    return figure(number(value))
