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
from typing import IO, Any, TypeVar
from zipfile import ZipFile

from capital.domain.errors import InvalidAmount, TradeFileRefused
from capital.domain.formulas import is_formula
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
_READ = frozenset((*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS))
_KNOWN = frozenset((*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, *_FOLLOWING))
# More than a person looks through; longer histories come from the exchange.
MOST_LINES = 100_000
# What an XLSX unpacks to: a small one may hold gigabytes.
_LARGEST_WORKBOOK_MB = 64
# No table of ours is wider. Sheets say that they have thousands of columns when they are empty.
_MOST_COLUMNS = 200
# As many rows as a spreadsheet has; a hostile one has its cells a thousand million rows down.
_MOST_ROWS = 1 << 20
# How much of what is wrong is repeated in words.
_MOST_NAMED, _LONGEST_NAMED = 10, 60

# What the database keeps of each.
_LENGTHS = {
    "symbol": 64,
    "fee_currency": 32,
    "venue_fill_id": 100,
    "order_id": 100,
    "client_order_id": 100,
}
_LIQUIDITIES = ("maker", "taker")

# Of a number with more digits a spreadsheet keeps the first fifteen: of an id that is another one.
_CUT = 10**15

_Word = TypeVar("_Word", bound=StrEnum)


class _Computed(str):
    """A cell that a spreadsheet computes: what it held when it was saved is not told exactly."""

    __slots__ = ()


def read_csv(content: bytes, *, name: str, most_lines: int = MOST_LINES) -> TradeFile:
    """What a CSV says, with commas, semicolons or tabs between its columns.

    In UTF-8, or as a Korean Excel writes it (CP949). Other encodings do not fit either, but for
    texts that nothing of ours is called by.

    Raises:
        TradeFileRefused: It is no such table, or has other columns.
    """
    text = _decoded(content, name)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return _table(rows, most_lines)
    except csv.Error:
        raise TradeFileRefused(Code.FILE_UNREADABLE, file=name) from None


def _decoded(content: bytes, name: str) -> str:
    for encoding in ("utf-8-sig", "cp949"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise TradeFileRefused(Code.FILE_UNREADABLE, file=name)


def read_xlsx(content: IO[bytes], *, name: str, most_lines: int = MOST_LINES) -> TradeFile:
    """What the first sheet of a workbook says.

    Raises:
        TradeFileRefused: It is no workbook, unpacks to very much, or has other columns.
    """
    # Loaded only here: it is an eighth of what any process of ours takes to start.
    from openpyxl import load_workbook

    try:
        with ZipFile(content) as archive:
            # Of each part no more than this is ever unpacked.
            size = sum(part.file_size for part in archive.infolist())
        if size > _LARGEST_WORKBOOK_MB << 20:
            raise TradeFileRefused(Code.FILE_TOO_LARGE, file=name, most=str(_LARGEST_WORKBOOK_MB))
        workbook = load_workbook(content, read_only=True)
        sheet = workbook.worksheets[0]
        return _table(map(_values, sheet.iter_rows(max_col=_MOST_COLUMNS)), most_lines)
    except TradeFileRefused:
        raise
    except Exception:  # noqa: BLE001  # a damaged file fails in any of a dozen libraries' ways
        raise TradeFileRefused(Code.FILE_UNREADABLE, file=name) from None


def _values(cells: Sequence[Any]) -> list[Any]:
    return [_value(cell) for cell in cells if cell is not None]


def _value(cell: Any) -> Any:
    if cell.value is not None and cell.data_type in ("e", "f"):
        return _Computed(getattr(cell.value, "text", None) or cell.value)
    return cell.value


def _table(rows: Iterable[Sequence[Any]], most_lines: int) -> TradeFile:
    lines: list[TradeLine] = []
    problems: list[LineProblem] = []
    numbered = _filled(rows)
    _, header = next(numbered, (0, ()))
    columns = [_text(cell).lower() for cell in header]
    _refuse_columns(columns)
    for count, (number, row) in enumerate(numbered):
        if count == most_lines:
            raise TradeFileRefused(Code.FILE_TOO_LONG, most=f"{most_lines:,}")
        reader = _Line(number, dict(zip(columns, row, strict=False)))
        line = reader.line()
        if line is not None and not reader.problems:
            lines.append(line)
        problems.extend(reader.problems)
    return TradeFile(lines=tuple(lines), problems=tuple(problems))


def _filled(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[int, Sequence[Any]]]:
    """Each row that is not empty, with its number as a table shows it.

    Raises:
        TradeFileRefused: A row has a number that no spreadsheet has.
    """
    for number, row in enumerate(rows, start=1):
        if number > _MOST_ROWS:
            raise TradeFileRefused(Code.FILE_TOO_LONG, most=f"{_MOST_ROWS:,}")
        if row.count(None) < len(row) and any(_text(cell) for cell in row):
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
        raise TradeFileRefused(Code.FILE_COLUMNS_UNKNOWN, columns=_named(unknown), known=known)
    if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
        raise TradeFileRefused(Code.FILE_COLUMNS_TWICE, columns=_named(twice))


def _named(columns: Sequence[str]) -> str:
    """The first of them; somebody else's table may have thousands."""
    shown = [_cut(name) for name in columns[:_MOST_NAMED]]
    return ", ".join([*shown, "…"] if len(columns) > _MOST_NAMED else shown)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_NAMED else f"{text[:_LONGEST_NAMED]}…"


def _text(cell: Any) -> str:
    """A cell as a text. Of a number 15 digits: what a workbook keeps of it.

    The apostrophe with which our export keeps spreadsheets from running a text is none of it.
    """
    if cell is None:
        return ""
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, Real) and not isinstance(cell, int):
        return f"{cell:.15g}"
    text = str(cell).strip()
    return text[1:] if text[:1] == "'" and is_formula(text[1:]) else text


class _Line:
    """Reads the cells of one line, and notes what is wrong with each."""

    def __init__(self, number: int, cells: dict[str, Any]) -> None:
        self.number = number
        self.cells = {name: _text(cell) for name, cell in cells.items()}
        self.problems: list[LineProblem] = []
        for name, cell in cells.items():
            if isinstance(cell, _Computed) and name in _READ:
                self._note(name, Code.CELL_COMPUTED, text=cell)
            elif name in _IDS and _is_cut(cell):
                self._note(name, Code.CELL_CUT, text=self.cells[name])
        for name, most in _LENGTHS.items():
            if len(self.cells.get(name, "")) > most:
                self._note(name, Code.CELL_TOO_LONG, text=self.cells[name], most=str(most))

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
        liquidity = self.cells.get("liquidity", "").lower()
        if liquidity and liquidity not in _LIQUIDITIES:
            self._note(
                "liquidity", Code.CELL_NO_WORD, text=liquidity, known=", ".join(_LIQUIDITIES)
            )
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
                liquidity=liquidity,
            ),
        )

    def _note(self, column: str, code: Code, *, text: str = "", **figures: str) -> None:
        """One problem a cell: what follows from the first is none of its own."""
        if any(problem.column == column for problem in self.problems):
            return
        if text:
            figures["text"] = _cut(text)
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
