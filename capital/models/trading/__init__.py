"""What strategies trade: fills and whose they are, flows, and what is held."""

from capital.models.trading.positions import Position

__all__ = ["Position"]
