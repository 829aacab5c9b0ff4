"""Whose account the exchange says a pool is: learned with its first balance, and checked after.

It is learned for the credentials that are stored. With others, or the same entered again, it is
learned again.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from capital.domain.balances import Observation
from capital.domain.pools import Pool
from capital.models import Account


def known_owners(account: Account) -> dict[Pool, str]:
    """Whose account each pool was with the present credentials; those that are known."""
    credentials = _credentials(account)
    return {
        Pool(pool): known["owner"]
        for pool, known in account.venue_owners.items()
        if known["credentials"] == credentials
    }


def owners_after(account: Account, believed: Mapping[Pool, Observation]) -> dict[str, Any]:
    """What is known once these balances were read, in the shape of the account's column."""
    told = {pool: each.owner for pool, each in believed.items() if each.owner}
    known = known_owners(account)
    if not told.keys() - known.keys():
        return dict(account.venue_owners)
    credentials = _credentials(account)
    learned = {
        pool.value: {"owner": owner, "credentials": credentials} for pool, owner in told.items()
    }
    return {**account.venue_owners, **learned}


def _credentials(account: Account) -> str:
    """A digest of the encrypted credentials, with where they are used."""
    tokens = [getattr(each, "token", each) for each in account.stored_credentials]
    told = repr((account.venue, account.is_sandbox, tokens))
    return hashlib.sha256(told.encode()).hexdigest()[:16]
