"""The front page, health checks for load balancers, and error pages."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from capital.api.frame.problems import is_api, problem_response
from capital.services.jobs import check_readiness


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


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A problem object under /api/, Django's page elsewhere."""
    if is_api(request):
        return problem_response(400, "bad_request", _("The request could not be read."))
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """A problem or Django's page, without details of the error: those are in the log."""
    if is_api(request):
        detail = _("Something went wrong on the server and was logged. Try again.")
        return problem_response(500, "unexpected_error", detail)
    return defaults.server_error(request)
