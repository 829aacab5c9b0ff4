"""Pools drawn at random: their links, what is known of these, and the rules."""

from decimal import Decimal

from hypothesis import strategies as st

from capital.domain.allocation.bounds import Bounds, Compounding
from capital.domain.allocation.links import Link
from capital.domain.allocation.policies.contract import Known, LinkFacts, PoolFacts
from capital.domain.allocation.pools import PoolDecision, decide_pool
from capital.domain.allocation.rules import PolicyName, Rules
from capital.domain.money import CENT
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from strategies.markets import MarketType
from tests.domain.builders import live, weights

_ZERO = Decimal(0)

cents = st.decimals(min_value=0, max_value=20_000, places=2)
# Margins and fees are not whole cents.
exact = st.decimals(min_value=0, max_value=20_000, places=6)
percents = st.decimals(min_value=0, max_value=100, places=2)
signed = st.decimals(min_value=-9_000, max_value=9_000, places=6)


@st.composite
def bounds(draw: st.DrawFn) -> Bounds:
    optional = st.one_of(st.none(), cents)
    return Bounds(
        fixed_amount=draw(st.one_of(st.none(), st.none(), cents)),
        priority=draw(st.integers(0, 3)),
        min_amount=draw(optional),
        max_amount=draw(optional),
        max_percent=draw(st.one_of(st.none(), percents)),
        drawdown_scaling=draw(st.booleans()),
        max_drawdown_percent=draw(st.sampled_from([None, Decimal(10), Decimal(40)])),
        compounding=draw(st.sampled_from(Compounding)),
        base_capital=draw(optional),
    )


@st.composite
def pools(draw: st.DrawFn, *, with_bounds: bool = True, policy: PolicyName | None = None):
    """The links of one pool, what is known of them, and the rules."""
    size = draw(st.integers(1, 5))
    links, facts = [], {}
    for number in range(1, size + 1):
        idle = st.sampled_from([None, None, Code.STRATEGY_PAUSED, Code.STRATEGY_ARCHIVED])
        links.append(
            Link(
                id=number,
                strategy_key=f"s{number}",
                market=MarketType.SPOT,
                weight=draw(weights),
                idle=draw(idle),
                capital=draw(st.one_of(st.none(), cents)),
                bounds=draw(bounds()) if with_bounds else Bounds(),
                set_aside=draw(st.one_of(st.just(_ZERO), signed)),
                is_stopped=draw(st.sampled_from([False, False, True])) if with_bounds else False,
            )
        )
        facts[number] = LinkFacts(
            in_use=draw(st.one_of(st.just(_ZERO), cents, exact)) if with_bounds else _ZERO,
            drawdown_percent=draw(st.one_of(st.none(), percents)),
            volatility=draw(st.one_of(st.none(), st.decimals(0, 3, places=6))),
            days=draw(st.sampled_from([0, 29, 30, 60])),
            earned=draw(signed),
            is_new=draw(st.booleans()),
        )
    rules = Rules(
        policy=policy or draw(st.sampled_from(PolicyName)),
        drift_band_percent=draw(st.sampled_from([_ZERO, _ZERO, Decimal(20)])),
    )
    # What the balance was then is not known: nothing is unexplained.
    return links, Known(facts, {Pool.SPOT: PoolFacts()}), rules


balances = st.decimals(min_value=-100, max_value=50_000, places=6)


def decide(balance, pool, reserve, quantum=CENT) -> PoolDecision:
    links, known, rules = pool
    return decide_pool(
        live(balance), links, reserve=reserve, quantum=quantum, rules=rules, known=known
    )
