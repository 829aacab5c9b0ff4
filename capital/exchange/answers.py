"""Reading a raw answer: the balance of a currency, and what it says of an account and its key.

Pure: what a venue row declares is applied here, exactly and without guessing. A number that is
missing is missing; only what the row declares to be so counts as zero.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from capital.domain.balances import BalanceBasis
from capital.domain.errors import BalanceUnavailable
from capital.domain.money import EXACT
from capital.domain.reasons import Code
from capital.exchange.contract import KeyFacts
from capital.exchange.entries import CodeOf, Entry, entries_by_currency
from capital.exchange.formulas import amount_of, bad_answer, is_so, number_of, read_along, value_at
from capital.exchange.venue import BalanceCall, Holdings, Inspection, alternatives

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
        BalanceUnavailable: It is missing, is no number, or is not told in this basis.
    """
    _check_basis(call, venue, basis)
    entries = entries_by_currency(answer, pages, call, venue, code_of)
    return _balance_in(entries, answer.get("info"), call, venue, currency, basis)


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
    entries = entries_by_currency(answer, pages, call, venue, code_of)
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
        raise bad_answer(venue, "listed twice")
    for withheld in call.withheld:
        if withheld.basis is basis and any(
            is_so(value_at(entry, info, withheld.field), withheld, venue) for entry in found
        ):
            raise BalanceUnavailable(withheld.code, venue=venue, basis=basis.value)
    amount = _NOTHING
    for entry in found:
        amount = EXACT.add(amount, amount_of(entry, info, call.formulas[basis], venue))
    return EXACT.normalize(amount)  # without the zeros that a venue pads with


def _check_worth(info: Any, holdings: Holdings, venue: str) -> None:
    """Nothing is listed: then all of it must be worth nothing, as far as that is told."""
    worth = read_along(info, holdings.worth) if holdings.worth else None
    if worth not in (None, "") and number_of(worth, venue):
        raise bad_answer(venue, "no list of holdings")
