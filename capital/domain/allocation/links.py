"""A link, as an allocation sees it: why it is idle, and what its account keeps back."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from capital.domain.allocation.bounds import UNBOUND, Bounds
from capital.domain.money import EXACT, ceil_to
from capital.domain.reasons import Code
from strategies.markets import MarketType

ZERO = Decimal(0)
HUNDRED = Decimal(100)
# Idle, and expected back: what is such a link's own stays so.
WAITS = frozenset({Code.STRATEGY_PAUSED})
# The words of ``strategies.models.StrategyStatus``, which knows the database.
_BY_STATUS: dict[str, Code | None] = {
    "ACTIVE": None,
    "PAUSED": Code.STRATEGY_PAUSED,
    "ARCHIVED": Code.STRATEGY_ARCHIVED,
}


class Link(NamedTuple):
    """One strategy on one account, as an allocation sees it: by the thousand, so a plain tuple.

    Attributes:
        id: Its primary key; the lower one wins a tie.
        strategy_key: The name by which programs know the strategy.
        market: What the strategy trades.
        weight: Relative inside its pool, > 0 where the link is active.
        idle: Why it takes no part; None means that it is active.
        capital: What it holds now; None means that it never held any.
        bounds: What it may have at least and at most.
        set_aside: What is its own and not allocated to it: of a paused link, what compounding
            took away, or what others have in use; below zero where it has more than is its own.
        is_stopped: Whether a limit stopped it: it gets no more than what it has in use, and the
            rest of its share stays unallocated.
    """

    id: int
    strategy_key: str
    market: MarketType
    weight: Decimal
    idle: Code | None
    capital: Decimal | None
    bounds: Bounds = UNBOUND
    set_aside: Decimal = ZERO
    is_stopped: bool = False


@dataclass(frozen=True)
class Reserve:
    """The part of a pool that is never allocated: the larger of the two.

    Attributes:
        percent: Of the pool, 0 to 100.
        amount: In account currency, >= 0.
    """

    percent: Decimal = ZERO
    amount: Decimal = ZERO

    def of(self, balance: Decimal, *, quantum: Decimal) -> Decimal:
        """The reserve of a pool, rounded up to ``quantum``, at most the balance, never negative."""
        share = self._share_of(balance)
        return max(ZERO, min(ceil_to(max(share, self.amount), quantum), balance))

    def is_by_percent(self, balance: Decimal) -> bool:
        """Whether the percentage and not the amount decides, so that it grows with the balance."""
        return self._share_of(balance) > self.amount

    def _share_of(self, balance: Decimal) -> Decimal:
        return EXACT.divide(EXACT.multiply(balance, self.percent), HUNDRED)


def why_idle(
    *,
    account_active: bool,
    venue_markets: AbstractSet[MarketType],
    market: MarketType,
    link_active: bool,
    strategy_status: str,
) -> Code | None:
    """Why a link neither gets capital nor enters a trade, by the first rule; None if active.

    Args:
        account_active: Whether its account is switched on.
        venue_markets: What can be traded on the account's venue, a generic one included.
        market: What the strategy trades.
        link_active: Whether the link itself is switched on.
        strategy_status: ``ACTIVE``, ``PAUSED`` or ``ARCHIVED``.
    """
    if not account_active:
        return Code.ACCOUNT_INACTIVE
    if market not in venue_markets:
        return Code.MARKET_NOT_ON_VENUE
    if not link_active:
        return Code.LINK_INACTIVE
    return _BY_STATUS[strategy_status]
