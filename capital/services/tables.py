"""Tables that people send, as CSV or as XLSX: read strictly, and never more than what may be.

Which form a table has is told by its first bytes. A cell that a spreadsheet computes is not what it
shows, so it is marked: whoever uses the column refuses it.
"""

import csv
import io
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import repeat
from numbers import Real
from operator import is_
from typing import IO, Any
from zipfile import ZipFile

from capital.domain.errors import CapitalError
from capital.domain.formulas import is_formula
from capital.domain.reasons import Code

_ZIP = b"PK\x03\x04"
# What an XLSX unpacks to: a small one may hold gigabytes.
_LARGEST_WORKBOOK_MB = 64
# Parts of a workbook that are long because its tables are: they are read a row at a time, or never.
_LONG_PARTS = (
    "xl/worksheets/",
    "xl/sharedStrings",
    "xl/pivotCache/",
    "xl/drawings/",
    "xl/embeddings/",
    "xl/media/",
)
# Of every other part, such as its styles, an object is made for each element. Workbooks that were
# copied from for years have all 65,490 styles that Excel allows, with their names.
_MOST_TAGS = 600_000
# No table of ours is wider. Sheets say that they have thousands of columns when they are empty.
_MOST_COLUMNS = 200
# As many rows as a spreadsheet has; a hostile one has its cells a thousand million rows down.
_MOST_ROWS = 1 << 20
# How much of what is wrong is repeated in words.
_MOST_NAMED, _LONGEST_NAMED = 10, 60


class _RowUnreadable(ValueError):
    """A row of a CSV whose quotation marks do not fit; its number is the argument."""


class Computed(str):
    """A cell that a spreadsheet computes: what it held when it was saved is not told exactly."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class TableForm:
    """What a table must look like.

    Attributes:
        required: Columns that it must have.
        optional: Columns that it may have.
        ignored: Columns that it may have, which are read over.
        refused: Makes the error of a table that cannot be used, from a code and its figures.
        unreadable: The code of one that cannot be read; its figure is ``file``.
    """

    required: Sequence[str]
    optional: Sequence[str]
    ignored: Sequence[str] = ()
    refused: Callable[..., CapitalError]
    unreadable: Code


def read_table(
    content: bytes, form: TableForm, *, name: str, most_lines: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The lines below the first one that are not empty: the number of each, and its cells.

    Args:
        content: All of the file.
        form: What it must look like.
        name: What the file was called, for messages.
        most_lines: How many lines it may have.

    Raises:
        CapitalError: What ``form.refused`` makes: it is no table, too long, or has other columns.
    """
    rows = xlsx_rows(io.BytesIO(content)) if content.startswith(_ZIP) else csv_rows(content)
    return read_lines(rows, form, name=name, most_lines=most_lines)


def csv_rows(content: bytes) -> Iterator[Sequence[Any]]:
    """The rows of a CSV, with commas, semicolons or tabs between its columns.

    In UTF-8, or as Excel writes it: in CP949 where it is Korean, and what it calls "Unicode text"
    in UTF-16 with tabs. Other encodings do not fit either, but for texts that nothing of ours is
    called by.

    Raises:
        ValueError: It is no such table.
    """
    text = _decoded(content)
    delimiter = max(",;\t", key=_first_line(text).count)
    number = 0
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        for number, row in enumerate(reader, start=1):  # noqa: B007  # of the last that was read
            yield row
    except csv.Error:
        raise _RowUnreadable(number + 1) if number else ValueError from None


