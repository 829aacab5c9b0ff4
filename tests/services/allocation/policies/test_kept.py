"""What a run rests on is kept as JSON, and every field of it reads back as it was."""

from dataclasses import asdict, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.allocation.bounds import Bounds, Compounding
from capital.domain.allocation.gate import Inputs, LinkState, Settled
from capital.domain.allocation.links import Reserve
from capital.domain.allocation.policies.contract import Did, Known, LinkFacts, PoolFacts, Step
from capital.domain.allocation.rules import PolicyName, Rules, WithOpenPositions
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.services.allocation.policies.kept import (
    each_step_text,
    inputs_as_json,
    inputs_from_json,
    steps_from_json,
)

D = Decimal
MOMENT = datetime(2026, 3, 10, 3, 0, 0, 123456, tzinfo=UTC)

# Nothing in these is as usual; a field that is added later fails until it is here, too.
BOUNDS = Bounds(
    fixed_amount=D("100.5"),
    priority=3,
    min_amount=D(10),
    max_amount=D("1E+3"),
    max_percent=D("33.3"),
    drawdown_scaling=True,
    max_drawdown_percent=D(25),
    compounding=Compounding.NONE,
    base_capital=D("0.00000001"),
)
RULES = Rules(
    policy=PolicyName.OWN_PROFIT,
    lookback_days=45,
    max_unexplained_percent=D("2.5"),
    drift_band_percent=D(8),
    with_open_positions=WithOpenPositions.KEEP_IN_USE,
    counts_spot_holdings=True,
    splits_again=True,
)
LINK_FACTS = LinkFacts(
    in_use=D("1.25"),
    drawdown_percent=D(4),
    volatility=D("0.0123"),
    days=31,
    earned=D("-7.5"),
    is_new=True,
)
POOL_FACTS = PoolFacts(balance_then=D(300), external=D("-20"), earned=D("0.01"))
SETTLED = Settled(D("300.5"), D(-20), MOMENT)
BEFORE = Inputs(links={2: LinkState("old", D(3), Code.LINK_INACTIVE)}, reserve=Reserve(D(1), D(0)))
FULL = Inputs(
    links={
        1: LinkState("grid", D("2.5"), Code.STRATEGY_PAUSED, stopped=True, bounds=BOUNDS),
        2: LinkState('trend "2"', D(1), None),
    },
    reserve=Reserve(D("12.5"), D("0.01")),
    balances={Pool.SPOT: D("1E-8"), Pool.FUTURES: D("90.10")},
    rules=RULES,
    known=Known({1: LINK_FACTS, 2: LinkFacts(days=1)}, {Pool.SPOT: POOL_FACTS}),
    aside={1: D("3.5"), 2: D("0.01")},
    settled={Pool.SPOT: SETTLED, Pool.FUTURES: Settled(D(90))},
    settled_before={Pool.FUTURES: Settled(D(80), D(1), MOMENT)},
    held={Pool.FUTURES: BEFORE, Pool.UNIFIED: None},
    restored=frozenset({Pool.FUTURES}),
)


@pytest.mark.parametrize(
    ("unusual", "usual"),
    [
        (BOUNDS, Bounds()),
        (RULES, Rules()),
        (LINK_FACTS, LinkFacts()),
        (POOL_FACTS, PoolFacts()),
        (SETTLED, Settled(D(0))),
        (FULL.known, Known()),
        (FULL, Inputs(links={}, reserve=Reserve(D(0), D(0)))),
    ],
    ids=lambda each: type(each).__name__,
)
def test_nothing_in_what_is_read_back_here_is_as_usual(unusual: Any, usual: Any) -> None:
    names = [each.name for each in fields(unusual)]

    assert [name for name in names if getattr(unusual, name) == getattr(usual, name)] == []


def test_every_field_reads_back_as_it_was() -> None:
    assert inputs_from_json(inputs_as_json(FULL)) == FULL


def test_it_has_the_names_under_which_it_was_kept_before() -> None:
    kept = inputs_as_json(FULL)

    assert list(kept) == [
        *("links", "reserve", "balances", "rules", "known_links", "known_pools"),
        *("aside", "settled", "settled_before", "held", "restored"),
    ]
    assert list(kept["links"]["1"]) == ["strategy", "weight", "idle", "stopped", "bounds"]
    for name, values in (
        ("rules", RULES),
        ("known_pools", POOL_FACTS),
        ("settled", SETTLED),
    ):
        told = kept[name] if name == "rules" else kept[name]["spot"]
        assert list(told) == list(asdict(values))
    assert list(kept["links"]["1"]["bounds"]) == list(asdict(BOUNDS))
    assert list(kept["known_links"]["1"]) == list(asdict(LINK_FACTS))


def test_what_is_as_usual_is_not_kept() -> None:
    usual = Inputs(links={1: LinkState("grid", D(1), None)}, reserve=Reserve(D(0), D(0)))

    assert inputs_as_json(usual) == {
        "links": {"1": {"strategy": "grid", "weight": "1", "idle": None}},
        "reserve": {"percent": "0", "amount": "0"},
        "balances": {},
    }
    assert inputs_from_json(inputs_as_json(usual)) == usual


def test_what_another_version_knows_is_left_out() -> None:
    kept = inputs_as_json(FULL)
    for values in (kept["links"]["1"], kept["rules"], kept["known_pools"]["spot"]):
        values["of_tomorrow"] = "1"
    steps = [{"did": "share", "amount": "5"}, {"did": "of_tomorrow", "amount": "6"}]

    assert inputs_from_json(kept) == FULL
    assert steps_from_json(steps) == (Step(Did("share"), {"amount": "5"}),)
    assert each_step_text(steps_from_json(steps)) == '[{"did": "share", "amount": "5"}]'
