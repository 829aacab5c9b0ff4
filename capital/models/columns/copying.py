"""Many new rows at once, by COPY: a third of what an INSERT of them costs on PostgreSQL."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from django.db import connections, models, router, transaction
from django.db.models.base import ModelState
from psycopg.adapt import PyFormat, Transformer

from capital.models.columns.exact import ExactDecimalField
from capital.models.columns.exact_text import ExactTextField, exact_text, exact_texts
from capital.models.columns.json_text import JsonText

_Write = Callable[[Any], str]
_WriteAll = Callable[[Sequence[Any]], Iterable[str]]
Row = TypeVar("Row", bound=models.Model)

# For fewer rows an INSERT is as fast, and one statement less.
_FEWEST = 50
_LINES_AT_ONCE = 500

_WHOLE_NUMBERS = (
    models.ForeignKey,
    models.OneToOneField,
    models.BigAutoField,
    models.PositiveIntegerField,
)

_NULL = r"\N"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def can_copy(using: str, rows: Sequence[models.Model]) -> bool:
    """Whether these new rows can be written by ``copy_rows``, and are enough for it to pay."""
    return _pays(using, len(rows)) and set(map(attrgetter(_key_name(rows)), rows)) == {None}


def _key_name(rows: Sequence[models.Model]) -> str:
    """``id``: Django takes ten times as long to find what ``pk`` is."""
    key = rows[0]._meta.pk
    assert key is not None, "every model has a primary key"
    return key.attname


def made_of(model: type[Row], values: dict[str, Any], *, using: str | None = None) -> Row:
    """A row of these values, as many are made: Django takes ten times as long to set each.

    Args:
        model: No signal of its rows is listened to.
        values: Of every column, by its name such as ``account_id``; the key of a new row is None.
            A column that is left out is read from the database when somebody asks for it.
        using: The database in which the row stands; None for a new one.
    """
    row = model.__new__(model)
    row._state = ModelState()
    if using is not None:
        row._state.db, row._state.adding = using, False
    vars(row).update(values)
    return row


def copy_rows(using: str, rows: Sequence[models.Model]) -> None:
    """Insert new rows of one model by COPY, and set their primary keys, which rise in their order.

    As with ``bulk_create``, fields refuse what they do not keep, constraints hold, all or nothing
    is written, and no signal is sent.

    Raises:
        IntegrityError, DataError: As an INSERT would.
    """
    model = type(rows[0])
    connection, fields = connections[using], model._meta.concrete_fields
    for row in rows:
        if not row._state.fields_cache:
            continue
        # So that a row may point at one that was saved after it was assigned.
        row._prepare_related_fields_for_save(operation_name="bulk_create")  # type: ignore[attr-defined]
    with transaction.atomic(using=using, savepoint=False), connection.cursor() as cursor:
        name = _key_name(rows)
        for row, key in zip(rows, new_keys(cursor, model, len(rows)), strict=True):
            setattr(row, name, key)
        copy_into(using, cursor, fields, map(_values_of(fields), rows))
    for row in rows:
        row._state.adding = False
        row._state.db = using


def insert_values(
    model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert new rows of which nobody needs the primary keys: by COPY where that pays.

    Args:
        model: Whose rows.
        names: Of the columns, such as ``account_id``; the others get their defaults.
        rows: The values of each.

    Raises:
        IntegrityError, DataError: As ``bulk_create`` would.
    """
    using = router.db_for_write(model)
    if not _pays(using, len(rows)):
        made = (model(**dict(zip(names, row, strict=True))) for row in rows)
        model._default_manager.using(using).bulk_create(made)
        return
    columns = {field.attname: field for field in model._meta.concrete_fields}
    given = [columns.pop(name) for name in names]
    others = [field for field in columns.values() if not field.primary_key]
    defaults = [field.get_default() for field in others]
    with (
        transaction.atomic(using=using, savepoint=False),
        connections[using].cursor() as cursor,
    ):
        copy_into(using, cursor, [*given, *others], ([*row, *defaults] for row in rows))


def _pays(using: str, rows: int) -> bool:
    return connections[using].vendor == "postgresql" and rows >= _FEWEST


def copy_into(
    using: str,
    cursor: Any,
    fields: Sequence[Any],
    rows: Iterable[Sequence[Any]],
    *,
    table: str | None = None,
) -> None:
    """Write rows of values by COPY. The server takes the first while the next are made.

    Args:
        using: The database.
        cursor: Its cursor.
        fields: Of the columns.
        rows: The values of each.
        table: Another one with the same columns, quoted; None for that of the fields.
    """
    connection = connections[using]
    into = table or connection.ops.quote_name(fields[0].model._meta.db_table)
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    with (
        connection.wrap_database_errors,
        cursor.copy(f"COPY {into} ({columns}) FROM STDIN") as copy,
    ):
        for lines in _lines(connection, cursor, fields, rows):
            copy.write(lines)


def _lines(
    connection: Any, cursor: Any, fields: Sequence[Any], rows: Iterable[Sequence[Any]]
) -> Iterator[str]:
    """Rows in the text format of COPY, some at once, checked and prepared as their fields do."""
    adapted = Transformer(cursor.connection)

    def prepared(field: Any) -> _Write:
        def write(value: Any) -> str:
            made = field.get_db_prep_save(value, connection)
            text = None if made is None else adapted.get_dumper(made, PyFormat.TEXT).dump(made)
            return _NULL if text is None else _escaped(bytes(text).decode())

        return write

    ways = [(_ways_together(field), _usual_ways(field), prepared(field)) for field in fields]
    made = iter(rows)
    while some := list(islice(made, _LINES_AT_ONCE)):
        columns = zip(ways, zip(*some, strict=True), strict=True)
        texts = [_texts(*of_column, values) for of_column, values in columns]
        yield "".join([f"{line}\n" for line in map("\t".join, zip(*texts, strict=True))])


