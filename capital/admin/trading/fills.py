"""Fills and flows: what was executed, and what came or went without. Read-only."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy, pgettext_lazy

from capital.admin.frame.base import RecordAdmin, SiteChangeList
from capital.admin.frame.cells import badge, figure, gain, instant, lines, link_to, small
from capital.admin.frame.filters import TimeFilter, VisibleFilter
from capital.admin.frame.formats import NOTHING, change, money, number
from capital.admin.frame.lists import MOST_ROWS, AtLeast
from capital.admin.trading.assigning import AssignActions
from capital.admin.trading.entering import FlowPages, OpeningPages
from capital.admin.trading.exports import EXPORTS, ExportActions
from capital.admin.trading.filters import (
    AttributionFilter,
    PresentStrategyFilter,
    SymbolFilter,
)
from capital.admin.trading.imports import ImportPages
from capital.domain.performance.flows import FlowKind
from capital.models import Fill, Flow, StrategyAccount
from capital.services.overview import unattributed_fills
from capital.services.trading import owners_shown

_FILL_COLUMNS = (
    "executed_at",
    "account",
    "strategy",
    "symbol",
    "side",
    "position_side",
    "quantity",
    "price",
    "cost",
    "settle",
    "fee_amount",
    "fee_currency",
    "venue_fill_id",
    "order_id",
    "client_order_id",
    "source",
)

_FLOW_COLUMNS = (
    "occurred_at",
    "account",
    "pool",
    "kind",
    "amount",
    "currency",
    "strategy",
    "symbol",
    "venue_flow_id",
    "source",
    "note",
)


# So many stand above the others; all of them are one click away.
_FIRST = 20


class _FillList(SiteChangeList):
    """The newest fills that are nobody's first, while nothing is searched, filtered or sorted."""

    has_others_first = False

    def get_results(self, request: HttpRequest) -> None:
        """On the first page; what stands above does not stand below again."""
        super().get_results(request)
        if self.query or self.page_num > 1 or any(name != "p" for name in self.params):
            return
        rows = unattributed_fills(self.root_queryset).order_by(*self.model_admin.ordering)
        first = list(rows[:_FIRST])
        self.model_admin.prepare_rows(request, first)
        above = {fill.pk for fill in first}
        self.result_list = first + [row for row in self.result_list if row.pk not in above]
        self.has_others_first = bool(first)

    def get_ordering_field_columns(self) -> dict[int, str]:
        """No column is marked as what the list is sorted by where others stand above."""
        columns: dict[int, str] = super().get_ordering_field_columns()
        return {} if self.has_others_first else columns


