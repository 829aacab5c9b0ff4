"""The page of a strategy: where it trades, with what capital and why, and what was decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from capital.admin.dashboard.histories import StrategyHistoryPage
from capital.admin.frame.cells import bar, why
from capital.admin.frame.formats import money, ratio
from capital.admin.frame.navigation import listing
from capital.admin.frame.views import user_of
from capital.admin.performance.asked import USUAL
from capital.admin.performance.cells import Cell, figure_cell
from capital.admin.performance.report import PERMISSION
from capital.admin.timeline.events import run_lines
from capital.models import StrategyAccount, WebhookSecret
from capital.services.access import visible_to
from capital.services.labels import POOL_NAMES
from capital.services.overview import StrategyLink, read_strategy_links, read_strategy_runs
from capital.services.performance import chosen_period, figures_of, performance
from capital.services.sentences import outline_of
from capital.services.webhooks import recent_signals
from strategies.models import Strategy

_MOST_LINKS = 100
_MOST_RUNS = 10
_DAYS = timedelta(days=30)
# Of performance, what fits on a line.
_FIGURES = ("return", "pnl", "realized", "win_rate", "drawdown", "trades")


@dataclass(frozen=True)
class LinkRow:
    """The strategy on one account."""

    account: str
    account_url: str
    url: str
    pool: Any
    weight: str
    share: Any
    idle: str
    leverage: str
    capital: Any
    allocated_at: Any


@dataclass(frozen=True)
class PerformanceLine:
    """One currency: its figures of the last 30 days."""

    currency: str
    cells: Sequence[Cell]


class StrategyOverviewPage(StrategyHistoryPage):
    """Links, weights, capital, allocations, the webhook and performance, before the settings."""

    change_form_outer_before_template = "capital/strategies/overview.html"

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        change: bool = False,  # noqa: FBT001, FBT002
        form_url: str = "",
        obj: Strategy | None = None,
    ) -> HttpResponse:
        """Each part by one service call, for who may look at it."""
        if obj is not None:
            context |= _shown(request, obj)
            context["webhook"] = self._webhook(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _webhook(self, request: HttpRequest, strategy: Strategy) -> dict[str, Any]:
        """Whether it is open and when the last signal came; empty for who may not change it."""
        if not self.has_webhook_permission(request, strategy):  # type: ignore[attr-defined]
            return {}
        secret = WebhookSecret.objects.filter(strategy=strategy).only("pk", "created_at").first()
        signals = recent_signals(strategy, user=user_of(request), most=1)
        return {
            "is_open": secret is not None,
            "last_at": signals[0].received_at if signals else None,
            "url": reverse("admin:strategies_strategy_webhook", args=[strategy.pk]),
            "events_url": listing("webhookdelivery", strategy__id__exact=str(strategy.pk)),
        }


def _shown(request: HttpRequest, strategy: Strategy) -> dict[str, Any]:
    user = user_of(request)
    shown: dict[str, Any] = {}
    if not user.has_perm(PERMISSION):
        return shown
    links = read_strategy_links(strategy, user)
    shown["links"] = [_row(each) for each in links[:_MOST_LINKS]]
    shown["links_more"] = max(0, len(links) - _MOST_LINKS)
    shown["links_url"] = listing("strategyaccount", strategy__id__exact=str(strategy.pk))
    if user.has_perm("capital.view_allocationrun"):
        now = timezone.now()
        events = read_strategy_runs(links, since=now - _DAYS, until=now, most=_MOST_RUNS)
        shown["runs"] = run_lines(events, user, by_account=True)
        shown["runs_url"] = listing("allocationrun", strategy=strategy.key)
    shown["performance"] = _performance(strategy, request)
    shown["performance_url"] = reverse("admin:strategies_strategy_performance", args=[strategy.pk])
    return shown


def _row(each: StrategyLink) -> LinkRow:
    link = each.link
    held, currency = getattr(link, "capital", None), link.account.currency
    return LinkRow(
        account=link.account.name,
        account_url=reverse("admin:capital_account_change", args=[link.account_id]),
        url=reverse("admin:capital_strategyaccount_change", args=[link.pk]),
        pool=POOL_NAMES.get(each.pool.value, each.pool.value),
        weight=ratio(link.weight),
        share=bar(each.share),
        idle="" if each.idle is None else outline_of(each.idle.value),
        leverage=ratio(link.leverage),
        capital=money(None, currency)
        if held is None
        else why(money(held.allocated_capital, currency), link=link.pk),
        allocated_at=None if held is None else held.allocated_at,
    )


def _performance(strategy: Strategy, request: HttpRequest) -> list[PerformanceLine]:
    links = visible_to(request.user, StrategyAccount.objects.filter(strategy=strategy))
    report = performance(
        links, by="strategy", period=chosen_period(USUAL, now=timezone.now()), with_series=False
    )
    return [
        PerformanceLine(
            row.currency,
            [figure_cell(figures_of(row, _FIGURES), name, row.currency) for name in _FIGURES],
        )
        for row in report.rows
    ]
