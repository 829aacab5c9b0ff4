"""What a decision follows from: what somebody changed of its inputs since the last one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from capital.domain.allocation.gate import Inputs, LinkState
from capital.domain.allocation.links import Reserve
from capital.domain.money import EXACT, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason

# So many weights are told as one series; of more strategies only those that changed.
MOST_WEIGHTS = 6


@dataclass(frozen=True)
class Change:
    """One change, which somebody made.

    Attributes:
        code: Its sentence, to which only the ``user`` is missing; a limit's stop needs none.
        figures: The others.
        strategies: Whose, by key; empty of what is the account's.
        unnamed: What is said where nobody knows who it was.
    """

    code: Code
    figures: Mapping[str, str]
    unnamed: Reason
    strategies: Sequence[str] = field(default_factory=tuple)


def changes_since(last: Inputs, now: Inputs, pool_of: Mapping[int, Pool]) -> list[Change]:
    """What was changed since a run, in the order in which the gate asks.

    Args:
        last: The inputs of the last run that allocated. A pool that it held is compared with what
            it was decided on before.
        now: The present ones.
        pool_of: The pool of each present link.
    """
    if last.links == now.links and not last.held:
        return _of_account(last, now)  # as nearly always
    changes: list[Change] = []
    for pool in Pool:
        if pool not in pool_of.values():
            continue
        then = last.of(pool)
        if then is not None:
            here = now.in_pools({pool}, pool_of).links
            changes += _of_pool(then.in_pools({pool}, pool_of).links, here)
    changes += _removed(last.links, now.links)
    changes += _of_account(last, now)
    return changes


def _of_pool(then: Mapping[int, LinkState], now: Mapping[int, LinkState]) -> list[Change]:
    """Of the links that are there."""
    both = [key for key in sorted(now) if key in then]
    found: dict[Code, list[str]] = {}
    for key in sorted(now):
        if key not in then:
            found.setdefault(Code.STRATEGIES_LINKED, []).append(now[key].strategy_key)
    for key in both:
        for code in _codes(then[key], now[key]):
            found.setdefault(code, []).append(now[key].strategy_key)
    changes = [_of_links(code, keys) for code, keys in found.items()]
    reweighted = [key for key in both if then[key].weight != now[key].weight]
    return changes + ([_weights(then, now, reweighted)] if reweighted else [])


def _codes(then: LinkState, now: LinkState) -> list[Code]:
    """What became of one link."""
    codes = []
    if then.idle != now.idle and (code := _CODES_OF_STATES.get((then.idle, now.idle))):
        codes.append(code)
    if then.stopped != now.stopped:
        codes.append(Code.STOPPED_BY_LIMIT if now.stopped else Code.STOPS_LIFTED)
    if then.bounds != now.bounds:
        codes.append(Code.BOUNDS_SET)
    return codes


_CODES_OF_STATES: dict[tuple[Code | None, Code | None], Code] = {
    (then, now): code
    for now, code in (
        (Code.LINK_INACTIVE, Code.LINKS_DEACTIVATED),
        (Code.STRATEGY_PAUSED, Code.STRATEGIES_PAUSED),
        (Code.STRATEGY_ARCHIVED, Code.STRATEGIES_ARCHIVED),
    )
    for then in (None, Code.LINK_INACTIVE, Code.STRATEGY_PAUSED, Code.STRATEGY_ARCHIVED)
} | {
    (Code.LINK_INACTIVE, None): Code.LINKS_ACTIVATED,
    (Code.STRATEGY_PAUSED, None): Code.STRATEGIES_ACTIVATED,
    (Code.STRATEGY_ARCHIVED, None): Code.STRATEGIES_ACTIVATED,
}
_UNNAMED = {
    Code.STRATEGIES_LINKED: Code.LINKS_CHANGED,
    Code.STRATEGIES_UNLINKED: Code.LINKS_CHANGED,
    Code.STOPS_LIFTED: Code.STOPS_CHANGED,
    Code.STOPPED_BY_LIMIT: Code.STOPPED_BY_LIMIT,
    Code.BOUNDS_SET: Code.BOUNDS_CHANGED,
}


def _of_links(code: Code, keys: Sequence[str]) -> Change:
    figures = {"strategies": ", ".join(keys)}
    unnamed = Reason(_UNNAMED.get(code, Code.STATES_CHANGED), figures)
    return Change(code, figures, unnamed, tuple(keys))


def _weights(
    then: Mapping[int, LinkState], now: Mapping[int, LinkState], changed: Sequence[int]
) -> Change:
    """As one series before and one after; of many strategies, each that changed by itself."""
    keys = tuple(now[key].strategy_key for key in changed)
    unnamed = Reason(Code.WEIGHTS_CHANGED, {"strategies": ", ".join(keys)})
    dividing = [_dividing(links, changed) for links in (then, now)]
    if max(map(len, dividing)) > MOST_WEIGHTS:
        dividing = [[each[key].weight for key in changed] for each in (then, now)]
    before, after = ("/".join(_text(weight) for weight in weights) for weights in dividing)
    return Change(Code.WEIGHTS_SET, {"before": before, "after": after}, unnamed, keys)


def _dividing(links: Mapping[int, LinkState], changed: Sequence[int]) -> list[Decimal]:
    """The weights by which a pool is divided, and those that were changed of idle links."""
    return [links[key].weight for key in sorted(links) if links[key].idle is None or key in changed]


def _removed(then: Mapping[int, LinkState], now: Mapping[int, LinkState]) -> list[Change]:
    keys = [then[key].strategy_key for key in sorted(then.keys() - now.keys())]
    return [_of_links(Code.STRATEGIES_UNLINKED, keys)] if keys else []


def _of_account(then: Inputs, now: Inputs) -> list[Change]:
    changes = []
    if then.reserve != now.reserve:
        figures = {"before": _reserve(then.reserve), "after": _reserve(now.reserve)}
        changes.append(Change(Code.RESERVE_SET, figures, Reason(Code.RESERVE_CHANGED)))
    if then.rules.policy != now.rules.policy:
        figures = {"before": then.rules.policy.value, "after": now.rules.policy.value}
        changes.append(Change(Code.POLICY_SET, figures, Reason(Code.POLICY_CHANGED)))
    elif then.rules.that_apply != now.rules.that_apply:
        changes.append(Change(Code.POLICY_SETTINGS_SET, {}, Reason(Code.POLICY_CHANGED)))
    return changes


def _reserve(reserve: Reserve) -> str:
    """``5% / 200``: the larger of the two is kept back."""
    parts = [f"{_text(reserve.percent)}%"] if reserve.percent or not reserve.amount else []
    return " / ".join([*parts, *([_text(reserve.amount)] if reserve.amount else [])])


def _text(number: Decimal) -> str:
    return plain(EXACT.normalize(number))
