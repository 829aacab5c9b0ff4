"""The wire: which path serves which pool of which venue.

One row an endpoint; adding a venue is adding rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from capital.domain.pools import Pool
from capital.exchange.simulator import answers, refusals, signatures
from capital.exchange.simulator.answers import Holdings
from capital.exchange.simulator.refusals import Refusals
from capital.exchange.simulator.signatures import SignatureScheme


@dataclass(frozen=True)
class Endpoint:
    """One balance endpoint.

    Attributes:
        venue: The ccxt id.
        pool: Whose balance it answers.
        path: Of the URL; two venues may share one.
        scheme: How its requests are signed.
        refusals: How it says no.
        build: Its answer.
    """

    venue: str
    pool: Pool
    path: str
    scheme: SignatureScheme
    refusals: Refusals
    build: Callable[[Holdings], Any]


ENDPOINTS = (
    Endpoint(
        venue="binance",
        pool=Pool.SPOT,
        path="/api/v3/account",
        scheme=signatures.BINANCE,
        refusals=refusals.BINANCE,
        build=answers.binance_spot,
    ),
    Endpoint(
        venue="binance",
        pool=Pool.FUTURES,
        path="/fapi/v3/account",
        scheme=signatures.BINANCE,
        refusals=refusals.BINANCE,
        build=answers.binance_futures,
    ),
    Endpoint(
        venue="bybit",
        pool=Pool.UNIFIED,
        path="/v5/account/wallet-balance",
        scheme=signatures.BYBIT,
        refusals=refusals.BYBIT,
        build=answers.bybit_unified,
    ),
    Endpoint(
        venue="okx",
        pool=Pool.UNIFIED,
        path="/api/v5/account/balance",
        scheme=signatures.OKX,
        refusals=refusals.OKX,
        build=answers.okx_trading,
    ),
    # Before Upbit: its requests would pass for Upbit's, not the other way round.
    Endpoint(
        venue="bithumb",
        pool=Pool.SPOT,
        path="/v1/accounts",
        scheme=signatures.BITHUMB,
        refusals=refusals.BITHUMB,
        build=answers.krw_wallets,
    ),
    Endpoint(
        venue="upbit",
        pool=Pool.SPOT,
        path="/v1/accounts",
        scheme=signatures.UPBIT,
        refusals=refusals.UPBIT,
        build=answers.krw_wallets,
    ),
)

VENUES: Mapping[str, tuple[Endpoint, ...]] = MappingProxyType(
    {
        venue: tuple(endpoint for endpoint in ENDPOINTS if endpoint.venue == venue)
        for venue in sorted({endpoint.venue for endpoint in ENDPOINTS})
    }
)
"""Every venue that is simulated, with its endpoints."""


def pools_of_venue(venue: str) -> tuple[Pool, ...]:
    """The pools that ``venue`` answers for, none for an unknown one."""
    return tuple(endpoint.pool for endpoint in VENUES.get(venue, ()))
