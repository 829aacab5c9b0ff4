"""Why a link is idle: the first rule that applies."""

from typing import Any

import pytest

from capital.domain.allocation.links import why_idle
from capital.domain.reasons import Code
from strategies.markets import MarketType
from strategies.models import StrategyStatus

ACTIVE: dict[str, Any] = {
    "account_active": True,
    "venue_markets": frozenset(MarketType),
    "market": MarketType.FUTURES,
    "link_active": True,
    "strategy_status": "ACTIVE",
}
# Each alone makes a link idle, in the order in which they are asked.
RULES = [
    ({"account_active": False}, Code.ACCOUNT_INACTIVE),
    ({"venue_markets": frozenset({MarketType.SPOT})}, Code.MARKET_NOT_ON_VENUE),
    ({"link_active": False}, Code.LINK_INACTIVE),
    ({"strategy_status": "PAUSED"}, Code.STRATEGY_PAUSED),
]


def test_a_link_with_nothing_against_it_is_active() -> None:
    assert why_idle(**ACTIVE) is None


@pytest.mark.parametrize("position", range(len(RULES)))
def test_the_first_rule_that_applies_is_the_reason(position: int) -> None:
    changed, code = RULES[position]
    later = {name: value for rule, _ in RULES[position:] for name, value in rule.items()}

    assert why_idle(**{**ACTIVE, **changed}) is code
    assert why_idle(**{**ACTIVE, **later}) is code


@pytest.mark.parametrize("status", StrategyStatus.values)
def test_every_status_but_active_makes_a_link_idle(status: str) -> None:
    idle = why_idle(**{**ACTIVE, "strategy_status": status})

    assert (idle is None) is (status == "ACTIVE")
