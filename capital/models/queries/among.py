"""``among``: equal to one of many values, which go to the database as one parameter.

``in`` gives each value a place of its own in the statement. Of some thousands, writing and parsing
that takes longer than finding the rows, and SQLite has no more than 32,766 places.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import BigAutoField, CharField, ForeignKey, Lookup

from capital.models.queries.given import Given, GivenAmong

# The largest primary key.
_MOST = 2**63 - 1


class Among(Lookup):
    """``Fill.objects.filter(order_id__among=names)``: plain texts, or primary keys."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """One parameter: an array on PostgreSQL, JSON on SQLite."""
        column, parameters = self.process_lhs(compiler, connection)
        is_text = isinstance(self.lhs.output_field, CharField)
        parameter: Any
        if isinstance(self.rhs, Given):
            parameter = GivenAmong(self.rhs.number, is_text)
        else:
            values = _distinct(self.rhs, is_text=is_text)
            if not values:
                raise EmptyResultSet  # as of an empty ``in``: no query is needed
            parameter = _as_parameter(values, connection.vendor)
        if connection.vendor == "postgresql":
            kind = "text" if is_text else "bigint"
            return f"{column} = ANY(%s::{kind}[])", (*parameters, parameter)
        return f"{column} IN (SELECT value FROM json_each(%s))", (  # noqa: S608  # a column's name
            *parameters,
            parameter,
        )


def among_parameter(values: Iterable[Any], vendor: str, *, is_text: bool) -> str:
    """The one parameter that stands for the values: an array on PostgreSQL, JSON on SQLite."""
    return _as_parameter(_distinct(values, is_text=is_text), vendor)


def _distinct(values: Iterable[Any], *, is_text: bool) -> list[Any]:
    found = sorted(set(values))
    if is_text:
        return found
    # No row has such a key. PostgreSQL would refuse it, and SQLite take it for another one.
    return [each for each in found if abs(each) <= _MOST]


def _as_parameter(values: Sequence[Any], vendor: str) -> str:
    return _as_array(values) if vendor == "postgresql" else json.dumps(values)


def _as_array(values: Sequence[Any]) -> str:
    """As PostgreSQL writes an array: psycopg would look at each value with two patterns."""
    if not values:
        return "{}"
    texts = (str(each).replace("\\", r"\\").replace('"', r"\"") for each in values)
    return '{"' + '","'.join(texts) + '"}'


for field in (CharField, ForeignKey, BigAutoField):
    field.register_lookup(Among)
