"""Daily summaries: what each account had on each day. Read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext_lazy, pgettext_lazy

from capital.admin.frame.base import RecordAdmin
from capital.admin.frame.cells import figure, gain, link_to, rounded
from capital.admin.frame.exports import csv_response
from capital.admin.frame.filters import CurrencyFilter, VisibleFilter
from capital.admin.frame.formats import money
from capital.admin.frame.lists import Money
from capital.models import DailyAccountSummary

_AMOUNTS = (
    "starting_balance",
    "ending_balance",
    "spot_balance",
    "futures_balance",
    "realized_pnl",
    "unrealized_pnl",
    "total_volume",
    "total_fees",
)
_COUNTS = ("total_trades", "winning_trades", "losing_trades")
_TIMES = ("spot_observed_at", "futures_observed_at", "ending_observed_at")


def _amount(name: str) -> Money:
    return Money(name, currency="account__currency")


class SummaryCurrencyFilter(CurrencyFilter):
    """By the currency in which it is counted."""

    account_path = "account__"


@admin.register(DailyAccountSummary)
class SummaryAdmin(RecordAdmin):
    """The cache behind live balances; the jobs keep it."""

    nothing_yet = gettext_lazy(
        "No day yet. An account has its first with the first balance that is read."
    )
    actions = ["export"]
    date_hierarchy = "date"
    list_display = [
        "date",
        "shown_account",
        "shown_starting",
        "shown_ending",
        "shown_change",
        "shown_spot",
        "shown_futures",
        "shown_pnl",
    ]
    list_filter = [("account", VisibleFilter), SummaryCurrencyFilter]
    list_filter_submit = True
    search_fields = ["account__name"]
    ordering = ["-date", "-pk"]
    fields = [
        ("date", "shown_account"),
        ("shown_starting", "shown_ending", "shown_change"),
        ("shown_spot", "shown_futures", "shown_pnl"),
        _TIMES,
        ("shown_unrealised", "shown_volume", "shown_fees"),
        _COUNTS,
    ]
    readonly_fields = [
        "shown_account",
        "shown_starting",
        "shown_ending",
        "shown_change",
        "shown_spot",
        "shown_futures",
        "shown_pnl",
        "shown_unrealised",
        "shown_volume",
        "shown_fees",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DailyAccountSummary]:
        """With the account, whose currency the amounts are in."""
        rows: QuerySet[DailyAccountSummary] = super().get_queryset(request)
        return rows.select_related("account")

    @admin.action(permissions=["view"], description=gettext_lazy("Export as CSV"))
    def export(
        self, request: HttpRequest, queryset: QuerySet[DailyAccountSummary]
    ) -> StreamingHttpResponse:
        """One line a day and account."""
        columns = ("date", "account", "venue", "currency", *_AMOUNTS, *_COUNTS, *_TIMES)
        rows = (
            (
                row.date,
                row.account.name,
                row.account.venue,
                row.account.currency,
                *(getattr(row, name) for name in (*_AMOUNTS, *_COUNTS, *_TIMES)),
            )
            for row in queryset.iterator(chunk_size=500)
        )
        return csv_response("daily-summaries", columns, rows)

    @admin.display(description=gettext_lazy("account"), ordering="account__name")
    def shown_account(self, summary: DailyAccountSummary) -> Any:
        return link_to(summary.account, summary.account.name)

    @admin.display(
        description=gettext_lazy("starting balance"), ordering=_amount("starting_balance")
    )
    def shown_starting(self, summary: DailyAccountSummary) -> Any:
        return _money(summary, "starting_balance")

    @admin.display(description=gettext_lazy("ending balance"), ordering=_amount("ending_balance"))
    def shown_ending(self, summary: DailyAccountSummary) -> Any:
        return _money(summary, "ending_balance")

    @admin.display(description=pgettext_lazy("difference", "change"))
    def shown_change(self, summary: DailyAccountSummary) -> Any:
        """Ending less starting; nothing where either is absent."""
        start, end = summary.starting_balance, summary.ending_balance
        difference = None if start is None or end is None else end - start
        return gain(difference, summary.account.currency)

    @admin.display(description=gettext_lazy("spot balance"), ordering=_amount("spot_balance"))
    def shown_spot(self, summary: DailyAccountSummary) -> Any:
        return _money(summary, "spot_balance")

    @admin.display(description=gettext_lazy("futures balance"), ordering=_amount("futures_balance"))
    def shown_futures(self, summary: DailyAccountSummary) -> Any:
        return _money(summary, "futures_balance")

    @admin.display(description=gettext_lazy("realised PnL"), ordering=_amount("realized_pnl"))
    def shown_pnl(self, summary: DailyAccountSummary) -> Any:
        return rounded(summary.realized_pnl, summary.account.currency, is_gain=True)

    @admin.display(description=gettext_lazy("unrealised PnL"), ordering=_amount("unrealized_pnl"))
    def shown_unrealised(self, summary: DailyAccountSummary) -> Any:
        return rounded(summary.unrealized_pnl, summary.account.currency, is_gain=True)

    @admin.display(description=gettext_lazy("volume"), ordering=_amount("total_volume"))
    def shown_volume(self, summary: DailyAccountSummary) -> Any:
        return _money(summary, "total_volume")

    @admin.display(description=gettext_lazy("fees"), ordering=_amount("total_fees"))
    def shown_fees(self, summary: DailyAccountSummary) -> Any:
        return _money(summary, "total_fees")


def _money(summary: DailyAccountSummary, name: str) -> Any:
    return figure(money(getattr(summary, name), summary.account.currency))
