"""What is known about each venue: one declarative row. To add a venue, add a row.

``docs/venues.md`` has an example, and the table of supported venues.
"""

from collections.abc import Mapping
from types import MappingProxyType

from capital.domain.errors import UnknownVenue
from capital.exchange.calls.balances import BalanceCall, Holdings
from capital.exchange.calls.rules import RulesCall
from capital.exchange.unproven import generic_venue
from capital.exchange.venue import Credential, Inspection, Venue
from capital.exchange.venues import (
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
    "VENUES",
    "BalanceCall",
    "Credential",
    "Holdings",
    "Inspection",
    "RulesCall",
    "Venue",
    "get_venue",
    "is_known",
]

_FAMILIES = (
    binance.ROWS,
    bybit.ROWS,
    okx.ROWS,
    bitget.ROWS,
    gate.ROWS,
    kucoin.ROWS,
    kraken.ROWS,
    coinbase.ROWS,
    hyperliquid.ROWS,
    deribit.ROWS,
    mexc.ROWS,
    htx.ROWS,
    bingx.ROWS,
    korea.ROWS,
)

VENUES: Mapping[str, Venue] = MappingProxyType(
    {row.id: row for family in _FAMILIES for row in family}
)
"""The tested ones."""


def get_venue(venue_id: str) -> Venue:
    """The row of ``venue_id``; a generic one if only ccxt knows it.

    Raises:
        UnknownVenue: ccxt does not know it either; the message names the venues with a row.
    """
    row = VENUES.get(venue_id) or generic_venue(venue_id)
    if row is None:
        raise UnknownVenue(venue=venue_id, known=", ".join(sorted(VENUES)))
    return row


def is_known(venue_id: str) -> bool:
    """Whether ``get_venue`` finds a row."""
    return venue_id in VENUES or generic_venue(venue_id) is not None
