"""Fills and flows that are told, what is held, and what was earned."""

from capital.services.trading.by_hand.assigning import (
    Assignment,
    Effect,
    assign_fills,
    attribute_again,
    preview_assignment,
)
from capital.services.trading.by_hand.orders import (
    links_of,
    of_nobody,
    of_strategy,
    owners_shown,
    present_fills,
)
from capital.services.trading.by_hand.reversing import can_reverse, reverse_flow
from capital.services.trading.counted import Equity, equity_of
from capital.services.trading.credited import keep_credited_again_after_migration
from capital.services.trading.days.closing import days_restated
from capital.services.trading.files import (
    LineProblem,
    ProblemLines,
    TradeFile,
    alike_problems,
    read_trade_file,
    write_workbook,
)
from capital.services.trading.fills import report_fills
from capital.services.trading.flows import enter_flow
from capital.services.trading.imports import (
    LARGEST_UPLOAD_MB,
    MOST_UPLOADED_LINES,
    ImportedLine,
    ImportedLink,
    ImportedSum,
    ImportReport,
    counts_of,
    get_upload,
    import_trades,
    import_upload,
    keep_upload,
    preview_upload,
)
from capital.services.trading.marks import mark_positions, value_positions
from capital.services.trading.pnl import GROUPS, PnlRow, account_pnl, counted_in, pnl
from capital.services.trading.positions import (
    ToldPosition,
    mark_dust,
    open_positions,
    report_position,
    report_positions,
)
from capital.services.trading.reading import ReadReport, import_fills
from capital.services.trading.recording.record import fills_recorded
from capital.services.trading.recording.told import FillCode, FillResult, NewFill
from capital.services.trading.syncing.comparing import ComparedPosition, compare_positions
from capital.services.trading.syncing.openings import enter_opening
from capital.services.trading.syncing.positions import mark_not_strategys, mark_symbol_not_strategys
from capital.services.trading.syncing.sync import sync_fills
from capital.services.trading.unexplained.moved import moves_of
from capital.services.trading.unexplained.restate import explain_balances, last_pool_days

__all__ = [
    "GROUPS",
    "LARGEST_UPLOAD_MB",
    "MOST_UPLOADED_LINES",
    "Assignment",
    "ComparedPosition",
    "Effect",
    "Equity",
    "FillCode",
    "FillResult",
    "ImportReport",
    "ImportedLine",
    "ImportedLink",
    "ImportedSum",
    "LineProblem",
    "NewFill",
    "PnlRow",
    "ProblemLines",
    "ReadReport",
    "ToldPosition",
    "TradeFile",
    "account_pnl",
    "alike_problems",
    "assign_fills",
    "attribute_again",
    "can_reverse",
    "compare_positions",
    "counted_in",
    "counts_of",
    "days_restated",
    "enter_flow",
    "enter_opening",
    "equity_of",
    "explain_balances",
    "fills_recorded",
    "get_upload",
    "import_fills",
    "import_trades",
    "import_upload",
    "keep_credited_again_after_migration",
    "keep_upload",
    "last_pool_days",
    "links_of",
    "mark_dust",
    "mark_not_strategys",
    "mark_positions",
    "mark_symbol_not_strategys",
    "moves_of",
    "of_nobody",
    "of_strategy",
    "open_positions",
    "owners_shown",
    "pnl",
    "present_fills",
    "preview_assignment",
    "preview_upload",
    "read_trade_file",
    "report_fills",
    "report_position",
    "report_positions",
    "reverse_flow",
    "sync_fills",
    "value_positions",
    "write_workbook",
]
