"""What ccxt's ``total`` is at a venue without a row, as far as the venue's own response shows it.

Pure. What is not shown is not guessed.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from capital.domain.errors import BalanceUnavailable, InvalidAmount
from capital.domain.money import EXACT, parse_amount
from capital.domain.reasons import Code
from capital.exchange.calls.balances import FREE, WALLET
from capital.exchange.formulas import bad_answer, number_of

_UNREALISED = re.compile(r"unreal|upnl|upl$|floating", re.IGNORECASE)
_A_PART_OF_IT = re.compile(r"cross|isolat", re.IGNORECASE)
_WITH_PROFIT = re.compile(r"equity|marginbalance", re.IGNORECASE)
_WITHOUT_PROFIT = re.compile(r"wallet|cash", re.IGNORECASE)


@dataclass(frozen=True)
class Shown:
    """A wallet balance, and what the venue calls it."""

    amount: Decimal
    called: str


def total_of_parts(entry: Mapping[str, Any], venue: str) -> Decimal:
    """ccxt's ``total`` of a spot wallet, where nothing is unrealised.

    Raises:
        BalanceUnavailable: It is missing, or is not the sum of its parts.
    """
    total, free, used = (entry.get(name) for name in ("total", "free", "used"))
    amount = number_of(total, venue)
    if free is not None and used is not None:
        parts = EXACT.add(number_of(free, venue), number_of(used, venue))
        if parts != amount:
            raise _unproven(venue)
    return amount


def wallet_shown(
    entry: Mapping[str, Any],
    info: Any,
    currency: str,
    venue: str,
    code_of: Callable[[str], str],
) -> Shown:
    """The wallet of a futures account, without unrealised PnL.

    Args:
        entry: ccxt's own, whose ``total`` may have the PnL in it or not.
        info: The raw response.
        currency: Whose.
        venue: Named in the reasons.
        code_of: The common name of the venue's name of a currency.

    Raises:
        BalanceUnavailable: The response does not show which it is.
    """
    total = number_of(entry.get("total"), venue)
    found = {
        shown
        for raw in _entries_of(info, currency, code_of)
        if (shown := _wallet_of(raw, total)) is not None
    }
    if len({shown.amount for shown in found}) != 1:
        raise _unproven(venue)
    return min(found, key=lambda shown: shown.called)


def check_listed_once(info: Any, currency: str, venue: str, code_of: Callable[[str], str]) -> None:
    """Refuse a response that lists the currency twice: ccxt takes the last of them.

    Rows that differ in anything but numbers, such as the type of a wallet, are not the same.

    Raises:
        BalanceUnavailable: It does.
    """
    if isinstance(info, list):
        rows = [each for each in info if isinstance(each, dict) and _names(each, currency, code_of)]
        kinds = [_what_it_is(row) for row in rows]
        if len(kinds) != len(set(kinds)):
            raise bad_answer(venue, "listed twice")
    for each in info if isinstance(info, list) else _values_of(info):
        check_listed_once(each, currency, venue, code_of)


def _values_of(info: Any) -> list[Any]:
    return list(info.values()) if isinstance(info, dict) else []


def _names(row: Mapping[str, Any], currency: str, code_of: Callable[[str], str]) -> bool:
    return any(
        isinstance(each, str) and each and code_of(each) == currency for each in row.values()
    )


def _what_it_is(row: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """What a row says besides numbers, and which numbers it has."""
    return frozenset(
        (name, "" if _amount_or_none(value) is not None else repr(value))
        for name, value in row.items()
    )


def check_free(
    entry: Mapping[str, Any],
    info: Any,
    currency: str,
    venue: str,
    code_of: Callable[[str], str],
) -> None:
    """Refuse what ccxt calls free where that is more than the total with any PnL in it.

    Other currencies are counted then, as in Binance's multi-assets mode.

    Raises:
        BalanceUnavailable: It is more.
    """
    free, total = _amount_or_none(entry.get("free")), _amount_or_none(entry.get("total"))
    if free is None or total is None or free <= total:
        return
    profits = [_profit_of(raw) for raw in _entries_of(info, currency, code_of)]
    most = max((abs(profit) for profit in profits if profit is not None), default=Decimal(0))
    if free > EXACT.add(total, most):
        raise BalanceUnavailable(Code.BASIS_OVER_CURRENCIES, venue=venue, basis=FREE.value)


def _wallet_of(raw: Mapping[str, Any], total: Decimal) -> Shown | None:
    profit = _profit_of(raw)
    if profit is None:
        return None
    amounts = {
        name: amount
        for name, value in raw.items()
        if not _UNREALISED.search(name) and (amount := _amount_or_none(value)) is not None
    }
    called = [name for name, amount in amounts.items() if amount == total]
    # Where nothing is unrealised, an equity has the same amount.
    called.sort(key=lambda name: _WITH_PROFIT.search(name) is not None)
    if not profit:
        return Shown(total, called[0]) if called else None
    without = EXACT.subtract(total, profit)
    below = [name for name, amount in amounts.items() if amount == without]
    above = [name for name, amount in amounts.items() if amount == EXACT.add(total, profit)]
    if below and not above:
        return Shown(without, below[0])
    if above and not below and called:
        return Shown(total, called[0])
    # By its name alone.
    if any(_WITH_PROFIT.search(name) for name in called):
        return Shown(without, called[0])
    without_profit = [name for name in called if _WITHOUT_PROFIT.search(name)]
    return Shown(total, without_profit[0]) if without_profit else None


def _profit_of(raw: Mapping[str, Any]) -> Decimal | None:
    """The unrealised PnL that an entry names, whole or in parts."""
    named = {name: _amount_or_none(raw[name]) for name in raw if _UNREALISED.search(name)}
    whole = {amount for name, amount in named.items() if not _A_PART_OF_IT.search(name)}
    if whole:
        return whole.pop() if len(whole) == 1 else None
    parts = list(named.values())
    if not parts or None in parts:
        return None
    return sum((part for part in parts if part is not None), Decimal(0))


def _entries_of(
    info: Any, currency: str, code_of: Callable[[str], str]
) -> Iterator[Mapping[str, Any]]:
    """Every object in ``info`` that names ``currency``, or is listed under its name."""
    if isinstance(info, list):
        for each in info:
            yield from _entries_of(each, currency, code_of)
    if not isinstance(info, dict):
        return
    if _names(info, currency, code_of):
        yield info
    for name, each in info.items():
        if isinstance(each, dict) and code_of(name) == currency:
            yield each
        else:
            yield from _entries_of(each, currency, code_of)


def _amount_or_none(value: Any) -> Decimal | None:
    try:
        return parse_amount(value)
    except InvalidAmount:
        return None


def _unproven(venue: str) -> BalanceUnavailable:
    return BalanceUnavailable(Code.BASIS_UNPROVEN, venue=venue, basis=WALLET.value)
