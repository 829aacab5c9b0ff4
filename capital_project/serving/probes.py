"""Health checks are answered to whoever asks, by whatever name, before anything else looks."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.urls import resolve

from capital_project.views import healthz, readyz, workers

PROBES = {"/healthz": healthz, "/readyz": readyz, "/workers": workers}

_Answer = Callable[[HttpRequest], HttpResponseBase]


def answer_probes(get_response: _Answer) -> _Answer:
    """Middleware: a load balancer asks by address, over plain HTTP, and holds no cookie.

    Such a request is not in ``ALLOWED_HOSTS``, and would be refused with a traceback in the log.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path_info)
        if probe is None:
            return get_response(request)
        # Requests are counted by the pattern that they matched.
        request.resolver_match = resolve(request.path_info)
        return probe(request)

    return answer
