"""The front page, and what a load balancer asks."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from capital.api.frame.problems import is_api, problem_response
from capital.services.jobs import check_readiness


def index(request: HttpRequest) -> HttpResponse:
    """Say what this is and where things are."""
    return render(request, "index.html")


@never_cache
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """This process answers. It asks nothing else, not even the database."""
    return JsonResponse({"is_alive": True})


@never_cache
@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """200 where this process can do its work, else 503 and what is missing."""
    readiness = check_readiness()
    return JsonResponse(readiness.as_json(), status=200 if readiness.is_ready else 503)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """For programs, a problem; for people, Django's page."""
    if is_api(request):
        return problem_response(400, "bad_request", _("This request cannot be read."))
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """As above. Nothing of the error is told; the log has it."""
    if is_api(request):
        detail = _("Something went wrong here. It is in the log; send the request again.")
        return problem_response(500, "unexpected_error", detail)
    return defaults.server_error(request)
