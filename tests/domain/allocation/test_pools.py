from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.allocation.links import Reserve
from capital.domain.allocation.pools import PoolDecision, decide_pool
from capital.domain.errors import InvalidAllocation
from capital.domain.money import CENT, UNIT, floor_to
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from tests.domain.builders import IDLE_CODES, QUANTA, link, links, live, nothing, readings, reserves


def decide(reading, *of_pool, reserve=None, quantum=CENT) -> PoolDecision:
    return decide_pool(reading, of_pool, reserve=reserve or Reserve(), quantum=quantum)


def after(decision: PoolDecision) -> dict[int, Decimal | None]:
    return {entry.link.id: entry.after for entry in decision.entries}


def codes(decision: PoolDecision) -> dict[int, Code]:
    return {entry.link.id: entry.code for entry in decision.entries}


def test_the_only_active_link_gets_the_whole_pool():
    decision = decide(live("10369"), link(1, weight="0.5"))

    assert after(decision) == {1: 10369}
    assert codes(decision) == {1: Code.SHARE}
    assert (decision.reserve, decision.unallocated) == (0, 0)
    assert decision.reason.code is Code.LIVE_BALANCE
    assert not decision.skipped


def test_entries_stand_in_order_of_primary_key():
    decision = decide(live("90"), link(3), link(1), link(2))

    assert [entry.link.id for entry in decision.entries] == [1, 2, 3]


def test_a_tie_goes_to_the_lower_primary_key():
    assert after(decide(live("0.01"), link(8), link(7))) == {7: Decimal("0.01"), 8: 0}


def test_the_reading_is_floored_and_kept_unrounded():
    decision = decide(live("10369.009999"), link(1))

    assert after(decision) == {1: 10369}
    assert decision.reading.amount == Decimal("10369.009999")


@pytest.mark.parametrize("code", IDLE_CODES)
def test_an_idle_link_goes_to_zero_and_does_not_dilute_the_others(code):
    decision = decide(
        live("100"), link(1, capital="50"), link(2, weight="99", idle=code, capital="50")
    )

    assert after(decision) == {1: 100, 2: 0}
    assert codes(decision) == {1: Code.SHARE, 2: code}


def test_without_a_balance_active_links_keep_and_idle_links_go_to_zero():
    decision = decide(
        nothing(),
        link(1, capital="40.00"),
        link(2, capital="60.00", idle=Code.STRATEGY_PAUSED),
        link(3),
    )

    assert after(decision) == {1: 40, 2: 0, 3: None}
    assert codes(decision) == {1: Code.KEPT, 2: Code.STRATEGY_PAUSED, 3: Code.KEPT}
    assert [entry.changed for entry in decision.entries] == [False, True, False]
    assert (decision.reserve, decision.unallocated) == (None, None)
    assert decision.reason.code is Code.LIVE_DISABLED
    assert decision.skipped


def test_a_pool_without_a_balance_and_without_active_links_is_not_skipped():
    decision = decide(nothing(), link(1, capital="60.00", idle=Code.LINK_INACTIVE))

    assert after(decision) == {1: 0}
    assert not decision.skipped


def test_zero_is_a_real_zero_and_is_acted_on():
    decision = decide(live("0"), link(1, capital="500.00"))

    assert after(decision) == {1: 0}
    assert codes(decision) == {1: Code.SHARE}
    assert decision.reason.code is Code.LIVE_BALANCE
    assert not decision.skipped


def test_a_balance_below_one_quantum_allocates_zero():
    assert after(decide(live("0.0099"), link(1))) == {1: 0}
    assert after(decide(live("0.99"), link(1), quantum=UNIT)) == {1: 0}


def test_a_negative_balance_is_debt_and_allocates_zero():
    decision = decide(
        live("-250.555"),
        link(1, capital="500.00"),
        link(2, capital="1.00", idle=Code.STRATEGY_ARCHIVED),
        reserve=Reserve(amount=Decimal(100)),
    )

    assert after(decision) == {1: 0, 2: 0}
    assert codes(decision) == {1: Code.NEGATIVE_BALANCE, 2: Code.STRATEGY_ARCHIVED}
    assert decision.reason.code is Code.NEGATIVE_BALANCE
    assert decision.reason.figures == {"balance": "-250.555"}
    assert decision.reserve == 0
    assert decision.unallocated == Decimal("-250.56")


