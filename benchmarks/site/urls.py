"""The product's addresses, and two plain views beside them."""

from typing import Any

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from capital.models import Account
from capital_project.urls import urlpatterns as of_the_product


class OneQuery(APIView):
    """Authenticates as the API does, and runs one query."""

    def get(self, request: Request) -> Response:
        """The caller's first account."""
        row: Any = Account.objects.filter(owner=request.user).values("id", "name").first()
        return Response(row)


class Bare(APIView):
    """Asks nobody who it is, and nothing else."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, _request: Request) -> Response:
        """A constant."""
        return Response({"id": 1, "name": "Account 1"})


urlpatterns = [
    # Where the API is, so that the same middlewares stand before it.
    path("api/one-query/", OneQuery.as_view()),
    path("api/bare/", Bare.as_view()),
    *of_the_product,
]
