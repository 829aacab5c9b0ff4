"""Instruments: the rules of each venue and its last prices."""

from capital.services.markets.guard import accept_rules, pending_change
from capital.services.markets.prices import PriceSource
from capital.services.markets.rules import VenueSync, sync_markets

__all__ = [
    "PriceSource",
    "VenueSync",
    "accept_rules",
    "pending_change",
    "sync_markets",
]
