"""What services write, and the API shows: capital, days, runs, positions."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from capital.addresses import client_address
from capital.api.frame.authentication import account_of
from capital.api.frame.base import DeskView, refuse_body
from capital.api.frame.pages import ListAndRetrieve, ListAndRetrieveAsJson, Pages
from capital.api.shapes.answers import Run, Runs
from capital.api.shapes.bodies import AllocateRequest
from capital.api.shapes.capital import COLUMNS, CapitalRow, capital_as_json
from capital.api.shapes.filters import (
    CapitalFilter,
    MarketFilter,
    PositionFilter,
    RunFilter,
    SummaryFilter,
)
from capital.api.shapes.rows import MarketRow, PositionRow, SummaryRow
from capital.api.shapes.runs import runs_as_json
from capital.api.views.allocating import allocate
from capital.domain.errors import NotFound
from capital.models import (
    Account,
    AllocationRun,
    DailyAccountSummary,
    Market,
    Position,
    Scope,
    StrategyCapital,
)
from capital.services.access.permissions import REVERT_PERMISSION
from capital.services.allocation.reverts import revert_run
from capital.services.overview.capital import find_link_capital, first_link_capital


@extend_schema_view(
    list=extend_schema(summary="List the capital of strategies"),
    retrieve=extend_schema(summary="Look at the capital of one strategy on one account"),
)
class Capital(ListAndRetrieveAsJson):
    """Capital: what each strategy may use now, on each account."""

    queryset = StrategyCapital.objects.all()
    serializer_class = CapitalRow
    filterset_class = CapitalFilter
    ordering_fields = ("id", "allocated_capital")

    def get_queryset(self) -> Any:
        """Tuples would do; pages need names. Making instances is most of what reading costs."""
        return super().get_queryset().values(*COLUMNS)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One page of what is visible."""
        if not request.META.get("QUERY_STRING"):
            most = Pages.page_size
            found = first_link_capital(
                request.user, COLUMNS, account_id=account_of(request), most=most + 1
            )
            if len(found) <= most:
                shown = self.rows_as_json(found)
                return Response({"next": None, "previous": None, "results": shown})
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One row."""
        found = find_link_capital(
            int(self.kwargs["pk"]), request.user, COLUMNS, account_id=account_of(request)
        )
        if found is None:
            raise NotFound
        return Response(self.rows_as_json([found])[0])

    def prepare_rows(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[dict[str, Any]]:
        return [capital_as_json(row) for row in rows]


@extend_schema_view(
    list=extend_schema(summary="List daily summaries"),
    retrieve=extend_schema(summary="Look at a daily summary"),
)
class DailySummaries(ListAndRetrieve):
    """Daily summaries: what each account had on each day."""

    queryset = DailyAccountSummary.objects.select_related("account")
    serializer_class = SummaryRow
    filterset_class = SummaryFilter
    ordering_fields = ("id", "date")


@extend_schema_view(
    list=extend_schema(summary="List allocation runs", responses={200: Run(many=True)}),
    retrieve=extend_schema(summary="Look at an allocation run", responses={200: Run}),
)
class AllocationRuns(ListAndRetrieveAsJson):
    """Allocation runs: every decision, with its pools and entries, and why."""

    queryset = AllocationRun.objects.select_related("account", "actor")
    serializer_class = Run
    filterset_class = RunFilter
    ordering = "-created_at"
    ordering_fields = ("id", "created_at")
    scopes = {"revert": Scope.ALLOCATE}
    permissions = {"revert": REVERT_PERMISSION}

    @extend_schema(summary="Take a run back", request=None, responses={200: Run})
    @action(detail=True, methods=["post"])
    def revert(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give every link what it held before this run, as a run of its own.

        Only the last run that changed capital, and only where the balance still bears it.
        """
        refuse_body(request)
        run = self.get_object()
        made = revert_run(run.pk, actor=self.request.user, origin=client_address(request))  # type: ignore[arg-type]
        return Response(runs_as_json([made])[0])

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One page, the latest first."""
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One decision."""
        return super().retrieve(request, *args, **kwargs)

    def prepare_rows(self, rows: Sequence[AllocationRun]) -> Sequence[dict[str, Any]]:
        return runs_as_json(rows)


@extend_schema_view(
    list=extend_schema(summary="List positions"),
    retrieve=extend_schema(summary="Look at a position"),
)
class Positions(ListAndRetrieve):
    """Positions: what each strategy holds, as its bot reported it."""

    queryset = Position.objects.select_related("strategy_account__strategy")
    serializer_class = PositionRow
    filterset_class = PositionFilter
    ordering_fields = ("id", "symbol", "updated_at")


@extend_schema_view(
    list=extend_schema(summary="List market rules"),
    retrieve=extend_schema(summary="Look at the rules of one market"),
)
class Markets(ListAndRetrieve):
    """Markets: the venues' trading rules, as sizing uses them. The same for everyone."""

    queryset = Market.objects.all()
    serializer_class = MarketRow
    filterset_class = MarketFilter
    ordering_fields = ("id", "venue", "symbol", "fetched_at")

    def visible(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """They are nobody's."""
        return rows


class Allocate(DeskView):
    """Every account of the caller at once."""

    queryset = Account.objects.all()
    scopes = {"allocate": Scope.ALLOCATE}
    permissions = {"allocate": "capital.allocate_capital"}

    @extend_schema(
        summary="Allocate the capital of all my accounts",
        request=AllocateRequest,
        responses={200: Runs},
    )
    def allocate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Split each pool of every active account among its active strategies now."""
        ids = self.get_queryset().filter(owner=request.user, is_active=True).order_by("pk")
        return Response({"runs": allocate(self, list(ids.values_list("pk", flat=True)))})
