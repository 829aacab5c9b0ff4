"""What if: the days on record of an account beside the same days by another policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from capital.admin.dashboard.charts import Chart, Line, line_chart
from capital.admin.dashboard.earnings import shown
from capital.admin.frame.base import NumberInput, WholeInput
from capital.admin.frame.formats import NOTHING, ratio
from capital.admin.frame.views import render_page, seen_or_404
from capital.admin.performance.cells import Cell, amount, part
from capital.admin.performance.report import PERMISSION
from capital.domain.allocation.rules import PolicyName
from capital.domain.errors import CapitalError
from capital.domain.performance.measures.returns import Measured
from capital.domain.reasons import Reason
from capital.models import Account, StrategyAccount
from capital.models.columns.exact import FiniteDecimalField
from capital.services.allocation import (
    COURSE_FIGURES,
    Comparison,
    Figure,
    last_capital,
    replay_policy,
)
from capital.services.labels import POLICY_NAMES
from capital.services.performance import chosen_period
from capital.services.sentences import sentence

_USUAL_DAYS = 90


def _day(label: Any) -> forms.DateField:
    widget = UnfoldAdminTextInputWidget(attrs={"type": "date"})
    return forms.DateField(label=label, required=False, input_formats=["%Y-%m-%d"], widget=widget)


def what_if_link(account: Account) -> Any:
    """A sentence with a link to the page, beside the account's policy."""
    url = reverse("admin:capital_account_what_if", args=[account.pk])
    text = gettext("What if: the days on record by another policy")
    return format_html('<a class="text-link" href="{}">{}</a>', url, text)


class WhatIfForm(forms.Form):
    """The query of the address."""

    policy = forms.ChoiceField(
        label=gettext_lazy("Policy"),
        choices=list(POLICY_NAMES.items()),
        widget=UnfoldAdminSelectWidget(),
    )
    since = _day(gettext_lazy("From"))
    until = _day(gettext_lazy("To"))
    lookback_days = forms.IntegerField(
        label=gettext_lazy("Lookback (days)"),
        required=False,
        min_value=30,
        max_value=1000,
        widget=WholeInput(),
    )
    drift_band_percent = FiniteDecimalField(
        label=gettext_lazy("Drift band (%)"),
        required=False,
        min_value=0,
        max_value=100,
        widget=NumberInput(),
    )

    def show_settings(self, account: Account) -> None:
        """In empty fields, what the account has."""
        for name in ("lookback_days", "drift_band_percent"):
            shown_there = ratio(Decimal(getattr(account, name)))
            self.fields[name].widget.attrs["placeholder"] = shown_there


@dataclass(frozen=True)
class FigureRow:
    """One figure of both courses."""

    figure: Figure
    name: str
    recorded: Cell
    replayed: Cell


@dataclass(frozen=True)
class StrategyRow:
    """One strategy in both courses: its capital on the last day, and what it earned."""

    name: str
    cells: Sequence[Cell]


