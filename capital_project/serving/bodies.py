"""Request bodies are read to their end before anything acts on them, or refused.

A body whose length is not announced (``Transfer-Encoding: chunked``) counts as empty for Django
and the REST framework, and one that ends early counts as whole. Either way a request would be
carried out that nobody sent.
"""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from capital.api.frame.parsers import LARGEST_BODY, largest_body
from capital.api.frame.problems import is_api
from capital_project.views import refusal

_ENCODING = "HTTP_TRANSFER_ENCODING"
_LENGTH = "CONTENT_LENGTH"


class CompleteBody:
    """Middleware: behind it, ``request.body`` is what was sent, all of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Read the body, or answer 400, 411 or 413."""
        is_unannounced = _ENCODING in request.META or (
            # An ASGI server may pass on a body of HTTP/2, which announces nothing.
            not isinstance(request, WSGIRequest) and not request.META.get(_LENGTH)
        )
        read = _read_chunks if is_unannounced else _read_length
        return read(request, _largest(request)) or self.get_response(request)


def _read_chunks(request: HttpRequest, largest: int) -> HttpResponse | None:
    """Read a body without a length, where the server says that it knows where the body ends.

    gunicorn says so. Django's own server does not: it would take the body for the next request.
    """
    stream: Any = request._stream  # an ASGI server has read it
    if isinstance(request, WSGIRequest):
        if not request.META.get("wsgi.input_terminated"):
            return _length_required(request)
        stream = request.META["wsgi.input"]
    try:
        body = stream.read(largest + 1)
    except Exception:  # noqa: BLE001  # each server has errors of its own for a broken chunk
        return _incomplete(request)
    if len(body) > largest:
        return _too_large(request)
    request._stream = BytesIO(body)
    request.META[_LENGTH] = str(len(body))
    request.body  # noqa: B018  # read now, so that it is there for everybody
    return None


def _read_length(request: HttpRequest, largest: int) -> HttpResponse | None:
    """Read a body of an announced length, and see that it is as long as that."""
    announced = request.META.get(_LENGTH) or "0"
    if not (announced.isascii() and announced.isdecimal()):
        return _incomplete(request)
    length = int(announced)
    if length > largest:
        return _too_large(request)
    try:
        return None if len(request.body) == length else _incomplete(request)
    except OSError:
        return _incomplete(request)


def _largest(request: HttpRequest) -> int:
    if is_api(request):
        return largest_body(request.path)
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or LARGEST_BODY


def _length_required(request: HttpRequest) -> HttpResponse:
    # Without a Content-Length of its own, which CommonMiddleware would add, the development server
    # closes the connection: what follows on it is the body.
    return refusal(
        request,
        411,
        "length_required",
        _("Length required"),
        _("This server cannot read a chunked body. Send a Content-Length header."),
    )


def _incomplete(request: HttpRequest) -> HttpResponse:
    text = _("The request body is not as long as announced, or was cut off. Nothing was done.")
    return _with_length(refusal(request, 400, "body_incomplete", _("Bad request"), text))


def _too_large(request: HttpRequest) -> HttpResponse:
    text = _("The request body is too large.")
    return _with_length(refusal(request, 413, "too_large", _("Payload too large"), text))


def _with_length(response: HttpResponse) -> HttpResponse:
    response["Content-Length"] = str(len(response.content))
    return response
