"""What anybody may ask for below ``/api/``: the description, and 404 for every other URL."""

from contextvars import Context
from functools import lru_cache, partial
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.views import APIView

from capital.api.frame.throttles import AddressThrottle
from capital.domain.errors import NotFound

_making = Lock()


@extend_schema(exclude=True)
class Description(SpectacularAPIView):
    """The API's description. To make it takes half a second, and anybody may ask for it."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The text of the language that is asked for, made once in this process."""
        asked = request.query_params.get("lang")
        language = asked if asked in dict(settings.LANGUAGES) else translation.get_language()
        renderer = request.accepted_renderer
        kind: Any = type(renderer)
        with _making:
            # Of no request: the examples of problems would have the id of whoever asked first.
            text = Context().run(partial(_description, language, kind))
        name = f'inline; filename="{self._get_filename(request, None)}"'  # type: ignore[no-untyped-call]
        charset = f"; charset={renderer.charset}" if renderer.charset else ""
        return HttpResponse(
            text,
            content_type=f"{renderer.media_type}{charset}",
            headers={"Content-Disposition": name},
        )


@lru_cache(maxsize=16)
def _description(language: str, renderer: type[Any]) -> bytes:
    with translation.override(language):
        schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        text: bytes = renderer().render(schema, renderer.media_type, {})
    return text


@extend_schema(exclude=True)
class NotFoundView(APIView):
    """Responds with 404 as a problem object."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes = [AddressThrottle]

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound
