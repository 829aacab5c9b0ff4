"""How one strategy, or one account, did. Each mixin stands before its ModelAdmin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import action

from capital.admin.dashboard.charts import Chart
from capital.admin.frame.views import render_page, seen_or_404, user_of
from capital.admin.performance.asked import Asked
from capital.admin.performance.cells import Cell, figure_cell
from capital.admin.performance.drawing import (
    Heat,
    drawdown_chart,
    equity_chart,
    heat_map,
    symbol_bars,
    trade_bars,
)
from capital.admin.performance.report import PERMISSION, names_of, pages_of
from capital.admin.performance.sources import sources
from capital.admin.performance.statements import may_see_statements
from capital.admin.performance.table import ORDERS, in_order, table_of
from capital.admin.performance.trades import trade_rows
from capital.models import StrategyAccount
from capital.services.access import visible_to
from capital.services.performance import (
    FIGURES,
    Curve,
    PerformanceDetail,
    PerformanceRow,
    ended_trades,
    figures_of,
    performance_detail,
    trade_returns,
)


@dataclass(frozen=True)
class Section:
    """One currency: its figures and its charts; of what stands apart there is no curve."""

    currency: str
    figures: Sequence[Cell]
    charts: Sequence[Chart]
    heat: Heat | None


class PerformancePage:
    """For a ``ModelAdmin``: a button that leads to a page of its own.

    Attributes:
        performance_by: Of ``GROUPS``: what a row is.
        performance_field: By which links belong to it.
    """

    performance_by = ""
    performance_field = ""

    def has_performance_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        """Whoever may look at strategies on accounts."""
        return request.user.has_perm(PERMISSION)

    @action(  # type: ignore[untyped-decorator]
        permissions=["performance"],
        description=gettext_lazy("Performance"),
        url_path="performance",
        icon="trending_up",
    )
    def performance(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """How it did in a period."""
        row = seen_or_404(self, request, object_id)
        if not self.has_performance_permission(request):
            raise PermissionDenied
        asked = Asked.read(request, orders=ORDERS)
        links = visible_to(
            request.user, StrategyAccount.objects.filter(**{self.performance_field: row})
        )
        is_account = self.performance_by == "account"
        context = {
            "asked": asked,
            "object": row,
            "back": reverse(
                f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]
            ),
            "by_account": is_account,
            "other": gettext("Strategy") if is_account else gettext("Account"),
            "statement_url": f"{reverse('admin:statements')}?account={row.pk}"
            if is_account and may_see_statements(request)
            else "",
            "sources": sources(user_of(request)),
        }
        if asked.period is not None:
            detail = performance_detail(
                links, asked.period, by=self.performance_by, currency=asked.currency
            )
            context |= _shown(request, asked, links, detail)
        title = gettext("Performance: %(name)s") % {"name": row.name}
        return render_page(self, request, "performance/detail", title, context)


class StrategyPerformancePage(PerformancePage):
    """How a strategy did, on the accounts that the user may see."""

    performance_by = "strategy"
    performance_field = "strategy"


class AccountPerformancePage(PerformancePage):
    """How an account did: all strategies on it together."""

    performance_by = "account"
    performance_field = "account"


def _shown(
    request: HttpRequest,
    asked: Asked,
    links: "QuerySet[StrategyAccount]",
    detail: PerformanceDetail,
) -> dict[str, Any]:
    trades = ended_trades(links, detail.whole.period, currency=asked.currency)
    page = trade_rows(trades, request.GET.get("page"))
    curves = {curve.currency: curve for curve in detail.curves}
    return {
        "detail": detail,
        "sections": [
            _section(row, curves.get(row.currency) if row.is_own else None, detail)
            for row in detail.whole.rows
        ],
        "links": table_of(
            asked,
            "link",
            in_order(detail.links, asked.order),
            names=names_of([row.group for row in detail.links.rows], "link", asked),
        ),
        "distribution": trade_bars(trade_returns(trades)),
        "trades": page.rows,
        "trade_pages": pages_of(asked, page.page),
    }


def _section(row: PerformanceRow, curve: Curve | None, detail: PerformanceDetail) -> Section:
    told = figures_of(row)
    charts = [] if curve is None else [equity_chart(curve), drawdown_chart(curve)]
    return Section(
        currency=row.currency,
        figures=[figure_cell(told, name, row.currency) for name in FIGURES],
        charts=[*charts, symbol_bars(detail.symbols.rows, row.currency)],
        heat=None if curve is None else heat_map(curve),
    )
