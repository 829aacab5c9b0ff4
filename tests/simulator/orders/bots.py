"""Bots: plain ccxt, as a bot has it, with an account of each venue and wallet mode."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ccxt

from capital.domain.pools import Pool
from capital.exchange.ccxt.clients import redirected
from capital.exchange.venues import get_venue
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import SimulatedAccount
from capital.simulator.venues import VENUES

# Of a bot that says which account it has, so that ccxt does not ask.
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "bitget": {"uta": False},
    "bybit": {
        "enableUnifiedMargin": False,
        "enableUnifiedAccount": True,
        "unifiedMarginStatus": 6,
    },
    "gate": {"unifiedAccount": False},
    "hyperliquid": {"enableUnifiedMargin": False},
    "kucoin": {"uta": False},
}
# Of each venue with another wallet mode than its usual one: how ccxt is told of it.
_UNIFIED: Mapping[str, Mapping[str, Any]] = {
    "binance": {"papi": True},
    "bitget": {"uta": True},
    "gate": {"unifiedAccount": True},
    "hyperliquid": {"enableUnifiedMargin": True},
    "kucoin": {"uta": True},
}
_WALLET_KEY = "11" * 32
_WALLET = "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"
_SECRET = "c2VjcmV0" * 4


@dataclass(frozen=True)
class Mode:
    """One venue, with its usual wallets or with a unified one."""

    venue: str
    is_unified: bool = False

    @property
    def name(self) -> str:
        return f"{self.venue}{'-unified' * self.is_unified}"


MODES = [*map(Mode, VENUES), *(Mode(venue, is_unified=True) for venue in _UNIFIED)]


def account_of(mode: Mode, key: str = "bot-key", **wallet: str) -> SimulatedAccount:
    """An account of a bot, with the same in each of its wallets."""
    is_wallet = mode.venue == "hyperliquid"
    needs_phrase = any(each.scheme.needs_passphrase for each in VENUES[mode.venue].balances)
    pools = {each.pool for each in VENUES[mode.venue].balances}
    has_both = len(pools) > 1 and Pool.UNIFIED in pools
    kept = {pool for pool in pools if not has_both or (pool is Pool.UNIFIED) is mode.is_unified}
    return SimulatedAccount(
        venue=mode.venue,
        api_key=_WALLET if is_wallet else key,
        api_secret=_WALLET_KEY if is_wallet else _SECRET,
        api_passphrase="phrase" if needs_phrase else "",
        wallets={pool: dict(wallet) for pool in kept},
    )


def bot_of(mode: Mode, exchange: SimulatedExchange, account: SimulatedAccount) -> Any:
    """ccxt as a bot has it: its numbers as text, which loses no digit."""
    options = {**_OPTIONS.get(mode.venue, {}), **get_venue(mode.venue).rules_call.options}
    client = getattr(ccxt, mode.venue)({"enableRateLimit": False, "options": options})
    client.urls["api"] = redirected(client.urls["api"], exchange.venue_urls[mode.venue])
    client.set_markets(client.fetch_markets())
    # Only now: with a key, ccxt asks for more than the markets.
    client.apiKey, client.secret, client.password = account.api_key, account.api_secret, "phrase"
    client.privateKey, client.walletAddress = f"0x{_WALLET_KEY}", _WALLET
    if mode.is_unified:
        client.options.update(_UNIFIED[mode.venue])
    client.number = str
    return client
