"""Files of trades: our own form as CSV or XLSX, and the database of a freqtrade bot."""

from capital.services.trading.files.contract import (
    Explained,
    LineProblem,
    ProblemLines,
    TradeFile,
    TradeLine,
    alike_problems,
)
from capital.services.trading.files.reading import read_trade_content, read_trade_file
from capital.services.trading.files.writing import write_workbook

__all__ = [
    "Explained",
    "LineProblem",
    "ProblemLines",
    "TradeFile",
    "TradeLine",
    "alike_problems",
    "read_trade_content",
    "read_trade_file",
    "write_workbook",
]
