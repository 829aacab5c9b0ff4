"""Allocate, read allocation runs, and revert one."""

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from capital.api.frame.base import ApiView, refuse_body
from capital.api.frame.pages import ListAndRetrieveAsJson
from capital.api.shapes.answers import Run, Runs
from capital.api.shapes.bodies import AllocateRequest
from capital.api.shapes.filters import RunFilter
from capital.api.shapes.runs import previews_as_json, runs_as_json
from capital.domain.errors import NotFound
from capital.models import Account, AllocationRun, Scope, Trigger
from capital.services.access import REVERT_PERMISSION
from capital.services.allocation import allocate_capital, preview_allocation, revert_run


@extend_schema_view(
    list=extend_schema(summary="List allocation runs", responses={200: Run(many=True)}),
    retrieve=extend_schema(summary="Retrieve an allocation run", responses={200: Run}),
)
class AllocationRuns(ListAndRetrieveAsJson):
    """Allocation runs, with their pools, entries and reasons."""

    queryset = AllocationRun.objects.select_related("account", "actor")
    serializer_class = Run
    filterset_class = RunFilter
    ordering = "-created_at"
    ordering_fields = ("id", "created_at")
    scopes = {"revert": Scope.ALLOCATE}
    permissions = {"revert": REVERT_PERMISSION}
    without_body = ("revert",)

    @extend_schema(summary="Revert a run", request=None, responses={200: Run})
    @action(detail=True, methods=["post"])
    def revert(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give every strategy the capital that it had before this run.

        The revert is recorded as a new run. Only the account's last run that changed capital can be
        reverted, and only if the current balance covers the earlier amounts.
        """
        refuse_body(request)
        run = self.get_object()
        made = revert_run(run.pk, **self.asker)
        return Response(runs_as_json([made])[0])

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One page of the runs that you may see, newest first."""
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One allocation, with its pools and entries."""
        return super().retrieve(request, *args, **kwargs)

    def prepare_rows(self, rows: Sequence[AllocationRun]) -> Sequence[dict[str, Any]]:
        return runs_as_json(rows)


class Allocate(ApiView):
    """Allocate all accounts of the caller."""

    queryset = Account.objects.all()
    scopes = {"allocate": Scope.ALLOCATE}
    permissions = {"allocate": "capital.allocate_capital"}
    optional_body = ("allocate",)

    def check_replay(self, answer: Mapping[str, Any]) -> None:
        """The account of every run is seen, or none of them is told."""
        told = {run["account"] for run in answer["runs"]}
        if self.get_queryset().filter(pk__in=told).count() < len(told):
            raise NotFound

    @extend_schema(
        summary="Allocate the capital of all your accounts",
        request=AllocateRequest,
        responses={200: Runs},
    )
    def allocate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Split each pool of your active accounts among its active strategies now."""
        ids = self.get_queryset().filter(owner=request.user, is_active=True).order_by("pk")
        return Response({"runs": allocate(self, list(ids.values_list("pk", flat=True)))})


def allocate(view: ApiView, account_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Allocate or preview, as the body of the current request says.

    The caller has checked that the user may see every account.
    """
    request = view.request
    asked = AllocateRequest(data=request.data)
    asked.is_valid(raise_exception=True)
    values = asked.validated_data
    how = {
        "trigger": Trigger.API,
        "live": not values["cached"],
        "force": values["force"],
        "accept_jump": values["accept_jump"],
    }
    view.check_extraordinary(force=values["force"], accept_jump=values["accept_jump"])
    if values["dry_run"]:
        return previews_as_json(preview_allocation(account_ids, actor=view.asker["actor"], **how))
    runs = allocate_capital(
        account_ids,
        run_key=view.run_key,
        **view.asker,
        **how,
    )
    # A failure that the database could not even record is over with the next try.
    view.keeps_answer = all(run.pk for run in runs)
    return runs_as_json(runs)
