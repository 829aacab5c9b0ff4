"""Restore the capital of before a run, if the present balance still covers it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import reduce

from capital.domain.allocation.decision import Decision, Outcome
from capital.domain.allocation.links import ZERO, Link, Reserve
from capital.domain.allocation.pools import EntryDecision, PoolDecision
from capital.domain.balances import PoolReading
from capital.domain.errors import RevertRefused
from capital.domain.money import EXACT, floor_to, plain, quantum_of
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.domain.reasons import Code, Reason


def decide_revert(
    run: int,
    links: Sequence[Link],
    before: Mapping[int, Decimal | None],
    readings: Mapping[Pool, PoolReading],
    *,
    currency: str,
    wallet_mode: WalletMode,
    reserve: Reserve,
) -> Decision:
    """Give every link in ``before`` that amount again; None, never allocated, becomes zero.

    Shares by weight do not apply. What is restored may reach into the reserve, never beyond the
    balance: ``allocated + reserve + unallocated`` is the floored balance, as in every run.

    Args:
        run: The one that is reverted.
        links: All links of the account.
        before: By link id, what each link that the run changed held before it.
        readings: The pools of those links, each with a balance.
        currency: Of the account.
        wallet_mode: Which pool each market draws on.
        reserve: The account's rule.

    Raises:
        RevertRefused: A pool's present balance is less than what its links would hold.
    """
    pools = []
    for pool, reading in readings.items():
        of_pool = sorted(
            (link for link in links if pool_of(link.market, wallet_mode) is pool),
            key=lambda link: link.id,
        )
        entries = tuple(_entry(link, before) for link in of_pool)
        pools.append(_restore_pool(run, reading, entries, reserve, currency))
    return Decision(Outcome.APPLIED, Reason(Code.REVERTED, {"run": str(run)}), tuple(pools))


def kept_back_beside(
    allocated: Decimal, balance: Decimal, reserve: Reserve, *, quantum: Decimal
) -> Decimal:
    """The reserve by its rule, reduced to what the balance leaves beside the restored capital."""
    return max(ZERO, min(reserve.of(balance, quantum=quantum), EXACT.subtract(balance, allocated)))


def _restore_pool(
    run: int,
    reading: PoolReading,
    entries: tuple[EntryDecision, ...],
    reserve: Reserve,
    currency: str,
) -> PoolDecision:
    quantum = quantum_of(currency)
    total = reading.total
    assert total is not None, "the caller refuses a pool without a balance"
    balance = EXACT.add(floor_to(total, quantum), ZERO)
    allocated = reduce(EXACT.add, (entry.after or ZERO for entry in entries), ZERO)
    if allocated > max(ZERO, balance):
        raise RevertRefused(
            Code.REVERT_EXCEEDS,
            run=str(run),
            pool=reading.pool.value,
            restored=plain(EXACT.quantize(allocated, quantum)),
            balance=plain(balance),
            currency=currency,
        )
    kept_back = kept_back_beside(allocated, balance, reserve, quantum=quantum)
    return PoolDecision(
        reading=reading,
        reserve=kept_back,
        unallocated=reduce(EXACT.subtract, [balance, kept_back, allocated]),
        reason=reading.reason,
        entries=entries,
    )


def _entry(link: Link, before: Mapping[int, Decimal | None]) -> EntryDecision:
    if link.id not in before:
        return EntryDecision(link, link.capital, link.capital, Code.UNTOUCHED)
    return EntryDecision(link, link.capital, before[link.id] or ZERO, Code.RESTORED)
