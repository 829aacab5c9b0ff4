"""Strategies, and the accounts on which they trade."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from capital.api.frame.authentication import account_of
from capital.api.frame.base import refusal
from capital.api.shapes.answers import Sizes
from capital.api.shapes.bodies import SizeBody, read_wish
from capital.api.shapes.filters import LinkFilter, StrategyFilter
from capital.api.shapes.performance import StrategyPerformance
from capital.api.shapes.reservations import with_present_reservation
from capital.api.shapes.rows import LinkRow, StrategyRow
from capital.api.views.editable import EditableView
from capital.api.views.links import PERMISSIONS, SCOPES, LinkActions
from capital.api.views.performance import PERIOD_PARAMETERS, PERIOD_QUERY, read_period
from capital.api.views.stops import STOPPING, stop_entries
from capital.domain.errors import InvalidOrder, NotFound
from capital.models import Account, Scope, StrategyAccount
from capital.services.access import Act, Viewer, find_visible_link
from capital.services.accounts import (
    change_link,
    change_strategy,
    create_link,
    create_strategy,
    delete_link,
    delete_strategy,
)
from capital.services.limits import Scope as StopScope
from capital.services.performance import detail_as_json, performance_detail
from capital.services.sizing import ReservedOrder, reserve_orders, size_orders
from capital.services.trading import equity_of
from strategies.models import Strategy


@extend_schema_view(
    list=extend_schema(summary="List strategies"),
    retrieve=extend_schema(summary="Retrieve a strategy"),
    create=extend_schema(summary="Create a strategy"),
    update=extend_schema(summary="Replace a strategy"),
    partial_update=extend_schema(summary="Update, pause, activate or archive a strategy"),
    destroy=extend_schema(summary="Delete a strategy that was never linked"),
)
class Strategies(EditableView):
    """One strategy, which trades one market: spot or futures."""

    queryset = Strategy.objects.select_related("owner")
    serializer_class = StrategyRow
    filterset_class = StrategyFilter
    lookup_field = "key"
    lookup_value_regex = "[-a-zA-Z0-9_]{1,64}"
    ordering_fields = ("id", "key", "name", "created_at", "updated_at")
    scopes = {"size": Scope.SIZE}
    permissions = {
        "create": "strategies.add_strategy",
        "update": "strategies.change_strategy",
        "partial_update": "strategies.change_strategy",
        "destroy": "strategies.delete_strategy",
    }
    # A strategy may trade on more accounts than the token's.
    beyond_one_account = ("create", "update", "partial_update", "destroy")
    query = {"performance": PERIOD_QUERY}

    def create_row(self, values: dict[str, Any]) -> Strategy:
        return create_strategy(owner=self.request.user, **self.asker, **values)  # type: ignore[arg-type]

    def change_row(self, row: Strategy, values: dict[str, Any]) -> Strategy:
        return change_strategy(row.pk, **self.asker, seen=self.seen, **values)

    def delete_row(self, row: Strategy) -> None:
        delete_strategy(row.pk, **self.asker)

    def check_replay(self, answer: Mapping[str, Any]) -> None:
        """Sizes on an account that is no longer seen are not told again."""
        super().check_replay(answer)
        told = {size["account"] for size in answer.get("sizes", ())}
        seen = self.visible(Account.objects.order_by())
        others = Account.objects.filter(strategy_accounts__strategy__key=self.kwargs.get("key"))
        if others.exclude(pk__in=seen.values("pk")).filter(name__in=told).exists():
            raise NotFound

    @extend_schema(
        summary="Size an order on every account of a strategy",
        request=SizeBody,
        responses={200: Sizes},
    )
    @action(detail=True, methods=["post"])
    def size(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one size for each account of the strategy; with `reserve`, it is held on each.

        Where the order is refused, the quantity is 0 and the code says why.
        """
        strategy = self.get_object()
        wish = read_wish(request.data)
        links = self.visible(StrategyAccount.objects.filter(strategy=strategy).order_by("pk"))
        link_ids = list(links.values_list("pk", flat=True))
        if wish.hold is None:
            reserved = [ReservedOrder(answer) for answer in size_orders(link_ids, [wish.order])]
        else:
            actor: Any = request.user
            reserved = reserve_orders(link_ids, [wish], key=self.run_key or "", actor=actor)
        senseless = [
            answer.size.error for answer in reserved if isinstance(answer.size.error, InvalidOrder)
        ]
        # What makes no sense on one account may be sized, and held, on another.
        if senseless and len(senseless) == len(reserved):
            raise senseless[0]
        now = timezone.now()
        sizes = [
            answer.size.as_json() if wish.hold is None else answer.as_json(now=now)
            for answer in reserved
        ]
        return Response({"sizes": sizes})

    def present(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was reserved is told as it is now."""
        if "sizes" not in answer:
            return answer
        now = timezone.now()
        sizes = [with_present_reservation(size, now=now) for size in answer["sizes"]]
        return {**answer, "sizes": sizes}

    @extend_schema(
        summary="Show how a strategy did",
        parameters=PERIOD_PARAMETERS,
        responses={200: StrategyPerformance},
    )
    @action(detail=True, methods=["get"])
    def performance(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Its figures, those of its links and symbols, and a curve of its days."""
        strategy = self.get_object()
        links = self.visible(StrategyAccount.objects.filter(strategy=strategy))
        detail = performance_detail(
            links, read_period(request), currency=request.query_params.get("currency")
        )
        return Response(detail_as_json(detail))


@extend_schema_view(
    list=extend_schema(summary="List the links between strategies and accounts"),
    retrieve=extend_schema(summary="Retrieve a link"),
    create=extend_schema(summary="Link a strategy to an account"),
    update=extend_schema(summary="Replace a link"),
    partial_update=extend_schema(summary="Update a link"),
    destroy=extend_schema(summary="Delete a link that never had capital"),
)
class StrategyAccounts(LinkActions, EditableView):
    """One link: a strategy trades on an account, with a weight and leverage."""

    queryset = StrategyAccount.objects.select_related("strategy", "account", "capital")
    serializer_class = LinkRow
    filterset_class = LinkFilter
    ordering_fields = ("id", "weight", "leverage", "created_at", "updated_at")
    scopes = {**SCOPES, "stop": Scope.ALLOCATE}
    permissions = {
        "stop": Act.STOP_ENTRIES.permission,
        "create": "capital.add_strategyaccount",
        "update": "capital.change_strategyaccount",
        "partial_update": "capital.change_strategyaccount",
        "destroy": "capital.delete_strategyaccount",
        **PERMISSIONS,
    }

    def prepare_rows(self, rows: Sequence[Any]) -> Sequence[Any]:
        """With the equity of each."""
        equity = equity_of(rows, now=timezone.now())
        for link in rows:
            link.equity = equity[link.pk]
        return rows

    def create_row(self, values: dict[str, Any]) -> StrategyAccount:
        return create_link(**self.asker, **values)

    def change_row(self, row: StrategyAccount, values: dict[str, Any]) -> StrategyAccount:
        """Refuse to change the strategy or account: capital and history belong to this pair."""
        for name in ("strategy", "account"):
            if values.pop(name, getattr(row, name)) != getattr(row, name):
                raise refusal(name, _("Cannot be changed. Create another link instead."))
        return change_link(row.pk, **self.asker, seen=self.seen, **values)

    def delete_row(self, row: StrategyAccount) -> None:
        delete_link(row.pk, **self.asker)

    @STOPPING
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Refuse new entries of this strategy on this account from the next order on.

        Closing goes on, and no capital moves. 200 where it was stopped already: the first stop
        stays, with its reason.
        """
        return stop_entries(self, StopScope(link_id=self.visible_link()))

    def asked_link(self) -> tuple[int, Viewer | None]:
        """What reads the link says whether it is seen: a query less for each order."""
        return int(self.kwargs["pk"]), Viewer(self.request.user, account_of(self.request))

    def visible_link(self) -> int:
        """In one small query."""
        link = find_visible_link(
            int(self.kwargs["pk"]), user=self.request.user, account_id=account_of(self.request)
        )
        if link is None:
            raise NotFound
        return link
