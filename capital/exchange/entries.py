"""Reading a raw answer: the entry of each currency, and the number that a formula makes of it.

Pure: what a venue row declares is applied here, exactly and without guessing. A number that is
missing is missing; only what the row declares to be so counts as zero.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import lru_cache
from typing import Any

from capital.domain.balances import BalanceBasis
from capital.domain.errors import BalanceUnavailable, InvalidAmount
from capital.domain.money import EXACT, parse_amount
from capital.domain.reasons import Code
from capital.exchange.contract import KeyFacts
from capital.exchange.venue import (
    BalanceCall,
    Formula,
    Holdings,
    Inspection,
    OwnKey,
    Path,
    Withheld,
    alternatives,
)

Entry = Mapping[str, Any]
CodeOf = Callable[[str], str]

_NOTHING = Decimal(0)


def read_balance(
    answer: Mapping[str, Any],
    call: BalanceCall,
    *,
    pages: Sequence[Any],
    venue: str,
    currency: str,
    basis: BalanceBasis,
    code_of: CodeOf,
) -> Decimal:
    """The balance of ``currency`` in ``basis``, exact and unrounded.

    Args:
        answer: ccxt's balance structure, with the raw answer as ``info``.
        call: How it was asked for.
        pages: The raw answers themselves, as they came; most venues send one.
        venue: For the reasons.
        currency: The account's.
        basis: Which of its numbers.
        code_of: The common name of what the venue calls a currency.

    Raises:
        BalanceUnavailable: It is not there, is not a number, or cannot be had in this basis.
    """
    _check_basis(call, venue, basis)
    entries = _entries_by_currency(answer, pages, call, venue, code_of)
    return _balance_in(entries, answer.get("info"), call, venue, currency, basis)


def _check_basis(call: BalanceCall, venue: str, basis: BalanceBasis) -> None:
    if (refusal := call.refused.get(basis)) is not None:
        raise BalanceUnavailable(refusal, venue=venue, basis=basis.value)


def _balance_in(
    entries: Mapping[str, Sequence[Entry]],
    info: Any,
    call: BalanceCall,
    venue: str,
    currency: str,
    basis: BalanceBasis,
) -> Decimal:
    found = entries.get(currency, ())
    if not found:
        if call.omits_empty:
            if not entries:
                _check_worth(info, call.holdings, venue)
            return _NOTHING
        raise BalanceUnavailable(Code.EXCHANGE_CURRENCY_MISSING, venue=venue, currency=currency)
    if len(found) > 1 and not call.holdings.adds:
        raise _bad(venue, "listed twice")
    for withheld in call.withheld:
        if withheld.basis is basis and any(
            _is_so(_at(entry, info, withheld.field), withheld, venue) for entry in found
        ):
            raise BalanceUnavailable(withheld.code, venue=venue, basis=basis.value)
    amount = _NOTHING
    for entry in found:
        amount = EXACT.add(amount, _amount_of(entry, info, call.formulas[basis], venue))
    return EXACT.normalize(amount)  # without the zeros that a venue pads with


def read_all_balances(
    answer: Mapping[str, Any],
    call: BalanceCall,
    *,
    pages: Sequence[Any],
    venue: str,
    currency: str,
    basis: BalanceBasis,
    code_of: CodeOf,
) -> dict[str, Decimal]:
    """Every currency that can be read, by name, the account's first; of the others no zeros.

    Another one that cannot be read is left out, and so are all others where the balance has a
    number in it that is not of one currency: this is for looking at, never for adding up.

    Raises:
        BalanceUnavailable: As ``read_balance``, but for a currency that is not listed.
    """
    _check_basis(call, venue, basis)
    entries = _entries_by_currency(answer, pages, call, venue, code_of)
    info = answer.get("info")
    contents: dict[str, Decimal] = {}
    try:
        contents[currency] = _balance_in(entries, info, call, venue, currency, basis)
    except BalanceUnavailable as error:
        if error.reason.code is not Code.EXCHANGE_CURRENCY_MISSING:
            raise
    if any("/" in formula for formula in alternatives(call.formulas[basis])):
        return contents
    for name in sorted(set(entries) - {currency}):
        with suppress(BalanceUnavailable):
            if amount := _balance_in(entries, info, call, venue, name, basis):
                contents[name] = amount
    return contents


def read_facts(
    answer: Any, inspection: Inspection, known: KeyFacts, *, api_key: str = ""
) -> KeyFacts:
    """``known`` and what ``answer`` says besides.

    One answer that a key can withdraw is enough: another one may know of less.
    """
    mode, can_withdraw = known.wallet_mode, known.can_withdraw
    if inspection.mode is not None:
        name = str(read_along(answer, inspection.mode, api_key=api_key)).strip('"')
        mode = inspection.modes.get(name, mode)
    if inspection.withdraw is not None:
        said = read_along(answer, inspection.withdraw, api_key=api_key)
        # One word, a list of them, or words between commas or spaces.
        words = said.replace(",", " ").split() if isinstance(said, str) else said
        words = words if isinstance(words, list) else [words]
        if said is not None and not can_withdraw:
            can_withdraw = any(word in inspection.withdraws for word in words)
    return KeyFacts(mode, can_withdraw)


def read_along(container: Any, path: Path, *, api_key: str = "") -> Any:
    """What lies at the end of ``path``; None where it breaks off."""
    for step in path:
        try:
            if isinstance(step, OwnKey):
                container = next(row for row in container if row[step.field] == api_key)
            else:
                container = container[step]
        except (KeyError, IndexError, TypeError, StopIteration):
            return None
    return container


def _entries_by_currency(
    answer: Mapping[str, Any],
    pages: Sequence[Any],
    call: BalanceCall,
    venue: str,
    code_of: CodeOf,
) -> dict[str, list[Entry]]:
    if call.holdings.source == "unified":
        return _unified_entries(answer)
    entries: dict[str, list[Entry]] = {}
    for name, entry in _named_entries(answer, pages, call.holdings, venue):
        if not (isinstance(entry, dict) and isinstance(name, str) and name):
            if call.omits_empty:
                # It may be the currency that would count as zero without it.
                raise _bad(venue, "an entry without a currency")
        elif _counts(entry, call.holdings):
            entries.setdefault(code_of(name), []).append(entry)
    return entries


def _unified_entries(answer: Mapping[str, Any]) -> dict[str, list[Entry]]:
    """Those that ccxt makes, by the names that it lists in its ``total``."""
    parts = answer.get("total")
    names = parts if isinstance(parts, dict) else {}
    return {name: [answer[name]] for name in names if isinstance(answer.get(name), dict)}


def _named_entries(
    answer: Mapping[str, Any], pages: Sequence[Any], holdings: Holdings, venue: str
) -> list[tuple[Any, Any]]:
    """What the raw answer lists, each with the venue's name of its currency, unchecked."""
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
            return [(_name_of(row, holdings), row) for row in _rows(container, venue)]


