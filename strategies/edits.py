"""What somebody saw before changing a row, so that nobody undoes another's change unseen.

A model whose rows are edited names its ``edited_fields``, and as ``hidden_fields`` those of them
that are never shown.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model


@dataclass(frozen=True)
class Seen:
    """What was seen of a row.

    Attributes:
        values: By field, what a form showed; of a hidden field its mark.
        versions: The row is as it was seen if it has one of these versions; None for any.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    versions: Collection[str] | None = None


@dataclass(frozen=True)
class Difference:
    """A field that somebody else changed meanwhile. The values of a hidden field are None.

    Attributes:
        name: Of the field.
        seen: What was seen; None where only the version tells.
        stored: What is stored now.
        wanted: What would replace it.
    """

    name: str
    seen: Any
    stored: Any
    wanted: Any


class ChangedMeanwhile(Exception):
    """Somebody else changed the row since it was seen. Nothing was changed.

    Attributes:
        row: As it is stored.
        differences: What would have been undone. Empty if only other fields changed.
    """

    def __init__(self, row: Model, differences: Sequence[Difference]) -> None:
        super().__init__(f"{row._meta.label} {row.pk} was changed meanwhile.")
        self.row = row
        self.differences = differences


class SomeChangedMeanwhile(Exception):
    """Somebody else changed some of several rows since they were seen. Nothing was changed.

    Attributes:
        rows: What was refused of each.
    """

    def __init__(self, rows: Sequence[ChangedMeanwhile]) -> None:
        super().__init__(f"{len(rows)} rows were changed meanwhile.")
        self.rows = rows


def check_seen(row: Any, fields: Mapping[str, Any], seen: Seen | None) -> None:
    """Refuse to undo a change. Call it under the row's lock, before the row is changed.

    Args:
        row: As it is stored.
        fields: What is to be changed, by name.
        seen: What the caller saw; None where it does not say.

    Raises:
        ChangedMeanwhile: The row has another version, or one of these fields another value.
    """
    if seen is None:
        return
    if seen.versions is not None and version_of(row) not in seen.versions:
        raise ChangedMeanwhile(row, [_difference(row, name, None, fields[name]) for name in fields])
    stale = [
        _difference(row, name, seen.values[name], wanted)
        for name, wanted in fields.items()
        if name in seen.values and not _is_as_seen(row, name, seen.values[name], wanted)
    ]
    if stale:
        raise ChangedMeanwhile(row, stale)


def version_of(row: Any) -> str:
    """A digest of all that can be edited of a row, as it is stored. Jobs do not change it."""
    texts = [row._meta.get_field(name).value_to_string(row) for name in row.edited_fields]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:32]


def mark_of(row: Any, name: str) -> str:
    """A digest of a hidden field as it is stored: it tells a change and nothing else."""
    stored = row._meta.get_field(name).value_to_string(row)
    return hashlib.sha256(stored.encode()).hexdigest()[:16]


def _is_as_seen(row: Any, name: str, seen: Any, wanted: Any) -> bool:
    """Whether it is as it was seen, or already as it is wanted."""
    if name in row.hidden_fields:
        return bool(seen == mark_of(row, name))
    stored = _plain(getattr(row, name))
    return stored in (_plain(seen), _plain(wanted))


def _difference(row: Any, name: str, seen: Any, wanted: Any) -> Difference:
    if name in row.hidden_fields:
        return Difference(name, None, None, None)
    return Difference(name, seen, getattr(row, name), wanted)


def _plain(value: Any) -> Any:
    """A text with the line ends of no browser; anything else as it is."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value
