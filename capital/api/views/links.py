"""What a bot asks and tells of its strategy on an account, by our id or by the names it knows."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from capital.api.frame.base import ApiView
from capital.api.shapes.answers import Size
from capital.api.shapes.bodies import OrderBody, read_order
from capital.api.shapes.trading import (
    FillResults,
    FillsBody,
    PositionRow,
    PositionsBody,
    PositionsRow,
    fill_results_as_json,
    is_whole,
    read_fills,
    read_position,
    read_positions,
)
from capital.models import Scope, StrategyAccount
from capital.services.access import Act
from capital.services.accounts import find_named_link
from capital.services.sizing import size_orders
from capital.services.trading import report_fills, report_position, report_positions

SCOPES = {"size": Scope.SIZE, "positions": Scope.SIZE, "fills": Scope.SIZE}
PERMISSIONS = {"positions": Act.REPORT.permission, "fills": Act.REPORT_TRADING.permission}


class LinkActions(ApiView):
    """Sizing, positions and fills of one link. A subclass says which it is."""

    def visible_link(self) -> int:
        """The id of the link in the URL.

        Raises:
            NotFound: The caller sees none.
        """
        raise NotImplementedError

    @extend_schema(summary="Size an order", request=OrderBody, responses={200: Size})
    @action(detail=True, methods=["post"])
    def size(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How much this strategy may order on this account now, and what limited it."""
        link_id = self.visible_link()
        answer = size_orders([link_id], [read_order(request.data)])[0]
        if answer.error is not None:
            raise answer.error
        return Response(answer.as_json())

    @extend_schema(
        summary="Report positions",
        request=PolymorphicProxySerializer(
            component_name="ReportPositions",
            serializers=[PositionRow, PositionsBody],
            resource_type_field_name=None,
        ),
        responses={
            200: PolymorphicProxySerializer(
                component_name="ReportedPositions",
                serializers=[PositionRow, PositionsRow],
                resource_type_field_name=None,
            )
        },
    )
    @action(detail=True, methods=["put"])
    def positions(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Report the position in one symbol, or with `positions` all that is held.

        Of one symbol, a quantity of 0 means that the position was closed. A list is the whole:
        what it does not name was closed, and `[]` is flat.

        While a position is open, the account's capital stays as it is. Closing it triggers a
        check whether a reallocation is due. A rest that is too small for any order (`dust`) does
        not count as open.
        """
        link_id = self.visible_link()
        actor: Any = request.user
        if not is_whole(request.data):
            told = read_position(request.data)
            return Response(PositionRow(report_position(link_id, **vars(told), actor=actor)).data)
        positions = report_positions(link_id, read_positions(request.data), actor=actor)
        return Response({"positions": PositionRow(positions, many=True).data})

    @extend_schema(summary="Report fills", request=FillsBody, responses={200: FillResults})
    @action(detail=True, methods=["post"])
    def fills(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Report what was executed. Nothing is recorded twice, so a report may be repeated.

        All of the fills are recorded, or none. PnL, the position and what it earned by day follow
        from them.
        """
        results = report_fills(
            self.visible_link(),
            read_fills(request.data),
            actor=request.user,  # type: ignore[arg-type]
        )
        return Response(fill_results_as_json(results))


@extend_schema_view(
    size=extend_schema(
        operation_id="named_size", summary="Size an order, by strategy key and account name"
    ),
    positions=extend_schema(
        operation_id="named_positions", summary="Report positions, by strategy key and account name"
    ),
    fills=extend_schema(
        operation_id="named_fills", summary="Report fills, by strategy key and account name"
    ),
)
class NamedLinks(LinkActions):
    """A link by its strategy's key and its account's name."""

    queryset = StrategyAccount.objects.order_by("pk")
    scopes = SCOPES
    permissions = PERMISSIONS

    def visible_link(self) -> int:
        """As ``LinkActions`` says.

        Raises:
            AmbiguousAccount: The caller sees two accounts of this name with the strategy.
        """
        return find_named_link(self.visible(self.queryset), **self.kwargs)

    def check_replay(self, _answer: Mapping[str, Any]) -> None:
        """An answer is told again only while the link is seen."""
        self.visible_link()
