"""Asking the simulator as the product does: unmodified async ccxt, over real HTTP."""

import asyncio
import ssl
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import ccxt.async_support as ccxt

from capital.simulator.state import SimulatedAccount

PARAMS = {
    ("binance", "spot"): {"type": "spot"},
    ("binance", "futures"): {"type": "swap", "subType": "linear"},
    ("binance", "unified"): {"type": "papi"},
}
# Else ccxt spends requests on finding the account mode out.
BYBIT_OPTIONS = {"enableUnifiedMargin": False, "enableUnifiedAccount": True}


@cache
def tls_context() -> ssl.SSLContext:
    """One for all: making it is most of what an instance costs."""
    return ssl.create_default_context()


def rebased(urls: Any, base_url: str) -> Any:
    """``urls`` with scheme and host of ``base_url``, at any depth."""
    if isinstance(urls, dict):
        return {name: rebased(url, base_url) for name, url in urls.items()}
    if not isinstance(urls, str):
        return urls
    return base_url + urlsplit(urls.replace("{hostname}", "hostname")).path


def client_of(account: SimulatedAccount, base_url: str, **config: Any) -> Any:
    client = getattr(ccxt, account.venue)(
        {
            "apiKey": account.api_key,
            "secret": account.api_secret,
            "password": account.api_passphrase,
            "enableRateLimit": False,
            "timeout": 10_000,
            **config,
        }
    )
    client.number = Decimal
    client.markets = {}
    client.ssl_context = tls_context()
    client.timeout_on_exit = 0
    client.urls["api"] = rebased(client.urls["api"], base_url)
    if account.venue == "bybit":
        client.options.update(BYBIT_OPTIONS, unifiedMarginStatus=6)
    return client


def fetch_balance(
    account: SimulatedAccount, base_url: str, pool: str | None = None, **config: Any
) -> dict[str, Any]:
    """What ccxt makes of ``pool`` of ``account``; its first pool if none is named."""

    async def fetch() -> dict[str, Any]:
        client = client_of(account, base_url, **config)
        clock = config.get("clock_offset_milliseconds", 0)
        if clock:
            client.nonce = lambda: client.milliseconds() + clock
        try:
            return await client.fetch_balance(
                PARAMS.get((account.venue, pool or account.pools[0]), {})
            )
        finally:
            client.timeout_on_exit = 0  # nothing is left that could end by itself
            await client.close()

    return asyncio.run(fetch())
