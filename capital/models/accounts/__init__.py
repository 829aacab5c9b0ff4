"""Account: whose keys, on which venue, kept in which currency.

``account`` has the model, ``constraints`` what the database refuses of it, ``venue_rules`` what its
venue does, and ``tags`` and ``symbols`` how fills there tell whose they are.
"""

from capital.models.accounts.account import Account
from capital.models.accounts.constraints import CURRENCY_PATTERN
from capital.models.accounts.symbols import market_of, symbols_problem
from capital.models.accounts.tags import Tagged, tag_problem, written_tag
from capital.models.accounts.venue_rules import (
    BASIS_NAMES,
    MODE_NAMES,
    basis_problem,
    market_problem,
    no_market,
    spot_problem,
)

__all__ = [
    "BASIS_NAMES",
    "CURRENCY_PATTERN",
    "MODE_NAMES",
    "Account",
    "Tagged",
    "basis_problem",
    "market_of",
    "market_problem",
    "no_market",
    "spot_problem",
    "symbols_problem",
    "tag_problem",
    "written_tag",
]
