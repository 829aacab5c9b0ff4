"""Queries whose SQL is made once: for what is asked at every order.

The ORM takes longer to write three of these statements than the database to answer them. It still
writes them, and reads the answers with its own converters; only not every time anew.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import QuerySet

Row = tuple[Any, ...]


class PreparedQuery:
    """A query over lists of values, such as primary keys.

    Args:
        build: Makes the ``values_list`` queryset for such lists. It must depend on nothing else,
            and must use each value as it is.
    """

    def __init__(self, build: Callable[..., "QuerySet[Any, Any]"]) -> None:
        self._build = build
        # By vendor, lengths and types: a list of two is another statement than a list of three.
        self._statement = lru_cache(maxsize=512)(self._compile)

    def rows(self, *lists: Sequence[int] | Sequence[str]) -> list[Row]:
        """The rows for these lists, in one query; none for an empty list."""
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
        query = self._build(*marks).query
        compiler = query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        places = {
            mark: (position, number)
            for position, values in enumerate(marks)
            for number, mark in enumerate(values)
        }
        columns = [column for column, *_ in compiler.select]
        return _Statement(
            sql,
            [places.get(parameter, parameter) for parameter in parameters],
            list(compiler.get_converters(columns).items()),
        )


class _Statement:
    """SQL, the places in the lists that its parameters come from, and how columns are read."""

    def __init__(self, sql: str, parameters: list[Any], converters: list[Any]) -> None:
        self._sql = sql
        self._parameters = parameters
        self._converters = converters

    def rows(self, lists: Sequence[Sequence[Any]]) -> list[Row]:
        parameters = [
            lists[each[0]][each[1]] if isinstance(each, tuple) else each
            for each in self._parameters
        ]
        with connection.cursor() as cursor:
            cursor.execute(self._sql, parameters)
            return [self._read(row) for row in cursor.fetchall()]

    def _read(self, row: Row) -> Row:
        if not self._converters:
            return row
        values = list(row)
        for position, (converters, expression) in self._converters:
            for convert in converters:
                values[position] = convert(values[position], expression, connection)
        return tuple(values)


def _mark(position: int, number: int) -> str:
    """A number that stands for a value, in a text or an integer, and for no constant."""
    return f"{7_000_000_000 + position * 1_000_000 + number}"
