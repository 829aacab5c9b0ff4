"""Rows as a workbook: exact, and nothing in it that a spreadsheet would run."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO, Any

from capital.domain.money import EXACT, plain

# The largest sheet that spreadsheets open. What does not fit stands on another one.
MOST_ROWS = 1_048_576
# A spreadsheet keeps so many digits of a number, and cuts those behind them in silence.
_DIGITS_OF_NUMBERS = 15


def write_workbook(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, most_rows: int = MOST_ROWS
) -> IO[bytes]:
    """A workbook with these rows, as a file that is open at its beginning.

    A number of up to 15 digits is a number there; a longer one is text, with all its digits. Memory
    does not grow with the rows: they go to the disk.

    Args:
        columns: What stands in the first row of each sheet.
        rows: Each with a value a column: text, ``Decimal``, ``int``, ``bool``; None is empty.
        most_rows: Of one sheet, with the first.
    """
    # Loaded only here: it is an eighth of what any process of ours takes to start.
    from openpyxl import Workbook

    workbook = Workbook(write_only=True)
    sheet: Any = None
    left = 0
    for row in rows:
        if not left:
            sheet, left = _sheet(workbook, columns), most_rows - 1
        sheet.append([_cell(sheet, value) for value in row])
        left -= 1
    if sheet is None:
        _sheet(workbook, columns)
    content = TemporaryFile()  # noqa: SIM115  # whoever sends it closes it
    workbook.save(content)
    content.seek(0)
    return content


def _sheet(workbook: Any, columns: Sequence[str]) -> Any:
    sheet = workbook.create_sheet()
    sheet.freeze_panes = "A2"
    sheet.append([_cell(sheet, name) for name in columns])
    return sheet


def _cell(sheet: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if isinstance(value, bool):
        return value
    if isinstance(value, int | Decimal):
        number = EXACT.normalize(Decimal(value))
        if len(number.as_tuple().digits) <= _DIGITS_OF_NUMBERS:
            return number
        value = plain(number)
    if value is None or value == "":
        return None
    made = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", str(value)))
    # Text also where it would be a formula.
    made.data_type = "s"
    return made