@admin.register(Fill)
class FillAdmin(AssignActions, ExportActions, OpeningPages, ImportPages, RecordAdmin):
    """Each is kept once, as it was told first."""

    nothing_yet = gettext_lazy(
        "No fill is known yet. Bots report them, a job reads them from the exchanges, and "
        "files are imported here."
    )
    actions = ["assign", "look_again", *EXPORTS]
    export_name = "fills"
    export_columns = _FILL_COLUMNS
    actions_list = ["import_trades", "enter_opening"]
    list_before_template = "capital/trading/fills_before.html"
    date_hierarchy = "executed_at"
    list_display = [
        "shown_time",
        "shown_where",
        "shown_strategy",
        "symbol",
        "shown_side",
        "shown_quantity",
        "shown_price",
        "shown_paid",
    ]
    list_filter = [
        AttributionFilter,
        ("account", VisibleFilter),
        ("strategy_account__strategy", PresentStrategyFilter),
        SymbolFilter,
        ("executed_at", TimeFilter),
        "side",
        "source",
    ]
    list_filter_submit = True
    search_fields = ["symbol", "venue_fill_id", "order_id", "client_order_id"]
    ordering = ["-executed_at", "-pk"]
    fields = [
        ("shown_time", "shown_account", "shown_strategy"),
        ("symbol", "shown_side", "position_side"),
        ("shown_quantity", "shown_price", "shown_cost"),
        ("shown_fee", "shown_realized", "liquidity"),
        ("venue_fill_id", "order_id", "client_order_id"),
        ("source", "recorded_at"),
    ]
    readonly_fields = [
        "shown_time",
        "shown_account",
        "shown_strategy",
        "shown_side",
        "shown_quantity",
        "shown_price",
        "shown_cost",
        "shown_fee",
        "shown_realized",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Fill]:
        """With the account, and the strategy that it was known to be of."""
        rows: QuerySet[Fill] = super().get_queryset(request)
        return rows.select_related("account", "strategy_account__strategy")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """With how many fills are nobody's yet, above all others."""
        rows = unattributed_fills(self.get_queryset(request)).order_by()
        found = rows[: MOST_ROWS + 1].count()
        count = AtLeast(MOST_ROWS) if found > MOST_ROWS else found
        context = {
            "unattributed": count,
            "unattributed_only": request.GET.get("attribution") == "none",
            "may_assign": self.has_assign_permission(request),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SiteChangeList]:
        """With what is nobody's above all others."""
        return _FillList

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Whose each is now."""
        _find_owners(rows)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Fill | None:
        """With whose it is now."""
        fill: Fill | None = super().get_object(request, object_id, from_field)
        if fill is not None:
            _find_owners([fill])
        return fill

    def export_rows(self, rows: QuerySet[Fill]) -> Iterator[Sequence[Any]]:
        """One line a fill, with whose it is now."""
        for fills in _in_batches(rows.iterator(chunk_size=500)):
            for fill in _find_owners(fills):
                yield [_cell(fill, name) for name in _FILL_COLUMNS]

    @admin.display(description=gettext_lazy("executed at"), ordering="executed_at")
    def shown_time(self, fill: Fill) -> str:
        return instant(fill.executed_at)

    @admin.display(description=gettext_lazy("account"), ordering="account__name")
    def shown_account(self, fill: Fill) -> Any:
        return link_to(fill.account, fill.account.name)

    @admin.display(description=gettext_lazy("account"), ordering="account__name")
    def shown_where(self, fill: Fill) -> Any:
        """The account, and below it who told the fill."""
        return lines(self.shown_account(fill), small(fill.get_source_display()))

    @admin.display(description=gettext_lazy("strategy"))
    def shown_strategy(self, fill: Fill) -> Any:
        """Whose it is now, and how that is known; a dash where it is nobody's."""
        said = fill.said  # type: ignore[attr-defined]
        if said is None and fill.strategy_account is not None:
            return _strategy(fill.strategy_account)
        if said is None:
            return badge(gettext_lazy("unattributed"), "warning")
        return lines(_strategy(said.strategy_account), small(said.get_how_display()))

    @admin.display(description=pgettext_lazy("of a fill", "side"), ordering="side")
    def shown_side(self, fill: Fill) -> str:
        return str(fill.get_side_display())

    @admin.display(description=gettext_lazy("quantity"))
    def shown_quantity(self, fill: Fill) -> Any:
        return figure(number(fill.quantity))

    @admin.display(description=gettext_lazy("price"))
    def shown_price(self, fill: Fill) -> Any:
        return figure(number(fill.price))

    @admin.display(description=gettext_lazy("traded amount"))
    def shown_cost(self, fill: Fill) -> Any:
        return figure(money(fill.cost, fill.settle))

    @admin.display(description=gettext_lazy("fees"))
    def shown_fee(self, fill: Fill) -> Any:
        """All of them; a dash where none is told."""
        fees = [money(Decimal(fee["amount"]), fee["currency"]) for fee in fill.fees]
        return figure(", ".join(fees) or NOTHING)

    @admin.display(description=gettext_lazy("traded amount and fees"))
    def shown_paid(self, fill: Fill) -> Any:
        """What was traded, and below it what it cost."""
        return figure(lines(self.shown_cost(fill), self.shown_fee(fill)))

    @admin.display(description=gettext_lazy("reported realised PnL"))
    def shown_realized(self, fill: Fill) -> Any:
        return gain(fill.realized_reported, fill.settle)


def _find_owners(fills: Sequence[Any]) -> Sequence[Any]:
    """Put on each fill the newest attribution, ``said``; None where nobody ever said."""
    said = owners_shown(fills)
    for fill in fills:
        fill.said = said.get(fill.pk)
    return fills


def _in_batches(fills: Iterable[Fill]) -> Iterator[list[Fill]]:
    rest = iter(fills)
    while batch := list(islice(rest, 500)):
        yield batch


