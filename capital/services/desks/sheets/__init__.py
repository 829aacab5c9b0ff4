"""Accounts and strategies out of a CSV or an XLSX: seen first, then everything or nothing."""

from capital.services.desks.sheets.columns import MOST_LINES
from capital.services.desks.sheets.kept import LARGEST_SHEET_KB, open_sheet, seal_sheet
from capital.services.desks.sheets.loading import account_sheet, strategy_sheet
from capital.services.desks.sheets.report import SheetProblem, SheetReport

__all__ = [
    "LARGEST_SHEET_KB",
    "MOST_LINES",
    "SheetProblem",
    "SheetReport",
    "account_sheet",
    "open_sheet",
    "seal_sheet",
    "strategy_sheet",
]
