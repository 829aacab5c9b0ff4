"""What each venue tells of fills, positions and flows: one declarative row, as of its balances."""

from collections.abc import Mapping
from types import MappingProxyType

from capital.exchange.trading.rows import Trading
from capital.exchange.trading.venues import (
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

__all__ = ["TRADING", "trading_of"]

_FAMILIES = (
    binance.TRADING,
    bybit.TRADING,
    okx.TRADING,
    bitget.TRADING,
    gate.TRADING,
    kucoin.TRADING,
    kraken.TRADING,
    coinbase.TRADING,
    hyperliquid.TRADING,
    deribit.TRADING,
    mexc.TRADING,
    htx.TRADING,
    bingx.TRADING,
    korea.TRADING,
)

TRADING: Mapping[str, Trading] = MappingProxyType(
    {venue: row for family in _FAMILIES for venue, row in family.items()}
)
"""By venue id: those of ``VENUES``."""

_NOTHING = Trading(fills={}, untold=("nothing: its answers were never verified",))


def trading_of(venue_id: str) -> Trading:
    """What a venue tells; nothing of one that has no row."""
    return TRADING.get(venue_id, _NOTHING)
