"""A JSON column whose text is compressed: an answer of megabytes is kept as a tenth of it."""

import json
import zlib
from typing import Any

from django.db import models

# Of answers, the quickest level leaves hardly more than the best one.
_LEVEL = 1


class PackedJSONField(models.BinaryField):  # type: ignore[type-arg]
    """Any JSON value, as its compressed text. The database cannot look into it.

    Null is NULL. It is unpacked when the row is loaded: who does not need it defers it.
    """

    def from_db_value(self, value: Any, *_: Any) -> Any:
        """The JSON value."""
        return None if value is None else json.loads(zlib.decompress(value))

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002  # Django's signature
        """The compressed text."""
        packed = None
        if value is not None:
            packed = zlib.compress(_text(value).encode(), _LEVEL)
        return super().get_db_prep_value(packed, connection, prepared)

    def to_python(self, value: Any) -> Any:
        """The JSON value; of a dumped row, from its text."""
        return json.loads(value) if isinstance(value, str) else value

    def value_to_string(self, obj: models.Model) -> str:
        """The text for ``dumpdata``."""
        return _text(self.value_from_object(obj))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
