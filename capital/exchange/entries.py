"""Entries: what a raw response says about each currency, by the currency's common name."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from capital.exchange.calls.balances import BalanceCall, Holdings
from capital.exchange.formulas import bad_answer, read_along, value_at

Entry = Mapping[str, Any]
CodeOf = Callable[[str], str]
"""The common name of what the venue calls a currency."""


@dataclass
class Listed:
    """What a response lists.

    Attributes:
        entries: The entries that count, by currency.
        is_readable: Every entry can be read. One that cannot may be that of a currency which seems
            to be missing.
        broken: Currencies under whose name something is listed that is no entry.
        doubtful: Currencies of which there is an entry under a name that only looks like theirs,
            or more entries than one, which are not added up.
    """

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    is_readable: bool = True
    broken: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)


def entries_by_currency(
    answer: Mapping[str, Any],
    pages: Sequence[Any],
    call: BalanceCall,
    venue: str,
    code_of: CodeOf,
) -> Listed:
    """The entries that count, found as ``call.holdings`` describes.

    Raises:
        BalanceUnavailable: There is no list of them, it is incomplete, or it is another account's.
    """
    if call.holdings.source == "unified":
        return Listed(_unified_entries(answer))
    _check_what_it_is(answer.get("info"), call.holdings, venue)
    listed, seen = Listed(), set()
    for name, entry in _named_entries(answer, pages, call.holdings, venue):
        if not isinstance(name, str) or not name:
            listed.is_readable = False
            continue
        suffix = next((end for end in call.holdings.suffixes if name.endswith(end)), "")
        code = code_of(unicodedata.normalize("NFKC", name).strip().removesuffix(suffix))
        if not isinstance(entry, dict):
            listed.is_readable = False
            listed.broken.add(code)
        elif not _counts(entry, call.holdings):
            continue
        elif not is_plain_name(name):
            listed.is_readable = False
            listed.doubtful.add(code)
        else:
            if (code, suffix) in seen and not call.holdings.adds:
                listed.doubtful.add(code)
            seen.add((code, suffix))
            listed.entries.setdefault(code, []).append(entry)
    return listed


def is_plain_name(name: str) -> bool:
    """Whether ``name`` is what it looks like.

    It is not if it is written in letters that stand for others, such as full-width ones, or mixes
    those of two alphabets. A name in Chinese is one.
    """
    if any(letter.isspace() or not letter.isprintable() for letter in name):
        return False
    if name.isascii():
        return True
    has_ascii = any(letter.isascii() and letter.isalnum() for letter in name)
    return unicodedata.normalize("NFKC", name) == name and not has_ascii


def _check_what_it_is(info: Any, holdings: Holdings, venue: str) -> None:
    for path, values in holdings.says.items():
        if read_along(info, path) not in (None, *values):
            raise bad_answer(venue, "of another account")


def _unified_entries(answer: Mapping[str, Any]) -> dict[str, list[Entry]]:
    """ccxt's own entries, under the names that it lists in ``total``."""
    parts = answer.get("total")
    names = parts if isinstance(parts, dict) else {}
    return {name: [answer[name]] for name in names if isinstance(answer.get(name), dict)}


def _named_entries(
    answer: Mapping[str, Any], pages: Sequence[Any], holdings: Holdings, venue: str
) -> list[tuple[Any, Any]]:
    """What the raw response lists, each with the venue's name of its currency, unchecked."""
    came = pages[-1] if pages else None
    container = read_along(
        came if holdings.source == "response" else answer.get("info"), holdings.path
    )
    if holdings.more:
        _check_pages(pages, holdings, venue)
    match holdings.form:
        case "named":
            return list(_mapping(container, venue).items())
        case "single":
            entry = _mapping(container, venue)
            return [(_name_of(entry, holdings), entry)]
        case "lines":
            return _entries_of_lines(_rows(container, venue), holdings)
        case "rows":
            info = answer.get("info")
            if container is None and holdings.or_one and isinstance(info, dict):
                container = [info] if _name_of(info, holdings) else None
            return [(_name_of(row, holdings), row) for row in _rows(container, venue)]


def _check_pages(pages: Sequence[Any], holdings: Holdings, venue: str) -> None:
    """Check what ccxt does not: that every page has a list, and that no page is missing."""
    for page in pages:
        _rows(read_along(page, holdings.path), venue)
    if not pages or pages[-1].get(holdings.more):
        raise bad_answer(venue, "a part of the list")


def _rows(container: Any, venue: str) -> list[Any]:
    if not isinstance(container, list):
        raise bad_answer(venue, "no list of holdings")
    return container


def _mapping(container: Any, venue: str) -> Mapping[str, Any]:
    if not isinstance(container, dict):
        raise bad_answer(venue, "no list of holdings")
    return container


def _name_of(row: Entry, holdings: Holdings) -> Any:
    if holdings.name.startswith("="):
        return holdings.name.removeprefix("=")
    return value_at(row, row, holdings.name)


def _counts(entry: Entry, holdings: Holdings) -> bool:
    return all(entry.get(name) in values for name, values in holdings.only.items()) and not any(
        entry.get(name) in values for name, values in holdings.never.items()
    )


def _entries_of_lines(rows: Sequence[Any], holdings: Holdings) -> list[tuple[Any, Entry]]:
    entries: dict[Any, dict[str, Any]] = {}
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get(holdings.name), str):
            entry = entries.setdefault(row[holdings.name], {})
            kind = row.get(holdings.kind)
            # A repeated line is ambiguous.
            entry[str(kind)] = None if kind in entry else row.get(holdings.amount)
    return list(entries.items())
