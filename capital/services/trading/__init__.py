"""What bots report that they hold."""

from capital.services.trading.positions import report_position

__all__ = [
    "report_position",
]
