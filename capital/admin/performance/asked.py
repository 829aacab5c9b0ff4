"""What a page of performance is asked for: a period or two dates, a currency, rows and order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from capital.domain.errors import InvalidPeriod
from capital.domain.performance.measures.periods import Period, PeriodName
from capital.models import StrategyAccount
from capital.services.access import visible_to
from capital.services.performance import GROUPS, PERIODS, chosen_period, currencies_of
from capital.services.sentences import sentence

PERIOD_NAMES: Mapping[str, Any] = {
    PeriodName.TODAY.value: gettext_lazy("Today"),
    PeriodName.DAYS_7.value: gettext_lazy("7 days"),
    PeriodName.DAYS_30.value: gettext_lazy("30 days"),
    PeriodName.DAYS_90.value: gettext_lazy("90 days"),
    PeriodName.MONTH.value: gettext_lazy("This month"),
    PeriodName.YEAR.value: gettext_lazy("This year"),
    PeriodName.ALL.value: pgettext_lazy("period", "All"),
}
GROUP_NAMES: Mapping[str, Any] = {
    "strategy": gettext_lazy("Strategies"),
    "link": gettext_lazy("Strategy links"),
    "account": gettext_lazy("Accounts"),
    "owner": gettext_lazy("Owners"),
    "symbol": gettext_lazy("Symbols"),
}
USUAL = PeriodName.DAYS_30.value

_NO_DAY = {"invalid": gettext_lazy("Enter a date such as 2026-11-30.")}


def _day(label: Any) -> forms.DateField:
    widget = UnfoldAdminTextInputWidget(attrs={"type": "date"})
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=widget,
        error_messages=_NO_DAY,
    )


class AskedForm(forms.Form):
    """The query of the address. Two dates are chosen instead of a period."""

    until = _day(gettext_lazy("To"))
    currency = forms.ChoiceField(
        label=gettext_lazy("Currency"), required=False, widget=UnfoldAdminSelectWidget()
    )
    period = forms.ChoiceField(
        choices=[(name, name) for name in PERIODS], required=False, widget=forms.HiddenInput()
    )
    by = forms.ChoiceField(
        choices=[(name, name) for name in GROUPS], required=False, widget=forms.HiddenInput()
    )

    def __init__(self, request: HttpRequest, orders: Sequence[str]) -> None:
        super().__init__(request.GET)
        links = visible_to(request.user, StrategyAccount.objects.all())
        fields: Any = self.fields
        fields["currency"].choices = [
            ("", pgettext_lazy("currency", "All")),
            *((name, name) for name in currencies_of(links)),
        ]
        choices = [(f"{sign}{name}", name) for name in orders for sign in ("", "-")]
        fields["o"] = forms.ChoiceField(choices=choices, required=False, widget=forms.HiddenInput())
        # "from" and "to" as the API and the command call them.
        self.fields = {"from": _day(gettext_lazy("From")), "to": fields.pop("until"), **fields}

    def clean(self) -> dict[str, Any]:
        """With the period; dates win over the period that was shown before."""
        given = super().clean() or {}
        since, until = given.get("from"), given.get("to")
        is_dated = since is not None or until is not None
        try:
            given["days"] = chosen_period(
                None if is_dated else given.get("period") or None,
                since=since,
                until=until,
                now=timezone.now(),
            )
        except InvalidPeriod as error:
            self.add_error("to", sentence(error.reason))
        return given

    @property
    def told(self) -> list[str]:
        """What is wrong with what nobody types."""
        return [str(each) for field in self.hidden_fields() for each in field.errors]


@dataclass(frozen=True)
class Choice:
    """A link that changes one thing of what is asked."""

    name: Any
    url: str
    is_chosen: bool


@dataclass(frozen=True)
class Asked:
    """What is asked.

    Attributes:
        form: Bound to the query.
        period: Which days; None where the query is wrong.
        by: Of ``GROUPS``.
        currency: None for all.
        order: The name of a column, after a ``-`` the largest first.
        query: What the address said, as far as it is known.
    """

    form: AskedForm
    period: Period | None
    by: str
    currency: str | None
    order: str
    query: Mapping[str, str]

    @classmethod
    def read(cls, request: HttpRequest, *, orders: Sequence[str] = ()) -> "Asked":
        """Read the query of the address. Three queries."""
        form = AskedForm(request, orders)
        form.is_valid()
        given = form.cleaned_data
        query = {name: text for name in form.fields if (text := request.GET.get(name))}
        return cls(
            form=form,
            period=None if form.errors else given["days"],
            by=given.get("by") or "strategy",
            currency=given.get("currency") or None,
            order=given.get("o") or "",
            query=query,
        )

    def url(self, **changes: str) -> str:
        """This page with something else asked; an empty text asks no more for it."""
        asked = {name: text for name, text in {**self.query, **changes}.items() if text}
        return f"?{urlencode(asked)}"

    def elsewhere(self, address: str) -> str:
        """Another page, of the same period and currency."""
        kept = ("period", "from", "to", "currency")
        asked = {name: text for name, text in self.query.items() if name in kept}
        return f"{address}?{urlencode(asked)}" if asked else address

    @property
    def is_by_name(self) -> bool:
        """Whether the order of the rows is known without their figures."""
        return self.order in ("", "name", "-name")

    @property
    def periods(self) -> list[Choice]:
        """The periods that have a name."""
        is_dated = "from" in self.query or "to" in self.query
        now = "" if is_dated else self.query.get("period", USUAL)
        dateless = {"from": "", "to": ""}
        return [
            Choice(title, self.url(**dateless, period=name), name == now)
            for name, title in PERIOD_NAMES.items()
        ]

    @property
    def groups(self) -> list[Choice]:
        """What there may be a row for."""
        return [
            Choice(title, self.url(by=name), name == self.by) for name, title in GROUP_NAMES.items()
        ]
