"""One line in the log for each request, and the id by which all lines of it are found."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.functional import LazyObject, empty

from capital.models import ApiToken
from capital.services.clocks import steady_clock
from capital.traces import HEADER, Trace, begin_trace, end_trace

logger = logging.getLogger("capital_project.access")

# What machines ask all day. It is told at DEBUG, unless it went wrong.
_QUIET = ("/healthz", "/readyz", "/workers", "/metrics")
_LONGEST = 200


class LogRequests:
    """Middleware: gives each request its id, answers it in a header, and tells how it went.

    Neither the query nor the body is told, nor where it came from: they may hold secrets, and
    the latter is whose it is. The user is told only if somebody asked who it is: no query is made.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer within a trace of its own, which ends with the answer's last byte."""
        trace = begin_trace(request.headers.get(HEADER))
        began = steady_clock()
        response = self._get_response(request)
        response.headers[HEADER] = trace.id
        _tell(request, response, trace, steady_clock() - began)
        return response


@receiver(request_finished)
def _end(**_kwargs: Any) -> None:
    # Django says of a refusal what it was behind all middleware.
    end_trace()


def _tell(request: HttpRequest, response: HttpResponse, trace: Trace, span: timedelta) -> None:
    is_quiet = request.path in _QUIET or request.path.startswith(settings.STATIC_URL)
    level = logging.DEBUG if is_quiet and response.status_code < 500 else logging.INFO
    if not logger.isEnabledFor(level):
        return
    token = getattr(request, "auth", None)
    if isinstance(token, ApiToken) and token.account_id is not None:
        trace.note(token.account_id)
    figures = {
        "method": request.method,
        "path": request.path[:_LONGEST],
        "status": response.status_code,
        "code": _code_of(response),
        "duration_ms": span // timedelta(milliseconds=1),
        "user": _name_of(getattr(request, "user", None)),
        "token": token.token_key if isinstance(token, ApiToken) else None,
        "account_ids": list(trace.account_ids),
    }
    logger.log(
        level,
        "%s %s %s in %s ms%s",
        figures["method"],
        figures["path"],
        figures["status"],
        figures["duration_ms"],
        "".join(
            f", {name} {_shown(figures[key])}"
            for key, name in (
                ("code", "code"),
                ("user", "user"),
                ("token", "token"),
                ("account_ids", "accounts"),
            )
            if figures[key]
        ),
        extra={"figures": {name: value for name, value in figures.items() if value != []}},
    )


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _code_of(response: HttpResponse) -> str | None:
    """The code of a problem; None for what is none."""
    code = getattr(response, "problem_code", None)
    if code is None and response.status_code >= 400:
        data = getattr(response, "data", None)
        code = data.get("code") if isinstance(data, dict) else None
    return code if isinstance(code, str) else None


def _name_of(user: Any) -> str | None:
    """Who it was, if that was looked up; None for nobody."""
    if isinstance(user, LazyObject):
        user = None if user._wrapped is empty else user._wrapped
    return user.get_username() if isinstance(user, AbstractBaseUser) else None
