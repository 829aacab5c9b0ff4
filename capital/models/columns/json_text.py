"""JSON that is text already, for rows by the thousand.

To make dictionaries and have them encoded takes four times as long as to write the text. A row that
was written of such text reads it when somebody asks for the column.
"""

import json
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring_ascii
from types import MappingProxyType
from typing import Any

from django.db import models

# A text as JSON, in quotes, as ``json.dumps`` writes it.
quoted = encode_basestring_ascii


class JsonText(str):
    """A value of a ``JSONField``, written as JSON: for ``insert_rows``."""

    __slots__ = ()


class ReadsWhatWasWritten(models.Model):
    """A model whose rows may have been made of what was written just now, without asking for it.

    Attributes:
        written: The columns that are left out of the row, as the JSON that was written.
    """

    written: Mapping[str, str] = MappingProxyType({})

    class Meta:
        abstract = True

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: Any = None,
    ) -> None:
        """What Django calls for a column that is not there. Known text is read without a query."""
        wanted = None if fields is None else list(fields)
        if not wanted or any(name not in self.written for name in wanted):
            super().refresh_from_db(using, wanted, from_queryset)
            return
        for name in wanted:
            self.__dict__[name] = json.loads(self.written[name])