def _texts(
    together: Mapping[type, _WriteAll],
    usual: Mapping[type, _Write],
    otherwise: _Write,
    values: Sequence[Any],
) -> Iterable[str]:
    """The values of one column as text: most columns have one kind of value."""
    value = values[0]
    if value is values[-1] and len(set(map(id, values))) == 1:
        # All rows of one account, or of one moment.
        return [usual.get(type(value), otherwise)(value)] * len(values)
    kinds = set(map(type, values))
    if len(kinds) > 1:
        return [usual.get(type(value), otherwise)(value) for value in values]
    (kind,) = kinds
    if kind in together:
        return together[kind](values)
    return map(usual.get(kind, otherwise), values)


def _ways_together(field: Any) -> Mapping[type, _WriteAll]:
    """How many usual values of a field are written at once, by their type, where that is faster."""
    kind = type(field)
    if kind in (models.CharField, models.TextField):
        return {str: _all_escaped}
    if kind is models.DateTimeField:
        return {datetime: partial(_moments, field)}
    if issubclass(kind, ExactDecimalField):
        return {Decimal: field.all_written}
    if kind is ExactTextField:
        return {Decimal: exact_texts}
    if kind is models.JSONField:
        return {JsonText: _all_escaped}
    return {}


def _usual_ways(field: Any) -> Mapping[type, _Write]:
    """How a field's usual values are written, by their types: ten times as fast as asking it."""
    kind = type(field)
    found: dict[type, _Write] = {type(None): lambda _: _NULL}
    if kind in (models.CharField, models.TextField):
        return found | {str: _escaped}
    if kind in _WHOLE_NUMBERS:
        return found | {int: str}
    if kind is models.BooleanField:
        return found | {bool: lambda value: "t" if value else "f"}
    if kind is models.DateTimeField:
        return found | {datetime: partial(_moment, field)}
    if kind is models.DateField:
        return found | {date: date.isoformat}
    if issubclass(kind, ExactDecimalField):
        return found | {Decimal: field.written}
    if kind is ExactTextField:
        return found | {Decimal: exact_text}
    if kind is models.JSONField:
        write = partial(json.dumps, cls=field.encoder)
        of_values = dict.fromkeys((dict, list), lambda value: _escaped(write(value)))
        return found | of_values | {JsonText: _escaped}
    return {}


def _values_of(fields: Sequence[Any]) -> Callable[[models.Model], Sequence[Any]]:
    """How the values of a row are found, as they are to be saved. A new row has all of them."""
    columns = itemgetter(*(field.attname for field in fields))

    def usual(row: models.Model) -> Sequence[Any]:
        found: Sequence[Any] = columns(vars(row))
        return found

    others = {place: field for place, field in enumerate(fields) if _is_set_on_saving(field)}
    if not others:
        return usual

    def values(row: models.Model) -> Sequence[Any]:
        # Saving may set what another field reads.
        set_ones = {place: field.pre_save(row, add=True) for place, field in others.items()}
        return [set_ones.get(place, value) for place, value in enumerate(usual(row))]

    return values


def _is_set_on_saving(field: Any) -> bool:
    if isinstance(field, models.DateField):
        return field.auto_now or field.auto_now_add
    return type(field).pre_save is not models.Field.pre_save


def _moment(field: Any, value: datetime) -> str:
    moment: datetime = field.get_prep_value(value) if value.tzinfo is None else value
    return moment.isoformat()


def _moments(field: Any, values: Sequence[datetime]) -> Iterable[str]:
    """Rows that stand together were mostly made of one reading, and have the same object."""
    texts = {id(value): value for value in values}
    written = {key: _moment(field, value) for key, value in texts.items()}
    return [written[key] for key in map(id, values)]


def _all_escaped(texts: Sequence[str]) -> Sequence[str]:
    together = "".join(texts)
    return texts if _escaped(together) is together else list(map(_escaped, texts))


def _escaped(text: str) -> str:
    # Four looks through memory: a pattern takes thirty times as long to find none of them.
    if "\\" in text or "\t" in text or "\n" in text or "\r" in text:
        return text.translate(_ESCAPES)
    return text


def new_keys(cursor: Any, model: type[models.Model], count: int) -> list[int]:
    """So many primary keys that nobody has, rising, taken at once.

    Call it inside a transaction. SQLite has no sequence that could be drawn on: there the
    transaction is the only one that writes, and its rows move the table's counter.
    """
    key, table = model._meta.pk, model._meta.db_table
    assert key is not None, "every model has a primary key"
    if cursor.db.vendor != "postgresql":
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        (last,) = cursor.fetchone() or (0,)
        return list(range(last + 1, last + 1 + count))
    # The name is looked up once: a query of its own with OFFSET is no part of the other.
    cursor.execute(
        "SELECT nextval(name) FROM generate_series(1, %s),"
        " (SELECT pg_get_serial_sequence(%s, %s)::regclass AS name OFFSET 0) AS found",
        [count, table, key.column],
    )
    return sorted(row[0] for row in cursor.fetchall())
