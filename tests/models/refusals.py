"""What a database says when it refuses a row."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, connection, transaction


@contextmanager
def refused_by_database(constraint: str, *, columns: str = "") -> Iterator[None]:
    """Expect an IntegrityError that names ``constraint``.

    Args:
        constraint: Its name.
        columns: For a unique constraint: SQLite names its columns instead.
    """
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        yield
    names_columns = columns and connection.vendor == "sqlite"
    assert (columns if names_columns else constraint) in str(refused.value)
