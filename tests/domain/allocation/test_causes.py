"""What somebody changed of the inputs of a decision since the last one."""

from dataclasses import replace
from decimal import Decimal

import pytest

from capital.domain.allocation.bounds import Bounds
from capital.domain.allocation.causes import changes_since
from capital.domain.allocation.gate import Inputs, LinkState
from capital.domain.allocation.links import Reserve
from capital.domain.allocation.rules import PolicyName, Rules
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason

D = Decimal
SPOT, FUTURES = Pool.SPOT, Pool.FUTURES
POOLS = {1: SPOT, 2: SPOT, 3: FUTURES}


def state(key: str, weight: str = "1", **fields: object) -> LinkState:
    return LinkState(key, Decimal(weight), **{"idle": None, **fields})  # type: ignore[arg-type]


LAST = Inputs(links={1: state("a", "60"), 2: state("b", "40"), 3: state("c")}, reserve=Reserve())


def told(now: Inputs, last: Inputs = LAST) -> list[tuple[str, dict[str, str]]]:
    return [(change.code.value, dict(change.figures)) for change in changes_since(last, now, POOLS)]


def with_links(links: dict[int, LinkState]) -> Inputs:
    return replace(LAST, links={**LAST.links, **links})


def test_of_the_same_inputs_nothing_is_told() -> None:
    assert told(LAST) == []


@pytest.mark.parametrize(
    ("then", "now", "code"),
    [
        (None, Code.LINK_INACTIVE, "links_deactivated"),
        (None, Code.STRATEGY_PAUSED, "strategies_paused"),
        (Code.STRATEGY_PAUSED, Code.STRATEGY_ARCHIVED, "strategies_archived"),
        (Code.STRATEGY_PAUSED, None, "strategies_activated"),
        (Code.STRATEGY_ARCHIVED, None, "strategies_activated"),
        (Code.LINK_INACTIVE, None, "links_activated"),
    ],
)
def test_a_state_is_told_as_what_was_done(then: Code | None, now: Code | None, code: str) -> None:
    last = with_links({1: state("a", "60", idle=then)})

    assert told(with_links({1: state("a", "60", idle=now)}), last) == [(code, {"strategies": "a"})]


@pytest.mark.parametrize(
    ("now", "unnamed"),
    [
        (with_links({1: state("a", "60", idle=Code.STRATEGY_PAUSED)}), Code.STATES_CHANGED),
        (with_links({4: state("d")}), Code.LINKS_CHANGED),
        (with_links({1: state("a", "60", bounds=Bounds(max_amount=D(5)))}), Code.BOUNDS_CHANGED),
        (with_links({1: state("a", "50")}), Code.WEIGHTS_CHANGED),
    ],
)
def test_what_nobody_is_known_to_have_done_is_told_without_a_name(
    now: Inputs, unnamed: Code
) -> None:
    (change,) = changes_since(LAST, now, {**POOLS, 4: SPOT})

    key = "d" if unnamed is Code.LINKS_CHANGED else "a"
    assert change.unnamed == Reason(unnamed, {"strategies": key})


def test_a_market_that_a_venue_no_longer_has_is_nobodys_doing() -> None:
    gone = with_links({1: state("a", "60", idle=Code.MARKET_NOT_ON_VENUE)})

    assert told(gone) == []


def test_weights_are_those_that_divide_and_those_that_changed() -> None:
    paused = {2: state("b", "40", idle=Code.STRATEGY_PAUSED)}
    last = with_links(paused)

    assert told(with_links({**paused, 1: state("a", "5")}), last) == [
        ("weights_set", {"before": "60", "after": "5"})
    ]
    assert told(with_links({2: state("b", "4.50", idle=Code.STRATEGY_PAUSED)}), last) == [
        ("weights_set", {"before": "60/40", "after": "60/4.5"})
    ]


@pytest.mark.parametrize(
    ("others", "figures"),
    [
        # Six in the pool are a series; of seven, the one that changed.
        (4, {"before": "60/40/1/1/1/1", "after": "60/9/1/1/1/1"}),
        (5, {"before": "40", "after": "9"}),
    ],
)
def test_of_many_strategies_only_the_changed_weights_are_told(
    others: int, figures: dict[str, str]
) -> None:
    more = {number: state(f"m{number}") for number in range(10, 10 + others)}
    pools = POOLS | dict.fromkeys(more, SPOT)
    now = with_links({**more, 2: state("b", "9")})

    (change,) = changes_since(with_links(more), now, pools)

    assert (change.figures, change.strategies) == (figures, ("b",))


def test_a_pool_that_was_held_is_compared_with_what_it_was_decided_on() -> None:
    changed = with_links({1: state("a", "50"), 3: state("c", "2")})
    held = replace(changed, held={SPOT: LAST})

    assert told(changed, held) == [("weights_set", {"before": "60/40", "after": "50/40"})]


def test_of_a_pool_that_was_never_decided_nothing_is_told() -> None:
    changed = with_links({1: state("a", "50"), 3: state("c", "2")})

    assert told(changed, replace(LAST, held={SPOT: None})) == [
        ("weights_set", {"before": "1", "after": "2"})
    ]


def test_links_that_came_and_went_are_told_once_and_bounds_and_stops_with_them() -> None:
    last = replace(LAST, links={1: state("a", "60"), 8: state("h"), 9: state("i")})
    now = with_links({1: state("a", "60", stopped=True, bounds=Bounds(max_amount=Decimal(5)))})

    assert told(now, last) == [
        ("strategies_linked", {"strategies": "b"}),
        ("stopped_by_limit", {"strategies": "a"}),
        ("bounds_set", {"strategies": "a"}),
        ("strategies_linked", {"strategies": "c"}),
        ("strategies_unlinked", {"strategies": "h, i"}),
    ]


@pytest.mark.parametrize(
    ("reserve", "text"),
    [
        (Reserve(percent=Decimal("5.0")), "5%"),
        (Reserve(amount=Decimal(200)), "200"),
        (Reserve(percent=Decimal(5), amount=Decimal(200)), "5% / 200"),
    ],
)
def test_a_reserve_is_told_as_what_was_set(reserve: Reserve, text: str) -> None:
    assert told(replace(LAST, reserve=reserve)) == [
        ("reserve_set", {"before": "0%", "after": text})
    ]


def test_a_policy_is_named_and_its_settings_are_not() -> None:
    by_profit = Rules(policy=PolicyName.OWN_PROFIT, drift_band_percent=Decimal(2))

    assert told(replace(LAST, rules=by_profit)) == [
        ("policy_set", {"before": "weights", "after": "own_profit"})
    ]
    assert told(replace(LAST, rules=Rules(drift_band_percent=Decimal(2)))) == [
        ("policy_settings_set", {})
    ]
    # It counts under another policy only.
    assert told(replace(LAST, rules=Rules(lookback_days=9))) == []
