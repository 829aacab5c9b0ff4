"""What needs somebody: the list that the dashboard shows."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from capital.api.frame.authentication import account_of
from capital.api.frame.base import ApiView
from capital.api.shapes.stops import NeedList
from capital.models import Trouble
from capital.services.overview import needs_of


class Needs(ApiView):
    """What needs somebody now."""

    queryset = Trouble.objects.all()
    serializer_class = NeedList
    pagination_class = None

    @extend_schema(summary="List what needs somebody", responses=NeedList)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What is wrong now, and money that no strategy has; the most urgent first.

        It is what the dashboard shows: refused keys, silent wallets, suspect balances, failed and
        held allocations, stops, limits that are near, refused signals, fills of nobody, suspect
        rules, and accounts whose strategies are all paused.
        """
        found = needs_of(request.user, account_id=account_of(request))
        return Response(NeedList({"results": found}).data)
