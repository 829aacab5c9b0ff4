"""What bots report that they hold."""

from capital.services.trading.positions import mark_dust, report_position

__all__ = [
    "mark_dust",
    "report_position",
]
