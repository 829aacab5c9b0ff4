"""Is a reallocation due, and why."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from capital.domain.allocation.bounds import UNBOUND, Bounds
from capital.domain.allocation.decision import Decision
from capital.domain.allocation.links import Reserve
from capital.domain.allocation.policies.contract import Known
from capital.domain.allocation.rules import Rules
from capital.domain.jumps import is_suspect, jump_percent
from capital.domain.money import EXACT, ROUNDED, plain, quantum_of
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason

_ZERO = Decimal(0)
_SHOWN_PERCENT = Decimal("0.01")
# The percentage of a change from zero.
INFINITE = "∞"


class LinkState(NamedTuple):
    """The part of a link that decides its share: a change here makes a reallocation due."""

    strategy_key: str
    weight: Decimal
    idle: Code | None
    stopped: bool = False
    bounds: Bounds = UNBOUND


@dataclass(frozen=True)
class Settled:
    """How a pool stood when its capital was decided: since then earnings and flows count.

    Attributes:
        balance: Unrounded.
        external: All that ever came or went without having been earned, as was known then; None
            where nobody asked.
        at: When the balance was read.
    """

    balance: Decimal
    external: Decimal | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Inputs:
    """What a run was decided on.

    Attributes:
        links: By primary key.
        reserve: The account's rule.
        balances: By pool in use, unrounded; a pool without a balance is not in it.
        rules: By which policy, with what parameters.
        known: What the policy had to know of links and pools.
        aside: By link, what was set aside for it before.
        settled: How each pool stood when its capital was last decided: this run included.
        settled_before: The same without this run, for a revert.
        held: What each pool was decided on before that was held in this run; None: it never was.
        restored: The pools in which a revert gave back what each link had. That is its own then,
            and stays until something else than its target changes.
    """

    links: Mapping[int, LinkState]
    reserve: Reserve
    balances: Mapping[Pool, Decimal] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    known: Known = field(default_factory=Known)
    aside: Mapping[int, Decimal] = field(default_factory=dict)
    settled: Mapping[Pool, Settled] = field(default_factory=dict)
    settled_before: Mapping[Pool, Settled] = field(default_factory=dict)
    held: "Mapping[Pool, Inputs | None]" = field(default_factory=dict)
    restored: AbstractSet[Pool] = frozenset()

    def in_pools(self, pools: AbstractSet[Pool], pool_of: Mapping[int, Pool]) -> "Inputs":
        """The part that is about these pools. A link that is gone may have been in any."""
        links = {
            key: each
            for key, each in self.links.items()
            if key not in pool_of or pool_of[key] in pools
        }
        balances = {pool: each for pool, each in self.balances.items() if pool in pools}
        return replace(self, links=links, balances=balances)

    def of(self, pool: Pool) -> "Inputs | None":
        """What a pool was decided on last; None: it never was."""
        return self.held.get(pool, self)

    def is_restored(self, pool: Pool) -> bool:
        """Whether the last that was decided of a pool is a revert."""
        then = self.of(pool)
        return then is not None and pool in then.restored


@dataclass(frozen=True)
class Thresholds:
    """The change from which a reallocation is due: both thresholds must be met.

    Attributes:
        amount: In account currency, reached by a change of at least this; None asks for the
            percentage alone.
        percent: Of the previous balance, exceeded by a change of more than this.
    """

    amount: Decimal | None
    percent: Decimal


@dataclass(frozen=True)
class DueCheck:
    """The gate's answer."""

    due: bool
    reason: Reason


def check_due(
    now: Inputs,
    last: Inputs | None,
    *,
    has_open_position: bool,
    thresholds: Thresholds,
    currency: str,
) -> DueCheck:
    """Whether a new decision on the account's capital is due, by the first rule that applies.

    1. An open position: no. 2. Never allocated: yes. 3. Links, weights, states, stops by limits,
    the reserve, the policy or bounds are not those of the last run: yes. 4. A pool's balance
    changed by both thresholds: yes. 5. Otherwise no.

    Args:
        now: The present inputs. A pool that cannot be read now is left out, and not judged.
        last: The inputs of the last run that allocated; None if there never was one.
        has_open_position: On any link of the account.
        thresholds: The account's.
        currency: For the figures.
    """
    if has_open_position:
        return DueCheck(due=False, reason=Reason(Code.OPEN_POSITION))
    if last is None:
        return DueCheck(due=True, reason=Reason(Code.NEVER_ALLOCATED))
    changed = configuration_change(now, last)
    if changed is not None:
        return DueCheck(due=True, reason=changed)
    return _balance_change(now, last, thresholds, currency)


def check_pools(
    now: Inputs,
    last: Inputs | None,
    *,
    pool_of: Mapping[int, Pool],
    held: AbstractSet[Pool],
    thresholds: Thresholds,
    currency: str,
) -> DueCheck:
    """The same for pools of which some are held, or were: each against what it was decided on.

    Args:
        now: The present inputs.
        last: The inputs of the last run that allocated; None if there never was one.
        pool_of: The pool of each link.
        held: The pools whose capital stays as it is: they are not judged.
        thresholds: The account's.
        currency: For the figures.
    """
    free = [pool for pool in Pool if pool in pool_of.values() and pool not in held]
    groups: list[tuple[Inputs | None, set[Pool]]] = []
    for pool in free:
        then = None if last is None else last.of(pool)
        known = next((pools for each, pools in groups if each is then), None)
        if known is None:
            groups.append((then, {pool}))
        else:
            known.add(pool)
    checks = [
        check_due(
            now.in_pools(pools, pool_of),
            None if then is None else then.in_pools(pools, pool_of),
            has_open_position=False,
            thresholds=thresholds,
            currency=currency,
        )
        for then, pools in groups or [(last, set(Pool))]
    ]
    return next((check for check in checks if check.due), checks[0])


