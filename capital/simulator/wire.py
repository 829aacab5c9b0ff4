"""The wire: which path serves which pool of which venue.

One row an endpoint; adding a venue is adding a module to ``venues`` with its rows.
"""

from collections.abc import Mapping
from types import MappingProxyType

from capital.domain.pools import Pool
from capital.simulator.endpoint import Endpoint, Notice, PublicEndpoint
from capital.simulator.venues import (
    binance,
    bingx,
    bitget,
    bybit,
    coinbase,
    deribit,
    gate,
    htx,
    hyperliquid,
    korea,
    kraken,
    kucoin,
    mexc,
    okx,
)

__all__ = [
    "ENDPOINTS",
    "NOTICES",
    "PUBLIC_ENDPOINTS",
    "VENUES",
    "Endpoint",
    "Notice",
    "PublicEndpoint",
    "pools_of_venue",
]

# MEXC before Binance, whose path it shares: who names no key at all has asked Binance.
_MODULES = (
    bitget,
    gate,
    kucoin,
    kraken,
    coinbase,
    hyperliquid,
    deribit,
    mexc,
    htx,
    bingx,
    binance,
    bybit,
    okx,
    korea,
)

ENDPOINTS = tuple(endpoint for module in _MODULES for endpoint in module.ENDPOINTS)

NOTICES = tuple(notice for module in _MODULES for notice in getattr(module, "NOTICES", ()))
"""What is answered beside the balances."""

PUBLIC_ENDPOINTS = tuple(
    endpoint for module in _MODULES for endpoint in getattr(module, "PUBLIC_ENDPOINTS", ())
)
"""What is answered to anybody."""

VENUES: Mapping[str, tuple[Endpoint, ...]] = MappingProxyType(
    {
        venue: tuple(endpoint for endpoint in ENDPOINTS if endpoint.venue == venue)
        for venue in sorted({endpoint.venue for endpoint in ENDPOINTS})
    }
)
"""Every venue that is simulated, with its endpoints."""


def pools_of_venue(venue: str) -> tuple[Pool, ...]:
    """The pools that ``venue`` answers for, none for an unknown one."""
    return tuple(dict.fromkeys(endpoint.pool for endpoint in VENUES.get(venue, ())))
