"""Where a number stands in a venue's response."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Formula = str | tuple[str, ...]
"""A sum of fields of a currency's entry, such as ``"total + unrealised_pnl"``.

A field is a path with dots; ``name[]`` is the sum over a list; a path that starts with ``/`` begins
at the top of the response; ``name?`` may be empty or null, which the venue documents as zero;
``name??`` may be missing besides, where only some accounts have it. Any other field that is
missing, null or empty is absent, and never counts as zero.

``… if path`` applies only if that field is present, ``… if a == b`` and ``… if a != b`` only if
that holds of two sums, of which a whole number may be one. Of several formulas, the first one that
applies and whose fields are all present counts.
"""


def alternatives(formula: Formula) -> tuple[str, ...]:
    """The formulas in order; the first one whose fields are all present counts."""
    return (formula,) if isinstance(formula, str) else formula


@dataclass(frozen=True)
class OwnKey:
    """A step of a path: in a list of keys, the key of the request, found by this field."""

    field: str


@dataclass(frozen=True)
class TheRow:
    """A step of a path: in a list, the only row that fits.

    Attributes:
        without: A field that it does not have, or has empty; ``""`` for none, of a list of one.
        says: Fields, and what they must say where it has them.
    """

    without: str
    says: Mapping[str, tuple[Any, ...]] = field(default_factory=dict, hash=False)

    def fits(self, row: Any) -> bool:
        """Whether it is ``row``."""
        if not isinstance(row, dict) or row.get(self.without) not in (None, ""):
            return False
        return all(row.get(name) in (None, *values) for name, values in self.says.items())


Path = tuple[str | int | OwnKey | TheRow, ...]
