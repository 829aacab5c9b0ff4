"""The wire: which path serves which pool of which venue.

One row an endpoint; adding a venue is adding a module to ``venues`` with its rows.
"""

from collections.abc import Mapping
from types import MappingProxyType

from capital.domain.pools import Pool
from capital.simulator import answers, refusals, signatures
from capital.simulator.endpoint import Endpoint, Notice
from capital.simulator.venues import (
    bingx,
    bitget,
    coinbase,
    deribit,
    gate,
    htx,
    hyperliquid,
    kraken,
    kucoin,
    mexc,
)

__all__ = ["ENDPOINTS", "NOTICES", "VENUES", "Endpoint", "Notice", "pools_of_venue"]


_MODULES = (bitget, gate, kucoin, kraken, coinbase, hyperliquid, deribit, mexc, htx, bingx)

ENDPOINTS = (
    # Before Binance, whose path MEXC shares: who names no key at all has asked Binance.
    *(endpoint for module in _MODULES for endpoint in module.ENDPOINTS),
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
        venue="binance",
        pool=Pool.FUTURES,
        path="/dapi/v1/account",
        scheme=signatures.BINANCE,
        refusals=refusals.BINANCE,
        build=answers.binance_coin_futures,
    ),
    Endpoint(
        venue="binance",
        pool=Pool.UNIFIED,
        path="/papi/v1/balance",
        scheme=signatures.BINANCE,
        refusals=refusals.BINANCE,
        build=answers.binance_portfolio,
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

NOTICES = (
    Notice(
        "/sapi/v1/account/apiRestrictions",
        lambda _now: {},
        scheme=signatures.BINANCE,
        refusals=refusals.BINANCE,
        of_account=lambda account: {"enableWithdrawals": account.can_withdraw},
    ),
    Notice(
        "/sapi/v1/account/info",
        lambda _now: {},
        scheme=signatures.BINANCE,
        refusals=refusals.BINANCE,
        of_account=lambda account: {
            "vipLevel": 0,
            "isMarginEnabled": True,
            "isFutureEnabled": True,
            "isOptionsEnabled": False,
            "isPortfolioMarginRetailEnabled": account.account_mode == "true",
        },
    ),
    Notice(
        "/v5/user/query-api",
        lambda _now: {},
        scheme=signatures.BYBIT,
        refusals=refusals.BYBIT,
        of_account=lambda account: {
            "retCode": 0,
            "retMsg": "",
            "result": {
                "uta": int(account.account_mode or 1),
                "permissions": {
                    "Wallet": ["AccountTransfer", *(["Withdraw"] if account.can_withdraw else [])]
                },
            },
        },
    ),
    Notice(
        "/api/v5/account/config",
        lambda _now: {},
        scheme=signatures.OKX,
        refusals=refusals.OKX,
        of_account=lambda account: {
            "code": "0",
            "data": [{"perm": "read_only,withdraw" if account.can_withdraw else "read_only"}],
            "msg": "",
        },
    ),
    Notice("/api/v3/time", lambda now: {"serverTime": now}),
    Notice("/fapi/v1/time", lambda now: {"serverTime": now}),
    Notice(
        "/v5/market/time",
        lambda now: {"retCode": 0, "retMsg": "OK", "result": {}, "time": now},
    ),
    Notice("/api/v5/public/time", lambda now: {"code": "0", "data": [{"ts": str(now)}]}),
    *(notice for module in _MODULES if hasattr(module, "NOTICES") for notice in module.NOTICES),
)
"""What is answered beside the balances."""

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
