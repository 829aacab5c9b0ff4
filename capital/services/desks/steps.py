"""What an import does, row by row: made, changed or kept, and what was changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db.models import Model

from capital.domain.errors import CredentialsUnreadable
from capital.services.desks import shape

_HIDDEN = frozenset({*shape.CREDENTIALS, *shape.TARGET_SECRETS})


class Verb(StrEnum):
    """What came of a row."""

    MADE = "made"
    CHANGED = "changed"
    KEPT = "kept"


@dataclass(frozen=True)
class Step:
    """One row of the file.

    Attributes:
        verb: What was done with it.
        kind: ``group``, ``user``, ``alert_target``, ``strategy``, ``account``, ``access`` or
            ``link``.
        name: What it is called.
        fields: What was said of a new one, or changed of an old one: by name, the value before and
            the one after. Of a secret only that it was, never what it is.
    """

    verb: Verb
    kind: str
    name: str
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def values_of(row: Model, fields: Iterable[str]) -> dict[str, Any]:
    """The present values of a row. A secret that no key opens is another one than any given."""
    found: dict[str, Any] = {}
    for name in fields:
        try:
            found[name] = getattr(row, name)
        except CredentialsUnreadable:
            found[name] = None
    return found


def differing(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, Any]:
    """What is another value than before."""
    known = before or {}
    return {name: value for name, value in after.items() if known.get(name) != value}


def step_of(
    kind: str, name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> Step:
    """What was done with a row that had these values before; None: there was no such row."""
    changed = {
        each: (None, None) if each in _HIDDEN else ((before or {}).get(each), value)
        for each, value in differing(before, after).items()
    }
    if before is None:
        return Step(Verb.MADE, kind, name, changed)
    return Step(Verb.CHANGED if changed else Verb.KEPT, kind, name, changed)
