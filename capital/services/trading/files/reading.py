"""Which form a file has is told by its first bytes, never by its name."""

from pathlib import Path

from capital.domain.errors import TradeFileRefused
from capital.domain.reasons import Code
from capital.services.trading.files.contract import TradeFile
from capital.services.trading.files.freqtrade import read_freqtrade
from capital.services.trading.files.sheet import read_csv, read_xlsx

_SQLITE, _ZIP = b"SQLite format 3\x00", b"PK\x03\x04"


def read_trade_file(path: Path) -> TradeFile:
    """What a CSV, an XLSX or a freqtrade database says.

    Raises:
        TradeFileRefused: It is none of them, cannot be read, or is not what may be imported.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_SQLITE))
    except OSError:
        raise TradeFileRefused(Code.FILE_UNREADABLE, file=path.name) from None
    if start == _SQLITE:
        return read_freqtrade(path)
    if start.startswith(_ZIP):
        return read_xlsx(path)
    return read_csv(path)
