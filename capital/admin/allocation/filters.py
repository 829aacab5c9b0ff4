"""What runs are filtered by beside their own columns: a strategy, and how much they moved."""

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import TextFilter

from capital.domain.errors import InvalidAmount
from capital.domain.money import parse_amount
from capital.models import AllocationEntry, AllocationRun
from capital.services.access import visible_to
from strategies.models import Strategy

_LARGEST = Decimal("1e15")
_LONGEST_TOLD = 40


def strategies_named(request: HttpRequest, word: str) -> list[int]:
    """The strategies that the user sees of which this is the key, or a part of the name."""
    fits = Q(key=word) | Q(name__icontains=word)
    return list(
        visible_to(request.user, Strategy.objects.filter(fits))
        .order_by()
        .values_list("pk", flat=True)
        .distinct()
    )


class OfStrategyFilter(TextFilter):  # type: ignore[misc]  # unfold has no types
    """Runs that decided on a strategy."""

    title = gettext_lazy("strategy")
    parameter_name = "strategy"

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AllocationRun]
    ) -> QuerySet[AllocationRun]:
        """Those with an entry of it."""
        word = (self.value() or "").strip()
        if not word:
            return queryset
        entries = AllocationEntry.objects.filter(
            pool__run=OuterRef("pk"),
            strategy_account__strategy__in=strategies_named(request, word),
        )
        return queryset.filter(Exists(entries))


class MovedFilter(TextFilter):  # type: ignore[misc]
    """Runs that changed the capital of a strategy by so much, or more."""

    title = gettext_lazy("moved at least")
    parameter_name = "moved"

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AllocationRun]
    ) -> QuerySet[AllocationRun]:
        """What is no amount is no limit, and is said to be none."""
        text = (self.value() or "").strip()
        if not text:
            return queryset
        least = _amount(text)
        if least is None:
            message = gettext(
                "“%(text)s” is not an amount above zero such as 1500.25, so the list is not "
                "narrowed by it."
            )
            messages.warning(request, message % {"text": text[:_LONGEST_TOLD]})
            return queryset
        changed: Any = (
            Q(after__gte=F("before") + least)
            | Q(before__gte=F("after") + least)
            | Q(before__isnull=True, after__gte=least)
        )
        entries = AllocationEntry.objects.filter(changed, pool__run=OuterRef("pk"))
        return queryset.filter(Exists(entries))


def _amount(text: str) -> Decimal | None:
    try:
        amount = parse_amount(text)
    except InvalidAmount:
        return None
    return amount if 0 < amount < _LARGEST else None