@pytest.mark.parametrize(
    ("stored", "shown"), [("-5.50000000", "-5.5"), ("-300.00000000", "-300"), ("-0.5", "-0.5")]
)
def test_a_debt_is_named_without_zeros_at_its_end(stored, shown):
    assert decide(live(stored), link(1)).reason.figures == {"balance": shown}


def test_minus_zero_is_zero_and_no_debt():
    decision = decide(live("-0.00000000"), link(1, capital="5.00"))

    assert decision.reason.code is Code.LIVE_BALANCE
    assert str(decision.entries[0].after) == "0.00"
    assert decision.unallocated == 0


def test_the_reserve_is_taken_before_the_split():
    decision = decide(
        live("10000"), link(1, weight="3"), link(2), reserve=Reserve(percent=Decimal(10))
    )

    assert after(decision) == {1: 6750, 2: 2250}
    assert decision.reserve == 1000
    assert decision.unallocated == 0


def test_a_reserve_above_the_balance_takes_all_of_it():
    decision = decide(live("80"), link(1, capital="80.00"), reserve=Reserve(amount=Decimal(100)))

    assert after(decision) == {1: 0}
    assert decision.reserve == 80
    assert decision.unallocated == 0


def test_what_no_active_link_can_take_stays_unallocated():
    decision = decide(
        live("80"),
        link(1, capital="80.00", idle=Code.STRATEGY_PAUSED),
        reserve=Reserve(percent=Decimal(25)),
    )

    assert after(decision) == {1: 0}
    assert (decision.reserve, decision.unallocated) == (20, 60)


def test_active_weights_of_zero_are_refused():
    with pytest.raises(InvalidAllocation, match="no weight is above zero"):
        decide(live("80"), link(1, weight="0"), link(2, weight="0"))


@given(readings(Pool.SPOT), links(), reserves, st.sampled_from(QUANTA))
def test_allocations_reserve_and_unallocated_are_the_floored_balance(
    reading, of_pool, reserve, quantum
):
    decision = decide(reading, *of_pool, reserve=reserve, quantum=quantum)

    if reading.amount is None:
        assert (decision.reserve, decision.unallocated) == (None, None)
        return
    allocated = sum(Fraction(entry.after) for entry in decision.entries)
    assert allocated + Fraction(decision.reserve) + Fraction(decision.unallocated) == Fraction(
        floor_to(reading.amount, quantum)
    )
    if reading.amount >= 0:
        assert decision.unallocated >= 0
    if reading.amount >= 0 and any(entry.link.idle is None for entry in decision.entries):
        assert decision.unallocated == 0


@given(readings(Pool.SPOT), links(), reserves, st.sampled_from(QUANTA))
def test_nobody_gets_less_than_zero_or_part_of_a_quantum(reading, of_pool, reserve, quantum):
    for entry in decide(reading, *of_pool, reserve=reserve, quantum=quantum).entries:
        if entry.code is not Code.KEPT:
            assert entry.after >= 0
            assert entry.after == floor_to(entry.after, quantum)


@given(readings(Pool.SPOT), links(), reserves)
def test_every_link_has_one_entry_that_says_what_it_had(reading, of_pool, reserve):
    decision = decide(reading, *of_pool, reserve=reserve)

    by_id = sorted(of_pool, key=lambda one: one.id)
    assert [entry.link for entry in decision.entries] == by_id
    assert [entry.before for entry in decision.entries] == [one.capital for one in by_id]


@given(readings(Pool.SPOT), links(), reserves)
def test_idle_links_go_to_zero_whatever_the_reading(reading, of_pool, reserve):
    decision = decide(reading, *of_pool, reserve=reserve)

    for entry in decision.entries:
        if entry.link.idle is not None:
            assert entry.after == 0
            assert entry.code is entry.link.idle


@given(readings(Pool.SPOT), links(), reserves)
def test_idle_links_make_no_difference_to_active_ones(reading, of_pool, reserve):
    active = [one for one in of_pool if one.idle is None]

    with_idle = decide(reading, *of_pool, reserve=reserve)
    without = decide(reading, *active, reserve=reserve)

    assert tuple(entry for entry in with_idle.entries if entry.link.idle is None) == without.entries


@given(readings(Pool.SPOT), links(), reserves, st.randoms(use_true_random=False))
def test_the_order_of_the_links_makes_no_difference(reading, of_pool, reserve, random):
    shuffled = random.sample(of_pool, len(of_pool))

    assert decide(reading, *shuffled, reserve=reserve) == decide(reading, *of_pool, reserve=reserve)
