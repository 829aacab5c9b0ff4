"""How many requests were answered, how, and in what time: over all processes of a server."""

from collections.abc import Callable
from functools import cache
from time import perf_counter

from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram, values

from capital_project.metrics.access import are_on
from capital_project.metrics.shared import share_counts

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
# A signal is answered within three seconds.
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30)


@cache
def counters() -> tuple[Counter, Histogram]:
    """The counter and the histogram of this process, made once."""
    share_counts()
    # django-q2 has loaded the library by now, which looks only then where processes count together.
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
    return (
        Counter(
            "capital_http_requests",
            "Requests by method, pattern of the address, and status.",
            ("method", "route", "status"),
        ),
        Histogram(
            "capital_http_request_seconds",
            "How long requests took, by method and pattern of the address.",
            ("method", "route"),
            buckets=_BUCKETS,
        ),
    )


class CountRequests:
    """Middleware: counts every answer. Not used where nobody may read the counts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not are_on():
            raise MiddlewareNotUsed
        self._get_response = get_response
        counters()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and count it. The pattern of an address names no row and holds no secret."""
        began = perf_counter()
        response = self._get_response(request)
        method = request.method if request.method in _METHODS else "other"
        match = request.resolver_match
        route = "none" if match is None else f"/{match.route}"
        count, span = counters()
        count.labels(method, route, str(response.status_code)).inc()
        span.labels(method, route).observe(perf_counter() - began)
        return response
