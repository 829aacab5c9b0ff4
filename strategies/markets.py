"""What a strategy trades. Pure: the domain imports it."""

from enum import StrEnum


class MarketType(StrEnum):
    """The market of a strategy. ``value`` is what is stored and sent."""

    SPOT = "spot"
    FUTURES = "futures"
