"""``among``: equal to one of many values, which go to the database as one parameter.

``in`` gives each value a place of its own in the statement. Of some thousands, writing and parsing
that takes longer than finding the rows, and SQLite has no more than 32,766 places.
"""

import json
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import BigAutoField, CharField, ForeignKey, Lookup

# The largest primary key.
_MOST = 2**63 - 1


class Among(Lookup):
    """``Fill.objects.filter(order_id__among=names)``: plain texts, or primary keys."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """One parameter: an array on PostgreSQL, JSON on SQLite."""
        column, parameters = self.process_lhs(compiler, connection)
        values, is_text = sorted(set(self.rhs)), isinstance(self.lhs.output_field, CharField)
        if not is_text:
            # No row has such a key. PostgreSQL would refuse it, and SQLite take it for another one.
            values = [each for each in values if abs(each) <= _MOST]
        if not values:
            raise EmptyResultSet  # as of an empty ``in``: no query is needed
        if connection.vendor == "postgresql":
            kind = "text" if is_text else "bigint"
            return f"{column} = ANY(%s::{kind}[])", (*parameters, _as_array(values))
        made = json.dumps(values)
        return f"{column} IN (SELECT value FROM json_each(%s))", (  # noqa: S608  # a column's name
            *parameters,
            made,
        )


def _as_array(values: Sequence[Any]) -> str:
    """As PostgreSQL writes an array: psycopg would look at each value with two patterns."""
    texts = (str(each).replace("\\", r"\\").replace('"', r"\"") for each in values)
    return '{"' + '","'.join(texts) + '"}'


for field in (CharField, ForeignKey, BigAutoField):
    field.register_lookup(Among)
