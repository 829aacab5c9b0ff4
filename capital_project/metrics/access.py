"""Who may read ``/metrics``: it names every account, so nobody does unless the settings say who."""

import secrets
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

from capital.addresses import client_address


def are_on() -> bool:
    """Whether anybody may."""
    return bool(settings.CAPITAL_METRICS_TOKEN or settings.CAPITAL_METRICS_NETWORKS)


def may_read(request: HttpRequest) -> bool:
    """Whether the request brings the token, or comes from a network that may."""
    return _has_token(request) or _is_near(request)


def _has_token(request: HttpRequest) -> bool:
    token: str = settings.CAPITAL_METRICS_TOKEN
    kind, _, given = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if not token or kind.lower() != "bearer":
        return False
    return secrets.compare_digest(given.strip().encode(), token.encode())


def _is_near(request: HttpRequest) -> bool:
    try:
        address = ip_address(client_address(request))
    except ValueError:
        return False
    return any(address in network for network in settings.CAPITAL_METRICS_NETWORKS)
