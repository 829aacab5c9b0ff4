"""Read a raw response: the balance of a currency, and facts about an account and its key.

Pure: it applies what a venue's row declares, exactly and without guessing. A missing number is
missing; only what the row declares to be zero counts as zero.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from capital.domain.balances import BalanceBasis, Coins
from capital.domain.errors import BalanceUnavailable
from capital.domain.money import EXACT
from capital.domain.reasons import Code
from capital.exchange.calls.balances import EQUITY, FREE, WALLET, BalanceCall, Holdings
from capital.exchange.calls.places import alternatives
from capital.exchange.contract import KeyFacts
from capital.exchange.entries import CodeOf, Entry, Listed, entries_by_currency
from capital.exchange.formulas import amount_of, bad_answer, is_so, number_of, read_along, value_at
from capital.exchange.shown import check_free, check_listed_once, total_of_parts, wallet_shown
from capital.exchange.venue import Inspection

_NOTHING = Decimal(0)
# In dollars: what is worth less is dust, which venues do not list.
_DUST = Decimal("0.01")


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
    listed = entries_by_currency(answer, pages, call, venue, code_of)
    return _balance_in(listed, answer.get("info"), call, venue, currency, basis, code_of)


def name_of_wallet(
    answer: Mapping[str, Any],
    call: BalanceCall,
    *,
    venue: str,
    currency: str,
    basis: BalanceBasis,
    code_of: CodeOf,
) -> str:
    """What a venue without a row calls the balance that was read; "" where its row says so."""
    entry = answer.get(currency)
    if call.shows != "profit" or basis is not WALLET or not isinstance(entry, dict):
        return ""
    return wallet_shown(entry, answer.get("info"), currency, venue, code_of).called


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
    listed = entries_by_currency(answer, pages, call, venue, code_of)
    info = answer.get("info")
    contents: dict[str, Decimal] = {}
    try:
        contents[currency] = _balance_in(listed, info, call, venue, currency, basis, code_of)
    except BalanceUnavailable as error:
        if error.reason.code is not Code.EXCHANGE_CURRENCY_MISSING:
            raise
    coins = _coins_in(listed, info, call, venue, currency, basis, code_of) or {}
    return contents | {name: amount for name, amount in coins.items() if amount}


def read_coins(
    answer: Mapping[str, Any],
    call: BalanceCall,
    *,
    pages: Sequence[Any],
    venue: str,
    currency: str,
    basis: BalanceBasis,
    code_of: CodeOf,
) -> Coins | None:
    """What the wallet holds of every other currency; arguments as for ``read_balance``.

    Returns:
        By name; a currency that is not in it is not in the wallet, and one that cannot be read is
        None. None if the answer does not tell all of them, each by itself.

    Raises:
        BalanceUnavailable: As ``read_balance``.
    """
    if call.holdings.form == "single" or any(
        isinstance(value, str) and "{" in value for value in call.params.values()
    ):
        return None
    listed = entries_by_currency(answer, pages, call, venue, code_of)
    if not listed.is_readable:
        return None
    return _coins_in(listed, answer.get("info"), call, venue, currency, basis, code_of)


def _coins_in(
    listed: Listed,
    info: Any,
    call: BalanceCall,
    venue: str,
    currency: str,
    basis: BalanceBasis,
    code_of: CodeOf,
) -> dict[str, Decimal | None] | None:
    """All but the account's own; None where the balance is a sum over currencies."""
    sums = [formula.partition(" if ")[0] for formula in alternatives(call.formulas[basis])]
    if any("/" in formula for formula in sums):
        return None
    coins: dict[str, Decimal | None] = {}
    for name in sorted({*listed.entries, *listed.doubtful, *listed.broken} - {currency}):
        coins[name] = None
        with suppress(BalanceUnavailable):
            coins[name] = _balance_in(listed, info, call, venue, name, basis, code_of)
    return coins


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
    listed: Listed,
    info: Any,
    call: BalanceCall,
    venue: str,
    currency: str,
    basis: BalanceBasis,
    code_of: CodeOf,
) -> Decimal:
    found = listed.entries.get(currency, ())
    if currency in listed.doubtful or (found and currency in listed.broken):
        raise bad_answer(venue, "listed twice" if found else "an odd name of a currency")
    if not found:
        return _of_what_is_not_listed(listed, info, call, venue, currency)
    if call.shows:
        check_listed_once(info, currency, venue, code_of)
    if call.shows == "parts" and basis is not FREE:
        return EXACT.normalize(total_of_parts(found[0], venue))
    if call.shows == "profit" and basis is WALLET:
        return EXACT.normalize(wallet_shown(found[0], info, currency, venue, code_of).amount)
    if call.shows:
        check_free(found[0], info, currency, venue, code_of)
    _check_withheld(found, info, call, venue, basis, is_loan=False)
    amount = _amount_in(found, info, call, venue, basis)
    if amount > 0:
        _check_withheld(found, info, call, venue, basis, is_loan=True)
    if basis is FREE:
        amount = _free_of(amount, listed, info, call, venue, currency)
    return EXACT.normalize(amount)  # without the zeros that a venue pads with