def _decoded(content: bytes) -> str:
    is_utf_16 = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    for encoding in ("utf-16",) if is_utf_16 else ("utf-8-sig", "cp949"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text and (not is_utf_16 or "\t" in _first_line(text)):
            return text
    raise ValueError


def _first_line(text: str) -> str:
    """The first one in which something stands."""
    return text.lstrip("\r\n").partition("\n")[0]


def xlsx_rows(content: IO[bytes]) -> Iterator[Sequence[Any]]:
    """The rows of a workbook's first sheet.

    Raises:
        ValueError: It is no workbook.
        OverflowError: It unpacks to very much.
    """
    # Loaded only here: it is an eighth of what any process of ours takes to start.
    from openpyxl import load_workbook
    from openpyxl.cell.read_only import EMPTY_CELL

    try:
        with ZipFile(content) as archive:
            _refuse_large(archive)
        sheet = load_workbook(content, read_only=True, keep_links=False).worksheets[0]
        for cells in sheet.iter_rows(max_col=_MOST_COLUMNS):
            # Sheets that are formatted to their end have a million of these.
            is_empty = all(map(is_, cells, repeat(EMPTY_CELL)))
            yield () if is_empty else [_value(cell) for cell in cells if cell is not None]
    except OverflowError:
        raise
    except Exception:  # noqa: BLE001  # a damaged file fails in any of a dozen libraries' ways
        raise ValueError from None


def _refuse_large(archive: ZipFile) -> None:
    """Refuse a workbook before it is read.

    Raises:
        OverflowError: It unpacks to very much.
        ValueError: A part that is read at once has more in it than a spreadsheet puts there.
    """
    # Of each part no more than this is ever unpacked.
    if sum(part.file_size for part in archive.infolist()) > _LARGEST_WORKBOOK_MB << 20:
        raise OverflowError
    for part in archive.infolist():
        is_read_at_once = not part.filename.startswith(_LONG_PARTS)
        if is_read_at_once and archive.read(part).count(b"<") > _MOST_TAGS:
            raise ValueError


def _value(cell: Any) -> Any:
    if cell.value is not None and cell.data_type in ("e", "f"):
        return Computed(getattr(cell.value, "text", None) or cell.value)
    return cell.value


def read_lines(
    rows: Iterable[Sequence[Any]], form: TableForm, *, name: str, most_lines: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """As ``read_table``, of rows as ``csv_rows`` and ``xlsx_rows`` give them."""
    numbered = _told(_filled(rows, form), form, name)
    _, header = next(numbered, (0, ()))
    columns = [text_of(cell).lower() for cell in header]
    _refuse_columns(columns, form)
    for count, (number, row) in enumerate(numbered):
        if count == most_lines:
            raise form.refused(Code.FILE_TOO_LONG, most=f"{most_lines:,}")
        if any(text_of(cell) for cell in row[len(columns) :]):
            raise form.refused(Code.FILE_LINE_TOO_WIDE, line=str(number))
        yield number, dict(zip(columns, row, strict=False))


def _told(
    rows: Iterator[tuple[int, Sequence[Any]]], form: TableForm, name: str
) -> Iterator[tuple[int, Sequence[Any]]]:
    """The same, and what cannot be read told as the form says."""
    try:
        yield from rows
    except OverflowError:
        most = str(_LARGEST_WORKBOOK_MB)
        raise form.refused(Code.FILE_TOO_LARGE, file=name, most=most) from None
    except _RowUnreadable as error:
        raise form.refused(Code.FILE_LINE_UNREADABLE, line=str(error.args[0])) from None
    except ValueError:
        raise form.refused(form.unreadable, file=name) from None


def _filled(rows: Iterable[Sequence[Any]], form: TableForm) -> Iterator[tuple[int, Sequence[Any]]]:
    """Each row that is not empty, with its number as a table shows it."""
    for number, row in enumerate(rows, start=1):
        if number > _MOST_ROWS:
            raise form.refused(Code.FILE_TOO_LONG, most=f"{_MOST_ROWS:,}")
        if row.count(None) < len(row) and any(text_of(cell) for cell in row):
            yield number, row


def _refuse_columns(columns: list[str], form: TableForm) -> None:
    """Refuse a table with too few columns, or with ones that might mean anything."""
    known = (*form.required, *form.optional)
    missing = [name for name in form.required if name not in columns]
    if missing:
        raise form.refused(Code.FILE_COLUMNS_MISSING, columns=", ".join(missing))
    unknown = [name for name in columns if name and name not in {*known, *form.ignored}]
    if unknown:
        raise form.refused(
            Code.FILE_COLUMNS_UNKNOWN, columns=_named(unknown), known=", ".join(known)
        )
    if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
        raise form.refused(Code.FILE_COLUMNS_TWICE, columns=_named(twice))


def _named(columns: Sequence[str]) -> str:
    """The first of them; somebody else's table may have thousands."""
    shown = [cut(name) for name in columns[:_MOST_NAMED]]
    return ", ".join([*shown, "…"] if len(columns) > _MOST_NAMED else shown)


def cut(text: str) -> str:
    """As much of a cell as is repeated in words."""
    return text if len(text) <= _LONGEST_NAMED else f"{text[:_LONGEST_NAMED]}…"


def text_of(cell: Any) -> str:
    """A cell as a text. Of a number 15 digits: what a workbook keeps of it.

    The apostrophe with which our exports keep spreadsheets from running a text is none of it.
    """
    if cell is None:
        return ""
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, Real) and not isinstance(cell, int):
        return f"{cell:.15g}"
    text = str(cell).strip()
    return text[1:] if text[:1] == "'" and is_formula(text[1:]) else text
