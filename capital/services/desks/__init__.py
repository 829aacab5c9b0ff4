"""A desk as one file, moved to another site; and its accounts and strategies out of tables."""

from capital.services.desks.export import Exported, export_desk
from capital.services.desks.imports import import_desk
from capital.services.desks.sheets import (
    LARGEST_SHEET_KB,
    MOST_LINES,
    SheetProblem,
    SheetReport,
    account_sheet,
    open_sheet,
    seal_sheet,
    strategy_sheet,
)
from capital.services.desks.steps import Step, Verb
from capital.services.desks.vault import LEAST_LETTERS, holds_secrets

__all__ = [
    "LARGEST_SHEET_KB",
    "LEAST_LETTERS",
    "MOST_LINES",
    "Exported",
    "SheetProblem",
    "SheetReport",
    "Step",
    "Verb",
    "account_sheet",
    "export_desk",
    "holds_secrets",
    "import_desk",
    "open_sheet",
    "seal_sheet",
    "strategy_sheet",
]