def configuration_change(now: Inputs, last: Inputs) -> Reason | None:
    """The first kind of change, of links, stops, reserve, policy or bounds; and whose."""
    appeared = now.links.keys() - last.links.keys()
    vanished = last.links.keys() - now.links.keys()
    if appeared or vanished:
        keys = [now.links[key].strategy_key for key in sorted(appeared)]
        keys += [last.links[key].strategy_key for key in sorted(vanished)]
        return Reason(Code.LINKS_CHANGED, {"strategies": ", ".join(keys)})
    for code, attribute in (
        (Code.STATES_CHANGED, "idle"),
        (Code.WEIGHTS_CHANGED, "weight"),
        (Code.STOPS_CHANGED, "stopped"),
    ):
        if whose := _whose_differ(now, last, attribute):
            return Reason(code, {"strategies": whose})
    if now.reserve != last.reserve:
        return Reason(Code.RESERVE_CHANGED)
    if now.rules.that_apply != last.rules.that_apply:
        return Reason(Code.POLICY_CHANGED)
    if whose := _whose_differ(now, last, "bounds"):
        return Reason(Code.BOUNDS_CHANGED, {"strategies": whose})
    return None


def _whose_differ(now: Inputs, last: Inputs, attribute: str) -> str:
    return ", ".join(
        now.links[key].strategy_key
        for key in sorted(now.links)
        if getattr(now.links[key], attribute) != getattr(last.links[key], attribute)
    )


def target_change(
    decision: Decision, thresholds: Thresholds, *, last: Inputs | None = None, currency: str
) -> Reason | None:
    """The first link whose capital differs from what it would get by both thresholds; or None.

    Args:
        decision: What each would get.
        thresholds: The account's.
        last: The inputs of the last run that allocated. What a revert restored differs because
            somebody wanted that, so its pools are left out.
        currency: For the figures.
    """
    least = _ZERO if thresholds.amount is None else thresholds.amount
    for pool in decision.pools:
        if last is not None and last.is_restored(pool.reading.pool):
            continue
        for entry in pool.entries:
            before, after = entry.before or _ZERO, entry.after or _ZERO
            change = abs(EXACT.subtract(after, before))
            exceeds = (
                change > 0
                if not before
                else is_suspect(before, after, max_jump_percent=thresholds.percent)
            )
            if exceeds and change >= least:
                figures = {
                    "strategy": entry.link.strategy_key,
                    "before": plain(ROUNDED.quantize(before, quantum_of(currency))),
                    "after": plain(ROUNDED.quantize(after, quantum_of(currency))),
                    "currency": currency,
                }
                return Reason(Code.TARGET_CHANGED, figures)
    return None


def _balance_change(now: Inputs, last: Inputs, thresholds: Thresholds, currency: str) -> DueCheck:
    least = _ZERO if thresholds.amount is None else thresholds.amount
    largest = _ZERO
    largest_percent = _ZERO
    for pool, balance in now.balances.items():
        previous = last.balances.get(pool)
        if previous is None:
            # The last run had no balance for this pool: any balance is a change.
            return DueCheck(due=True, reason=Reason(Code.BALANCE_CHANGED, {"percent": INFINITE}))
        change = abs(EXACT.subtract(balance, previous))
        percent = jump_percent(previous, balance)
        exceeds = (
            change > 0
            if percent is None
            else is_suspect(previous, balance, max_jump_percent=thresholds.percent)
        )
        if exceeds and change >= least:
            shown = INFINITE if percent is None else _percent(percent)
            return DueCheck(due=True, reason=Reason(Code.BALANCE_CHANGED, {"percent": shown}))
        largest = max(largest, change)
        # Of a pool that met the other threshold: the figure explains why that was not enough.
        if percent is not None and change >= least:
            largest_percent = max(largest_percent, percent)
    return _too_small(largest, largest_percent, thresholds, currency)


def _too_small(
    change: Decimal, percent: Decimal, thresholds: Thresholds, currency: str
) -> DueCheck:
    """Which threshold the largest change missed: the amount is told first."""
    least = _ZERO if thresholds.amount is None else thresholds.amount
    if change < least:
        figures = {
            "change": plain(ROUNDED.quantize(change, quantum_of(currency))),
            "threshold": plain(EXACT.normalize(least)),
            "currency": currency,
        }
        return DueCheck(due=False, reason=Reason(Code.CHANGE_TOO_SMALL, figures))
    figures = {
        "percent": _percent(percent),
        "threshold": plain(EXACT.normalize(thresholds.percent)),
    }
    return DueCheck(due=False, reason=Reason(Code.BELOW_THRESHOLD, figures))


def _percent(percent: Decimal) -> str:
    return plain(ROUNDED.quantize(percent, _SHOWN_PERCENT))