def _check_worth(info: Any, holdings: Holdings, venue: str) -> None:
    """Nothing is listed: then all of it must be worth nothing, as far as that is told."""
    worth = read_along(info, holdings.worth) if holdings.worth else None
    if worth not in (None, "") and _number(worth, venue):
        raise _bad(venue, "no list of holdings")


def _check_pages(pages: Sequence[Any], holdings: Holdings, venue: str) -> None:
    """ccxt takes a page without a list for an empty one, and one that leads nowhere for the end."""
    for page in pages:
        _rows(read_along(page, holdings.path), venue)
    if not pages or pages[-1].get(holdings.more):
        raise _bad(venue, "a part of the list")


def _rows(container: Any, venue: str) -> list[Any]:
    if not isinstance(container, list):
        raise _bad(venue, "no list of holdings")
    return container


def _mapping(container: Any, venue: str) -> Mapping[str, Any]:
    if not isinstance(container, dict):
        raise _bad(venue, "no list of holdings")
    return container


def _name_of(row: Entry, holdings: Holdings) -> Any:
    if holdings.name.startswith("="):
        return holdings.name.removeprefix("=")
    return _at(row, row, holdings.name)


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
            # The same line twice says nothing certain.
            entry[str(kind)] = None if kind in entry else row.get(holdings.amount)
    return list(entries.items())


def _amount_of(entry: Entry, info: Any, formula: Formula, venue: str) -> Decimal:
    """What the first formula whose fields are all given makes of ``entry``."""
    for alternative in alternatives(formula):
        values = [(sign, _values(entry, info, path)) for sign, path in _terms(alternative)]
        if all(given is not None for _, given in values):
            amount = _NOTHING
            for sign, given in values:
                for value in given or ():
                    amount = EXACT.add(amount, EXACT.multiply(sign, _number(value, venue)))
            return amount
    raise _bad(venue, "not a number")


def _number(value: Any, venue: str) -> Decimal:
    try:
        return parse_amount(value)
    except InvalidAmount:
        # Its sentence would repeat what the venue sent.
        raise _bad(venue, "not a number") from None


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


def _values(entry: Entry, info: Any, path: str) -> list[Any] | None:
    """The numbers that ``path`` leads to; None where one of them is not given."""
    may_be_empty = path.endswith("?")
    found: Any = _at(entry, info, path.removesuffix("?"))
    values = found if isinstance(found, _Many) else [found]
    if may_be_empty:
        values = [value for value in values if value != ""]
    return None if any(value is None or value == "" for value in values) else list(values)


class _Many(list[Any]):
    """What a path with ``[]`` leads to."""


def _at(entry: Any, info: Any, path: str) -> Any:
    """What ``path`` leads to; None where it leads nowhere."""
    here = info if path.startswith("/") else entry
    steps = path.removeprefix("/").split(".")
    for position, step in enumerate(steps):
        if step.endswith("[]"):
            rows = here.get(step.removesuffix("[]")) if isinstance(here, dict) else None
            if not isinstance(rows, list):
                return None
            rest = ".".join(steps[position + 1 :])
            return _Many(_at(row, info, rest) for row in rows)
        here = here.get(step) if isinstance(here, dict) else None
    return here


def _is_so(value: Any, withheld: Withheld, venue: str) -> bool:
    if withheld.is_amount:
        return bool(_number(value, venue))
    return value in (True, "true", "True")


def _bad(venue: str, kind: str) -> BalanceUnavailable:
    return BalanceUnavailable(Code.EXCHANGE_BAD_ANSWER, venue=venue, kind=kind)
