"""One pool's balance → one amount per link, exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import attrgetter
from typing import NamedTuple

from capital.domain.allocation.links import WAITS, ZERO, Link, Reserve
from capital.domain.allocation.policies.contract import Known, LinkFacts, Question, Step
from capital.domain.allocation.policies.pipeline import divide
from capital.domain.allocation.policies.work import Share
from capital.domain.allocation.rules import PolicyName, Rules
from capital.domain.allocation.split import check_weights
from capital.domain.balances import PoolReading, Source
from capital.domain.money import EXACT, ceil_to, floor_to, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason

_KEY = attrgetter("id")


class EntryDecision(NamedTuple):
    """What one link had and gets. ``before`` is None where it never held capital.

    Attributes:
        set_aside: What is its own beside it; None where nothing was decided. Where it was decided
            without a balance, its PnL counts on.
        steps: How it came about; empty where nothing was divided.
    """

    link: Link
    before: Decimal | None
    after: Decimal | None
    code: Code
    set_aside: Decimal | None = None
    steps: tuple[Step, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the capital changes."""
        return self.before != self.after


@dataclass(frozen=True)
class PoolDecision:
    """The decision for one pool: ``allocated + reserve + unallocated`` is the floored balance.

    The balance is that of the reading with what counts of holdings.

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
        """Whether active links keep their capital because the pool could not be divided."""
        return any(entry.code.keeps_capital for entry in self.entries)

    @property
    def begins_anew(self) -> bool:
        """Whether what its links earn counts from its reading on."""
        return self.reading.amount is not None and not all(
            entry.code.counts_pnl_on for entry in self.entries if entry.link.idle is None
        )


def decide_pool(
    reading: PoolReading,
    links: Sequence[Link],
    *,
    reserve: Reserve,
    quantum: Decimal,
    rules: Rules | None = None,
    known: Known | None = None,
) -> PoolDecision:
    """Decide what every link of one pool gets from its reading.

    Args:
        reading: What is known of the pool's balance.
        links: All links that belong to the pool, active or not, in any order.
        reserve: What is kept back, by the account's rule.
        quantum: Of the account's currency.
        rules: By which policy; None divides by weight.
        known: What the policy has to know of the links.

    Returns:
        One entry per link, in order of primary key. Idle links go to zero, also where there
        is no balance, or to what they have in use, as far as they have it; active links without a
        balance keep what they have, and so do all where the policy has no answer.

    Raises:
        InvalidAllocation: The weights of the active links cannot be used.
    """
    links = sorted(links, key=_KEY)
    total, rules, known = reading.total, rules or Rules(), known or Known()
    if total is None:
        return _without_balance(reading, links, rules, known, quantum=quantum)
    balance = EXACT.add(floor_to(total, quantum), ZERO)  # never a signed zero
    if weights := [link.weight for link in links if link.idle is None]:
        check_weights(weights)
    division = divide(
        Question(
            pool=reading.pool,
            links=links,
            balance=total,
            reserve=reserve.of(balance, quantum=quantum),
            rule=reserve,
            rules=rules,
            known=known,
        ),
        quantum=quantum,
    )
    if division.problem is not None:
        return keep_pool(reading.pool, links, division.problem, Code.POOL_KEPT)
    allocated = [share.amount for share in division.shares.values()]
    unallocated = reduce(EXACT.subtract, [balance, division.reserve, *allocated])
    return PoolDecision(
        reading=reading,
        reserve=division.reserve,
        unallocated=unallocated,
        reason=_reason(reading, balance, unallocated),
        entries=_entries(links, division.shares, balance),
    )


def keep_pool(pool: Pool, links: Sequence[Link], reason: Reason, code: Code) -> PoolDecision:
    """Leave every link's capital as it is, idle ones too, and say why."""
    return PoolDecision(
        reading=PoolReading(pool, None, Source.NONE, None, reason),
        reserve=None,
        unallocated=None,
        reason=reason,
        entries=tuple(EntryDecision(link, link.capital, link.capital, code) for link in links),
    )


def _reason(reading: PoolReading, balance: Decimal, unallocated: Decimal) -> Reason:
    """Where the balance came from; or that it is a debt, or less than what is in use."""
    total = reading.total
    assert total is not None, "without a balance nothing is divided"
    if balance < 0:
        figures = {"balance": plain(EXACT.normalize(total))}
        return Reason(Code.NEGATIVE_BALANCE, figures)
    if unallocated < 0:
        return Reason(Code.OVER_COMMITTED, {"shortfall": plain(EXACT.minus(unallocated))})
    return reading.reason


def _entries(
    links: Sequence[Link], shares: Mapping[int, Share], balance: Decimal
) -> tuple[EntryDecision, ...]:
    in_debt = balance < 0
    entries = []
    for link in links:
        amount, code, set_aside, steps = shares[link.id]
        if in_debt:
            code = link.idle or Code.NEGATIVE_BALANCE
        entries.append(EntryDecision(link, link.capital, amount, code, set_aside, steps))
    return tuple(entries)


def _without_balance(
    reading: PoolReading, links: Sequence[Link], rules: Rules, known: Known, *, quantum: Decimal
) -> PoolDecision:
    """Active links keep what they have; idle ones give up what they have not in use.

    Under ``own_profit`` what they give up stays theirs where they are expected back.
    """
    return PoolDecision(
        reading=reading,
        reserve=None,
        unallocated=None,
        reason=reading.reason,
        entries=tuple(
            EntryDecision(link, link.capital, link.capital, Code.KEPT)
            if link.idle is None
            else _given_up(link, link.idle, rules, known.of(link), quantum)
            for link in links
        ),
    )


def _given_up(
    link: Link, idle: Code, rules: Rules, facts: LinkFacts, quantum: Decimal
) -> EntryDecision:
    had = link.capital or ZERO
    after = min(had, ceil_to(facts.in_use, quantum))
    if rules.divides_by is not PolicyName.OWN_PROFIT:
        return EntryDecision(link, link.capital, after, idle)
    own = EXACT.add(had, link.set_aside) if idle in WAITS and not facts.is_new else ZERO
    return EntryDecision(link, link.capital, after, idle, EXACT.subtract(own, after))
