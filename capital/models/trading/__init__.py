"""What strategies trade: fills and whose they are, flows, and what is held and earned."""

from capital.models.trading.cursors import AskedFor, TradingCursor
from capital.models.trading.days import DayMark, LinkDay, SymbolDay
from capital.models.trading.fills import AttributedBy, Attribution, Discrepancy, Fill
from capital.models.trading.flows import Flow
from capital.models.trading.months import LinkMonth
from capital.models.trading.pool_days import PoolDay
from capital.models.trading.positions import Position, PositionSource
from capital.models.trading.trades import Trade
from capital.models.trading.uploads import TradeUpload
from capital.models.trading.venue_positions import BookedHolding, VenuePosition
from capital.models.trading.years import LinkYear

__all__ = [
    "AskedFor",
    "AttributedBy",
    "Attribution",
    "BookedHolding",
    "DayMark",
    "Discrepancy",
    "Fill",
    "Flow",
    "LinkDay",
    "LinkMonth",
    "LinkYear",
    "PoolDay",
    "Position",
    "PositionSource",
    "SymbolDay",
    "Trade",
    "TradeUpload",
    "TradingCursor",
    "VenuePosition",
]
