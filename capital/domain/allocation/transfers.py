"""Whether money may have moved from one pool to the other while both were read."""

from collections.abc import Mapping
from decimal import Decimal

from capital.domain.allocation.gate import Thresholds
from capital.domain.jumps import is_suspect
from capital.domain.money import EXACT
from capital.domain.pools import Pool

_NOTHING = Decimal(0)


def may_be_a_transfer(
    before: Mapping[Pool, Decimal], now: Mapping[Pool, Decimal], *, thresholds: Thresholds
) -> bool:
    """Whether the spot and the futures balance may have been read around a transfer between them.

    Two requests see two moments. What left one pool in between is seen twice where the other pool
    was read after it arrived, and nowhere where it is still on its way; either looks like a deposit
    or a withdrawal. So one pool that moved alone may be half of a transfer, as may two that moved
    in opposite directions, whatever fees and prices took off. Two that moved in the same direction
    are none, and neither is a rise that the other pool could not have paid.

    Args:
        before: The last accepted balances.
        now: What was read just now.
        thresholds: The account's; smaller movements make no reallocation due.
    """
    if not all(pool in each for each in (before, now) for pool in (Pool.SPOT, Pool.FUTURES)):
        return False
    spot, futures = (
        _movement(before[pool], now[pool], thresholds) for pool in (Pool.SPOT, Pool.FUTURES)
    )
    if spot and futures:
        return (spot > 0) is not (futures > 0)
    payer = Pool.FUTURES if spot else Pool.SPOT
    movement = spot or futures
    return movement < 0 or 0 < movement <= now[payer]


def _movement(before: Decimal, now: Decimal, thresholds: Thresholds) -> Decimal:
    """By how much a balance moved; zero if that is below a threshold."""
    change = EXACT.subtract(now, before)
    is_large = not before or is_suspect(before, now, max_jump_percent=thresholds.percent)
    least = _NOTHING if thresholds.amount is None else thresholds.amount
    return change if is_large and abs(change) >= least else _NOTHING
