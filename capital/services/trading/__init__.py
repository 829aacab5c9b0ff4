"""Fills and flows that are told, what is held, and what was earned."""

from capital.services.trading.fills import FillCode, FillResult, NewFill, report_fills
from capital.services.trading.flows import enter_flow
from capital.services.trading.pnl import GROUPS, PnlRow, account_pnl, pnl, settle_of
from capital.services.trading.positions import mark_dust, open_positions, report_position

__all__ = [
    "GROUPS",
    "FillCode",
    "FillResult",
    "NewFill",
    "PnlRow",
    "account_pnl",
    "enter_flow",
    "mark_dust",
    "open_positions",
    "pnl",
    "report_fills",
    "report_position",
    "settle_of",
]
