"""Is a reallocation due, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from capital.domain.allocation.links import Reserve
from capital.domain.jumps import is_suspect, jump_percent
from capital.domain.money import EXACT, ROUNDED, plain, quantum_of
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason

_ZERO = Decimal(0)
_SHOWN_PERCENT = Decimal("0.01")
# The percentage of a change from zero.
INFINITE = "∞"


@dataclass(frozen=True)
class LinkState:
    """The part of a link that decides its share: a change here makes a reallocation due."""

    strategy_key: str
    weight: Decimal
    idle: Code | None
    stopped: bool = False


@dataclass(frozen=True)
class Inputs:
    """What a run was decided on.

    Attributes:
        links: By primary key.
        reserve: The account's rule.
        balances: By pool in use, unrounded; a pool without a balance is not in it.
    """

    links: Mapping[int, LinkState]
    reserve: Reserve
    balances: Mapping[Pool, Decimal] = field(default_factory=dict)


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

    1. An open position: no. 2. Never allocated: yes. 3. Links, weights, states, stops by limits or
    the reserve are not those of the last run: yes. 4. A pool's balance changed by both thresholds:
    yes. 5. Otherwise no.

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


def configuration_change(now: Inputs, last: Inputs) -> Reason | None:
    """The first kind of change: of links, states, weights, stops or the reserve; and whose."""
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
        keys = [
            now.links[key].strategy_key
            for key in sorted(now.links)
            if getattr(now.links[key], attribute) != getattr(last.links[key], attribute)
        ]
        if keys:
            return Reason(code, {"strategies": ", ".join(keys)})
    if now.reserve != last.reserve:
        return Reason(Code.RESERVE_CHANGED)
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
