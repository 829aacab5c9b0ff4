"""One pool's balance → one amount per link, exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

from capital.domain.balances import PoolReading
from capital.domain.errors import InvalidAllocation
from capital.domain.money import EXACT, ceil_to, floor_to, plain
from capital.domain.reasons import Code, Reason
from strategies.markets import MarketType

ZERO = Decimal(0)
HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Link:
    """One strategy on one account, as an allocation sees it.

    Attributes:
        id: Its primary key; the lower one wins a tie.
        strategy_key: The name by which programs know the strategy.
        market: What the strategy trades.
        weight: Relative inside its pool, > 0 where the link is active.
        idle: Why it takes no part; None means that it is active.
        capital: What it holds now; None means that it never held any.
    """

    id: int
    strategy_key: str
    market: MarketType
    weight: Decimal
    idle: Code | None
    capital: Decimal | None


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
        share = EXACT.divide(EXACT.multiply(balance, self.percent), HUNDRED)
        return max(ZERO, min(ceil_to(max(share, self.amount), quantum), balance))


@dataclass(frozen=True)
class EntryDecision:
    """What one link had and gets. ``before`` is None where it never held capital."""

    link: Link
    before: Decimal | None
    after: Decimal | None
    code: Code

    @property
    def changed(self) -> bool:
        """Whether the capital becomes another."""
        return self.before != self.after


@dataclass(frozen=True)
class PoolDecision:
    """What becomes of one pool: ``allocated + reserve + unallocated`` is the floored balance.

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
        """Whether an active link stays without an answer, because there was no balance."""
        return any(entry.code is Code.KEPT for entry in self.entries)


def split_by_weight(
    total: Decimal, weights: Sequence[Decimal], *, quantum: Decimal
) -> list[Decimal]:
    """Split ``total`` in proportion to ``weights``, losing and creating nothing.

    Largest-remainder method: each share is rounded down to ``quantum``, then the units left
    over go one each to the largest remainders. Equal remainders favour the earlier position,
    so a rerun gives the same answer.

    Args:
        total: Amount in account currency, >= 0 and a whole number of quanta.
        weights: Relative, each >= 0, at least one > 0. They need not sum to one.
        quantum: Smallest unit that may change hands, e.g. ``Decimal("0.01")``.

    Returns:
        One amount per weight, in order. Their sum is exactly ``total``.

    Raises:
        InvalidAllocation: A condition above does not hold.
    """
    if not quantum.is_finite() or quantum <= 0:
        raise InvalidAllocation(problem=f"the quantum {quantum} is not above zero")
    if not total.is_finite() or total < 0:
        raise InvalidAllocation(problem=f"the total {total} is not an amount of zero or more")
    if any(not weight.is_finite() or weight < 0 for weight in weights):
        raise InvalidAllocation(problem="a weight is not a number of zero or more")
    if not any(weights):
        raise InvalidAllocation(problem="no weight is above zero")
    scaled_total, scaled_quantum = _integers(total, quantum)
    units, rest = divmod(scaled_total, scaled_quantum)
    if rest:
        raise InvalidAllocation(problem=f"the total {total} is not a whole number of {quantum}")

    # From here on whole numbers: nothing can round.
    integer_weights = _integers(*weights)
    weight_sum = sum(integer_weights)
    shares, remainders = zip(
        *(divmod(units * weight, weight_sum) for weight in integer_weights), strict=True
    )
    by_remainder = sorted(range(len(weights)), key=lambda position: -remainders[position])
    favoured = set(by_remainder[: units - sum(shares)])
    return [
        EXACT.multiply(share + 1 if position in favoured else share, quantum)
        for position, share in enumerate(shares)
    ]


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

    balance = EXACT.add(floor_to(reading.amount, quantum), ZERO)  # never a signed zero
    active = [link for link in links if link.idle is None]
    kept_back = reserve.of(balance, quantum=quantum)
    available = max(ZERO, EXACT.subtract(balance, kept_back))
    shares: dict[int, Decimal] = {}
    if active:
        amounts = split_by_weight(available, [link.weight for link in active], quantum=quantum)
        shares = dict(zip((link.id for link in active), amounts, strict=True))
    negative = balance < 0
    return PoolDecision(
        reading=reading,
        reserve=kept_back,
        unallocated=reduce(EXACT.subtract, [balance, kept_back, *shares.values()]),
        reason=(
            Reason(Code.NEGATIVE_BALANCE, {"balance": plain(EXACT.normalize(reading.amount))})
            if negative
            else reading.reason
        ),
        entries=tuple(
            EntryDecision(
                link,
                link.capital,
                shares.get(link.id, ZERO),
                link.idle or (Code.NEGATIVE_BALANCE if negative else Code.SHARE),
            )
            for link in links
        ),
    )


def _integers(*values: Decimal) -> list[int]:
    """``values`` scaled by one common power of ten, so that all are whole numbers."""
    exponents = [int(value.as_tuple().exponent) for value in values]
    shift = -min(0, *exponents)
    return [int(EXACT.scaleb(value, shift)) for value in values]
