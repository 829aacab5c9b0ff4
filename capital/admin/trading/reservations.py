"""Reservations: what is held for orders, and releasing it by hand."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from capital.admin.frame.base import RecordAdmin
from capital.admin.frame.cells import badge, figure, lines, link_to, since
from capital.admin.frame.filters import OneOfFilter, VisibleFilter
from capital.admin.frame.formats import NOTHING, money, number
from capital.admin.frame.views import user_of
from capital.admin.trading.exports import EXPORTS, ExportActions
from capital.domain.errors import CapitalError
from capital.domain.limits.reservations import ReservationState
from capital.domain.money import EXACT
from capital.models import RESERVATION_STATES, Reservation
from capital.services.access import Act
from capital.services.limits import in_state, release_reservation
from capital.services.sentences import sentence

_COLUMNS = (
    "created_at",
    "account",
    "strategy",
    "symbol",
    "side",
    "position_side",
    "quantity",
    "filled_quantity",
    "amount",
    "left",
    "currency",
    "state",
    "client_order_id",
    "order_id",
    "expires_at",
    "placed_at",
    "ended_at",
)
_TONES = {
    ReservationState.OPEN: "info",
    ReservationState.PLACED: "info",
    ReservationState.USED: "success",
    ReservationState.EXPIRED: "warning",
}


class StateFilter(OneOfFilter):
    """By what became of it, as it is now."""

    title = pgettext_lazy("of a reservation", "state")
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> Sequence[tuple[str, Any]]:
        """Every state."""
        return RESERVATION_STATES

    def chosen(self, queryset: QuerySet[Any], asked: str) -> QuerySet[Any]:
        """Those in the state that was chosen."""
        return in_state(queryset, ReservationState(asked), now=timezone.now())


@admin.register(Reservation)
class ReservationAdmin(ExportActions, RecordAdmin):
    """Each is made by a bot with its order, and ends by a fill, a release or its expiry."""

    nothing_yet = gettext_lazy(
        "Nothing is reserved. Bots reserve capital over the API before they place an order."
    )
    actions = ["release", *EXPORTS]
    export_name = "reservations"
    export_columns = _COLUMNS
    list_display = [
        "shown_created",
        "shown_strategy",
        "shown_account",
        "symbol",
        "shown_order",
        "shown_amount",
        "shown_state",
        "shown_ids",
    ]
    list_filter = [
        StateFilter,
        ("strategy_account__account", VisibleFilter),
        ("strategy_account__strategy", VisibleFilter),
    ]
    list_filter_submit = True
    search_fields = ["symbol", "client_order_id", "order_id"]
    ordering = ["-pk"]
    fields = [
        ("shown_strategy", "shown_account", "symbol"),
        ("shown_order", "position_side", "shown_amount", "shown_state"),
        ("client_order_id", "order_id"),
        ("created_at", "expires_at", "placed_at"),
        ("reserved_by", "ended_at", "ended_by"),
    ]
    readonly_fields = [
        "shown_strategy",
        "shown_account",
        "shown_order",
        "shown_amount",
        "shown_state",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reservation]:
        """With the link, its strategy and its account."""
        rows: QuerySet[Reservation] = super().get_queryset(request)
        rows = rows.select_related("strategy_account__strategy", "strategy_account__account")
        return rows.defer("size")

    def has_release_permission(self, request: HttpRequest) -> bool:
        """As for what bots report."""
        return bool(request.user.has_perm(Act.REPORT.permission))

    @admin.action(permissions=["release"], description=gettext_lazy("Release"))
    def release(self, request: HttpRequest, queryset: QuerySet[Reservation]) -> None:
        """Hold nothing any more for the selected ones: their orders will not be filled."""
        done = 0
        for row in queryset.order_by("pk"):
            try:
                release_reservation(row.pk, actor=user_of(request))
            except CapitalError as error:
                said = f"{row}: {sentence(error.reason)}"
                self.message_user(request, said, messages.ERROR)
            else:
                done += 1
        if done:
            text = ngettext(
                "%(count)s reservation was released.", "%(count)s reservations were released.", done
            )
            self.message_user(request, text % {"count": done}, messages.SUCCESS)

    def export_rows(self, rows: QuerySet[Reservation]) -> Iterator[Sequence[Any]]:
        """One line a reservation, as it is now."""
        for row in rows.iterator(chunk_size=500):
            yield [_cell(row, name) for name in _COLUMNS]

    @admin.display(description=gettext_lazy("reserved at"), ordering="created_at")
    def shown_created(self, row: Reservation) -> Any:
        return since(row.created_at, now=timezone.now())

    @admin.display(
        description=gettext_lazy("strategy"), ordering="strategy_account__strategy__name"
    )
    def shown_strategy(self, row: Reservation) -> str:
        return row.strategy_account.strategy.name

    @admin.display(description=gettext_lazy("account"), ordering="strategy_account__account__name")
    def shown_account(self, row: Reservation) -> Any:
        account = row.strategy_account.account
        return link_to(account, account.name)

    @admin.display(description=pgettext_lazy("trading", "Order"))
    def shown_order(self, row: Reservation) -> Any:
        """What it is held for."""
        return f"{row.get_side_display()} {number(row.quantity)}"

    @admin.display(description=gettext_lazy("holds"))
    def shown_amount(self, row: Reservation) -> Any:
        """What it holds now; below, what it held at first, where that was more."""
        currency = row.strategy_account.account.currency
        left = row.held
        now = figure(money(left, currency)) if row.is_held else NOTHING
        return now if left == row.amount else lines(now, money(row.amount, currency))

    @admin.display(description=pgettext_lazy("of a reservation", "state"), ordering="state")
    def shown_state(self, row: Reservation) -> Any:
        """As it is now, and until when it holds; one that expired may still count."""
        state = row.reserved.state_at(timezone.now())
        shown = badge(dict(RESERVATION_STATES)[state.value], _TONES.get(state, ""))
        if state is ReservationState.OPEN:
            return lines(shown, since(row.expires_at, now=timezone.now()))
        if state is ReservationState.EXPIRED and row.is_held:
            return lines(shown, gettext_lazy("counts until fills are known"))
        return shown

    @admin.display(description=gettext_lazy("order id"))
    def shown_ids(self, row: Reservation) -> Any:
        """The exchange's, and the bot's."""
        return lines(row.order_id or NOTHING, row.client_order_id)


def _cell(row: Reservation, name: str) -> Any:
    match name:
        case "account":
            return row.strategy_account.account.name
        case "strategy":
            return row.strategy_account.strategy.key
        case "currency":
            return row.strategy_account.account.currency
        case "left":
            return row.held
        case "state":
            return row.reserved.state_at(timezone.now()).value
        case "created_at" | "expires_at" | "placed_at" | "ended_at":
            moment = getattr(row, name)
            return moment and timezone.localtime(moment).isoformat(timespec="seconds")
    found = getattr(row, name)
    return EXACT.normalize(found) if isinstance(found, Decimal) else found
