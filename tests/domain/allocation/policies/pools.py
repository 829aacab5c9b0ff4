"""Pools that tests divide: links, what is known of them, and what each gets."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from capital.domain.allocation.bounds import Bounds, Compounding
from capital.domain.allocation.links import Link, Reserve
from capital.domain.allocation.policies.contract import Did, Known, LinkFacts, PoolFacts
from capital.domain.allocation.pools import PoolDecision, decide_pool
from capital.domain.allocation.rules import PolicyName, Rules
from capital.domain.money import CENT
from capital.domain.pools import Pool
from tests.domain.builders import link, live


def bound(
    number: int,
    *,
    weight: str = "1",
    capital: str | None = None,
    compounding: str = "full",
    **bounds: Any,
) -> Link:
    """A link with bounds; amounts may be written as text."""
    exact = {
        name: Decimal(value) if isinstance(value, str) else value for name, value in bounds.items()
    }
    return link(number, weight=weight, capital=capital)._replace(
        bounds=Bounds(compounding=Compounding(compounding), **exact)
    )


def known(
    *,
    then: str | None = None,
    external: str = "0",
    earned: Mapping[int, str | None] | None = None,
    new: Sequence[int] = (),
    in_use: Mapping[int, str] | None = None,
    drawdowns: Mapping[int, str] | None = None,
    volatilities: Mapping[int, str] | None = None,
    days: int = 60,
) -> Known:
    """What is known of the spot pool and of its links."""
    earned, in_use = earned or {}, in_use or {}
    drawdowns, volatilities = drawdowns or {}, volatilities or {}
    numbers = {*earned, *in_use, *drawdowns, *volatilities, *new}
    total = sum((Decimal(each) for each in earned.values() if each is not None), Decimal(0))
    return Known(
        links={
            number: LinkFacts(
                in_use=Decimal(in_use.get(number, "0")),
                drawdown_percent=_optional(drawdowns.get(number)),
                volatility=_optional(volatilities.get(number)),
                days=days,
                earned=_optional(earned.get(number)),
                is_new=number in new,
            )
            for number in numbers
        },
        pools={
            Pool.SPOT: PoolFacts(_optional(then), Decimal(external), total),
        },
    )


def divided(
    balance: str,
    *links: Link,
    policy: str = "weights",
    facts: Known | None = None,
    reserve: Reserve | None = None,
    quantum: Decimal = CENT,
    **rules: Any,
) -> PoolDecision:
    """The decision for one spot pool."""
    return decide_pool(
        live(balance),
        links,
        reserve=reserve or Reserve(),
        quantum=quantum,
        rules=Rules(policy=PolicyName(policy), **rules),
        known=facts,
    )


def got(decision: PoolDecision) -> list[str | None]:
    """What each link has afterwards, by primary key."""
    return [None if each.after is None else str(each.after) for each in decision.entries]


def codes(decision: PoolDecision) -> list[str]:
    """The code of each entry, by primary key."""
    return [each.code.value for each in decision.entries]


def aside(decision: PoolDecision) -> list[str]:
    """What is set aside for each link, by primary key."""
    return [format(each.set_aside, "f") for each in decision.entries if each.set_aside is not None]


def steps(decision: PoolDecision, number: int) -> list[tuple[Did, dict[str, str]]]:
    """What was done for one link."""
    (entry,) = (each for each in decision.entries if each.link.id == number)
    return [(step.did, dict(step.figures)) for step in entry.steps]


def _optional(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
