"""Positions, fills, flows, days of PnL, and the trading rules of instruments."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view

from capital.api.frame.csv_lists import CsvLists
from capital.api.frame.pages import ListAndRetrieve
from capital.api.shapes.days import LinkDayRow
from capital.api.shapes.filters import (
    FillFilter,
    FlowFilter,
    LinkDayFilter,
    MarketFilter,
    PositionFilter,
)
from capital.api.shapes.trading import FillRow, FlowRow, MarketRow, PositionRow
from capital.models import Fill, Flow, LinkDay, Market, Position
from capital.services.trading import mark_dust, value_positions


@extend_schema_view(
    list=extend_schema(summary="List positions"),
    retrieve=extend_schema(summary="Retrieve a position"),
)
class Positions(CsvLists):
    """One position, as its bot reported it and its fills tell."""

    queryset = Position.objects.select_related(
        "strategy_account__strategy", "strategy_account__account"
    )
    serializer_class = PositionRow
    filterset_class = PositionFilter
    ordering_fields = ("id", "symbol", "updated_at")

    def prepare_rows(self, rows: Sequence[Any]) -> Sequence[Any]:
        """With whether each is too small for any order, and what it is worth."""
        mark_dust(rows)
        value_positions(rows, now=timezone.now())
        return rows


@extend_schema_view(
    list=extend_schema(summary="List fills"),
    retrieve=extend_schema(summary="Retrieve a fill"),
)
class Fills(CsvLists):
    """One execution, as it was told first."""

    queryset = Fill.objects.all()
    serializer_class = FillRow
    filterset_class = FillFilter
    ordering_fields = ("id", "executed_at", "recorded_at")


@extend_schema_view(
    list=extend_schema(summary="List flows"),
    retrieve=extend_schema(summary="Retrieve a flow"),
)
class Flows(CsvLists):
    """Money that came or went without a fill: deposits, withdrawals, transfers, funding."""

    queryset = Flow.objects.all()
    serializer_class = FlowRow
    filterset_class = FlowFilter
    ordering_fields = ("id", "occurred_at", "recorded_at")


@extend_schema_view(
    list=extend_schema(summary="List days of PnL"),
    retrieve=extend_schema(summary="Retrieve a day of PnL"),
)
class LinkDays(CsvLists):
    """What a strategy had and earned on one account, on one day of the project, in one currency."""

    queryset = LinkDay.objects.select_related("strategy_account__strategy")
    serializer_class = LinkDayRow
    filterset_class = LinkDayFilter
    ordering = "-date"
    ordering_fields = ("id", "date")


@extend_schema_view(
    list=extend_schema(summary="List instrument rules"),
    retrieve=extend_schema(summary="Retrieve the rules of one instrument"),
)
class Markets(ListAndRetrieve):
    """One instrument's trading rules, by which orders are sized. The same for every user."""

    queryset = Market.objects.all()
    serializer_class = MarketRow
    filterset_class = MarketFilter
    ordering_fields = ("id", "venue", "symbol", "fetched_at")

    def visible(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """All rows: instruments have no owner."""
        return rows
