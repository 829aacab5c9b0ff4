"""One pool's balance → one amount per link, exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

from capital.domain.allocation.links import ZERO, Link, Reserve
from capital.domain.allocation.split import split_by_weight
from capital.domain.balances import PoolReading
from capital.domain.money import EXACT, floor_to, plain
from capital.domain.reasons import Code, Reason


@dataclass(frozen=True)
class EntryDecision:
    """What one link had and gets. ``before`` is None where it never held capital."""

    link: Link
    before: Decimal | None
    after: Decimal | None
    code: Code

    @property
    def changed(self) -> bool:
        """Whether the capital changes."""
        return self.before != self.after


@dataclass(frozen=True)
class PoolDecision:
    """The decision for one pool: ``allocated + reserve + unallocated`` is the floored balance.

    ``reserve`` and ``unallocated`` are None where there was no balance. ``unallocated`` is
    negative where the balance is: it is the debt.
    """

    reading: PoolReading
    reserve: Decimal | None
    unallocated: Decimal | None
    reason: Reason
    entries: tuple[EntryDecision, ...]

    @property
    def skipped(self) -> bool:
        """Whether active links keep their capital because there was no balance."""
        return any(entry.code is Code.KEPT for entry in self.entries)


def decide_pool(
    reading: PoolReading, links: Sequence[Link], *, reserve: Reserve, quantum: Decimal
) -> PoolDecision:
    """Decide what every link of one pool gets from its reading.

    Args:
        reading: What is known of the pool's balance.
        links: All links that belong to the pool, active or not, in any order.
        reserve: What is kept back, by the account's rule.
        quantum: Of the account's currency.

    Returns:
        One entry per link, in order of primary key. Idle links go to zero, also where there
        is no balance; active links without a balance keep what they have.

    Raises:
        InvalidAllocation: The weights of the active links cannot be used.
    """
    links = sorted(links, key=lambda link: link.id)
    if reading.amount is None:
        return _without_balance(reading, links)
    balance = EXACT.add(floor_to(reading.amount, quantum), ZERO)  # never a signed zero
    kept_back = reserve.of(balance, quantum=quantum)
    shares = _shares(links, max(ZERO, EXACT.subtract(balance, kept_back)), quantum=quantum)
    reason, code = reading.reason, Code.SHARE
    if balance < 0:
        figures = {"balance": plain(EXACT.normalize(reading.amount))}
        reason, code = Reason(Code.NEGATIVE_BALANCE, figures), Code.NEGATIVE_BALANCE
    return PoolDecision(
        reading=reading,
        reserve=kept_back,
        unallocated=reduce(EXACT.subtract, [balance, kept_back, *shares.values()]),
        reason=reason,
        entries=tuple(
            EntryDecision(link, link.capital, shares.get(link.id, ZERO), link.idle or code)
            for link in links
        ),
    )


def _without_balance(reading: PoolReading, links: Sequence[Link]) -> PoolDecision:
    """Active links keep what they have; idle ones give it up."""
    return PoolDecision(
        reading=reading,
        reserve=None,
        unallocated=None,
        reason=reading.reason,
        entries=tuple(
            EntryDecision(link, link.capital, link.capital, Code.KEPT)
            if link.idle is None
            else EntryDecision(link, link.capital, ZERO, link.idle)
            for link in links
        ),
    )


def _shares(links: Sequence[Link], available: Decimal, *, quantum: Decimal) -> dict[int, Decimal]:
    """What each active link gets of ``available``, by link id."""
    active = [link for link in links if link.idle is None]
    if not active:
        return {}
    amounts = split_by_weight(available, [link.weight for link in active], quantum=quantum)
    return dict(zip((link.id for link in active), amounts, strict=True))
