"""The shape in which a run keeps its inputs: amounts as text, and nothing that is as usual."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from capital.domain.allocation.bounds import UNBOUND, Bounds, Compounding
from capital.domain.allocation.decision import Decision
from capital.domain.allocation.gate import Inputs, LinkState, Settled
from capital.domain.allocation.links import Reserve
from capital.domain.allocation.policies.contract import Did, Known, LinkFacts, PoolFacts, Step
from capital.domain.allocation.rules import PolicyName, Rules, WithOpenPositions
from capital.domain.money import EXACT, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.models.columns.json_text import quoted

# Each is flat, so that its fields are its values.
_USUAL_BOUNDS, _USUAL_RULES = vars(Bounds()), vars(Rules())
_USUAL_LINK_FACTS, _USUAL_POOL_FACTS = vars(LinkFacts()), vars(PoolFacts())
# What is not a number, by the name under which it is kept.
_WORDS = {
    "policy": PolicyName,
    "with_open_positions": WithOpenPositions,
    "compounding": Compounding,
}
_PLAIN = (bool, int, type(None))


def inputs_as_json(inputs: Inputs) -> dict[str, Any]:
    """For a plan's column; amounts as text."""
    told: dict[str, Any] = json.loads(inputs_text(inputs))
    return told


def inputs_text(inputs: Inputs, steps: str = "") -> str:
    """For the run's column, as JSON: it is written for each account, with all of its links.

    Args:
        inputs: What the run was decided on.
        steps: What ``steps_text`` tells of the decision; empty for none.
    """
    links = [_link_text(key, link) for key, link in inputs.links.items()]
    balances = [f'"{pool}": "{plain(amount)}"' for pool, amount in inputs.balances.items()]
    parts = [
        f'"links": {{{", ".join(links)}}}',
        f'"reserve": {_reserve_text(inputs.reserve)}',
        f'"balances": {{{", ".join(balances)}}}',
    ]
    parts += [f'"{name}": {json.dumps(each)}' for name, each in _optional(inputs).items() if each]
    if steps:
        parts.append(f'"steps": {steps}')
    return f"{{{', '.join(parts)}}}"


def _optional(inputs: Inputs) -> dict[str, Any]:
    """What few runs have."""
    known = inputs.known
    return {
        "rules": _unusual(vars(inputs.rules), _USUAL_RULES),
        "known_links": _each(known.links, _USUAL_LINK_FACTS) if known.links else None,
        "known_pools": _each(known.pools, _USUAL_POOL_FACTS) if known.pools else None,
        "aside": {str(key): plain(amount) for key, amount in inputs.aside.items() if amount},
        "settled": {pool.value: _settled(each) for pool, each in inputs.settled.items()},
        "settled_before": {
            pool.value: _settled(each) for pool, each in inputs.settled_before.items()
        },
        "held": {
            pool.value: None if then is None else inputs_as_json(then)
            for pool, then in inputs.held.items()
        },
        "restored": sorted(pool.value for pool in inputs.restored),
    }


@lru_cache(maxsize=1024)
def _reserve_text(reserve: Reserve) -> str:
    percent, amount = EXACT.normalize(reserve.percent), EXACT.normalize(reserve.amount)
    return f'{{"percent": "{plain(percent)}", "amount": "{plain(amount)}"}}'


def inputs_from_json(stored: Mapping[str, Any]) -> Inputs:
    """The inverse of ``inputs_as_json``; what earlier versions did not keep is as usual."""
    reserve = stored["reserve"]
    return Inputs(
        links={int(key): _link_state(**link) for key, link in stored["links"].items()},
        reserve=Reserve(Decimal(reserve["percent"]), Decimal(reserve["amount"])),
        balances={Pool(pool): Decimal(amount) for pool, amount in stored["balances"].items()},
        rules=Rules(**_values(stored.get("rules", {}), _USUAL_RULES)),
        known=Known(
            links={
                int(key): LinkFacts(**_values(each, _USUAL_LINK_FACTS))
                for key, each in stored.get("known_links", {}).items()
            },
            pools={
                Pool(key): PoolFacts(**_values(each, _USUAL_POOL_FACTS))
                for key, each in stored.get("known_pools", {}).items()
            },
        ),
        aside={int(key): Decimal(each) for key, each in stored.get("aside", {}).items()},
        settled=_settled_pools(stored.get("settled", {})),
        settled_before=_settled_pools(stored.get("settled_before", {})),
        held={
            Pool(pool): None if then is None else inputs_from_json(then)
            for pool, then in stored.get("held", {}).items()
        },
        restored=frozenset(map(Pool, stored.get("restored", ()))),
    )


