"""Charts on the page of an account and of a strategy. Each mixin stands before its ModelAdmin."""

from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from typing import Any, cast

from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext

from capital.admin.dashboard.charts import POOL_COLOUR, Line, Mark, line_chart, pool_bars
from capital.admin.dashboard.trading import trading_section
from capital.admin.frame.navigation import listing
from capital.admin.frame.needs import need_lines
from capital.admin.frame.views import seen_or_404
from capital.admin.timeline.events import mark_lines
from capital.domain.pools import Pool
from capital.models import Account
from capital.services.overview import (
    AccountHistory,
    Event,
    read_account_history,
    read_trading,
)
from strategies.models import Strategy

# What was saved on the page, or queued by it, is seen soon.
REFRESHED_EVERY_SECONDS = 10


class AccountHistoryPage:
    """Balances over 30 days, capital by strategy now, and the last decisions."""

    change_form_outer_before_template = "capital/dashboard/page_charts.html"
    change_form_outer_after_template = "capital/dashboard/page_runs.html"

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        change: bool = False,  # noqa: FBT001, FBT002
        form_url: str = "",
        obj: Account | None = None,
    ) -> HttpResponse:
        """Two service calls for a page that shows an account."""
        if obj is not None:
            # A refused form has put what was typed on the row; the charts are of what is stored.
            stored = obj if request.method == "GET" else Account.objects.get(pk=obj.pk)
            context |= self._parts(request, stored)
            context["timeline"] = timeline_of(request, "account", obj.pk)
        return super().render_change_form(request, context, add, change, form_url, obj)  # type: ignore[misc,no-any-return]

    def get_urls(self) -> list[Any]:
        """With what the page reads again while it is open."""
        view = self.admin_site.admin_view(self.parts_view)  # type: ignore[attr-defined]
        parts = path("<path:object_id>/live/", view, name="capital_account_parts")
        return [parts, *super().get_urls()]  # type: ignore[misc]

    def parts_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What stands around the form, as it is now."""
        account: Account = seen_or_404(self, request, object_id)
        return TemplateResponse(request, "capital/live/account.html", self._parts(request, account))

    def _parts(self, request: HttpRequest, account: Account) -> dict[str, Any]:
        """Two service calls."""
        user = cast(AbstractUser, request.user)
        history = read_account_history(account, user)
        parts = {
            "charts": _account_charts(account, history, user),
            "needs": need_lines(request, account.pk),
            "needs_title": gettext("What needs you"),
            "trading": trading_section(account, read_trading(account, user)),
            "recent_runs": history.runs,
            "runs_url": listing("allocationrun", account__id__exact=str(account.pk)),
            "live_from": reverse("admin:capital_account_parts", args=[account.pk]),
            "live_every": REFRESHED_EVERY_SECONDS,
            "live_at": timezone.now(),
        }
        if self.may_say_whose(request, account):  # type: ignore[attr-defined]
            parts["owner_url"] = reverse("admin:capital_account_position_owner", args=[account.pk])
        return parts


class StrategyHistoryPage:
    """The timeline of capital, and its trading."""

    change_form_outer_before_template = "capital/dashboard/page_charts.html"

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        change: bool = False,  # noqa: FBT001, FBT002
        form_url: str = "",
        obj: Strategy | None = None,
    ) -> HttpResponse:
        """One service call for a page that shows a strategy."""
        if obj is not None:
            context["timeline"] = timeline_of(request, "strategy", obj.pk)
            context["trading"] = trading_section(
                obj, read_trading(obj, cast(AbstractUser, request.user))
            )
        return super().render_change_form(request, context, add, change, form_url, obj)  # type: ignore[misc,no-any-return]


def timeline_of(request: HttpRequest, kind: str, key: int) -> dict[str, str]:
    """Where the timeline of a page comes from; empty for who may not look at capital."""
    if not request.user.has_perm("capital.view_strategycapital"):
        return {}
    query = urlencode({kind: str(key)})
    return {"url": f"{reverse('admin:timeline')}?{query}", "kind": kind, "key": str(key)}


def chart_marks(marks: Sequence[Event], user: AbstractUser) -> list[Mark]:
    """Marks as a chart over days shows them, the newest first."""
    # Days of a summary are those of the project's time zone.
    day_of = partial(timezone.localdate, timezone=timezone.get_default_timezone())
    newest = sorted(marks, key=attrgetter("at"), reverse=True)
    return [
        Mark(day_of(line.at), line.kind, ": ".join([line.what, *line.details[:1]]))
        for line in mark_lines(newest, user)
    ]


def _account_charts(account: Account, history: AccountHistory, user: AbstractUser) -> list[Any]:
    currency = account.currency
    spot = [day.spot for day in history.days]
    futures = [day.futures for day in history.days]
    total = [day.total for day in history.days]
    lines = [Line(gettext("Total"), total, POOL_COLOUR[Pool.UNIFIED])]
    if any(amount is not None for amount in futures):
        # Where there is one wallet, the total is it.
        lines += [
            Line(gettext("spot"), spot, POOL_COLOUR[Pool.SPOT]),
            Line(gettext("futures"), futures, POOL_COLOUR[Pool.FUTURES]),
        ]
    return [
        line_chart(
            gettext("Balance, last 30 days (%(currency)s)") % {"currency": currency},
            currency,
            [day.date for day in history.days],
            lines,
            chart_marks(history.marks, user),
        ),
        pool_bars(
            gettext("Current capital by strategy (%(currency)s)") % {"currency": currency},
            currency,
            history.capital,
            name=gettext("Strategy"),
            urls={
                each.key: listing(
                    "strategycapital",
                    strategy_account__strategy__id__exact=each.key,
                    strategy_account__account__id__exact=str(account.pk),
                )
                for each in history.capital
            },
        ),
    ]
