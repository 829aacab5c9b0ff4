"""Files of trades: our own form as CSV or XLSX, and the database of a freqtrade bot."""

from capital.services.trading.files.contract import Explained, LineProblem, TradeFile, TradeLine
from capital.services.trading.files.reading import read_trade_content, read_trade_file

__all__ = [
    "Explained",
    "LineProblem",
    "TradeFile",
    "TradeLine",
    "read_trade_content",
    "read_trade_file",
]