class WhatIfPage:
    """For the accounts' ``ModelAdmin``: a page of its own."""

    def get_urls(self) -> list[Any]:
        """The page, before those of an account."""
        site = self.admin_site  # type: ignore[attr-defined]
        return [
            path(
                "<path:object_id>/what-if/",
                site.admin_view(self.what_if_view),
                name="capital_account_what_if",
            ),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def what_if_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Replay the days on record by a policy. Nothing is written."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        account: Account = seen_or_404(self, request, object_id)
        form = WhatIfForm(request.GET if "policy" in request.GET else _usual(account))
        form.show_settings(account)
        context: dict[str, Any] = {
            "form": form,
            "object": account,
            "back": reverse("admin:capital_account_change", args=[account.pk]),
        }
        if form.is_valid():
            try:
                context |= _shown(_compared(account, form.cleaned_data))
            except CapitalError as error:
                context["refusal"] = sentence(error.reason)
        title = gettext("What if: %(account)s") % {"account": account.name}
        return render_page(self, request, "performance/whatif", title, context)


def _usual(account: Account) -> dict[str, Any]:
    """Another policy than the account's, over the last 90 days."""
    by_weight = account.policy == PolicyName.WEIGHTS
    policy = PolicyName.OWN_PROFIT if by_weight else PolicyName.WEIGHTS
    today = timezone.localdate()
    since = today - timedelta(days=_USUAL_DAYS - 1)
    return {"policy": policy.value, "since": since.isoformat(), "until": today.isoformat()}


def _compared(account: Account, asked: dict[str, Any]) -> Comparison:
    since, until = asked["since"], asked["until"]
    return replay_policy(
        account.pk,
        PolicyName(asked["policy"]),
        period=chosen_period(
            "all" if since is until is None else None,
            since=since,
            until=until,
            now=timezone.now(),
        ),
        lookback_days=asked["lookback_days"],
        drift_band_percent=asked["drift_band_percent"],
    )


def _shown(comparison: Comparison) -> dict[str, Any]:
    currency = comparison.account.currency
    names = _names(comparison)
    return {
        "comparison": comparison,
        "policy": POLICY_NAMES[comparison.rules.policy],
        "first": comparison.days[0],
        "last": comparison.days[-1],
        "figures": [
            FigureRow(
                figure,
                name,
                _cell(figure.of(comparison.recorded), figure, currency),
                _cell(figure.of(comparison.replayed), figure, currency),
            )
            for name, figure in COURSE_FIGURES.items()
        ],
        "strategies": _strategies(comparison, names),
        "charts": _charts(comparison, names),
        "unknown": [sentence(reason) for reason in comparison.unknown],
    }


def _names(comparison: Comparison) -> Mapping[int, str]:
    """The names of the strategies, by link; the key of one that was deleted meanwhile."""
    links = StrategyAccount.objects.filter(pk__in=[link.id for link in comparison.links])
    keys = {link.id: link.strategy_key for link in comparison.links}
    return keys | dict(links.values_list("pk", "strategy__name"))


def _strategies(comparison: Comparison, names: Mapping[int, str]) -> list[StrategyRow]:
    currency = comparison.account.currency
    earned = COURSE_FIGURES["earned"]
    return [
        StrategyRow(
            names[link.id],
            [
                cell
                for course in (comparison.recorded, comparison.replayed)
                for cell in (
                    Cell(shown(last_capital(course, link.id), currency)),
                    _cell(course.earned_by(link.id), earned, currency),
                )
            ],
        )
        for link in comparison.links
    ]


def _charts(comparison: Comparison, names: Mapping[int, str]) -> list[Chart]:
    """Each course by itself: its equity, and the capital of each strategy."""
    currency, days = comparison.account.currency, comparison.days
    titles = (
        gettext("As recorded (%(currency)s)"),
        gettext("What if: %(policy)s (%(currency)s)"),
    )
    named = {"currency": currency, "policy": POLICY_NAMES[comparison.rules.policy]}
    return [
        line_chart(
            title % named,
            currency,
            days,
            [
                Line(gettext("Equity"), [amount(day.equity, currency) for day in course.days]),
                *(
                    Line(
                        names[link.id],
                        [amount(day.capital.get(link.id), currency) for day in course.days],
                    )
                    for link in comparison.links
                ),
            ],
        )
        for title, course in zip(titles, (comparison.recorded, comparison.replayed), strict=True)
    ]


def _cell(value: Measured | int, figure: Figure, currency: str) -> Cell:
    if isinstance(value, Reason):
        return Cell(NOTHING, why=sentence(value))
    if isinstance(value, int):
        return Cell(f"{value:,}")
    direction = ""
    if figure.is_signed and value:
        direction = "up" if value > 0 else "down"
    if figure.is_part:
        return Cell(part(value, is_signed=figure.is_signed), direction)
    return Cell(shown(value, currency, is_signed=figure.is_signed), direction)
