"""Queries whose SQL is compiled once, for what every order asks.

For these the ORM takes longer to compile the SQL than the database to answer it. The ORM still
compiles it and converts the answers, but only the first time. PostgreSQL plans it once as well.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import QuerySet

Row = tuple[Any, ...]
# By the place of a column, what converts it, one behind the other, and what it is for.
Converters = Sequence[tuple[int, tuple[Sequence[Callable[..., Any]], Any]]]

_PLACEHOLDER = re.compile(r"%[%s]")


class PreparedQuery:
    """A query over lists of values, such as primary keys.

    Args:
        build: Returns the ``values_list`` queryset for such lists. It must depend on nothing else,
            and must pass each value on unchanged.
        read: Makes of a row what ``rows`` returns instead. Of a row that is the same in every
            column it is made once in this process, so it must depend on the row alone.
    """

    def __init__(
        self,
        build: Callable[..., "QuerySet[Any, Any]"],
        *,
        read: Callable[[Row], Any] | None = None,
    ) -> None:
        self._build = build
        self._made_of = read
        # By vendor, lengths and types: a list of two is another statement than a list of three.
        self._statement = lru_cache(maxsize=512)(self._compile)

    def rows(self, *lists: Sequence[int] | Sequence[str]) -> list[Any]:
        """The rows for these lists, in one query; no rows and no query if a list is empty."""
        if not all(lists):
            return []
        shape = tuple((len(values), type(values[0])) for values in lists)
        statement = self._statement(connection.vendor, shape)
        return statement.rows(lists)

    def _compile(self, _vendor: str, shape: tuple[tuple[int, type], ...]) -> "_Statement":
        marks = [
            [kind(_mark(position, number)) for number in range(length)]
            for position, (length, kind) in enumerate(shape)
        ]
        sql, parameters, converters = compile_query(self._build, marks)
        places = {
            mark: (position, number)
            for position, values in enumerate(marks)
            for number, mark in enumerate(values)
        }
        return _Statement(
            sql,
            [places.get(parameter, parameter) for parameter in parameters],
            converters,
            self._made_of,
        )


class _Statement:
    """Compiled SQL, which value each parameter is, and how the rows are read."""

    def __init__(
        self,
        sql: str,
        parameters: list[Any],
        converters: Converters,
        made_of: Callable[[Row], Any] | None,
    ) -> None:
        self._sql = sql
        self._parameters = parameters
        self._converters = converters
        self._read: Callable[[Row], Any] = self._converted
        if made_of is not None:
            # By the row as the database answers it, before anything is made of it.
            self._read = lru_cache(maxsize=4096)(lambda row: made_of(self._converted(row)))
        self._places = list(dict.fromkeys(filter(_is_place, parameters)))
        self._constants = [each for each in parameters if not _is_place(each)]
        self._prepared = self._numbered()

    def _numbered(self) -> str:
        """The SQL with ``$1`` and so on for what changes, as a server keeps it."""
        numbers = {place: f"${number}" for number, place in enumerate(self._places, start=1)}
        parameters = iter(self._parameters)

        def written(found: re.Match[str]) -> str:
            if found[0] == "%%":
                return found[0]
            parameter = next(parameters)
            return numbers[parameter] if _is_place(parameter) else found[0]

        return _PLACEHOLDER.sub(written, self._sql)

    def rows(self, lists: Sequence[Sequence[Any]]) -> list[Any]:
        values = {place: lists[place[0]][place[1]] for place in self._places}
        # Only our PostgreSQL has it.
        ask = getattr(connection, "rows_of", None)
        found = None
        if ask is not None:
            found = ask(self._prepared, self._constants, list(values.values()))
        if found is None:
            found = self._usual_rows(values)
        return [self._read(row) for row in found]

    def _usual_rows(self, values: Mapping[tuple[int, int], Any]) -> list[Row]:
        parameters = [values[each] if _is_place(each) else each for each in self._parameters]
        with connection.cursor() as cursor:
            cursor.execute(self._sql, parameters)
            return list(cursor.fetchall())

    def _converted(self, row: Row) -> Row:
        return converted(row, self._converters)


def compile_query(
    build: Callable[..., "QuerySet[Any, Any]"], places: Sequence[Any]
) -> tuple[str, Sequence[Any], Converters]:
    """The SQL of the query that is built for these places.

    Args:
        build: Returns the queryset.
        places: What stands for the values that are given later.

    Returns:
        The SQL, its parameters (places among them), and how its rows are read, for ``converted``.
    """
    compiler = build(*places).query.get_compiler(connection=connection)
    sql, parameters = compiler.as_sql()
    columns = [column for column, *_ in compiler.select]
    return sql, parameters, list(compiler.get_converters(columns).items())


def converted(row: Row, converters: Converters) -> Row:
    """The row as Django reads it."""
    if not converters:
        return row
    values = list(row)
    for position, (converts, expression) in converters:
        for convert in converts:
            values[position] = convert(values[position], expression, connection)
    return tuple(values)


def _is_place(parameter: Any) -> bool:
    return isinstance(parameter, tuple)


def _mark(position: int, number: int) -> str:
    """A placeholder value, as text or integer, that no constant in a query equals."""
    return f"{7_000_000_000 + position * 1_000_000 + number}"
