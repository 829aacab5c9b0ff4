"""Where a request came from, as far as that can be believed: for rates, locks and the record."""

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

from django.conf import settings


def client_address(request: Any) -> str:
    """The client's address: behind so many proxies as ``CAPITAL_PROXY_COUNT`` says.

    What else a client writes into ``X-Forwarded-For`` is not believed, and neither is what is no
    address.
    """
    direct = _plain(str(request.META.get("REMOTE_ADDR", "")))
    proxies: int = settings.CAPITAL_PROXY_COUNT
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if not (proxies and forwarded):
        return direct
    hops = [hop.strip() for hop in forwarded.split(",")]
    return _plain(hops[-min(proxies, len(hops))], otherwise=direct)


def counted_address(request: Any) -> str:
    """What counts as one client for rates and locks: an IPv4 address, or the first one of a /64.

    Whoever has an IPv6 address usually has a whole /64 to choose from.
    """
    return _counted(client_address(request))


@lru_cache(maxsize=4096)
def _counted(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((int(parsed), 64), strict=False).network_address)
    return address


@lru_cache(maxsize=4096)
def _plain(text: str, *, otherwise: str | None = None) -> str:
    """An address in its usual form, without a zone; an IPv4 address that came as IPv6 as IPv4."""
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return text if otherwise is None else otherwise
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)
