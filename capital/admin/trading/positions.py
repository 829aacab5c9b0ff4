"""Positions: what each link holds, as its bot reports it. Read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy, pgettext_lazy

from capital.admin.frame.base import RecordAdmin
from capital.admin.frame.cells import badge, figure, link_to, since
from capital.admin.frame.filters import VisibleFilter
from capital.admin.frame.formats import number
from capital.models import Position
from capital.services.trading import mark_dust


@admin.register(Position)
class PositionAdmin(RecordAdmin):
    """An open one holds the account's capital where it is."""

    list_display = [
        "symbol",
        "shown_strategy",
        "shown_account",
        "shown_quantity",
        "shown_price",
        "shown_state",
        "shown_updated",
    ]
    list_filter = [
        ("strategy_account__account", VisibleFilter),
        ("strategy_account__strategy", VisibleFilter),
    ]
    list_filter_submit = True
    search_fields = [
        "symbol",
        "strategy_account__strategy__name",
        "strategy_account__strategy__key",
        "strategy_account__account__name",
    ]
    fields = [
        ("symbol", "shown_strategy", "shown_account"),
        ("shown_quantity", "shown_price", "shown_state", "updated_at"),
    ]
    readonly_fields = [
        "shown_strategy",
        "shown_account",
        "shown_quantity",
        "shown_price",
        "shown_state",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Position]:
        """With the link, its strategy and its account."""
        rows: QuerySet[Position] = super().get_queryset(request)
        return rows.select_related("strategy_account__strategy", "strategy_account__account")

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Which of them are dust."""
        mark_dust(rows)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Position | None:
        """With whether it is dust."""
        position: Position | None = super().get_object(request, object_id, from_field)
        if position is not None:
            mark_dust([position])
        return position

    @admin.display(
        description=gettext_lazy("strategy"), ordering="strategy_account__strategy__name"
    )
    def shown_strategy(self, position: Position) -> str:
        return position.strategy_account.strategy.name

    @admin.display(description=gettext_lazy("account"), ordering="strategy_account__account__name")
    def shown_account(self, position: Position) -> Any:
        account = position.strategy_account.account
        return link_to(account, account.name)

    @admin.display(description=gettext_lazy("quantity"), ordering="quantity")
    def shown_quantity(self, position: Position) -> Any:
        """Signed: negative is short."""
        return figure(number(position.quantity))

    @admin.display(description=gettext_lazy("entry price"), ordering="entry_price")
    def shown_price(self, position: Position) -> Any:
        return figure(number(position.entry_price))

    @admin.display(description=gettext_lazy("status"))
    def shown_state(self, position: Position) -> Any:
        """Open while something is held that an order could close."""
        if position.is_dust:
            return badge(gettext_lazy("dust"))
        if position.is_open:
            return badge(pgettext_lazy("position", "open"), "warning")
        return badge(pgettext_lazy("position", "closed"))

    @admin.display(description=gettext_lazy("updated at"), ordering="updated_at")
    def shown_updated(self, position: Position) -> Any:
        """When its bot last spoke."""
        return since(position.updated_at, now=timezone.now())
