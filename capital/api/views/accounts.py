"""Accounts and their daily summaries."""

from http import HTTPStatus
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from capital.api.frame.base import refuse_body
from capital.api.frame.csv_lists import TableView
from capital.api.frame.filters import read_switch
from capital.api.frame.pages import ListAndRetrieve
from capital.api.shapes.answers import Connection, LiveBalances, RebalanceStatus, Run
from capital.api.shapes.balances import connection_as_json, gate_status_as_json, live_pool_as_json
from capital.api.shapes.bodies import AllocateRequest
from capital.api.shapes.filters import AccountFilter, SummaryFilter
from capital.api.shapes.performance import Statement
from capital.api.shapes.rows import AccountRow, SummaryRow
from capital.api.shapes.trading import FlowBody, FlowRow
from capital.api.shapes.weights import SetWeights, WeightsBody, weights_as_json
from capital.api.views.allocation import allocate
from capital.api.views.editable import EditableView
from capital.api.views.stops import STOPPING, stop_entries
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.models import Account, DailyAccountSummary, Scope, Trigger
from capital.services.access import Act
from capital.services.accounts import change_account, create_account, delete_account
from capital.services.allocation import check_gate, set_weights
from capital.services.balances import check_connection, observe_balances
from capital.services.limits import Scope as StopScope
from capital.services.performance import (
    account_statements,
    chosen_month,
    statement_as_json,
    statements_as_table,
    statements_as_workbook,
)
from capital.services.trading import enter_flow


