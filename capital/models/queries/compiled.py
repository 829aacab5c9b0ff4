"""Queries whose SQL is compiled once a process, for what every decision asks.

Of few accounts, Django takes several times as long to write the SQL of a query as the database to
answer it. How many accounts there are makes no other statement of it (``among``), so here it is
written once. Unlike a prepared query (``prepared``), it is planned each time: what is few rows in
one decision is thousands in the next, and it runs within a transaction.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache
from inspect import signature
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

from capital.models.queries.among import among_parameter
from capital.models.queries.given import Given, GivenAmong
from capital.models.queries.prepared import Converters, Row, compile_query, converted

_Model = TypeVar("_Model", bound=Model)


class CompiledQuery:
    """A query for rows as tuples.

    Args:
        build: Returns the ``values_list`` queryset for places (``Given``), one for each of its
            arguments: for a value, such as ``date=given``, or for a list, such as
            ``pk__among=given``. It must depend on nothing else.
    """

    def __init__(self, build: Callable[..., "QuerySet[Any, Any]"]) -> None:
        self._build = build
        # By vendor: what is one parameter on PostgreSQL is another one on SQLite.
        self._statement = lru_cache(maxsize=2)(self._compile)

    def rows(self, *given: Any) -> list[Row]:
        """The rows for these values, in one query; no rows and no query if a list is empty.

        Args:
            *given: Plain values (numbers, texts, dates, times) and lists of texts or primary keys,
                as the query is built.
        """
        return self._statement(connection.vendor).rows(given)

    def _compile(self, _vendor: str) -> "_Statement":
        places = [Given(number) for number in range(len(signature(self._build).parameters))]
        return _Statement(*compile_query(self._build, places))


class CompiledRows(CompiledQuery, Generic[_Model]):
    """The same for rows of a model.

    Args:
        model: What the rows are.
        build: Returns the queryset, of whole rows of the model and nothing else. One that locks
            its rows is to be asked within a transaction only, which nobody checks but the first
            time.
    """

    def __init__(
        self, model: type[_Model], build: Callable[..., "QuerySet[_Model, _Model]"]
    ) -> None:
        super().__init__(build)
        self._model = model
        self._columns = [field.attname for field in model._meta.concrete_fields]

    def instances(self, *given: Any) -> list[_Model]:
        """The rows as ``rows`` finds them, as if they came from the queryset."""
        return [
            self._model.from_db(connection.alias, self._columns, row) for row in self.rows(*given)
        ]


class _Statement:
    """Compiled SQL, what stands for each of its parameters, and how its rows are read."""

    def __init__(self, sql: str, parameters: Sequence[Any], converters: Converters) -> None:
        self._sql = sql
        self._parameters = parameters
        self._converters = converters
        self._lists = {each.number for each in parameters if isinstance(each, GivenAmong)}

    def rows(self, given: Sequence[Any]) -> list[Row]:
        if not all(given[number] for number in self._lists):
            return []
        with connection.cursor() as cursor:
            cursor.execute(self._sql, [_parameter(each, given) for each in self._parameters])
            found = cursor.fetchall()
        return [converted(row, self._converters) for row in found]


def _parameter(place: Any, given: Sequence[Any]) -> Any:
    """What the database is told: what is given for a place, or what always stands there."""
    if isinstance(place, GivenAmong):
        return among_parameter(given[place.number], connection.vendor, is_text=place.is_text)
    if not isinstance(place, Given):
        return place
    value = given[place.number]
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, date):
        return connection.ops.adapt_datefield_value(value)
    return value
