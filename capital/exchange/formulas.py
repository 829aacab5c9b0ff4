"""Apply the paths and formulas of a venue's row to a response.

Pure. A path that leads nowhere gives None, never zero.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from capital.domain.errors import BalanceUnavailable, InvalidAmount
from capital.domain.money import EXACT, parse_amount
from capital.domain.reasons import Code
from capital.exchange.calls.balances import Withheld
from capital.exchange.calls.places import Formula, OwnKey, Path, TheRow, alternatives

_NOTHING = Decimal(0)
# Venues round each of their numbers.
_ROUNDING = Decimal("0.000001")
_NUMBER = re.compile(r"[0-9]+")

_Terms = tuple[tuple[Decimal, str], ...]


def amount_of(entry: Mapping[str, Any], info: Any, formula: Formula, venue: str) -> Decimal:
    """The result of the first formula that applies and whose fields are all present."""
    for alternative in alternatives(formula):
        terms, condition = _parsed(alternative)
        if _holds(entry, info, condition, venue):
            amount = _sum(entry, info, terms, venue)
            if amount is not None:
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


def is_so(entry: Mapping[str, Any], info: Any, withheld: Withheld, venue: str) -> bool:
    """Whether the response says that the basis is not available."""
    value = value_at(entry, info, withheld.field.removesuffix("?"))
    if withheld.over:
        limit = max(_NOTHING, amount_of(entry, info, withheld.over, venue))
        return number_of(value, venue) > EXACT.add(limit, _ROUNDING)
    if withheld.is_amount:
        if value in (None, "") and withheld.field.endswith("?"):
            return False
        return bool(number_of(value, venue))
    return value in withheld.values


def fields_of(formula: Formula) -> frozenset[str]:
    """Every path that ``formula`` and its conditions name, without marks."""
    found: set[str] = set()
    for alternative in alternatives(formula):
        terms, condition = _parsed(alternative)
        sums = [terms, *(condition.sums if condition else ())]
        found.update(path for terms in sums for _, path in terms if not _NUMBER.fullmatch(path))
    return frozenset(path.rstrip("?") for path in found)


def read_along(container: Any, path: Path, *, api_key: str = "") -> Any:
    """The value at the end of ``path``; None if the path breaks off."""
    for step in path:
        try:
            if isinstance(step, OwnKey):
                container = next(row for row in container if row[step.field] == api_key)
            elif isinstance(step, TheRow):
                (container,) = (row for row in container if step.fits(row))
            else:
                container = container[step]
        except (KeyError, IndexError, TypeError, ValueError, StopIteration):
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
        if isinstance(here, list) and _NUMBER.fullmatch(step):
            here = here[int(step)] if int(step) < len(here) else None
        else:
            here = here.get(step) if isinstance(here, dict) else None
    return here


class _Condition:
    """``left == right`` or ``left != right``; without ``right``, that ``left`` is told."""

    def __init__(self, text: str) -> None:
        left, self.sign, right = text, "", ""
        for sign in ("==", "!="):
            if f" {sign} " in text:
                left, self.sign, right = (part.strip() for part in text.partition(sign))
        self.sums: tuple[_Terms, ...] = tuple(_terms(each) for each in (left, right) if each)


def _holds(entry: Mapping[str, Any], info: Any, condition: _Condition | None, venue: str) -> bool:
    if condition is None:
        return True
    if not condition.sign:
        return all(_values(entry, info, path) is not None for _, path in condition.sums[0])
    left, right = (_sum(entry, info, terms, venue) for terms in condition.sums)
    if left is None or right is None:
        return False
    return (left == right) is (condition.sign == "==")


@lru_cache
def _parsed(alternative: str) -> tuple[_Terms, _Condition | None]:
    """The sum of ``"a + b if c == d"``, and its condition."""
    formula, _, condition = alternative.partition(" if ")
    return _terms(formula), _Condition(condition) if condition else None


def _terms(formula: str) -> _Terms:
    """Signs and paths of ``"a + b - c"``."""
    words = f"+ {formula}".split()
    signs, paths = words[::2], words[1::2]
    if len(signs) != len(paths) or not set(signs) <= {"+", "-"}:
        raise ValueError(f"{formula!r} is not a sum of fields")
    return tuple(
        (Decimal(1) if sign == "+" else Decimal(-1), path)
        for sign, path in zip(signs, paths, strict=True)
    )


def _sum(entry: Mapping[str, Any], info: Any, terms: _Terms, venue: str) -> Decimal | None:
    """The sum of the fields; None if one of them is missing."""
    values = [(sign, _values(entry, info, path)) for sign, path in terms]
    if any(given is None for _, given in values):
        return None
    amount = _NOTHING
    for sign, given in values:
        for value in given or ():
            amount = EXACT.add(amount, EXACT.multiply(sign, number_of(value, venue)))
    return amount


def _values(entry: Mapping[str, Any], info: Any, path: str) -> list[Any] | None:
    """The numbers at ``path``; None if one of them is missing."""
    if _NUMBER.fullmatch(path):
        return [path]
    name = path.rstrip("?")
    may_be_empty, may_be_missing = path != name, path.endswith("??")
    found: Any = value_at(entry, info, name)
    values = list(found) if isinstance(found, _Many) else [found]
    if may_be_missing or (may_be_empty and _is_told(entry, info, name)):
        values = [value for value in values if value is not None and value != ""]
    return None if any(value is None or value == "" for value in values) else values


def _is_told(entry: Mapping[str, Any], info: Any, name: str) -> bool:
    """Whether there is such a key, be it with null."""
    parent, _, last = name.removeprefix("/").rpartition(".")
    holder = info if name.startswith("/") else entry
    holder = value_at(holder, holder, parent) if parent else holder
    return isinstance(holder, dict) and last in holder


class _Many(list[Any]):
    """The values at a path with ``[]``."""


def bad_answer(venue: str, kind: str) -> BalanceUnavailable:
    """The error for an unreadable response; ``kind`` says what is wrong with it."""
    return BalanceUnavailable(Code.EXCHANGE_BAD_ANSWER, venue=venue, kind=kind)
