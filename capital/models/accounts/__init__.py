"""Account: whose keys, on which venue, kept in which currency.

``account`` has the model, ``constraints`` what the database refuses of it, and ``venue_rules``
what its venue does.
"""

from capital.models.accounts.account import Account
from capital.models.accounts.constraints import CURRENCY_PATTERN
from capital.models.accounts.venue_rules import (
    BASIS_NAMES,
    MODE_NAMES,
    basis_problem,
    market_problem,
    no_market,
)

__all__ = [
    "BASIS_NAMES",
    "CURRENCY_PATTERN",
    "MODE_NAMES",
    "Account",
    "basis_problem",
    "market_problem",
    "no_market",
]