def _of_what_is_not_listed(
    listed: Listed, info: Any, call: BalanceCall, venue: str, currency: str
) -> Decimal:
    """Zero, where the venue omits what is empty and nothing speaks against it."""
    if not call.omits_empty:
        raise BalanceUnavailable(Code.EXCHANGE_CURRENCY_MISSING, venue=venue, currency=currency)
    if not listed.is_readable:
        # It may be the very currency that would otherwise count as zero.
        raise bad_answer(venue, "an entry without a currency")
    if not listed.entries:
        _check_worth(info, call.holdings, venue)
    return _NOTHING


def _free_of(
    amount: Decimal, listed: Listed, info: Any, call: BalanceCall, venue: str, currency: str
) -> Decimal:
    """``amount``, which is no debt where nothing is owed, unless other currencies have a say."""
    if amount < 0 and _owes_nothing(listed.entries[currency], info, call, venue):
        return _NOTHING
    if amount > 0 and _another_falls_short(listed, info, call, venue, currency):
        raise BalanceUnavailable(Code.BASIS_OVER_CURRENCIES, venue=venue, basis=FREE.value)
    return amount


def _amount_in(
    found: Sequence[Entry], info: Any, call: BalanceCall, venue: str, basis: BalanceBasis
) -> Decimal:
    amount = _NOTHING
    for entry in found:
        amount = EXACT.add(amount, amount_of(entry, info, call.formulas[basis], venue))
    return amount


def _check_withheld(
    found: Sequence[Entry],
    info: Any,
    call: BalanceCall,
    venue: str,
    basis: BalanceBasis,
    *,
    is_loan: bool,
) -> None:
    for withheld in call.withheld:
        if withheld.basis is not basis or (withheld.code is Code.BASIS_WITH_LOAN) is not is_loan:
            continue
        if any(is_so(entry, info, withheld, venue) for entry in found):
            raise BalanceUnavailable(withheld.code, venue=venue, basis=basis.value)


def _owes_nothing(found: Sequence[Entry], info: Any, call: BalanceCall, venue: str) -> bool:
    """Whether nothing is owed: margins may be more than there is of this currency."""
    whole = EQUITY if EQUITY in call.formulas else WALLET
    return whole in call.formulas and _amount_in(found, info, call, venue, whole) >= 0


def _another_falls_short(
    listed: Listed, info: Any, call: BalanceCall, venue: str, currency: str
) -> bool:
    """Whether this currency carries the margin, or the losses, of another one."""
    if not call.pools_margin or value_at({}, info, call.pools_margin) in (None, ""):
        return False
    for name, found in listed.entries.items():
        if name != currency:
            with suppress(BalanceUnavailable):
                if _amount_in(found, info, call, venue, FREE) < 0:
                    return True
    return False


def _check_worth(info: Any, holdings: Holdings, venue: str) -> None:
    """Nothing is listed, so it must be worth nothing, if the response reports the total value."""
    worth = read_along(info, holdings.worth) if holdings.worth else None
    if worth not in (None, "") and abs(number_of(worth, venue)) >= _DUST:
        raise bad_answer(venue, "no list of holdings")
