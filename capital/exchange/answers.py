"""Read a raw response: the balance of a currency, and facts about an account and its key.

Pure: it applies what a venue's row declares, exactly and without guessing. A missing number is
missing; only what the row declares to be zero counts as zero.
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
        answer: ccxt's balance structure, with the raw response as ``info``.
        call: How it was requested.
        pages: The raw responses as they came; most venues send one.
        venue: Named in the reasons.
        currency: The account's currency.
        basis: Which number counts as the balance.
        code_of: The common name of the venue's name of a currency.

    Raises:
        BalanceUnavailable: It is missing, is not a number, or is not reported in this basis.
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
    """Every currency that can be read, by name, the account's first; others only if not zero.

    A currency that cannot be read is left out. If the account's balance includes a number that is
    not of one currency, all others are left out. The result is for display only, never for adding
    up.

    Raises:
        BalanceUnavailable: As ``read_balance``, except for a currency that is not listed.
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
    """``known``, completed by ``answer``.

    One response that says that a key can withdraw is enough: another one may not know.
    """
    mode, can_withdraw = known.wallet_mode, known.can_withdraw
    if inspection.mode is not None:
        name = str(read_along(answer, inspection.mode, api_key=api_key)).strip('"')
        mode = inspection.modes.get(name, mode)
    if inspection.withdraw is not None:
        said = read_along(answer, inspection.withdraw, api_key=api_key)
        # One word, a list of words, or words separated by commas or spaces.
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
    """Nothing is listed, so the total value must be zero, if the response reports it."""
    worth = read_along(info, holdings.worth) if holdings.worth else None
    if worth not in (None, "") and number_of(worth, venue):
        raise bad_answer(venue, "no list of holdings")