@extend_schema_view(
    list=extend_schema(summary="List accounts"),
    retrieve=extend_schema(summary="Retrieve an account"),
    create=extend_schema(summary="Create an account"),
    update=extend_schema(summary="Replace an account"),
    partial_update=extend_schema(summary="Update an account"),
    destroy=extend_schema(summary="Delete an account without history"),
)
class Accounts(EditableView, TableView):
    """One account: one set of API keys on one exchange, in one currency."""

    queryset = Account.objects.select_related("owner")
    serializer_class = AccountRow
    filterset_class = AccountFilter
    ordering_fields = ("id", "name", "venue", "currency", "created_at", "updated_at")
    scopes = {
        "allocate": Scope.ALLOCATE,
        "check_connection": Scope.ALLOCATE,
        "flows": Scope.ALLOCATE,
        "stop": Scope.ALLOCATE,
    }
    permissions = {
        "create": "capital.add_account",
        "update": "capital.change_account",
        "partial_update": "capital.change_account",
        "destroy": "capital.delete_account",
        "allocate": Act.ALLOCATE.permission,
        "check_connection": Act.CHECK_CONNECTION.permission,
        "flows": Act.CHANGE_FLOWS.permission,
        "stop": Act.STOP_ENTRIES.permission,
        "weights": (Act.CHANGE_LINK.permission, Act.ALLOCATE.permission),
    }
    keyed = ("weights",)
    answered_with_work = ("create", "flows")
    beyond_one_account = ("create", "destroy")
    without_body = ("check_connection",)
    optional_body = ("allocate",)
    query = {"rebalance_status": ("cached",), "statement": ("month",)}
    tables = ("statement",)

    def create_row(self, values: dict[str, Any]) -> Account:
        return create_account(owner=self.request.user, **self.asker, **values)  # type: ignore[arg-type]

    def change_row(self, row: Account, values: dict[str, Any]) -> Account:
        return change_account(row.pk, **self.asker, seen=self.seen, **values)

    def delete_row(self, row: Account) -> None:
        delete_account(row.pk, **self.asker)

    @extend_schema(
        summary="Allocate an account's capital",
        request=AllocateRequest,
        responses={200: Run},
    )
    @action(detail=True, methods=["post"])
    def allocate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Split each pool among its active strategies now. The result says why."""
        account = self.get_object()
        return Response(allocate(self, [account.pk])[0])

    @extend_schema(
        summary="Set weights, and allocate by them",
        request=WeightsBody,
        responses={200: SetWeights},
    )
    @action(detail=True, methods=["put"])
    def weights(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change weights of strategies that share a pool, and decide the account's capital.

        All of the weights are saved, with one allocation run, or nothing is. Where the pool is on
        hold the weights are saved, and `capital_waits` says that the capital follows later. Under
        the policy `own_profit` weights divide only what comes from outside: deposits, withdrawals
        and the reserve's change.
        """
        account = self.get_object()
        body = WeightsBody(data=request.data)
        body.is_valid(raise_exception=True)
        report = set_weights(
            account.pk,
            body.validated_data["weights"],
            dry_run=body.validated_data["dry_run"],
            trigger=Trigger.API,
            run_key=self.run_key,
            **self.asker,
        )
        return Response(weights_as_json(report))

    @extend_schema(
        summary="Check whether a reallocation is due",
        parameters=[
            OpenApiParameter(
                "cached", bool, description="Use cached balances instead of asking the exchange."
            )
        ],
        responses={200: RebalanceStatus},
    )
    @action(detail=True, methods=["get"], url_path="rebalance-status")
    def rebalance_status(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Compare the live balances with the last allocation. Nothing is written."""
        account = self.get_object()
        cached = read_switch(request, "cached")
        return Response(gate_status_as_json(check_gate(account.pk, live=not cached)))

    @extend_schema(
        summary="Check an account's exchange connection", request=None, responses={200: Connection}
    )
    @action(detail=True, methods=["post"], url_path="check-connection")
    def check_connection(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Read every pool from the exchange. If one cannot be read, say what to do."""
        refuse_body(request)
        account = self.get_object()
        return Response(connection_as_json(check_connection(account.pk, actor=self.asker["actor"])))

    @extend_schema(
        summary="Enter a deposit, a withdrawal or a transfer",
        request=FlowBody,
        responses={201: FlowRow},
    )
    @action(detail=True, methods=["post"])
    def flows(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Tell of money that came or went without a fill. It changes no balance.

        Funding, interest and rebates are part of what was earned; the others are not.
        """
        account = self.get_object()
        body = FlowBody(data=request.data)
        body.is_valid(raise_exception=True)
        told = body.validated_data
        flow = enter_flow(
            account.pk,
            **{**told, "pool": Pool(told["pool"]), "kind": FlowKind(told["kind"])},
            actor=self.asker["actor"],
        )
        return Response(FlowRow(flow).data, status=HTTPStatus.CREATED)

    @STOPPING
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Refuse new entries of all strategies on this account from the next order on.

        Closing goes on, and no capital moves. 200 where it was stopped already: the first stop
        stays, with its reason.
        """
        return stop_entries(self, StopScope(account_id=self.get_object().pk))

    @extend_schema(
        summary="Retrieve an account's statement of a month",
        parameters=[
            OpenApiParameter("month", str, description="Such as 2026-11. Without any, this month.")
        ],
        responses={200: Statement},
    )
    @action(detail=True, methods=["get"])
    def statement(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How the balance at the start of a month became that at its end; it adds up exactly.

        As `text/csv` or XLSX a table of one line.
        """
        account = self.get_object()
        month = chosen_month(request.query_params.get("month"), now=timezone.now())
        found = account_statements(Account.objects.filter(pk=account.pk), month=month)
        table = self.as_table(
            lambda: statements_as_table(found, of="account"),
            lambda: statements_as_workbook(found, of="account"),
            f"statement-{account.pk}-{month:%Y-%m}",
        )
        return table or Response(statement_as_json(found[0]))

    @extend_schema(summary="Retrieve an account's live balances", responses={200: LiveBalances})
    @action(detail=True, methods=["get"])
    def balances(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The balance of each pool on the exchange right now, unrounded."""
        account = self.get_object()
        return Response(
            {
                "account": account.pk,
                "account_name": account.name,
                "venue": account.venue,
                "pools": [live_pool_as_json(balance) for balance in observe_balances([account.pk])],
            }
        )


@extend_schema_view(
    list=extend_schema(summary="List daily summaries"),
    retrieve=extend_schema(summary="Retrieve a daily summary"),
)
class DailySummaries(ListAndRetrieve):
    """One daily summary: an account's balances and results on one day."""

    queryset = DailyAccountSummary.objects.select_related("account")
    serializer_class = SummaryRow
    filterset_class = SummaryFilter
    ordering_fields = ("id", "date")
