"""Each way in which an entry can come about says so, in a sentence of its own."""

from decimal import Decimal
from typing import Any

import pytest

from capital.domain.allocation.bounds import Bounds
from capital.domain.allocation.decision import decide
from capital.domain.allocation.links import Link, Reserve
from capital.domain.allocation.policies.contract import Known, LinkFacts, PoolFacts
from capital.domain.allocation.rules import PolicyName, Rules
from capital.domain.pools import Pool, WalletMode
from capital.services.allocation.report import report_decision
from strategies.markets import MarketType
from tests.domain.builders import live
from tests.factories import make_account

D = Decimal
CALM = LinkFacts(volatility=D("0.1"), days=40)
OWN = {1: LinkFacts(earned=D(0)), 2: LinkFacts(earned=D(0))}


def link(key: int, **fields: Any) -> Link:
    return Link(key, f"bot-{key}", MarketType.FUTURES, D(1), None, D(50))._replace(**fields)


def bound(key: int, **bounds: Any) -> Link:
    return link(key, bounds=Bounds(**bounds))


CASES: list[tuple[str, list[Link], PolicyName, dict[int, LinkFacts], list[str]]] = [
    (
        "bounds",
        [bound(1, fixed_amount=D(70)), bound(2, fixed_amount=D(50))],
        PolicyName.WEIGHTS,
        {},
        ["fixed_amount", "fixed_cut_short"],
    ),
    (
        "minimums",
        [bound(1, min_amount=D(80)), bound(2, min_amount=D(50))],
        PolicyName.WEIGHTS,
        {},
        ["share", "minimum_cut_short"],
    ),
    (
        "a stop",
        [link(1, is_stopped=True), link(2)],
        PolicyName.WEIGHTS,
        {},
        ["share_stopped", "share"],
    ),
    (
        "volatility",
        [link(1), link(2)],
        PolicyName.INVERSE_VOLATILITY,
        {1: CALM, 2: LinkFacts(days=3)},
        ["share_by_volatility", "median_volatility"],
    ),
    (
        "no volatility",
        [link(1), link(2)],
        PolicyName.INVERSE_VOLATILITY,
        {},
        ["share_without_volatility", "share_without_volatility"],
    ),
    ("own", [link(1), link(2)], PolicyName.OWN_PROFIT, OWN, ["share_of_own", "share_of_own"]),
    (
        "a loss",
        [link(1), link(2)],
        PolicyName.OWN_PROFIT,
        {**OWN, 1: LinkFacts(earned=D(-60))},
        ["own_loss_exceeds", "share_of_own"],
    ),
    (
        "no books",
        [link(1), link(2)],
        PolicyName.OWN_PROFIT,
        {1: LinkFacts()},
        ["pool_kept", "pool_kept"],
    ),
]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("links", "policy", "facts", "codes"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_an_entry_says_how_it_came_about(
    links: list[Link], policy: PolicyName, facts: dict[int, LinkFacts], codes: list[str]
) -> None:
    earned = sum((each.earned or D(0) for each in facts.values()), D(0))
    pools = {Pool.FUTURES: PoolFacts(balance_then=D(100), earned=earned)}
    decision = decide(
        links,
        {Pool.FUTURES: live(D(100) + earned, Pool.FUTURES)},
        currency="USDT",
        wallet_mode=WalletMode.SEPARATE,
        reserve=Reserve(),
        rules=Rules(policy=policy),
        known=Known(facts, pools),
    )

    [pool] = report_decision(make_account(), decision).pools
    assert [entry.code for entry in pool.entries] == codes
    told = [pool.reason_of(entry) for entry in pool.entries]
    assert len(set(told)) == len(set(codes))
    assert all(text.endswith(".") and "{" not in text for text in told)


@pytest.mark.django_db
def test_what_stays_within_its_band_says_so() -> None:
    decision = decide(
        [link(1, capital=D(50)), link(2, capital=D(49))],
        {Pool.FUTURES: live("100", Pool.FUTURES)},
        currency="USDT",
        wallet_mode=WalletMode.SEPARATE,
        reserve=Reserve(),
        rules=Rules(drift_band_percent=D(5)),
    )
    [pool] = report_decision(make_account(), decision).pools
    assert [entry.code for entry in pool.entries] == ["within_band", "within_band"]
    assert pool.reason_of(pool.entries[0]).endswith(".")
