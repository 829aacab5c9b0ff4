"""Accounts: entered, looked at, allocated."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from capital.api.frame.base import refuse_body
from capital.api.frame.filters import SwitchField
from capital.api.shapes.answers import Connection, LiveBalances, RebalanceStatus, Run
from capital.api.shapes.bodies import AllocateRequest
from capital.api.shapes.filters import AccountFilter
from capital.api.shapes.rows import AccountRow
from capital.api.views.allocating import allocate
from capital.api.views.edited import Edited
from capital.domain.balances import Observation
from capital.domain.money import amount_text
from capital.models import Account, Scope
from capital.services.accounts.registry import change_account, create_account, delete_account
from capital.services.allocation.gate import GateStatus, check_gate
from capital.services.balances.connections import ConnectionReport, check_connection
from capital.services.balances.live import ObservedBalance, observe_balances
from capital.services.sentences import sentence


@extend_schema_view(
    list=extend_schema(summary="List accounts"),
    retrieve=extend_schema(summary="Look at an account"),
    create=extend_schema(summary="Enter an account"),
    update=extend_schema(summary="Write an account anew"),
    partial_update=extend_schema(summary="Change an account"),
    destroy=extend_schema(summary="Remove an account without a history"),
)
class Accounts(Edited):
    """Accounts: one set of API keys on one venue, in one currency."""

    queryset = Account.objects.select_related("owner")
    serializer_class = AccountRow
    filterset_class = AccountFilter
    ordering_fields = ("id", "name", "venue", "currency", "created_at", "updated_at")
    scopes = {"allocate": Scope.ALLOCATE, "check_connection": Scope.ALLOCATE}
    permissions = {
        "create": "capital.add_account",
        "update": "capital.change_account",
        "partial_update": "capital.change_account",
        "destroy": "capital.delete_account",
        "allocate": "capital.allocate_capital",
    }
    beyond_one_account = ("create", "destroy")
    query = {"rebalance_status": ("cached",)}

    def create_row(self, values: dict[str, Any]) -> Account:
        """Of the caller."""
        return create_account(owner=self.request.user, **values)  # type: ignore[arg-type]

    def change_row(self, row: Account, values: dict[str, Any]) -> Account:
        """Under its lock."""
        return change_account(row.pk, actor=self.request.user, **values)  # type: ignore[arg-type]

    def delete_row(self, row: Account) -> None:
        """409 where it has a history."""
        delete_account(row.pk)

    @extend_schema(
        summary="Allocate an account's capital",
        request=AllocateRequest,
        responses={200: Run},
    )
    @action(detail=True, methods=["post"])
    def allocate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Split each pool among its active strategies now, and say why."""
        account = self.get_object()
        return Response(allocate(self, [account.pk])[0])

    @extend_schema(
        summary="Is a reallocation due?",
        parameters=[
            OpenApiParameter("cached", bool, description="Ask no exchange: use the summary.")
        ],
        responses={200: RebalanceStatus},
    )
    @action(detail=True, methods=["get"], url_path="rebalance-status")
    def rebalance_status(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What the gate says now, on live balances, and why. Nothing is written."""
        account = self.get_object()
        cached = read_switch(request, "cached")
        return Response(_status(check_gate(account.pk, live=not cached)))

    @extend_schema(
        summary="Check an account's connection", request=None, responses={200: Connection}
    )
    @action(detail=True, methods=["post"], url_path="check-connection")
    def check_connection(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask the exchange for every pool, and say what to do where it does not answer."""
        refuse_body(request)
        account = self.get_object()
        return Response(_connection(check_connection(account.pk)))

    @extend_schema(summary="Read an account's live balances", responses={200: LiveBalances})
    @action(detail=True, methods=["get"])
    def balances(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What the exchange says of each pool right now, unrounded."""
        account = self.get_object()
        return Response(
            {
                "account": account.pk,
                "account_name": account.name,
                "venue": account.venue,
                "pools": [_pool(balance) for balance in observe_balances([account.pk])],
            }
        )


def read_switch(request: Request, name: str) -> bool:
    """A switch of the query: ``true`` or ``false``, else refused."""
    from django.core.exceptions import ValidationError

    from capital.api.frame.base import refusal

    try:
        return bool(SwitchField().to_python(request.query_params.get(name)))
    except ValidationError as error:
        raise refusal(name, " ".join(error.messages)) from None


def _connection(report: ConnectionReport) -> dict[str, Any]:
    return {
        "account": report.account.pk,
        "account_name": report.account.name,
        "venue": report.account.venue,
        "checked_at": timezone.localtime(report.checked_at).isoformat(),
        "is_sound": report.sound,
        "pools": [
            {
                "pool": pool.pool.value,
                "amount": pool.amount,
                "observed_at": pool.observed_at
                and timezone.localtime(pool.observed_at).isoformat(),
                "code": "live_balance" if pool.reason is None else pool.reason.code.value,
                "reason": "" if pool.reason is None else sentence(pool.reason),
                "advice": None if pool.advice is None else sentence(pool.advice),
            }
            for pool in report.pools
        ],
        "notices": [
            {"code": notice.code.value, "reason": sentence(notice)} for notice in report.notices
        ],
    }


def _status(status: GateStatus) -> dict[str, Any]:
    account = status.account
    checked_at = account.last_checked_at
    return {
        "account": account.pk,
        "account_name": account.name,
        "due": status.due,
        "code": status.reason.code.value,
        "figures": dict(status.reason.figures),
        "reason": sentence(status.reason),
        "is_held": status.is_held,
        "suspects": [
            {
                "pool": pool.value,
                "code": reason.code.value,
                "figures": dict(reason.figures),
                "reason": sentence(reason),
            }
            for pool, reason in status.suspects.items()
        ],
        "observed_at": timezone.localtime(status.observed_at).isoformat(),
        "last_checked_at": checked_at and timezone.localtime(checked_at).isoformat(),
        "last_check_code": account.last_check_code,
    }


def _pool(balance: ObservedBalance) -> dict[str, Any]:
    answer = balance.answer
    shown = {"pool": balance.pool.value, "currency": balance.account.currency}
    if isinstance(answer, Observation):
        return {
            **shown,
            "amount": amount_text(answer.amount, balance.account.currency),
            "observed_at": timezone.localtime(answer.observed_at).isoformat(),
            "code": "live_balance",
            "reason": "",
        }
    reason = {"code": answer.code.value, "reason": sentence(answer)}
    return {**shown, "amount": None, "observed_at": None, **reason}
