"""Days of strategies: what each had and earned on one account, day by day. Read-only."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from capital.admin.frame.base import RecordAdmin
from capital.admin.frame.cells import figure, lines, link_to, rounded, sentence_with, since, small
from capital.admin.frame.exports import csv_response
from capital.admin.frame.filters import VisibleFilter
from capital.models import LinkDay

_AMOUNTS = (
    "equity_start",
    "capital_added",
    "realized",
    "fees",
    "funding",
    "unrealized",
    "volume",
)
_COUNTS = ("fills", "trades", "wins", "losses")


@admin.register(LinkDay)
class LinkDayAdmin(RecordAdmin):
    """Written from fills, funding and decisions. Whoever sees positions sees what they earned."""

    nothing_yet = gettext_lazy(
        "No day yet. A strategy has days on an account once fills, funding or an allocation "
        "are known of it."
    )
    actions = ["export"]
    date_hierarchy = "date"
    list_display = [
        "shown_date",
        "shown_strategy",
        "shown_account",
        "currency",
        "shown_equity",
        "shown_added",
        "shown_realized",
        "shown_fees",
        "shown_funding",
        "shown_unrealized",
        "shown_trades",
    ]
    list_filter = [
        ("strategy_account__account", VisibleFilter),
        ("strategy_account__strategy", VisibleFilter),
    ]
    list_filter_submit = True
    search_fields = [
        "strategy_account__strategy__name",
        "strategy_account__strategy__key",
        "strategy_account__account__name",
    ]
    ordering = ["-date", "-pk"]
    fields = [
        ("date", "shown_strategy", "shown_account", "currency"),
        ("shown_equity", "shown_added", "shown_unrealized"),
        ("shown_realized", "shown_fees", "shown_funding", "shown_volume"),
        ("fills", "trades", "wins", "losses"),
        ("restated_at",),
    ]
    readonly_fields = [
        "shown_strategy",
        "shown_account",
        "shown_equity",
        "shown_added",
        "shown_realized",
        "shown_fees",
        "shown_funding",
        "shown_unrealized",
        "shown_volume",
    ]

    def has_view_permission(self, request: HttpRequest, obj: LinkDay | None = None) -> bool:
        """As for positions, of which these are the days."""
        return request.user.has_perm("capital.view_position")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LinkDay]:
        """With the link, its strategy and its account."""
        rows: QuerySet[LinkDay] = super().get_queryset(request)
        return rows.select_related("strategy_account__strategy", "strategy_account__account")

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """The list has a column for the currency: its amounts need not repeat it."""
        for day in rows:
            day.is_listed = True

    @admin.action(permissions=["view"], description=gettext_lazy("Export as CSV"))
    def export(self, request: HttpRequest, queryset: QuerySet[LinkDay]) -> StreamingHttpResponse:
        """One line a day and strategy on an account, to the last digit."""
        columns = ("date", "strategy", "account", "currency", *_AMOUNTS, *_COUNTS, "restated_at")
        rows = (
            (
                row.date,
                row.strategy_account.strategy.key,
                row.strategy_account.account.name,
                row.currency,
                *(getattr(row, name) for name in (*_AMOUNTS, *_COUNTS, "restated_at")),
            )
            for row in queryset.iterator(chunk_size=500)
        )
        return csv_response("link-days", columns, rows)

    @admin.display(
        description=gettext_lazy("strategy"), ordering="strategy_account__strategy__name"
    )
    def shown_strategy(self, day: LinkDay) -> Any:
        strategy = day.strategy_account.strategy
        return link_to(strategy, strategy.name)

    @admin.display(description=gettext_lazy("account"), ordering="strategy_account__account__name")
    def shown_account(self, day: LinkDay) -> Any:
        account = day.strategy_account.account
        return link_to(account, account.name)

    @admin.display(description=gettext_lazy("equity at the start"))
    def shown_equity(self, day: LinkDay) -> Any:
        """A dash before its first decision, and where a mark was missing."""
        return _amount(day, day.equity_start)

    @admin.display(description=gettext_lazy("capital added"))
    def shown_added(self, day: LinkDay) -> Any:
        return _amount(day, day.capital_added)

    @admin.display(description=gettext_lazy("realised PnL before fees and funding"))
    def shown_realized(self, day: LinkDay) -> Any:
        return _amount(day, day.realized, is_gain=True)

    @admin.display(description=gettext_lazy("fees"))
    def shown_fees(self, day: LinkDay) -> Any:
        """Below it what was paid in a coin whose worth nobody knows."""
        unvalued = (figure(f"+ {text} {coin}") for coin, text in day.fees_unvalued.items())
        return figure(lines(_amount(day, day.fees), *unvalued))

    @admin.display(description=gettext_lazy("funding"))
    def shown_funding(self, day: LinkDay) -> Any:
        return _amount(day, day.funding, is_gain=True)

    @admin.display(description=gettext_lazy("unrealised PnL"))
    def shown_unrealized(self, day: LinkDay) -> Any:
        """At the day's end, or now; a dash where a mark is missing."""
        return _amount(day, day.unrealized, is_gain=True)

    @admin.display(description=gettext_lazy("volume"))
    def shown_volume(self, day: LinkDay) -> Any:
        return _amount(day, day.volume)

    @admin.display(description=gettext_lazy("trades"))
    def shown_trades(self, day: LinkDay) -> Any:
        return figure(str(day.trades))

    @admin.display(description=gettext_lazy("restated at"))
    def shown_restated(self, day: LinkDay) -> Any:
        """When it was written otherwise after it was over."""
        return since(day.restated_at, now=timezone.now())

    @admin.display(description=gettext_lazy("date"), ordering="date")
    def shown_date(self, day: LinkDay) -> Any:
        """The day, and below it when it was written otherwise after it was over."""
        text = gettext("restated %(when)s")
        told = day.restated_at and sentence_with(text, when=self.shown_restated(day))
        return lines(day.date.isoformat(), told and small(told))


def _amount(day: LinkDay, amount: Decimal | None, *, is_gain: bool = False) -> Any:
    has_unit = not getattr(day, "is_listed", False)
    return rounded(amount, day.currency, is_gain=is_gain, has_unit=has_unit)
