"""What a bot asks and tells of its strategy on an account, by our id or by the names it knows."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from capital.api.frame.base import ApiView
from capital.api.shapes.answers import NewReservation, ReservedSize
from capital.api.shapes.bodies import ReserveBody, SizeBody, read_wish
from capital.api.shapes.reservations import NOTHING_RESERVED, with_present_reservation
from capital.api.shapes.trading import (
    FillResults,
    FillsBody,
    PositionRow,
    PositionsBody,
    PositionsRow,
    ReportedPositionRow,
    fill_results_as_json,
    is_whole,
    read_fills,
    read_position,
    read_positions,
)
from capital.domain.errors import CapitalError
from capital.domain.reasons import Code
from capital.models import Scope, StrategyAccount
from capital.services.access import Act, Viewer
from capital.services.accounts import find_named_link
from capital.services.limits import reservation_as_json
from capital.services.sizing import ReservedOrder, Wish, reserve_orders, size_orders
from capital.services.trading import report_fills, report_position, report_positions

SCOPES = dict.fromkeys(("size", "positions", "fills", "reservations"), Scope.SIZE)
PERMISSIONS = {
    "positions": Act.REPORT.permission,
    "fills": Act.REPORT_TRADING.permission,
    "reservations": Act.REPORT.permission,
}


class LinkActions(ApiView):
    """Sizing, positions and fills of one link. A subclass says which it is."""

    def visible_link(self) -> int:
        """The id of the link in the URL.

        Raises:
            NotFound: The caller sees none.
        """
        raise NotImplementedError

    def asked_link(self) -> tuple[int, Viewer | None]:
        """The id of the link in the URL, and who has yet to be shown to see it.

        None where ``visible_link`` has shown that already.
        """
        return self.visible_link(), None

    @extend_schema(summary="Size an order", request=SizeBody, responses={200: ReservedSize})
    @action(detail=True, methods=["post"])
    def size(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How much this strategy may order on this account now, and what limited it.

        With `reserve`, the capital that the order needs is held for it. A repeated request with the
        same `Idempotency-Key` reserves nothing again, and shows the reservation as it is now.
        """
        try:
            wish = read_wish(request.data)
        except (APIException, CapitalError):
            # Nobody learns what is wrong with an order for a link that they do not see.
            self.visible_link()
            raise
        if wish.hold is not None:
            reserved = self._reserved(self.visible_link(), wish)
            return Response(reserved.as_json(now=timezone.now()))
        link_id, viewer = self.asked_link()
        answer = size_orders([link_id], [wish.order], viewer=viewer)[0]
        if answer.code is Code.UNKNOWN_LINK:
            raise NotFound
        if answer.error is not None:
            raise answer.error
        return Response(answer.as_json())

    @extend_schema(
        summary="Reserve capital for an order",
        request=ReserveBody,
        responses={201: NewReservation, 200: NewReservation},
    )
    @action(detail=True, methods=["post"])
    def reservations(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Size an order, and hold its margin and fee until it is filled.

        Whoever asks at once is never given more than is available. Without `PATCH
        reservations/{id}/` the reservation expires; with it, it holds until the order is filled or
        released. 200 where nothing is reserved: `size` says why, and `id` is null. A repeated
        request with the same `Idempotency-Key` reserves nothing again, and shows the reservation
        as it is now.
        """
        reserved = self._reserved(self.visible_link(), read_wish(request.data, reserves=True))
        held = reserved.reservation
        told = NOTHING_RESERVED
        if held is not None:
            told = reservation_as_json(held, now=timezone.now())
        code = status.HTTP_200_OK if held is None else status.HTTP_201_CREATED
        return Response({"size": reserved.size_as_json(), **told}, code)

    def _reserved(self, link_id: int, wish: Wish) -> ReservedOrder:
        """The order, reserved once for each key of the caller's."""
        actor: Any = self.request.user
        (reserved,) = reserve_orders([link_id], [wish], key=self.run_key or "", actor=actor)
        if reserved.reservation is None and reserved.size.error is not None:
            raise reserved.size.error
        return reserved

    def present(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was reserved is told as it is now."""
        return with_present_reservation(answer, now=timezone.now())

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
                serializers=[ReportedPositionRow, PositionsRow],
                resource_type_field_name=None,
            )
        },
    )
    @action(detail=True, methods=["put"])
    def positions(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Report the position in one symbol, or with `positions` all that is held.

        Of one symbol, a quantity of 0 means that the position was closed. A list is the whole:
        what it does not name was closed, and `[]` is flat.

        While a position is open, the capital of its pool stays as it is, or what is in use does
        (`with_open_positions`). Closing it triggers a check whether a reallocation is due. A rest
        that is too small for any order (`dust`) does not count as open.
        """
        link_id = self.visible_link()
        actor: Any = request.user
        if not is_whole(request.data):
            told = read_position(request.data)
            position = report_position(
                link_id,
                symbol=told.symbol,
                quantity=told.quantity,
                entry_price=told.entry_price,
                position_side=told.position_side,
                actor=actor,
            )
            return Response(ReportedPositionRow(position).data)
        positions = report_positions(link_id, read_positions(request.data), actor=actor)
        return Response(PositionsRow({"positions": positions}).data)

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
    reservations=extend_schema(
        operation_id="named_reservations",
        summary="Reserve capital for an order, by strategy key and account name",
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
