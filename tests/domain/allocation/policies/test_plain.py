"""Pools that weights alone divide: in whole numbers, as the steps divide them in fractions."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.allocation.bounds import Bounds
from capital.domain.allocation.links import Link, Reserve
from capital.domain.allocation.policies.contract import Known, LinkFacts, Question
from capital.domain.allocation.policies.pipeline import divide, divide_in_steps
from capital.domain.allocation.policies.plain import divide_plainly
from capital.domain.allocation.rules import PolicyName, Rules
from capital.domain.money import CENT, SATOSHI, UNIT, floor_to
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from strategies.markets import MarketType

D = Decimal


def links_of(*weights: str, idle: Code | None = None, **of_last: object) -> list[Link]:
    """Links with these weights; the last one as given."""
    made = [
        Link(key, f"s{key}", MarketType.SPOT, D(weight), None, None)
        for key, weight in enumerate(weights[:-1], start=1)
    ]
    last = {"idle": idle, "capital": None, **of_last}
    return [*made, Link(len(weights), "last", MarketType.SPOT, D(weights[-1]), **last)]  # type: ignore[arg-type]


def question(
    links: list[Link],
    balance: str,
    *,
    reserve: str = "0",
    rules: Rules | None = None,
    known: Known | None = None,
) -> Question:
    return Question(
        pool=Pool.SPOT,
        links=links,
        balance=D(balance),
        reserve=D(reserve),
        rule=Reserve(),
        rules=rules or Rules(),
        known=known or Known(),
    )


def test_two_thirds_and_a_third_of_a_hundred_dollars() -> None:
    division = divide_plainly(question(links_of("2", "1"), "100.009"), quantum=CENT)
    assert division is not None
    assert [share.amount for share in division.shares.values()] == [D("66.67"), D("33.33")]
    (step,) = division.shares[1].steps
    assert step.figures == {
        "balance": "100",
        "reserve": "0",
        "claim": "2",
        "claims": "3",
        "amount": "66.67",
    }


def test_the_line_tells_the_nearest_amount_and_the_link_gets_what_adds_up() -> None:
    links = links_of("1", "1", "1", "1", "1", "1")
    division = divide_plainly(question(links, "0.10"), quantum=CENT)
    assert division is not None
    got = [str(share.amount) for share in division.shares.values()]
    assert got == ["0.02", "0.02", "0.02", "0.02", "0.01", "0.01"]
    assert {share.steps[0].figures["amount"] for share in division.shares.values()} == {"0.02"}


amounts = st.decimals(min_value=0, max_value=10**12, places=9)
weights = st.decimals(min_value=0, max_value=999, places=8)
idle = st.sampled_from([None, None, None, Code.STRATEGY_PAUSED])


@given(
    balance=amounts,
    of_links=st.lists(st.tuples(weights, idle), min_size=1, max_size=12),
    percent=st.integers(min_value=0, max_value=100),
    quantum=st.sampled_from([CENT, UNIT, SATOSHI]),
)
def test_it_gives_what_the_steps_give(
    balance: Decimal,
    of_links: list[tuple[Decimal, Code | None]],
    percent: int,
    quantum: Decimal,
) -> None:
    links = [
        Link(key, f"s{key}", MarketType.SPOT, weight, why, None)
        for key, (weight, why) in enumerate(of_links)
    ]
    kept = Reserve(D(percent)).of(floor_to(balance, quantum), quantum=quantum)
    asked = question(links, str(balance), reserve=str(kept))
    plainly = divide_plainly(asked, quantum=quantum)
    if not any(link.weight for link in asked.active):
        assert plainly is None
        return
    in_steps = divide_in_steps(asked, quantum=quantum)
    # As it is written: a cent is 0.01, not 0.010.
    assert repr(plainly) == repr(in_steps)


@pytest.mark.parametrize(
    "asked",
    [
        question(links_of("2", "1"), "-100"),
        question(links_of("2", "1"), "100", rules=Rules(policy=PolicyName.INVERSE_VOLATILITY)),
        question(links_of("2", "1"), "100", rules=Rules(drift_band_percent=D(5))),
        question(links_of("2", "1"), "100", known=Known({1: LinkFacts(in_use=D(90))})),
        question(links_of("2", "1", bounds=Bounds(max_amount=D(10))), "100"),
        question(links_of("2", "1", is_stopped=True), "100"),
        question(links_of("1", idle=Code.STRATEGY_PAUSED), "100"),
        question(links_of("2", "1"), "100", reserve="120"),
        question(links_of("2", "1"), "100", reserve="0.005"),
        question(links_of("2", "1.000000001"), "100"),
    ],
    ids=[
        "debt",
        "another policy",
        "a drift band",
        "in use",
        "bounds",
        "a stop",
        "nobody is active",
        "more kept than there is",
        "a reserve of half a cent",
        "a weight of more decimals than are stored",
    ],
)
def test_where_there_is_more_to_it_the_steps_divide(asked: Question) -> None:
    assert divide_plainly(asked, quantum=CENT) is None
    assert divide(asked, quantum=CENT) == divide_in_steps(asked, quantum=CENT)