def _strategy(link: StrategyAccount | None) -> Any:
    return NOTHING if link is None else link_to(link.strategy, link.strategy.name)


def _cell(fill: Fill, name: str) -> Any:
    """A cell of the export. It may be imported again: its time has all digits."""
    if name == "account":
        return fill.account.name
    if name == "executed_at":
        return timezone.localtime(fill.executed_at).isoformat()
    if name == "strategy":
        said = fill.said  # type: ignore[attr-defined]
        link = fill.strategy_account if said is None else said.strategy_account
        return link and link.strategy.key
    return getattr(fill, name)


@admin.register(Flow)
class FlowAdmin(FlowPages, ExportActions, RecordAdmin):
    """Deposits, withdrawals and transfers, and what was earned without a fill."""

    nothing_yet = gettext_lazy(
        "No deposit or withdrawal is known yet. A job reads them from the exchanges; what an "
        "exchange does not tell is added here."
    )
    actions = EXPORTS
    export_name = "flows"
    export_columns = _FLOW_COLUMNS
    date_hierarchy = "occurred_at"
    list_display = [
        "shown_time",
        "shown_account",
        "pool",
        "kind",
        "shown_amount",
        "shown_strategy",
        "symbol",
        "shown_source",
        "note",
    ]
    list_filter = [
        ("account", VisibleFilter),
        ("strategy_account__strategy", VisibleFilter),
        "kind",
        "pool",
        "source",
    ]
    list_filter_submit = True
    search_fields = ["note", "currency", "venue_flow_id"]
    ordering = ["-occurred_at", "-pk"]
    fields = [
        ("shown_time", "shown_account", "pool"),
        ("kind", "shown_amount"),
        ("shown_strategy", "symbol"),
        ("shown_source", "actor", "recorded_at"),
        "note",
    ]
    readonly_fields = [
        "shown_time",
        "shown_account",
        "shown_amount",
        "shown_strategy",
        "shown_source",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flow]:
        """With the account, and the strategy that earned it."""
        rows: QuerySet[Flow] = super().get_queryset(request)
        return rows.select_related(
            "account", "strategy_account__strategy", "actor", "reversed_by", "matched_by"
        )

    def export_rows(self, rows: QuerySet[Flow]) -> Iterator[Sequence[Any]]:
        """One line a flow."""
        for flow in rows.iterator(chunk_size=500):
            yield [
                timezone.localtime(flow.occurred_at).isoformat(),
                flow.account.name,
                flow.pool,
                flow.kind,
                flow.amount,
                flow.currency,
                flow.strategy_account and flow.strategy_account.strategy.key,
                flow.symbol,
                flow.venue_flow_id,
                flow.source,
                flow.note,
            ]

    @admin.display(description=gettext_lazy("occurred at"), ordering="occurred_at")
    def shown_time(self, flow: Flow) -> str:
        return instant(flow.occurred_at)

    @admin.display(description=gettext_lazy("account"), ordering="account__name")
    def shown_account(self, flow: Flow) -> Any:
        return link_to(flow.account, flow.account.name)

    @admin.display(description=gettext_lazy("amount"))
    def shown_amount(self, flow: Flow) -> Any:
        """What was put in or taken out is no gain and no loss: only what was earned is coloured."""
        if FlowKind(flow.kind).is_earned:
            return gain(flow.amount, flow.currency)
        return figure(change(flow.amount, flow.currency))

    @admin.display(
        description=gettext_lazy("strategy"), ordering="strategy_account__strategy__name"
    )
    def shown_strategy(self, flow: Flow) -> Any:
        """A dash where it is the account's own."""
        return _strategy(flow.strategy_account)

    @admin.display(description=gettext_lazy("source"), ordering="source")
    def shown_source(self, flow: Flow) -> Any:
        """Who told of it; of what a person entered, what became of it."""
        source = flow.get_source_display()
        if hasattr(flow, "reversed_by"):
            return lines(source, badge(gettext_lazy("reversed")))
        if flow.reverses_id is not None:
            return lines(source, badge(gettext_lazy("reverses another")))
        if hasattr(flow, "matched_by"):
            return lines(source, badge(gettext_lazy("told by the exchange since")))
        return source
