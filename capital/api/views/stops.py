"""Stop new entries, see what is stopped, and lift a stop."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from capital.api.frame.authentication import account_of
from capital.api.frame.base import ApiView
from capital.api.frame.pages import ListAndRetrieve
from capital.api.shapes.stops import StopBody, StopFilter, StopReasonBody, StopRow
from capital.domain.errors import TokenOfOneAccount
from capital.models import Scope as TokenScope
from capital.models import Stop
from capital.services.access import Act
from capital.services.limits import Scope, find_owner, lift_stop, place_stop

STOPPING = extend_schema(
    summary="Stop new entries",
    request=StopReasonBody,
    responses={200: StopRow, 201: StopRow},
)


def stop_entries(view: ApiView, scope: Scope) -> Response:
    """Stop, as the body of the current request says: 201, or 200 where it was stopped already."""
    asked = StopReasonBody(data=view.request.data)
    asked.is_valid(raise_exception=True)
    return _placed(view, scope, asked.validated_data["reason"])


def _placed(view: ApiView, scope: Scope, reason: str) -> Response:
    stop, is_new = place_stop(scope, reason=reason, actor=view.asker["actor"])
    return Response(StopRow(stop).data, HTTPStatus.CREATED if is_new else HTTPStatus.OK)


@extend_schema_view(
    list=extend_schema(summary="List stops of entries"),
    retrieve=extend_schema(summary="Retrieve a stop of entries"),
)
class Stops(ListAndRetrieve):
    """Stops of new entries, in force and lifted."""

    queryset = Stop.objects.select_related(
        "owner", "actor", "lifted_by", "account", "strategy_account__account"
    )
    serializer_class = StopRow
    filterset_class = StopFilter
    ordering = "-id"
    scopes = {"lift": TokenScope.MANAGE}
    permissions = {"lift": Act.LIFT_STOP.permission}

    @extend_schema(
        summary="Lift a stop of entries", request=StopReasonBody, responses={200: StopRow}
    )
    @action(detail=True, methods=["post"])
    def lift(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let entries go on. What was running resumes; no capital has moved.

        A stop that was lifted stays as it is.
        """
        stop: Stop = self.get_object()
        if account_of(request) is not None and stop.scope in ("owner", "everybody"):
            raise TokenOfOneAccount
        asked = StopReasonBody(data=request.data)
        asked.is_valid(raise_exception=True)
        reason = asked.validated_data["reason"]
        lifted = lift_stop(stop.pk, reason=reason, actor=self.asker["actor"])
        return Response(StopRow(lifted).data)


class StopAll(ApiView):
    """Stop entries of all accounts of an owner, or of everybody."""

    queryset = Stop.objects.all()
    scopes = {"stop": TokenScope.ALLOCATE}
    permissions = {"stop": Act.STOP_ENTRIES.permission}
    beyond_one_account = ("stop",)

    @extend_schema(
        summary="Stop new entries of an owner, or of everybody",
        request=StopBody,
        responses={200: StopRow, 201: StopRow},
    )
    def stop(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Refuse every new entry from the next order on. Closing goes on, and no capital moves.

        200 where it was stopped already: the first stop stays, with its reason.
        """
        asked = StopBody(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        owner = values.get("owner")
        scope = Scope(
            owner_id=None if owner is None else find_owner(owner), everybody=values["everybody"]
        )
        return _placed(self, scope, values["reason"])
