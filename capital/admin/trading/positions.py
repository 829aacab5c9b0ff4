"""Positions: what each link holds, by its bot's reports and its fills. Read-only."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from django.contrib import admin
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from capital.admin.frame.base import RecordAdmin
from capital.admin.frame.cells import badge, figure, lines, link_to, rounded, since, small
from capital.admin.frame.filters import VisibleFilter
from capital.admin.frame.formats import NOTHING, number
from capital.admin.frame.lists import Known
from capital.admin.trading.exports import EXPORTS, ExportActions
from capital.admin.trading.filters import MatchFilter
from capital.domain.money import EXACT
from capital.domain.sizing.orders import PositionSide
from capital.models import Position
from capital.services.trading import compare_positions, counted_in, mark_dust, value_positions


def _judge(positions: list[Any]) -> None:
    mark_dust(positions)
    value_positions(positions, now=timezone.now())


def _compare(positions: list[Any]) -> None:
    """Put beside each what the exchange says of its symbol and side, on the whole account."""
    found = compare_positions({each.strategy_account.account_id for each in positions})
    for position in positions:
        sides = {
            each.position_side: each
            for each in found[position.strategy_account.account_id]
            if each.symbol == position.symbol
        }
        # A sum of both sides, where only one of the two tells them apart.
        position.compared = sides.get(position.position_side) or sides.get(PositionSide.BOTH.value)


# What is held is looked at before what was.
_OPEN_FIRST = Case(When(quantity=0, then=Value(1)), default=Value(0))

_COLUMNS = (
    "account",
    "strategy",
    "symbol",
    "position_side",
    "quantity",
    "entry_price",
    "mark_price",
    "marked_at",
    "unrealized_pnl",
    "realized_pnl",
    "currency",
    "source",
    "updated_at",
)


@admin.register(Position)
class PositionAdmin(ExportActions, RecordAdmin):
    """An open one holds the account's capital where it is."""

    nothing_yet = gettext_lazy(
        "No position is known yet. Positions follow from fills, and bots report them."
    )
    actions = EXPORTS
    export_name = "positions"
    export_columns = _COLUMNS

    list_display = [
        "symbol",
        "shown_strategy",
        "shown_account",
        "shown_quantity",
        "shown_venue",
        "shown_price",
        "shown_mark",
        "shown_unrealized",
        "shown_realized",
        "shown_status",
    ]
    list_filter = [
        ("strategy_account__account", VisibleFilter),
        ("strategy_account__strategy", VisibleFilter),
        MatchFilter,
    ]
    list_filter_submit = True
    ordering = [_OPEN_FIRST, "pk"]
    search_fields = [
        "symbol",
        "strategy_account__strategy__name",
        "strategy_account__strategy__key",
        "strategy_account__account__name",
    ]
    fields = [
        ("symbol", "shown_strategy", "shown_account"),
        (
            "shown_quantity",
            "shown_venue",
            "position_side",
            "shown_price",
            "shown_state",
            "updated_at",
        ),
        ("shown_mark", "shown_unrealized", "shown_realized", "source"),
    ]
    readonly_fields = [
        "shown_strategy",
        "shown_account",
        "shown_quantity",
        "shown_venue",
        "shown_price",
        "shown_mark",
        "shown_unrealized",
        "shown_realized",
        "shown_state",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Position]:
        """With the link, its strategy and its account."""
        rows: QuerySet[Position] = super().get_queryset(request)
        return rows.select_related("strategy_account__strategy", "strategy_account__account")

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Which of them are dust, what each would earn, and what the exchange says."""
        _judge(rows)
        _compare(rows)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Position | None:
        """With whether it is dust, and what it would earn."""
        position: Position | None = super().get_object(request, object_id, from_field)
        if position is not None:
            _judge([position])
            _compare([position])
        return position

    def export_rows(self, rows: QuerySet[Position]) -> Iterator[Sequence[Any]]:
        """One line a position, valued by its mark of now; empty where nothing is known."""
        every = rows.iterator(chunk_size=500)
        while positions := list(islice(every, 500)):
            _judge(positions)
            for position in positions:
                yield [_cell(position, name) for name in _COLUMNS]

    @admin.display(
        description=gettext_lazy("strategy"), ordering="strategy_account__strategy__name"
    )
    def shown_strategy(self, position: Position) -> Any:
        strategy = position.strategy_account.strategy
        return link_to(strategy, strategy.name)

    @admin.display(description=gettext_lazy("account"), ordering="strategy_account__account__name")
    def shown_account(self, position: Position) -> Any:
        account = position.strategy_account.account
        return link_to(account, account.name)

    @admin.display(description=gettext_lazy("quantity"), ordering="quantity")
    def shown_quantity(self, position: Position) -> Any:
        """Signed: negative is short."""
        return figure(number(position.quantity))

    @admin.display(description=gettext_lazy("on the exchange"))
    def shown_venue(self, position: Any) -> Any:
        """What the exchange says of the account, and what of it no strategy explains."""
        compared = position.compared
        if compared is None:
            return figure(NOTHING)
        account = position.strategy_account.account
        differs = compared.difference and format_html(
            '<a class="text-link desk-bad" href="{}#compared-title">{}</a>',
            reverse("admin:capital_account_change", args=[account.pk]),
            gettext("difference %(amount)s") % {"amount": number(compared.difference)},
        )
        read = (
            gettext("not listed")
            if compared.observed_at is None
            else since(compared.observed_at, now=timezone.now())
        )
        return lines(figure(number(compared.venue)), differs or read)

    @admin.display(description=gettext_lazy("entry price"), ordering=Known("entry_price"))
    def shown_price(self, position: Position) -> Any:
        return figure(number(position.entry_price))

    @admin.display(description=gettext_lazy("mark price"))
    def shown_mark(self, position: Position) -> Any:
        """The price by which it is valued, and how old that is."""
        if position.mark_price is None:
            return figure(NOTHING)
        age = since(position.marked_at, now=timezone.now())
        return lines(figure(number(position.mark_price)), age)

    @admin.display(description=gettext_lazy("unrealised PnL"))
    def shown_unrealized(self, position: Position) -> Any:
        """A dash without a fresh mark."""
        return self._earned(position, position.unrealized_pnl)

    @admin.display(description=gettext_lazy("realised PnL"))
    def shown_realized(self, position: Position) -> Any:
        """After fees and funding; a dash without fills."""
        return self._earned(position, position.realized_pnl)

    def _earned(self, position: Position, amount: Decimal | None) -> Any:
        if amount is None:
            return figure(NOTHING)
        return rounded(amount, counted_in(position), is_gain=True)

    @admin.display(description=gettext_lazy("status"))
    def shown_state(self, position: Position) -> Any:
        """Open while something is held that an order could close."""
        if position.is_dust:
            return badge(gettext_lazy("dust"))
        if position.is_open:
            return badge(pgettext_lazy("position", "open"), "warning")
        return badge(pgettext_lazy("position", "closed"))

    @admin.display(description=gettext_lazy("status and update"), ordering="updated_at")
    def shown_status(self, position: Position) -> Any:
        """Its status, and when its bot last spoke."""
        age = since(position.updated_at, now=timezone.now())
        return lines(self.shown_state(position), small(age))


def _cell(position: Position, name: str) -> Any:
    match name:
        case "account":
            return position.strategy_account.account.name
        case "strategy":
            return position.strategy_account.strategy.key
        case "currency":
            return counted_in(position)
        case "marked_at" | "updated_at":
            moment = getattr(position, name)
            return moment and timezone.localtime(moment).isoformat(timespec="seconds")
    found = getattr(position, name)
    return EXACT.normalize(found) if isinstance(found, Decimal) else found
