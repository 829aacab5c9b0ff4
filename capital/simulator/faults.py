"""Faults: the ways in which a simulated venue can be told to misbehave.

A fault stands on one pool of one account, for a number of requests or until it is cleared.
What the amount faults do to a wallet is here; the rest is done in ``responder.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """One way to fail. ``value`` is what files of accounts and the control endpoints say."""

    TIMEOUT = "timeout"
    """Takes the request and never answers."""
    DRIP = "drip"
    """Answers a byte now and then, for ever."""
    UNAUTHORIZED = "unauthorized"
    """401 in the venue's form."""
    BANNED = "banned"
    """418 in the venue's form, with ``Retry-After``."""
    RATE_LIMITED = "rate_limited"
    """429 in the venue's form, with ``Retry-After``."""
    SERVER_ERROR = "server_error"
    """500 in the venue's form."""
    BLOCKED = "blocked"
    """451 in words, as to an address in a country that the venue does not serve."""
    BLOCKED_PAGE = "blocked_page"
    """403 with a web page of the network in front of the venue, that says the same."""
    RESET = "reset"
    """Cuts the TCP connection without an answer."""
    HTML = "html"
    """A web page at status 200."""
    TRUNCATED = "truncated"
    """The right answer at status 200, cut in the middle."""
    EMPTY_OBJECT = "empty_object"
    """``{}`` at status 200."""
    NAN = "nan"
    """Every amount is the bare token ``NaN``, which is not JSON but is sent by some."""
    NAN_TEXT = "nan_text"
    """Every amount is the string ``"NaN"``."""
    INFINITE = "infinite"
    """Every amount is ``1e400``: infinite to a float, absurd to a Decimal."""
    NEGATIVE = "negative"
    """Every amount is negated: debt."""
    MISSING_CURRENCY = "missing_currency"
    """The account's currency is left out."""
    WRONG_ACCOUNT = "wrong_account"
    """The answer is about another account, where the venue says which one."""
    OLD_ANSWER = "old_answer"
    """The answer is of an hour ago, as a cache gives it: its times say so."""


AMOUNT_FAULTS = frozenset(
    {
        Fault.NAN,
        Fault.NAN_TEXT,
        Fault.INFINITE,
        Fault.NEGATIVE,
        Fault.MISSING_CURRENCY,
    }
)
"""Those that change what the wallet holds, not how it is sent."""

_NOT_A_NUMBER = "NaN"
_INFINITE = "1e400"


@dataclass
class StandingFault:
    """A fault in force. One object stands on several pools when they share its countdown.

    Attributes:
        fault: What happens.
        times: Requests left, >= 1; None is until cleared.
    """

    fault: Fault
    times: int | None = None

    @property
    def is_spent(self) -> bool:
        """It has happened as often as was asked for."""
        return self.times is not None and self.times < 1

    def take(self) -> Fault:
        """Use it for one request."""
        if self.times is not None:
            self.times -= 1
        return self.fault


def falsify(
    amounts: Mapping[str, str | None], *, fault: Fault | None, currency: str
) -> dict[str, str | None]:
    """``amounts`` as ``fault`` shows them; unchanged by a fault that is not about amounts.

    Args:
        amounts: Currency to decimal string, None where the currency is to be left out.
        fault: What is in force.
        currency: The one that goes missing.

    Returns:
        A new mapping. ``MISSING_CURRENCY`` is None, so that a venue that lists its whole
        catalogue leaves it out too, and does not list a zero.
    """
    if fault in (Fault.NAN, Fault.NAN_TEXT):
        return dict.fromkeys(amounts, _NOT_A_NUMBER)
    if fault is Fault.INFINITE:
        return dict.fromkeys(amounts, _INFINITE)
    if fault is Fault.NEGATIVE:
        return {name: _negated(amount) for name, amount in amounts.items()}
    if fault is Fault.MISSING_CURRENCY:
        return {**amounts, currency: None}
    return dict(amounts)


def with_bare_nan(text: str) -> str:
    """The JSON ``text`` with its "NaN" strings as bare tokens."""
    return text.replace(f'"{_NOT_A_NUMBER}"', _NOT_A_NUMBER)


def _negated(amount: str | None) -> str | None:
    if amount is None or not amount.strip("-0."):
        return amount
    return amount.removeprefix("-") if amount.startswith("-") else f"-{amount}"