def _link_state(
    strategy: str,
    weight: str,
    idle: str | None,
    *,
    # Before limits, nothing was stopped.
    stopped: bool = False,
    bounds: Mapping[str, Any] | None = None,
    **_: Any,
) -> LinkState:
    state = _plain_state(strategy, weight, idle)
    if stopped or bounds:
        unusual = UNBOUND if not bounds else Bounds(**_values(bounds, _USUAL_BOUNDS))
        state = state._replace(stopped=stopped, bounds=unusual)
    return state


# A strategy has mostly the same weight on many accounts, and in every run of each.
@lru_cache(maxsize=4096)
def _plain_state(strategy: str, weight: str, idle: str | None) -> LinkState:
    return LinkState(strategy, Decimal(weight), None if idle is None else Code(idle))


def steps_text(decision: Decision) -> str:
    """What each step did to each link, by link, as JSON for the run's column; empty for none."""
    told = [
        f'"{entry.link.id}": {each_step_text(entry.steps)}'
        for pool in decision.pools
        for entry in pool.entries
        if entry.steps
    ]
    return f"{{{', '.join(told)}}}" if told else ""


def each_step_text(steps: Iterable[Step]) -> str:
    """The steps of one link, as JSON."""
    told = [
        _step_form(did, tuple(figures)) % tuple(map(quoted, figures.values()))
        for did, figures in steps
    ]
    return f"[{', '.join(told)}]"


# There are about two dozen, each with the same figures nearly always.
@lru_cache(maxsize=256)
def _step_form(did: Did, figures: tuple[str, ...]) -> str:
    """A step as JSON, with ``%s`` for each figure."""
    told = [f', "{name}": %s' for name in figures]
    return f'{{"did": "{did}"{"".join(told)}}}'


def steps_from_json(stored: Iterable[Mapping[str, str]]) -> tuple[Step, ...]:
    """The inverse of ``each_step_as_json``; what this version does not know is left out."""
    known = {did.value for did in Did}
    return tuple(
        Step(Did(each["did"]), {name: text for name, text in each.items() if name != "did"})
        for each in stored
        if each["did"] in known
    )


def _link_text(key: int, link: LinkState) -> str:
    idle = "null" if link.idle is None else f'"{link.idle}"'
    strategy, weight = quoted(link.strategy_key), weight_text(link.weight)
    told = f'"{key}": {{"strategy": {strategy}, "weight": "{weight}", "idle": {idle}'
    if link.stopped:
        told += ', "stopped": true'
    if link.bounds is not UNBOUND and (bounds := _unusual(vars(link.bounds), _USUAL_BOUNDS)):
        told += f', "bounds": {json.dumps(bounds)}'
    return told + "}"


@lru_cache(maxsize=4096)
def weight_text(weight: Decimal) -> str:
    """A weight as it is kept. Of all links there are few."""
    return plain(EXACT.normalize(weight))


def _each(facts: Mapping[Any, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key): _unusual(vars(each), usual) for key, each in facts.items()}


def _unusual(values: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are not the usual ones; amounts as text."""
    return {
        name: plain(EXACT.normalize(value)) if isinstance(value, Decimal) else value
        for name, value in values.items()
        if value != usual[name]
    }


def _values(stored: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of ``_unusual``, without what this version does not know."""
    return {name: _value(name, value) for name, value in stored.items() if name in usual}


def _value(name: str, value: Any) -> Any:
    if name in _WORDS:
        return _WORDS[name](value)
    return value if isinstance(value, _PLAIN) else Decimal(value)


def _settled(settled: Settled) -> dict[str, Any]:
    return {
        "balance": plain(settled.balance),
        "external": None if settled.external is None else plain(settled.external),
        "at": None if settled.at is None else settled.at.isoformat(),
    }


def _settled_pools(stored: Mapping[str, Any]) -> dict[Pool, Settled]:
    return {
        Pool(pool): Settled(
            Decimal(each["balance"]),
            None if each["external"] is None else Decimal(each["external"]),
            None if each["at"] is None else datetime.fromisoformat(each["at"]),
        )
        for pool, each in stored.items()
    }
