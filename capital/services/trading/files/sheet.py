"""Our own form of a file of trades: a table of one fill a line, as CSV or as XLSX.

Its columns are those of the export of fills, so that an export can be imported. What the export has
and an import does not need is read over.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

from capital.domain.errors import InvalidAmount, TradeFileRefused
from capital.domain.money import EXACT, parse_amount
from capital.domain.performance.fills import Fee
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import PositionSide, Side
from capital.services.trading.files.contract import LineProblem, TradeFile, TradeLine
from capital.services.trading.fills import NewFill

REQUIRED_COLUMNS = ("executed_at", "symbol", "side", "quantity", "price")
OPTIONAL_COLUMNS = (
    "account",
    "strategy",
    "position_side",
    "fee_amount",
    "fee_currency",
    "funding",
    "venue_fill_id",
    "order_id",
    "client_order_id",
    "liquidity",
)
# The export has them; they follow from the others.
_FOLLOWING = ("cost", "settle", "source")
_IDS = ("venue_fill_id", "order_id", "client_order_id")
_KNOWN = frozenset((*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, *_FOLLOWING))
# More than a person looks through; longer histories come from the exchange.
MOST_LINES = 100_000

# Of a number with more digits a spreadsheet keeps the first fifteen: of an id that is another one.
_CUT = 10**15

_Word = TypeVar("_Word", bound=StrEnum)


def read_csv(path: Path) -> TradeFile:
    """What a CSV says, in UTF-8, with commas, semicolons or tabs between its columns.

    Raises:
        TradeFileRefused: It is no such table, or has other columns.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise TradeFileRefused(Code.FILE_UNREADABLE, file=path.name) from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return _table(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        raise TradeFileRefused(Code.FILE_UNREADABLE, file=path.name) from None


def read_xlsx(path: Path) -> TradeFile:
    """What the first sheet of a workbook says.

    Raises:
        TradeFileRefused: It is no workbook, or has other columns.
    """
    # Loaded only here: it is an eighth of what any process of ours takes to start.
    from openpyxl import load_workbook

    try:
        # Opened here: by a path it would believe the name.
        with path.open("rb") as file:
            workbook = load_workbook(file, read_only=True, data_only=True)
            return _table(workbook.worksheets[0].iter_rows(values_only=True))
    except (BadZipFile, IndexError, KeyError, OSError, ValueError):
        raise TradeFileRefused(Code.FILE_UNREADABLE, file=path.name) from None


def _table(rows: Iterable[Sequence[Any]]) -> TradeFile:
    lines: list[TradeLine] = []
    problems: list[LineProblem] = []
    numbered = _filled(rows)
    _, header = next(numbered, (0, ()))
    columns = [_text(cell).lower() for cell in header]
    _refuse_columns(columns)
    for number, row in numbered:
        if len(lines) + len(problems) == MOST_LINES:
            raise TradeFileRefused(Code.FILE_TOO_LONG, most=f"{MOST_LINES:,}")
        reader = _Line(number, dict(zip(columns, row, strict=False)))
        line = reader.line()
        if line is not None and not reader.problems:
            lines.append(line)
        problems.extend(reader.problems)
    return TradeFile(lines=tuple(lines), problems=tuple(problems))


def _filled(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[int, Sequence[Any]]]:
    """Each row that is not empty, with its number as a table shows it."""
    for number, row in enumerate(rows, start=1):
        if any(_text(cell) for cell in row):
            yield number, row


def _refuse_columns(columns: list[str]) -> None:
    """Refuse a table with too few columns, or with ones that might mean anything.

    Raises:
        TradeFileRefused: Its columns are others.
    """
    missing = [name for name in REQUIRED_COLUMNS if name not in columns]
    if missing:
        raise TradeFileRefused(Code.FILE_COLUMNS_MISSING, columns=", ".join(missing))
    unknown = [name for name in columns if name and name not in _KNOWN]
    if unknown:
        known = ", ".join((*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS))
        raise TradeFileRefused(Code.FILE_COLUMNS_UNKNOWN, columns=", ".join(unknown), known=known)
    if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
        raise TradeFileRefused(Code.FILE_COLUMNS_TWICE, columns=", ".join(twice))


def _text(cell: Any) -> str:
    """A cell as a text. Of a number 15 digits: what a workbook keeps of it."""
    if cell is None:
        return ""
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, Real) and not isinstance(cell, int):
        return f"{cell:.15g}"
    return str(cell).strip()


class _Line:
    """Reads the cells of one line, and notes what is wrong with each."""

    def __init__(self, number: int, cells: dict[str, Any]) -> None:
        self.number = number
        self.cells = {name: _text(cell) for name, cell in cells.items()}
        self.problems = [
            LineProblem(number, name, Reason(Code.CELL_CUT, {"text": self.cells[name]}))
            for name in _IDS
            if _is_cut(cells.get(name))
        ]

    def line(self) -> TradeLine | None:
        symbol = self._read("symbol", str, Code.CELL_EMPTY)
        moment = self._read("executed_at", _moment, Code.CELL_NO_MOMENT)
        side = self._word("side", Side)
        position_side = self._word("position_side", PositionSide) or PositionSide.BOTH
        quantity = self._read("quantity", _amount, Code.CELL_NO_AMOUNT)
        price = self._read("price", _amount, Code.CELL_NO_AMOUNT)
        fee = self._optional("fee_amount")
        funding = self._optional("funding")
        currency = self.cells.get("fee_currency", "")
        if fee is not None and not currency:
            self._note("fee_currency", Code.CELL_EMPTY)
        if symbol is None or moment is None or side is None or quantity is None or price is None:
            return None
        return TradeLine(
            number=self.number,
            strategy=self.cells.get("strategy", ""),
            account=self.cells.get("account", ""),
            funding=funding,
            fill=NewFill(
                symbol=symbol,
                side=side,
                position_side=position_side,
                quantity=quantity,
                price=price,
                executed_at=moment,
                fees=() if fee is None else (Fee(fee, currency),),
                venue_fill_id=self.cells.get("venue_fill_id", ""),
                order_id=self.cells.get("order_id", ""),
                client_order_id=self.cells.get("client_order_id", ""),
                liquidity=self.cells.get("liquidity", ""),
            ),
        )

    def _note(self, column: str, code: Code, **figures: str) -> None:
        self.problems.append(LineProblem(self.number, column, Reason(code, figures)))

    def _read(self, column: str, read: Callable[[str], Any], code: Code) -> Any:
        text = self.cells.get(column, "")
        if not text:
            self._note(column, Code.CELL_EMPTY)
            return None
        try:
            return read(text)
        except (ValueError, InvalidAmount):
            self._note(column, code, text=text)
            return None

    def _optional(self, column: str) -> Decimal | None:
        amount: Decimal | None = None
        if self.cells.get(column):
            amount = self._read(column, _amount, Code.CELL_NO_AMOUNT)
        return amount

    def _word(self, column: str, words: type[_Word]) -> _Word | None:
        text = self.cells.get(column, "").lower()
        if text in list(words):
            return words(text)
        if text:
            self._note(column, Code.CELL_NO_WORD, text=text, known=", ".join(words))
        elif column in REQUIRED_COLUMNS:
            self._note(column, Code.CELL_EMPTY)
        return None


def _is_cut(cell: Any) -> bool:
    return isinstance(cell, Real) and int(cell) >= _CUT  # type: ignore[call-overload]


def _amount(text: str) -> Decimal:
    return EXACT.normalize(parse_amount(text))


def _moment(text: str) -> datetime:
    """A moment with its offset.

    Raises:
        ValueError: It is none, or nobody can say in which zone it is meant.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment
