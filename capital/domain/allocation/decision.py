"""The decision for one account: every pool, and the outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

from capital.domain.allocation.links import Link, Reserve
from capital.domain.allocation.policies.contract import Known
from capital.domain.allocation.pools import EntryDecision, PoolDecision, decide_pool, keep_pool
from capital.domain.allocation.rules import Rules
from capital.domain.balances import PoolReading, Source
from capital.domain.money import quantum_of
from capital.domain.pools import Pool, WalletMode, pool_of, pools_by_market
from capital.domain.reasons import Code, Reason

_KEY = attrgetter("id")


class Outcome(StrEnum):
    """What became of a run. ``value`` is what is stored and sent."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    HELD = "held"
    FAILED = "failed"


@dataclass(frozen=True)
class Decision:
    """What happens to the capital of one account."""

    outcome: Outcome
    reason: Reason
    pools: tuple[PoolDecision, ...] = ()


def hold(links: Sequence[Link], wallet_mode: WalletMode, reason: Reason) -> Decision:
    """Leave every link's capital as it is, idle ones too, and say why."""
    by_pool = _by_pool(links, wallet_mode)
    return Decision(
        Outcome.HELD,
        reason,
        tuple(keep_pool(pool, of_pool, reason, Code.HELD) for pool, of_pool in by_pool.items()),
    )


def pools_in_use(links: Sequence[Link], wallet_mode: WalletMode) -> tuple[Pool, ...]:
    """The pools whose balance an allocation needs: those with an active link, spot first."""
    markets = {link.market for link in links if link.idle is None}
    used = {pool_of(market, wallet_mode) for market in markets}
    return tuple(pool for pool in Pool if pool in used)


def decide(
    links: Sequence[Link],
    readings: Mapping[Pool, PoolReading],
    *,
    currency: str,
    wallet_mode: WalletMode,
    reserve: Reserve,
    rules: Rules | None = None,
    known: Known | None = None,
    held: Mapping[Pool, Reason] | None = None,
) -> Decision:
    """Decide what every link of one account gets. Pure: same input, same answer.

    Args:
        links: All links of the account, active or not.
        readings: One for each pool in use; other pools need none.
        currency: Of the account; its quantum is what is split.
        wallet_mode: Which pool each market draws on.
        reserve: The account's rule, applied to each pool.
        rules: By which policy; None divides by weight.
        known: What the policy has to know of the links.
        held: The pools whose capital stays as it is, idle links included, and why.

    Returns:
        The pools in the order spot, futures, unified. ``applied``: at least one pool had a
        balance, and capital changed. ``skipped``: no pool that is in use had one, or none
        is in use (``nothing_to_allocate``), or one is missing and the others stay as they
        were; capital that idle links still hold is released all the same. ``held``: what is not
        held stays as it is, too.

    Raises:
        InvalidAllocation: The weights of a pool cannot be used.
    """
    why = held or {}
    by_pool, quantum = _by_pool(links, wallet_mode), quantum_of(currency)
    pools = tuple(
        keep_pool(pool, of_pool, why[pool], _kept_as(why[pool]))
        if pool in why
        else decide_pool(
            readings.get(pool) or _not_needed(pool),
            of_pool,
            reserve=reserve,
            quantum=quantum,
            rules=rules,
            known=known,
        )
        for pool, of_pool in by_pool.items()
    )
    in_use = [pool for pool, of in by_pool.items() if any(each.idle is None for each in of)]
    return _outcome(pools, in_use, why)


def _kept_as(reason: Reason) -> Code:
    """How the entries of a held pool are told."""
    return Code.HELD if reason.code.is_of_position else Code.POOL_KEPT


def _outcome(
    pools: tuple[PoolDecision, ...], in_use: Sequence[Pool], held: Mapping[Pool, Reason]
) -> Decision:
    """What became of the account as a whole."""
    stays = [pool for pool in pools if pool.reading.pool in held]
    changed = any(entry.changed for pool in pools for entry in pool.entries)
    if stays and len(stays) == len(pools):
        return Decision(Outcome.HELD, stays[0].reason, pools)
    if not in_use and not stays:
        return Decision(Outcome.SKIPPED, Reason(Code.NOTHING_TO_ALLOCATE), pools)
    skipped = [pool for pool in pools if pool.skipped]
    if changed and not skipped:
        return Decision(Outcome.APPLIED, Reason(Code.ALLOCATED), pools)
    if changed and (stays or len(skipped) < len(in_use)):
        return Decision(Outcome.APPLIED, _why_not_all(skipped), pools)
    if len(skipped) > len(stays):
        return Decision(Outcome.SKIPPED, _why_none(skipped), pools)
    if stays:
        names = ", ".join(pool.reading.pool for pool in stays)
        reason = Reason(Code.UNCHANGED_BESIDE_HELD, {"pools": names})
        return Decision(Outcome.UNCHANGED, reason, pools)
    return Decision(Outcome.UNCHANGED, Reason(Code.UNCHANGED), pools)


def _why_not_all(skipped: Sequence[PoolDecision]) -> Reason:
    """Which pools keep what they have, beside others that moved."""
    unread = all(entry.code is Code.KEPT for pool in skipped for entry in _active(pool))
    figures = {"pools": ", ".join(pool.reading.pool for pool in skipped)}
    return Reason(Code.PARTLY_ALLOCATED if unread else Code.PARTLY_HELD, figures)


def _why_none(skipped: Sequence[PoolDecision]) -> Reason:
    """Which pools have no balance; else why the first that is kept could not be divided."""
    unread = [
        pool.reading.pool
        for pool in skipped
        if any(entry.code is Code.KEPT for entry in _active(pool))
    ]
    if unread:
        return Reason(Code.NO_BALANCE, {"pools": ", ".join(unread)})
    return skipped[0].reason


def _active(pool: PoolDecision) -> Sequence[EntryDecision]:
    return [entry for entry in pool.entries if entry.link.idle is None]


def _by_pool(links: Sequence[Link], wallet_mode: WalletMode) -> dict[Pool, list[Link]]:
    """Links by the pool that they draw on: spot, futures, unified; each by primary key."""
    by_key = sorted(links, key=_KEY)
    if wallet_mode is WalletMode.UNIFIED:
        return {Pool.UNIFIED: by_key} if by_key else {}
    by_pool: dict[Pool, list[Link]] = {}
    pools = pools_by_market(wallet_mode)
    for link in by_key:
        by_pool.setdefault(pools[link.market], []).append(link)
    return {pool: by_pool[pool] for pool in Pool if pool in by_pool}


def _not_needed(pool: Pool) -> PoolReading:
    return PoolReading(pool, None, Source.NONE, None, Reason(Code.NOT_NEEDED))
