"""The 404 for every other URL below ``/api/``."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.views import APIView

from capital.api.frame.throttles import AddressThrottle
from capital.domain.errors import NotFound


@extend_schema(exclude=True)
class NotFoundView(APIView):
    """Responds with 404 as a problem object."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes = [AddressThrottle]

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound
