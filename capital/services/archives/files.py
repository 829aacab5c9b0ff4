r"""Files of archived rows: CSV in UTF-8, gzipped, with a SHA-256 of each in ``SHA256SUMS``.

The first line names the columns. NULL is ``\N``, and a text that begins with a backslash is
written with one more; amounts and JSON are text, times ISO 8601 in UTC.
"""

import csv
import gzip
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import models

from capital.domain.errors import ArchiveFileDiffers, ArchiveNotReadBack
from capital.domain.formulas import is_formula
from capital.domain.money import plain
from capital.models.columns.packed import PackedJSONField

_NULL = r"\N"
_JSON = (models.JSONField, PackedJSONField)
_SUMS = "SHA256SUMS"

Row = tuple[Any, ...]


@dataclass(frozen=True)
class WrittenFile:
    """A file that was written and read back.

    Attributes:
        path: Where it is.
        rows: How many rows it has.
        sha256: Of its bytes, in hexadecimal.
    """

    path: Path
    rows: int
    sha256: str


def columns_of(model: type[models.Model]) -> list[str]:
    """The columns of a file of this model's rows, in order; the primary key is the first."""
    return [field.attname for field in model._meta.concrete_fields]


def read_rows(rows: "models.QuerySet[Any]") -> list[Row]:
    """What ``write_file`` takes: every column of these rows, in order of primary key."""
    return list(rows.order_by("pk").values_list(*columns_of(rows.model)))


def write_file(path: Path, model: type[models.Model], rows: Sequence[Row]) -> WrittenFile:
    """Write rows to a file, and read them back.

    A file that is there may be one that an interrupted run left, of these rows or the first of
    them: it is replaced.

    Raises:
        ArchiveFileDiffers: It is another one.
        ArchiveNotReadBack: What is read is not what was written.
    """
    if path.exists() and not _begins_with(rows, path, model):
        raise ArchiveFileDiffers(file=str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    content = _packed(model, rows)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    written = WrittenFile(path, len(rows), hashlib.sha256(content).hexdigest())
    if _read_back(unfinished, model, written) != list(rows):
        raise ArchiveNotReadBack(file=str(unfinished))
    unfinished.replace(path)
    _note(written)
    return written


def read_file(path: Path, model: type[models.Model]) -> Iterator[Row]:
    """The rows of a file. Raises ``ArchiveNotReadBack`` where it is no file of this model."""
    fields = model._meta.concrete_fields
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            lines = csv.reader(file, strict=True)
            if next(lines, None) != columns_of(model):
                raise ArchiveNotReadBack(file=str(path))
            for line in lines:
                yield tuple(_value(*each) for each in zip(fields, line, strict=True))
    except (OSError, EOFError, ValueError, LookupError, ArithmeticError, csv.Error) as error:
        raise ArchiveNotReadBack(file=str(path)) from error


def _begins_with(rows: Sequence[Row], path: Path, model: type[models.Model]) -> bool:
    try:
        known = list(read_file(path, model))
    except ArchiveNotReadBack:
        return False
    return known == list(rows[: len(known)])


def _read_back(path: Path, model: type[models.Model], written: WrittenFile) -> list[Row]:
    if hashlib.sha256(path.read_bytes()).hexdigest() != written.sha256:
        raise ArchiveNotReadBack(file=str(path))
    return list(read_file(path, model))


def _packed(model: type[models.Model], rows: Iterable[Row]) -> bytes:
    """The same rows give the same bytes: no time and no name is inside."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as file,
        io.TextIOWrapper(file, encoding="utf-8", newline="") as text,
    ):
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(columns_of(model))
        fields = model._meta.concrete_fields
        for row in rows:
            lines.writerow([_text(*each) for each in zip(fields, row, strict=True)])
    return packed.getvalue()


def _note(written: WrittenFile) -> None:
    """Write the digest as ``sha256sum --check`` reads it; a replaced file has a new line."""
    sums = written.path.parent / _SUMS
    lines = sums.read_text(encoding="utf-8").splitlines() if sums.exists() else []
    others = [line for line in lines if not line.endswith(f"  {written.path.name}")]
    unfinished = sums.with_suffix(".unfinished")
    text = "\n".join([*others, f"{written.sha256}  {written.path.name}"]) + "\n"
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(sums)


def _text(field: "models.Field[Any, Any]", value: Any) -> str:
    if value is None and not isinstance(field, _JSON):
        return _NULL
    if isinstance(field, _JSON):
        return _NULL if value is None else json.dumps(value, ensure_ascii=False)
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    text = str(value)
    # A number is one; any other text that a spreadsheet would run begins with a backslash.
    is_number = isinstance(value, int) and not isinstance(value, bool)
    is_marked = text.startswith("\\") or (is_formula(text) and not is_number)
    return "\\" + text if is_marked else text


def _value(field: "models.Field[Any, Any]", text: str) -> Any:
    if text == _NULL:
        return None
    if isinstance(field, _JSON):
        return json.loads(text)
    if isinstance(field, models.ForeignKey):
        field = field.target_field
    if isinstance(field, models.DateTimeField):
        return datetime.fromisoformat(text)
    if isinstance(field, models.DecimalField):
        return Decimal(text)
    if isinstance(field, models.BooleanField):
        return {"True": True, "False": False}[text]
    if isinstance(field, models.IntegerField):
        return int(text)
    return text.removeprefix("\\")
