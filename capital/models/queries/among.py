"""``among``: equal to one of many values, which go to the database as one parameter.

``in`` gives each value a place of its own in the statement. Of some thousands, writing and parsing
that takes longer than finding the rows, and SQLite has no more than 32,766 places.
"""

import json
from typing import Any

from django.db.models import BigAutoField, CharField, ForeignKey, Lookup


class Among(Lookup):
    """``Fill.objects.filter(order_id__among=names)``: plain texts, or primary keys."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """One parameter: an array on PostgreSQL, JSON on SQLite."""
        column, parameters = self.process_lhs(compiler, connection)
        values = sorted(set(self.rhs))
        if connection.vendor == "postgresql":
            kind = "text" if isinstance(self.lhs.output_field, CharField) else "bigint"
            return f"{column} = ANY(%s::{kind}[])", (*parameters, values)
        made = json.dumps(values)
        return f"{column} IN (SELECT value FROM json_each(%s))", (  # noqa: S608  # a column's name
            *parameters,
            made,
        )


for field in (CharField, ForeignKey, BigAutoField):
    field.register_lookup(Among)
