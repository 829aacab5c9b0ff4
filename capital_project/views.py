"""The front page, health checks for load balancers, and error pages."""

import logging
import sys
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from capital.api.frame.problems import is_api, problem_response
from capital.services.database_errors import meaning_of
from capital.services.jobs import check_readiness, check_workers
from capital.traces import current_id

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 5


def index(request: HttpRequest) -> HttpResponse:
    """The front page, with links to the admin and the API."""
    return render(request, "index.html")


@never_cache
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """200 while this process is running. Checks nothing else, not even the database."""
    return JsonResponse({"is_alive": True})


@never_cache
@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """200 if the service is ready, else 503 with what is missing."""
    readiness = check_readiness()
    return JsonResponse(readiness.as_json(), status=200 if readiness.is_ready else 503)


@never_cache
@require_safe
def workers(_request: HttpRequest) -> HttpResponse:
    """200 while a cluster takes tasks and none waits too long, else 503 with what is wrong."""
    readiness = check_workers()
    return JsonResponse(readiness.as_json(), status=200 if readiness.is_ready else 503)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return refusal(
        request,
        400,
        "bad_request",
        _("Bad request"),
        _("The request could not be read."),
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return refusal(
        request,
        403,
        "permission_denied",
        _("Permission denied"),
        _("You do not have permission to view this page."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that was not sent from one of our pages, or from one that is too old."""
    return refusal(
        request,
        403,
        "csrf_failed",
        _("The form could not be verified"),
        _("The page may be out of date, or cookies are blocked. Reload the page and try again."),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, for what is not there and for what this user may not see alike."""
    return refusal(
        request,
        404,
        "not_found",
        _("Page not found"),
        _("This page does not exist, or you do not have permission to view it."),
    )


def locked_out(request: HttpRequest, *_arguments: Any) -> HttpResponse:
    """429 after too many wrong passwords."""
    wait: timedelta = settings.AXES_COOLOFF_TIME
    response = refusal(
        request,
        429,
        "locked_out",
        _("Too many login attempts"),
        _("Login is locked. Try again in %(minutes)s minutes.")
        % {"minutes": wait // timedelta(minutes=1)},
    )
    response["Retry-After"] = str(wait // timedelta(seconds=1))
    return response


def is_database_away(error: BaseException | None) -> bool:
    """Whether the database did not answer, or not in time; the same may succeed in a moment."""
    return isinstance(error, OperationalError | InterfaceError)


def database_away(request: HttpRequest, error: BaseException) -> HttpResponse:
    """503 and one line in the log. The page tries again by itself, and needs no database."""
    logger.error(
        "The database is not responding (%s): %s %s.%s",
        type(error).__name__,
        request.method,
        request.path,
        _why(error),
    )
    if is_api(request):
        text = _("The database is not responding. Send the request again.")
        response = problem_response(503, "database_error", text)
    else:
        context = {
            "title": _("The database is not responding"),
            "is_sent": request.method not in ("GET", "HEAD"),
            "seconds": _RETRY_SECONDS,
        }
        response = HttpResponse(render_to_string("unavailable.html", context), status=503)
        response["Cache-Control"] = "no-store"
    response["Retry-After"] = str(_RETRY_SECONDS)
    # Otherwise Django writes the traceback as well.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _why(error: BaseException) -> str:
    """What happened and what to do, in English, as all of the log is; empty if nobody knows."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return ""
    with override("en"):
        meaning = meaning_of(error)
    return f" {meaning}" if meaning else ""


def server_error(request: HttpRequest) -> HttpResponse:
    """500, without details of the error: those are in the log."""
    error = sys.exc_info()[1]
    if error is not None and is_database_away(error):
        return database_away(request, error)
    text = _("Something went wrong on the server and was logged. Try again.")
    if (request_id := current_id()) is not None and not is_api(request):
        told = _("If it happens again, tell who runs this site the id of the request: %(id)s.")
        text = f"{text} {told % {'id': request_id}}"
    return refusal(request, 500, "unexpected_error", _("Server error"), text)


def refusal(request: HttpRequest, status: int, code: str, title: str, text: str) -> HttpResponse:
    """A problem object under /api/, a page elsewhere. Asks no database."""
    if is_api(request):
        return problem_response(status, code, text)
    response = HttpResponse(
        render_to_string("error.html", {"title": title, "text": text}), status=status
    )
    response.problem_code = code  # type: ignore[attr-defined]  # for the access log
    return response
