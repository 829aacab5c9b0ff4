"""How well strategies did."""

from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from capital.api.frame.base import refusal
from capital.api.frame.csv_lists import TableView
from capital.api.shapes.performance import PerformanceReport
from capital.domain.performance.measures.periods import Period
from capital.models import StrategyAccount
from capital.services.performance import (
    GROUPS,
    PERIODS,
    chosen_period,
    performance,
    report_as_json,
    report_as_table,
    report_as_workbook,
)

PERIOD_QUERY = ("period", "from", "to", "currency")
PERIOD_PARAMETERS = [
    OpenApiParameter(
        "period", str, enum=PERIODS, description="Days up to today. Without any: the last 30."
    ),
    OpenApiParameter("from", date, description="The first day, instead of `period`."),
    OpenApiParameter("to", date, description="The last day, included."),
    OpenApiParameter("currency", str, description="Only what was earned in this currency."),
]


def read_period(request: Request) -> Period:
    """The period of the query parameters."""
    given = request.query_params
    return chosen_period(
        given.get("period"),
        since=_read_day(request, "from"),
        until=_read_day(request, "to"),
        now=timezone.now(),
    )


def _read_day(request: Request, name: str) -> date | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise refusal(name, _("Enter a date such as 2026-11-30.")) from None


class Performance(TableView):
    """How well strategies, links, accounts, owners or symbols did over a period."""

    queryset = StrategyAccount.objects.all()
    query = {"list": ("by", *PERIOD_QUERY)}
    tables = ("list",)

    @extend_schema(
        summary="Compare the performance of strategies",
        parameters=[
            OpenApiParameter(
                "by",
                str,
                enum=GROUPS,
                description="What there is a row for (strategy).",
            ),
            *PERIOD_PARAMETERS,
        ],
        responses={200: PerformanceReport},
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A row for each, in each currency. Amounts of two currencies are never added.

        As `text/csv` or XLSX the same rows and figures, with empty cells where one has no answer.
        """
        report = performance(
            self.get_queryset(),
            by=request.query_params.get("by", "strategy"),
            period=read_period(request),
            currency=request.query_params.get("currency"),
        )
        table = self.as_table(
            lambda: report_as_table(report),
            lambda: report_as_workbook(report),
            f"performance-{report.by}-{report.period.until}",
        )
        return table or Response(report_as_json(report))
