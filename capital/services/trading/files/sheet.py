"""Our own form of a file of trades: a table of one fill a line, as CSV or as XLSX.

Its columns are those of the export of fills, so that an export can be imported. What the export has
and an import does not need is read over.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from numbers import Real
from typing import IO, Any, TypeVar

from capital.domain.errors import InvalidAmount, TradeFileRefused
from capital.domain.money import EXACT, parse_amount
from capital.domain.performance.fills import Fee
from capital.domain.performance.telling import FillSource
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import PositionSide, Side
from capital.services.tables import (
    Computed,
    TableForm,
    csv_rows,
    cut,
    read_lines,
    text_of,
    xlsx_rows,
)
from capital.services.trading.files.contract import LineProblem, TradeFile, TradeLine
from capital.services.trading.recording.told import NewFill

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
    "source",
)
# The export has them; they follow from the others.
_FOLLOWING = ("cost", "settle")
_IDS = ("venue_fill_id", "order_id", "client_order_id")
_READ = frozenset((*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS))
_FORM = TableForm(
    required=REQUIRED_COLUMNS,
    optional=OPTIONAL_COLUMNS,
    ignored=_FOLLOWING,
    refused=TradeFileRefused,
    unreadable=Code.FILE_UNREADABLE,
)
# More than a person looks through; longer histories come from the exchange.
MOST_LINES = 100_000

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

# What parts names from each other, in symbols and in lists. All else is some exchange's: $PAC,
# ETH2.S.
_NO_CURRENCY = re.compile(r"""[\s,;:/|"']""")

_Word = TypeVar("_Word", bound=StrEnum)


def read_csv(content: bytes, *, name: str, most_lines: int = MOST_LINES) -> TradeFile:
    """What a CSV says, with commas, semicolons or tabs between its columns.

    Raises:
        TradeFileRefused: It is no such table, or has other columns.
    """
    return _table(csv_rows(content), name, most_lines)


def read_xlsx(content: IO[bytes], *, name: str, most_lines: int = MOST_LINES) -> TradeFile:
    """What the first sheet of a workbook says.

    Raises:
        TradeFileRefused: It is no workbook, unpacks to very much, or has other columns.
    """
    return _table(xlsx_rows(content), name, most_lines)


def _table(rows: Iterable[Sequence[Any]], name: str, most_lines: int) -> TradeFile:
    lines: list[TradeLine] = []
    problems: list[LineProblem] = []
    for number, cells in read_lines(rows, _FORM, name=name, most_lines=most_lines):
        reader = _Line(number, cells)
        line = reader.line()
        if line is not None and not reader.problems:
            lines.append(line)
        problems.extend(reader.problems)
    return TradeFile(lines=tuple(lines), problems=tuple(problems))


class _Line:
    """Reads the cells of one line, and notes what is wrong with each."""

    def __init__(self, number: int, cells: dict[str, Any]) -> None:
        self.number = number
        self.cells = {name: text_of(cell) for name, cell in cells.items()}
        self.problems: list[LineProblem] = []
        for name, cell in cells.items():
            if isinstance(cell, Computed) and name in _READ:
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
        currency = self.cells.get("fee_currency", "").upper()
        liquidity = self.cells.get("liquidity", "").lower()
        if liquidity and liquidity not in _LIQUIDITIES:
            self._note(
                "liquidity", Code.CELL_NO_WORD, text=liquidity, known=", ".join(_LIQUIDITIES)
            )
        if fee is not None and not currency:
            self._note("fee_currency", Code.CELL_EMPTY)
        elif fee is not None and _NO_CURRENCY.search(currency):
            self._note("fee_currency", Code.CELL_NO_CURRENCY, text=self.cells["fee_currency"])
        if symbol is None or moment is None or side is None or quantity is None or price is None:
            return None
        return TradeLine(
            number=self.number,
            strategy=self.cells.get("strategy", ""),
            account=self.cells.get("account", ""),
            funding=funding,
            is_opening=self.cells.get("source", "").lower() == FillSource.OPENING.value,
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
            figures["text"] = cut(text)
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
    return isinstance(cell, Real) and not abs(cell) < _CUT  # type: ignore[operator]


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
