"""Allocated capital, which bots poll."""

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from capital.api.frame.authentication import account_of
from capital.api.frame.pages import ListAndRetrieveAsJson, Pages
from capital.api.shapes.capital import COLUMNS, CapitalRow, capital_as_json
from capital.api.shapes.filters import CapitalFilter
from capital.domain.errors import NotFound
from capital.models import StrategyCapital
from capital.services.overview import find_link_capital, first_link_capital


@extend_schema_view(
    list=extend_schema(summary="List allocated capital"),
    retrieve=extend_schema(summary="Retrieve the capital of one strategy on one account"),
)
class Capital(ListAndRetrieveAsJson):
    """The capital currently allocated to each strategy on each account."""

    queryset = StrategyCapital.objects.all()
    serializer_class = CapitalRow
    filterset_class = CapitalFilter
    ordering_fields = ("id", "allocated_capital")

    def get_queryset(self) -> Any:
        """Plain values: making model instances is most of the cost of reading."""
        return super().get_queryset().values(*COLUMNS)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One page of the rows that you may see."""
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
        """The capital currently allocated to one strategy on one account."""
        found = find_link_capital(
            int(self.kwargs["pk"]), request.user, COLUMNS, account_id=account_of(request)
        )
        if found is None:
            raise NotFound
        return Response(self.rows_as_json([found])[0])

    def prepare_rows(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[dict[str, Any]]:
        return [capital_as_json(row) for row in rows]
