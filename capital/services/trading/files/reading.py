"""Which form a file has is told by its first bytes, never by its name."""

import io
from pathlib import Path

from capital.domain.errors import TradeFileRefused
from capital.domain.reasons import Code
from capital.services.trading.files.contract import TradeFile
from capital.services.trading.files.freqtrade import read_freqtrade, read_freqtrade_copy
from capital.services.trading.files.sheet import MOST_LINES, read_csv, read_xlsx

_SQLITE, _ZIP = b"SQLite format 3\x00", b"PK\x03\x04"


def read_trade_file(path: Path) -> TradeFile:
    """What a CSV, an XLSX or a freqtrade database says, which may be in use.

    Raises:
        TradeFileRefused: It is none of them, cannot be read, or is not what may be imported.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(_SQLITE)) != _SQLITE:
                file.seek(0)
                return read_trade_content(file.read(), name=path.name)
    except OSError:
        raise TradeFileRefused(Code.FILE_UNREADABLE, file=path.name) from None
    return read_freqtrade(path)


def read_trade_content(content: bytes, *, name: str, most_lines: int = MOST_LINES) -> TradeFile:
    """What the content of such a file says; nothing is written anywhere.

    Args:
        content: All of it.
        name: What the file was called, for messages.
        most_lines: How many lines it may have.

    Raises:
        TradeFileRefused: It is none of them, cannot be read, or is not what may be imported.
    """
    if content.startswith(_SQLITE):
        return read_freqtrade_copy(content, name=name, most_lines=most_lines)
    if content.startswith(_ZIP):
        return read_xlsx(io.BytesIO(content), name=name, most_lines=most_lines)
    return read_csv(content, name=name, most_lines=most_lines)
