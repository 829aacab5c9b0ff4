"""The page of performance: who earned what, in a table; as CSV and as a workbook, too."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from capital.admin.frame.navigation import listing
from capital.admin.frame.views import user_of
from capital.admin.performance.asked import Asked
from capital.admin.performance.exports import exported
from capital.admin.performance.sources import sources
from capital.admin.performance.statements import may_see_statements
from capital.admin.performance.table import ORDERS, in_order, table_of
from capital.models import StrategyAccount
from capital.services.access import visible_to
from capital.services.performance import (
    Group,
    PerformanceReport,
    PerformanceRow,
    performance,
    report_as_table,
    report_as_workbook,
)
from strategies.models import Strategy

# As the API's: whoever may look at what strategies do on accounts.
PERMISSION = "capital.view_strategyaccount"
_ON_A_PAGE = 50
_MOST_NAMED = 20


def performance_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    """Who earned what.

    Args:
        request: Of a user who may use the admin; ``export`` asks for a file.
        context: What every page of the site shows.
    """
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    asked = Asked.read(request, orders=ORDERS)
    shown = {**context, "asked": asked, "title": gettext("Performance")}
    if asked.period is not None:
        links = visible_to(request.user, StrategyAccount.objects.all())
        form = request.GET.get("export")
        report = performance(
            links,
            by=asked.by,
            period=asked.period,
            currency=asked.currency,
            with_series=bool(form),
            choose=range if form else lambda total: _shown_of(request, asked, total),
        )
        if form or not asked.is_by_name:
            report = replace(report, rows=in_order(report, asked.order))
        if form:
            return exported(
                form,
                "performance",
                lambda: report_as_table(report),
                lambda: report_as_workbook(report),
            )
        shown.update(_shown(request, asked, report))
    return TemplateResponse(request, "capital/performance/report.html", shown)


def _shown_of(request: HttpRequest, asked: Asked, total: int) -> range:
    """The numbers of the rows that are calculated: by another figure, it is known of all first."""
    numbers = range(total)
    if not asked.is_by_name:
        return numbers
    shown: range = _page(request, numbers[::-1] if asked.order == "-name" else numbers).object_list
    return shown


def _page(request: HttpRequest, rows: Sequence[Any]) -> Any:
    return Paginator(rows, _ON_A_PAGE).get_page(request.GET.get("page"))


def _shown(request: HttpRequest, asked: Asked, report: PerformanceReport) -> dict[str, Any]:
    page = _page(request, range(report.total) if asked.is_by_name else report.rows)
    rows: Sequence[PerformanceRow] = report.rows if asked.is_by_name else list(page.object_list)
    told = names_of(report.without_source, asked.by, asked)
    without = [told.get(group.id, (group.name, ""))[0] for group in report.without_source]
    more = len(without) - _MOST_NAMED
    return {
        "report": report,
        "table": table_of(
            asked,
            asked.by,
            rows,
            names=names_of(_groups(rows), asked.by, asked),
            has_sparks=asked.by != "symbol",
        ),
        "page": page,
        "pages": pages_of(asked, page),
        "without": ", ".join(without[:_MOST_NAMED]),
        "without_more": max(more, 0),
        "sources": sources(user_of(request)),
        "csv_url": asked.url(export="csv"),
        "xlsx_url": asked.url(export="xlsx"),
        "statements_url": reverse("admin:statements") if may_see_statements(request) else "",
    }


def _groups(rows: Sequence[PerformanceRow]) -> list[Group]:
    return list(dict.fromkeys(row.group for row in rows))


def names_of(groups: Sequence[Group], by: str, asked: Asked) -> dict[int, tuple[str, str]]:
    """What each is called, and the address of its page. One query for strategies and links."""
    ids = [group.id for group in groups]
    if by == "strategy":
        page = "admin:strategies_strategy_performance"
        named = Strategy.objects.filter(pk__in=ids).order_by().values_list("pk", "name")
        return {pk: (name, asked.elsewhere(reverse(page, args=[pk]))) for pk, name in named}
    if by == "account":
        page = "admin:capital_account_performance"
        return {
            each.id: (each.name, asked.elsewhere(reverse(page, args=[each.id]))) for each in groups
        }
    if by == "link":
        start, links = listing("strategyaccount"), StrategyAccount.objects.filter(pk__in=ids)
        found = links.order_by().values_list("pk", "strategy__name", "account__name")
        return {
            pk: (f"{strategy} / {account}", f"{start}{pk}/change/")
            for pk, strategy, account in found
        }
    return {}


def pages_of(asked: Asked, page: Any, parameter: str = "page") -> dict[str, Any]:
    """Links to the page before and the one after; empty where all fits on one."""
    if not page.has_other_pages():
        return {}
    place = {"page": page.number, "pages": page.paginator.num_pages}
    return {
        "before": asked.url(**{parameter: str(page.number - 1)}) if page.has_previous() else "",
        "after": asked.url(**{parameter: str(page.number + 1)}) if page.has_next() else "",
        "place": gettext("Page %(page)s of %(pages)s") % place,
    }
