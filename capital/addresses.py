"""Where a request came from, as far as that can be believed: for rates, locks and the record."""

from ipaddress import ip_address
from typing import Any

from django.conf import settings


def client_address(request: Any) -> str:
    """The client's address: behind so many proxies as ``CAPITAL_PROXY_COUNT`` says.

    What else a client writes into ``X-Forwarded-For`` is not believed, and neither is what is no
    address.
    """
    direct = str(request.META.get("REMOTE_ADDR", ""))
    proxies: int = settings.CAPITAL_PROXY_COUNT
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if not (proxies and forwarded):
        return direct
    hops = [hop.strip() for hop in forwarded.split(",")]
    try:
        return str(ip_address(hops[-min(proxies, len(hops))]))
    except ValueError:
        return direct
