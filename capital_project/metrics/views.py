"""``GET /metrics``."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from capital.services.overview import read_metrics
from capital_project.metrics.access import are_on, may_read
from capital_project.metrics.exposition import Told
from capital_project.metrics.requests import counters


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All figures as text, to whom the settings allow. Where they allow nobody, 404."""
    if not are_on():
        raise Http404
    if not may_read(request):
        refused = HttpResponse("A token is needed, or another address.\n", "text/plain", 401)
        refused["WWW-Authenticate"] = "Bearer"
        return refused
    counters()
    registry = CollectorRegistry()
    registry.register(Told(read_metrics()))
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
