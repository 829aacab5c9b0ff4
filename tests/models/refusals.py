"""What a database and a model say when they refuse a row."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction


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


def errors_of(row: models.Model) -> dict[str, list[str]]:
    """What ``full_clean`` refuses, by field."""
    with pytest.raises(ValidationError) as refused:
        row.full_clean()
    return refused.value.message_dict
