"""Reporting rates: what totals in one currency are worked out with. The same for everybody."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin

from capital.admin.frame.base import SitePage
from capital.admin.frame.cells import figure, since
from capital.admin.frame.formats import number
from capital.domain.errors import InvalidRate
from capital.domain.money import plain
from capital.models import ReportingRate
from capital.services.overview import check_rate, store_rate
from capital.services.sentences import sentence

_PAIR = ("base", "quote")


class RateForm(forms.ModelForm):  # type: ignore[type-arg]
    """One unit of a currency in another. The service writes it, with the time."""

    class Meta:
        model = ReportingRate
        fields = ("base", "quote", "rate")
        help_texts = {
            "rate": gettext_lazy(
                "The price of one unit of the first currency in the second. It is used in reports "
                "until you store another one. Allocations do not use it."
            )
        }

    def clean_base(self) -> str:
        """In capitals, however it was typed."""
        return str(self.cleaned_data["base"]).upper()

    def clean_quote(self) -> str:
        """In capitals, however it was typed."""
        return str(self.cleaned_data["quote"]).upper()

    def clean(self) -> dict[str, Any]:
        """Refuse what the service would refuse, beside the field."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            given = {name: cleaned.get(name, getattr(self.instance, name)) for name in _PAIR}
            try:
                check_rate(**given, rate=cleaned["rate"])
            except InvalidRate as error:
                self.add_error("rate", sentence(error.reason))
        return cleaned


@admin.register(ReportingRate)
class RateAdmin(SitePage, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Nobody's in particular: for who may see or change them, by Django's permissions."""

    nothing_yet = gettext_lazy(
        "No rate yet. Rates only serve to order currencies and to add them up."
    )
    form = RateForm
    list_display = ["shown_pair", "shown_rate", "shown_observed"]
    list_display_links = ["shown_pair"]
    search_fields = ["base", "quote"]
    ordering = ["base", "quote", "pk"]
    fields = [("base", "quote"), "rate"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The pair of a stored rate stays; another pair is another rate."""
        return _PAIR if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: ReportingRate, form: Any, change: Any) -> None:
        stored = store_rate(obj.base, obj.quote, plain(obj.rate))
        obj.pk, obj.observed_at = stored.pk, stored.observed_at

    @admin.display(description=gettext_lazy("currencies"), ordering="base")
    def shown_pair(self, rate: ReportingRate) -> str:
        """From which to which."""
        return f"{rate.base} → {rate.quote}"

    @admin.display(description=gettext_lazy("rate"), ordering="rate")
    def shown_rate(self, rate: ReportingRate) -> Any:
        """Of the second for one of the first."""
        return figure(f"{number(rate.rate)} {rate.quote}")

    @admin.display(description=gettext_lazy("stored"), ordering="observed_at")
    def shown_observed(self, rate: ReportingRate) -> Any:
        """How long ago, since it does not follow the market."""
        return since(rate.observed_at, now=timezone.now())
