"""Apply the paths and formulas of a venue's row to a response.

Pure. A path that leads nowhere gives None, never zero.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from capital.domain.errors import BalanceUnavailable, InvalidAmount
from capital.domain.money import EXACT, parse_amount
from capital.domain.reasons import Code
from capital.exchange.venue import Formula, OwnKey, Path, Withheld, alternatives

_NOTHING = Decimal(0)


def amount_of(entry: Mapping[str, Any], info: Any, formula: Formula, venue: str) -> Decimal:
    """The result of the first formula whose fields are all present in ``entry``."""
    for alternative in alternatives(formula):
        values = [(sign, _values(entry, info, path)) for sign, path in _terms(alternative)]
        if all(given is not None for _, given in values):
            amount = _NOTHING
            for sign, given in values:
                for value in given or ():
                    amount = EXACT.add(amount, EXACT.multiply(sign, number_of(value, venue)))
            return amount
    raise bad_answer(venue, "not a number")


def number_of(value: Any, venue: str) -> Decimal:
    """``value`` as an exact number.

    Raises:
        BalanceUnavailable: It is not a number.
    """
    try:
        return parse_amount(value)
    except InvalidAmount:
        # Its sentence would repeat what the venue sent, which may be secret.
        raise bad_answer(venue, "not a number") from None


def is_so(value: Any, withheld: Withheld, venue: str) -> bool:
    """Whether the field's ``value`` means that the basis is not available."""
    if withheld.is_amount:
        return bool(number_of(value, venue))
    return value in (True, "true", "True")


def read_along(container: Any, path: Path, *, api_key: str = "") -> Any:
    """The value at the end of ``path``; None if the path breaks off."""
    for step in path:
        try:
            if isinstance(step, OwnKey):
                container = next(row for row in container if row[step.field] == api_key)
            else:
                container = container[step]
        except (KeyError, IndexError, TypeError, StopIteration):
            return None
    return container


def value_at(entry: Any, info: Any, path: str) -> Any:
    """The value at ``path``; None if there is none."""
    here = info if path.startswith("/") else entry
    steps = path.removeprefix("/").split(".")
    for position, step in enumerate(steps):
        if step.endswith("[]"):
            rows = here.get(step.removesuffix("[]")) if isinstance(here, dict) else None
            if not isinstance(rows, list):
                return None
            rest = ".".join(steps[position + 1 :])
            return _Many(value_at(row, info, rest) for row in rows)
        here = here.get(step) if isinstance(here, dict) else None
    return here


@lru_cache
def _terms(formula: str) -> tuple[tuple[Decimal, str], ...]:
    """Signs and paths of ``"a + b - c"``."""
    words = f"+ {formula}".split()
    signs, paths = words[::2], words[1::2]
    if len(signs) != len(paths) or not set(signs) <= {"+", "-"}:
        raise ValueError(f"{formula!r} is not a sum of fields")
    return tuple(
        (Decimal(1) if sign == "+" else Decimal(-1), path)
        for sign, path in zip(signs, paths, strict=True)
    )


def _values(entry: Mapping[str, Any], info: Any, path: str) -> list[Any] | None:
    """The numbers at ``path``; None if one of them is missing."""
    may_be_empty = path.endswith("?")
    found: Any = value_at(entry, info, path.removesuffix("?"))
    values = found if isinstance(found, _Many) else [found]
    if may_be_empty:
        values = [value for value in values if value != ""]
    return None if any(value is None or value == "" for value in values) else list(values)


class _Many(list[Any]):
    """The values at a path with ``[]``."""


def bad_answer(venue: str, kind: str) -> BalanceUnavailable:
    """The error for an unreadable response; ``kind`` says what is wrong with it."""
    return BalanceUnavailable(Code.EXCHANGE_BAD_ANSWER, venue=venue, kind=kind)
