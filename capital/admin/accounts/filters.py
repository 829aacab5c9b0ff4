"""What a list of accounts is filtered by."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from capital.admin.frame.cells import FRESHNESS
from capital.admin.frame.filters import OneOfFilter
from capital.models import Account
from capital.services.limits import losses_of
from capital.services.overview import freshness_of, with_unread_trades


class VenueFilter(DropdownFilter):  # type: ignore[misc]
    """By venue: of those that have an account that is visible."""

    title = gettext_lazy("exchange")
    parameter_name = "venue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The venues of the accounts that the user may see."""
        rows = model_admin.get_queryset(request).order_by("venue").values_list("venue", flat=True)
        return [(venue, venue) for venue in rows.distinct()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        """The accounts there."""
        return queryset.filter(venue=self.value()) if self.value() else queryset


class StateFilter(OneOfFilter):
    """Switched on or off, or waiting for a person."""

    title = gettext_lazy("status")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("active", gettext("active")),
            ("inactive", gettext("inactive")),
            ("suspect", gettext("suspect balance")),
            ("limit", gettext("limit of loss")),
            ("trades", gettext("trades unread")),
        ]

    def chosen(self, queryset: QuerySet[Account], asked: str) -> QuerySet[Account]:
        """The accounts that are so."""
        match asked:
            case "active":
                return queryset.filter(is_active=True)
            case "inactive":
                return queryset.filter(is_active=False)
            case "suspect":
                return queryset.exclude(suspect_readings={})
            case "limit":
                losses = losses_of(queryset.filter(is_active=True).order_by().values("pk"))
                return queryset.filter(pk__in=[key for key, each in losses.items() if each.limits])
        # As the dashboard counts them: an inactive account is nobody's concern.
        active = queryset.filter(is_active=True)
        return queryset.filter(pk__in=with_unread_trades(active, now=timezone.now()))


class FreshnessFilter(OneOfFilter):
    """By how old the balances are: as the badge says it."""

    title = gettext_lazy("balance age")
    parameter_name = "freshness"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(freshness.value, name) for freshness, (name, _) in FRESHNESS.items()]

    def chosen(self, queryset: QuerySet[Account], asked: str) -> QuerySet[Account]:
        """The accounts whose badge is this one."""
        found = freshness_of(queryset, now=timezone.now())
        wanted = {key for key, fresh in found.items() if fresh == asked}
        others = found.keys() - wanted
        # The shorter list: the statement is made, and counted with, twice.
        if len(others) < len(wanted):
            return queryset.exclude(pk__among=others)
        return queryset.filter(pk__among=wanted)
