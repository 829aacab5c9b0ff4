"""The shape in which a run keeps its inputs: amounts as text, and nothing that is as usual."""

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
    """For the run's column; amounts as text."""
    told: dict[str, Any] = {
        "links": {str(key): _link(link) for key, link in inputs.links.items()},
        "reserve": {
            "percent": plain(EXACT.normalize(inputs.reserve.percent)),
            "amount": plain(EXACT.normalize(inputs.reserve.amount)),
        },
        "balances": {pool.value: plain(amount) for pool, amount in inputs.balances.items()},
    }
    optional = {
        "rules": _unusual(vars(inputs.rules), _USUAL_RULES),
        "known_links": _each(inputs.known.links, _USUAL_LINK_FACTS),
        "known_pools": _each(inputs.known.pools, _USUAL_POOL_FACTS),
        "aside": {str(key): plain(amount) for key, amount in inputs.aside.items() if amount},
        "settled": {pool.value: _settled(each) for pool, each in inputs.settled.items()},
        "settled_before": {
            pool.value: _settled(each) for pool, each in inputs.settled_before.items()
        },
        "held": {
            pool.value: None if then is None else inputs_as_json(then)
            for pool, then in inputs.held.items()
        },
    }
    return told | {name: each for name, each in optional.items() if each}


def inputs_from_json(stored: Mapping[str, Any]) -> Inputs:
    """The inverse of ``inputs_as_json``; what earlier versions did not keep is as usual."""
    reserve = stored["reserve"]
    return Inputs(
        links={
            int(key): LinkState(
                link["strategy"],
                Decimal(link["weight"]),
                None if link["idle"] is None else Code(link["idle"]),
                # Before limits, nothing was stopped.
                stopped=link.get("stopped", False),
                bounds=(
                    Bounds(**_values(link["bounds"], _USUAL_BOUNDS))
                    if "bounds" in link
                    else UNBOUND
                ),
            )
            for key, link in stored["links"].items()
        },
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
    )


def steps_as_json(decision: Decision) -> dict[str, Any]:
    """What each step did to each link, by link; for the run's column."""
    return {
        str(entry.link.id): each_step_as_json(entry.steps)
        for pool in decision.pools
        for entry in pool.entries
        if entry.steps
    }


def each_step_as_json(steps: Iterable[Step]) -> list[dict[str, str]]:
    """The steps of one link."""
    return [{"did": step.did.value, **step.figures} for step in steps]


def steps_from_json(stored: Iterable[Mapping[str, str]]) -> tuple[Step, ...]:
    """The inverse of ``each_step_as_json``; what this version does not know is left out."""
    known = {did.value for did in Did}
    return tuple(
        Step(Did(each["did"]), {name: text for name, text in each.items() if name != "did"})
        for each in stored
        if each["did"] in known
    )


def _link(link: LinkState) -> dict[str, Any]:
    told = {
        "strategy": link.strategy_key,
        "weight": weight_text(link.weight),
        "idle": link.idle,
        **({"stopped": True} if link.stopped else {}),
    }
    if link.bounds is UNBOUND:
        return told
    bounds = _unusual(vars(link.bounds), _USUAL_BOUNDS)
    return told | {"bounds": bounds} if bounds else told


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
