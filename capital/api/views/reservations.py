"""Reservations: what is held for orders."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from capital.api.frame.csv_lists import CsvLists
from capital.api.shapes.bodies import PlaceBody, read_order_id
from capital.api.shapes.filters import ReservationFilter
from capital.api.shapes.reservations import ReservationRow
from capital.models import Reservation, Scope
from capital.services.access import Act
from capital.services.limits import place_reservation, release_reservation


@extend_schema_view(
    list=extend_schema(summary="List reservations"),
    retrieve=extend_schema(summary="Retrieve a reservation"),
)
class Reservations(CsvLists):
    """Capital that is held for one order, until it is filled, released or expired."""

    queryset = Reservation.objects.select_related(
        "strategy_account__strategy", "strategy_account__account"
    ).defer("size")
    serializer_class = ReservationRow
    filterset_class = ReservationFilter
    ordering_fields = ("id", "created_at", "expires_at")
    scopes = {"partial_update": Scope.SIZE, "destroy": Scope.SIZE}
    permissions: Mapping[str, str] = {
        "partial_update": Act.REPORT.permission,
        "destroy": Act.REPORT.permission,
    }

    @extend_schema(
        summary="Say that the order was placed", request=PlaceBody, responses={200: ReservationRow}
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """From now on it holds until the order is filled or released, however long that takes.

        Refused with 409 where it has ended: released, filled, or expired and known not to be
        filled. Then reserve again.
        """
        row, order_id = self.get_object(), read_order_id(request.data)
        actor: Any = request.user
        place_reservation(row.pk, order_id=order_id, actor=actor)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(summary="Release a reservation", responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The order will not be filled: nothing is held for it any more.

        Releasing it again changes nothing. Refused with 409 where the order was filled.
        """
        actor: Any = request.user
        release_reservation(self.get_object().pk, actor=actor)
        return Response(status=status.HTTP_204_NO_CONTENT)
