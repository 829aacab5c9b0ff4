"""The suspect balances that wait on an account: can they be read?"""

from collections.abc import Iterator
from datetime import datetime

from capital.domain.errors import InvalidAmount
from capital.domain.money import parse_amount
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason


def check_suspects(stored: object) -> Iterator[Reason]:
    """Each is a pool with an amount, when it was observed, and what was accepted before."""
    if not isinstance(stored, dict):
        yield Reason(Code.SUSPECT_MALFORMED, {"pool": "?"})
        return
    for pool, suspect in stored.items():
        if pool not in list(Pool) or not _is_well_formed(suspect):
            yield Reason(Code.SUSPECT_MALFORMED, {"pool": str(pool)})


def suspect_times(stored: object) -> Iterator[datetime]:
    """When the well-formed ones were observed."""
    if isinstance(stored, dict):
        for suspect in stored.values():
            if _is_well_formed(suspect):
                yield datetime.fromisoformat(suspect["observed_at"])


def _is_well_formed(suspect: object) -> bool:
    if not isinstance(suspect, dict):
        return False
    try:
        amount, accepted = parse_amount(suspect["amount"]), parse_amount(suspect["accepted"])
        moment = datetime.fromisoformat(suspect["observed_at"])
    except (InvalidAmount, KeyError, TypeError, ValueError):
        return False
    return amount != accepted and accepted != 0 and moment.tzinfo is not None
