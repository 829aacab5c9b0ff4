"""Filters that offer only what the user may see."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth import get_user_model
from django.db.models import Field, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_time
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    DropdownFilter,
    RangeDateTimeFilter,
    RelatedDropdownFilter,
)
from unfold.contrib.filters.forms import AutocompleteDropdownForm

from capital.domain.money import parse_whole
from capital.models import Account
from capital.services.access import visible_to


class VisibleForm(AutocompleteDropdownForm):  # type: ignore[misc]  # unfold has no types
    """Names the chosen row only where the user may see it, whatever the address asks for."""

    def __init__(self, request: HttpRequest, name: str, **kwargs: Any) -> None:
        super().__init__(request=request, name=name, **kwargs)
        field: Any = self.fields[name]
        field.queryset = visible_to(request.user, field.queryset.all())


class ByKey:
    """By a related row, if what is asked for can be one's key. For a filter, before its class."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the row. Raises ``IncorrectLookupParameters`` for what is no key."""
        asked = self.value()  # type: ignore[attr-defined]
        if asked and parse_whole(str(asked)) is None:
            raise IncorrectLookupParameters
        return self.of_row(request, queryset)

    def of_row(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the row that is asked for; all where none is."""
        narrowed: QuerySet[Any] = super().queryset(request, queryset)  # type: ignore[misc]
        return narrowed


class VisibleFilter(ByKey, AutocompleteSelectFilter):  # type: ignore[misc]
    """By a related row that is looked for by name: of those that the user may see."""

    form_class = VisibleForm


class ChosenFilter(ByKey, RelatedDropdownFilter):  # type: ignore[misc]
    """By one of a few related rows."""


class OwnerFilter(ChosenFilter):
    """By owner: of those who own something that the user may see."""

    def field_choices(
        self, field: "Field[Any, Any]", request: HttpRequest, model_admin: "ModelAdmin[Any]"
    ) -> list[tuple[Any, str]]:
        owned = model_admin.get_queryset(request).order_by().values(self.field_path)
        users = get_user_model().objects.filter(pk__in=owned).order_by("username")
        return list(users.values_list("pk", "username"))

    def has_output(self) -> bool:
        """Whether there is anything to choose between."""
        return len(self.lookup_choices) > 1


class OneOfFilter(DropdownFilter):  # type: ignore[misc]
    """By one of a few words. Another one is told, where Django would show all rows."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the word; all for one that is not offered, which is told."""
        asked = self.value()
        if not asked:
            return queryset
        if asked not in {value for value, _ in self.lookup_choices}:
            text = gettext("The list is not limited by ‘%(typed)s’: %(filter)s has no such choice.")
            messages.warning(request, text % {"typed": asked, "filter": self.title})
            return queryset
        return self.chosen(queryset, asked)

    def chosen(self, queryset: QuerySet[Any], asked: str) -> QuerySet[Any]:
        """Those of a word that is offered."""
        return queryset.filter(**{str(self.parameter_name): asked})


class CurrencyFilter(DropdownFilter):  # type: ignore[misc]
    """By the account's currency: of those of the accounts that the user may see."""

    title = gettext_lazy("currency")
    parameter_name = "currency"
    # The way from a row to its account.
    account_path = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        accounts = visible_to(request.user, Account.objects.order_by("currency"))
        names = accounts.values_list("currency", flat=True).distinct()
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        name = self.value()
        return queryset.filter(**{f"{self.account_path}currency": name}) if name else queryset


class TimeFilter(RangeDateTimeFilter):  # type: ignore[misc]
    """By moment, in the project's time zone; a date alone is its whole day."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of that time; what is no date is no limit, which is told."""
        start = self._moment(request, "from", time.min)
        end = self._moment(request, "to", time.max)
        if start is not None:
            queryset = queryset.filter(**{f"{self.field_path}__gte": start})
        if end is not None:
            queryset = queryset.filter(**{f"{self.field_path}__lte": end})
        return queryset

    def _moment(self, request: HttpRequest, side: str, usual: time) -> datetime | None:
        typed, hours = (self._typed(side, part) for part in (0, 1))
        day, hour = _parsed(parse_date, typed), _parsed(parse_time, hours)
        if (typed or hours) and (day is None or (hours and hour is None)):
            text = gettext(
                "The list is not limited by ‘%(typed)s’: dates and times are written as "
                "2026-11-22 and 09:30."
            )
            messages.warning(request, text % {"typed": f"{typed} {hours}".strip()})
        if day is None:
            return None
        moment = datetime.combine(day, hour or usual)
        try:
            return timezone.make_aware(moment).astimezone(UTC)
        except OverflowError:  # a day before the first one, or after the last
            return moment.replace(tzinfo=UTC)

    def _typed(self, side: str, part: int) -> str:
        """The date (0) or the hour (1) of a side; empty where none is typed."""
        name = f"{self.parameter_name}_{side}_{part}"
        return (self.used_parameters.get(name) or "").strip()


def _parsed(parse: Callable[[str], Any], text: str) -> Any:
    """What is read from ``text``; None for what cannot be."""
    try:
        return parse(text)
    except ValueError:
        return None
