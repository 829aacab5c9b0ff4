"""Fills and flows that are told, what is held, and what was earned."""

from capital.services.trading.files import LineProblem, read_trade_file
from capital.services.trading.fills import FillCode, FillResult, NewFill, report_fills
from capital.services.trading.flows import enter_flow
from capital.services.trading.imports import ImportedSum, ImportReport, import_trades
from capital.services.trading.marks import mark_positions, value_positions
from capital.services.trading.pnl import GROUPS, PnlRow, account_pnl, pnl, settle_of
from capital.services.trading.positions import (
    ToldPosition,
    mark_dust,
    open_positions,
    report_position,
    report_positions,
)
from capital.services.trading.reading import ReadReport, import_fills
from capital.services.trading.syncing.comparing import ComparedPosition, compare_positions
from capital.services.trading.syncing.openings import enter_opening
from capital.services.trading.syncing.positions import mark_not_strategys
from capital.services.trading.syncing.sync import sync_fills
from capital.services.trading.unexplained.restate import explain_balances

__all__ = [
    "GROUPS",
    "ComparedPosition",
    "FillCode",
    "FillResult",
    "ImportReport",
    "ImportedSum",
    "LineProblem",
    "NewFill",
    "PnlRow",
    "ReadReport",
    "ToldPosition",
    "account_pnl",
    "compare_positions",
    "enter_flow",
    "enter_opening",
    "explain_balances",
    "import_fills",
    "import_trades",
    "mark_dust",
    "mark_not_strategys",
    "mark_positions",
    "open_positions",
    "pnl",
    "read_trade_file",
    "report_fills",
    "report_position",
    "report_positions",
    "settle_of",
    "sync_fills",
    "value_positions",
]
