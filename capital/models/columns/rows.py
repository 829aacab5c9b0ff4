"""Rows as tuples, in and out of no instance: for what writes them by the thousand.

As with ``bulk_create``, fields refuse what they do not keep, constraints hold, all or nothing is
written, and no signal is sent. PostgreSQL takes many rows by COPY, SQLite by ``executemany``; few
are one INSERT on both.
"""

import json
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any, TypeAlias

from django.db import connections, models, router, transaction

from capital.models.columns.copying import copy_into, new_keys
from capital.models.columns.json_text import JsonText

# For fewer rows one INSERT is as fast, and has the least statements.
FEWEST = 50

Row = Sequence[Any]
# One transaction may stage twice.
_number = count(1)
# A field of a model; its type takes no parameters while the program runs.
_Field: TypeAlias = "models.Field[Any, Any]"


def insert_rows(
    model: type[models.Model], names: Sequence[str], rows: Sequence[Row], *, keyed: bool = True
) -> list[int]:
    """Insert new rows, and return their primary keys, which rise in their order.

    Args:
        model: Whose rows.
        names: Of the columns, such as ``account_id``, without the primary key; the others get
            their defaults.
        rows: The values of each; of a column with JSON also a ``JsonText``.
        keyed: Whether somebody needs the keys; if not, none need be returned.

    Raises:
        AmountNotStorable: A field does not keep what it is given.
        IntegrityError, DataError: As ``bulk_create`` would.
    """
    if not rows:
        return []
    using = router.db_for_write(model)
    connection = connections[using]
    fields, defaults = _columns(model, names)
    given: Iterable[Row] = ([*row, *defaults] for row in rows) if defaults else rows
    with transaction.atomic(using=using, savepoint=False), connection.cursor() as cursor:
        if len(rows) < FEWEST:
            _table, key = _names(connection, [_key_of(model)])
            values = list(_prepared(fields, given, connection))
            found = _insert(cursor, connection, fields, values, f" RETURNING {key}")
            return [key for (key,) in found]
        if not keyed:
            _write_many(using, cursor, fields, given)
            return []
        keys = new_keys(cursor, model, len(rows))
        with_keys = ([key, *row] for key, row in zip(keys, given, strict=True))
        _write_many(using, cursor, [_key_of(model), *fields], with_keys)
    return keys


def upsert_rows(
    model: type[models.Model],
    names: Sequence[str],
    rows: Sequence[Row],
    *,
    unique: str,
    update: Sequence[str],
) -> None:
    """Insert rows, or update some columns of those that are there; of each key one at most.

    Args:
        model: Whose rows.
        names: As for ``insert_rows``, with ``rows``.
        unique: The column by which a row is found.
        update: The columns that are written where it is.

    Raises:
        As ``insert_rows``.
    """
    if not rows:
        return
    using = router.db_for_write(model)
    connection = connections[using]
    fields, defaults = _columns(model, names)
    given: Iterable[Row] = ([*row, *defaults] for row in rows) if defaults else rows
    quoted = {field.attname: _names(connection, [field])[1] for field in fields}
    written = ", ".join(f"{quoted[name]} = EXCLUDED.{quoted[name]}" for name in update)
    conflict = f" ON CONFLICT ({quoted[unique]}) DO UPDATE SET {written}"
    with transaction.atomic(using=using, savepoint=False), connection.cursor() as cursor:
        if len(rows) < FEWEST:
            values = list(_prepared(fields, given, connection))
            _insert(cursor, connection, fields, values, conflict)
        else:
            _write_many(using, cursor, fields, given, conflict)


def _columns(model: type[models.Model], names: Sequence[str]) -> tuple[list[_Field], list[Any]]:
    """The fields of the named columns, then those of all others but the key with their defaults."""
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    given = [by_name.pop(name) for name in names]
    others = [field for field in by_name.values() if not field.primary_key]
    return [*given, *others], [field.get_default() for field in others]


def _key_of(model: type[models.Model]) -> _Field:
    key = model._meta.pk
    assert key is not None, "every model has a primary key"
    return key


def _prepared(
    fields: Sequence[_Field], rows: Iterable[Row], connection: Any
) -> Iterable[list[Any]]:
    """The values as the database takes them, checked by their fields."""
    prepare = [field.get_db_prep_save for field in fields]
    for row in rows:
        yield [
            # Drivers want the value, and encode it themselves.
            each(json.loads(value) if type(value) is JsonText else value, connection)
            for each, value in zip(prepare, row, strict=True)
        ]


def _insert(
    cursor: Any,
    connection: Any,
    fields: Sequence[_Field],
    rows: Sequence[Sequence[Any]],
    behind: str,
) -> list[tuple[Any, ...]]:
    """One INSERT of all rows; what it returns."""
    of_row = f"({', '.join(['%s'] * len(fields))})"
    statement = _statement(connection, fields, ", ".join([of_row] * len(rows))) + behind
    cursor.execute(statement, [value for row in rows for value in row])
    return list(cursor.fetchall()) if "RETURNING" in behind else []


def _write_many(
    using: str,
    cursor: Any,
    fields: Sequence[_Field],
    rows: Iterable[Row],
    conflict: str = "",
) -> None:
    connection = connections[using]
    if connection.vendor != "postgresql":
        values = f"({', '.join(['%s'] * len(fields))})"
        statement = _statement(connection, fields, values) + conflict
        cursor.executemany(statement, _prepared(fields, rows, connection))
        return
    if not conflict:
        copy_into(using, cursor, fields, rows)
        return
    table, columns = _names(connection, fields)
    staged = connection.ops.quote_name(f"staged_{next(_number)}")
    cursor.execute(
        f"CREATE TEMPORARY TABLE {staged} ON COMMIT DROP AS"  # noqa: S608  # names of columns
        f" SELECT {columns} FROM {table} WITH NO DATA"
    )
    copy_into(using, cursor, fields, rows, table=staged)
    cursor.execute(
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {staged}{conflict}"  # noqa: S608
    )


def _statement(connection: Any, fields: Sequence[_Field], values: str) -> str:
    table, columns = _names(connection, fields)
    return f"INSERT INTO {table} ({columns}) VALUES {values}"  # noqa: S608  # names of columns


def _names(connection: Any, fields: Sequence[_Field]) -> tuple[str, str]:
    """Of the table and of the columns, quoted."""
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    return quote(fields[0].model._meta.db_table), columns
