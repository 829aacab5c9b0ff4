from decimal import Decimal

import pytest

from capital.domain.allocation.links import Reserve
from capital.domain.allocation.policies.contract import Did
from capital.domain.reasons import Code
from tests.domain.allocation.policies.pools import bound, codes, divided, got, known, steps
from tests.domain.builders import link


def test_what_a_ceiling_takes_goes_to_the_others_by_their_weights():
    decision = divided(
        "10000",
        bound(1, weight="0.6", max_amount="4000"),
        link(2, weight="0.3"),
        link(3, weight="0.1"),
    )

    assert got(decision) == ["4000.00", "4500.00", "1500.00"]
    assert decision.unallocated == 0


def test_a_share_its_ceiling_and_what_the_others_get_are_told_with_figures():
    decision = divided(
        "30000",
        bound(1, weight="50", max_amount="10000"),
        link(2, weight="50"),
        reserve=Reserve(amount=Decimal(3000)),
    )

    assert got(decision) == ["10000.00", "17000.00"]
    share = {"balance": "30000", "reserve": "3000", "claim": "50", "claims": "100"}
    assert steps(decision, 1) == [
        (Did.SHARE, {**share, "amount": "13500"}),
        (Did.AT_MOST, {"amount": "10000"}),
        (Did.TO_OTHERS, {"amount": "3500"}),
    ]
    assert steps(decision, 2) == [
        (Did.SHARE, {**share, "amount": "13500"}),
        (Did.FROM_OTHERS, {"amount": "3500"}),
    ]


def test_a_ceiling_in_percent_is_of_the_base():
    decision = divided(
        "10000", bound(1, max_percent="25"), link(2), reserve=Reserve(amount=Decimal(2000))
    )

    assert got(decision) == ["2000.00", "6000.00"]


def test_the_lower_of_two_ceilings_counts():
    assert got(divided("10000", bound(1, max_percent="25", max_amount="1000"), link(2))) == [
        "1000.00",
        "9000.00",
    ]


def test_what_nobody_can_take_stays_unallocated():
    decision = divided("10000", bound(1, max_amount="4000"), bound(2, max_amount="1000"))

    assert got(decision) == ["4000.00", "1000.00"]
    assert decision.unallocated == 5000
    assert steps(decision, 1)[1:] == [
        (Did.AT_MOST, {"amount": "4000"}),
        (Did.LEFT, {"amount": "1000"}),
    ]


def test_a_second_ceiling_is_met_by_what_the_first_one_gave():
    decision = divided(
        "10000",
        bound(1, weight="6", max_amount="2000"),
        bound(2, weight="3", max_amount="5000"),
        link(3),
    )

    assert got(decision) == ["2000.00", "5000.00", "3000.00"]


def test_a_minimum_is_paid_by_the_others_by_their_weights():
    decision = divided(
        "10000", bound(1, weight="1", min_amount="4000"), link(2, weight="6"), link(3, weight="3")
    )

    assert got(decision) == ["4000.00", "4000.00", "2000.00"]
    assert steps(decision, 1)[-1] == (Did.AT_LEAST, {"amount": "4000"})


def test_minimums_above_what_there_is_are_cut_short_by_priority():
    decision = divided(
        "5000",
        bound(1, min_amount="4000", priority=20),
        bound(2, min_amount="4000", priority=10),
        link(3),
    )

    assert got(decision) == ["1000.00", "4000.00", "0.00"]
    assert codes(decision) == ["minimum_cut_short", "share", "share"]


def test_a_ceiling_below_the_minimum_counts():
    assert got(divided("10000", bound(1, min_amount="4000", max_percent="10"), link(2))) == [
        "1000.00",
        "9000.00",
    ]


def test_fixed_amounts_are_served_first_by_priority_and_may_be_cut_short():
    decision = divided(
        "10000",
        bound(1, fixed_amount="5000", priority=2),
        bound(2, fixed_amount="7000", priority=1),
        link(3),
    )

    assert got(decision) == ["3000.00", "7000.00", "0.00"]
    assert codes(decision) == ["fixed_cut_short", "fixed_amount", "share"]
    assert steps(decision, 1) == [
        (Did.FIXED, {"amount": "5000"}),
        (Did.CUT_SHORT, {"amount": "3000"}),
    ]


def test_fixed_amounts_of_one_priority_are_served_by_primary_key():
    decision = divided("10000", bound(1, fixed_amount="7000"), bound(2, fixed_amount="5000"))

    assert got(decision) == ["7000.00", "3000.00"]


def test_a_link_with_a_fixed_amount_takes_no_part_in_the_rest():
    decision = divided("10000", bound(1, fixed_amount="1000", weight="9"), link(2))

    assert got(decision) == ["1000.00", "9000.00"]
    assert steps(decision, 2) == [
        (
            Did.SHARE_BESIDE,
            {
                "balance": "10000",
                "reserve": "0",
                "beside": "1000",
                "claim": "1",
                "claims": "1",
                "amount": "9000",
            },
        )
    ]


def test_a_drawdown_scales_the_claim_and_the_rest_stays_unallocated():
    decision = divided(
        "10000",
        bound(1, drawdown_scaling=True, max_drawdown_percent="20"),
        link(2),
        facts=known(drawdowns={1: "5"}),
    )

    assert got(decision) == ["3750.00", "5000.00"]
    assert decision.unallocated == 1250
    assert steps(decision, 1)[1] == (
        Did.SCALED,
        {"drawdown": "5", "limit": "20", "amount": "3750"},
    )


@pytest.mark.parametrize("drawdown", ["20", "35"])
def test_at_its_limit_a_drawdown_leaves_nothing(drawdown):
    decision = divided(
        "10000",
        bound(1, drawdown_scaling=True, max_drawdown_percent="20"),
        link(2),
        facts=known(drawdowns={1: drawdown}),
    )

    assert got(decision) == ["0.00", "5000.00"]


def test_without_a_known_drawdown_nothing_is_scaled():
    decision = divided("10000", bound(1, drawdown_scaling=True, max_drawdown_percent="20"), link(2))

    assert got(decision) == ["5000.00", "5000.00"]


def test_a_minimum_holds_against_scaling_and_is_not_paid_by_the_others():
    decision = divided(
        "10000",
        bound(1, drawdown_scaling=True, max_drawdown_percent="20", min_amount="1000"),
        link(2),
        facts=known(drawdowns={1: "20"}),
    )

    assert got(decision) == ["1000.00", "5000.00"]
    assert decision.unallocated == 4000


@pytest.mark.parametrize(
    ("compounding", "gets", "unallocated"),
    [("full", "6000.00", 0), ("half", "5000.00", 1000), ("none", "4000.00", 2000)],
)
def test_compounding_limits_what_a_link_has_above_its_base_capital(compounding, gets, unallocated):
    decision = divided("12000", bound(1, compounding=compounding, base_capital="4000"), link(2))

    assert got(decision) == [gets, "6000.00"]
    assert decision.unallocated == unallocated


def test_below_its_base_capital_compounding_changes_nothing():
    decision = divided("6000", bound(1, compounding="half", base_capital="4000"), link(2))

    assert got(decision) == ["3000.00", "3000.00"]


def test_without_compounding_a_link_takes_no_more_than_its_base_from_others():
    decision = divided(
        "10000",
        bound(1, compounding="none", base_capital="6000"),
        bound(2, max_amount="1000"),
    )

    assert got(decision) == ["6000.00", "1000.00"]
    assert decision.unallocated == 3000


def test_what_is_in_use_is_a_floor_that_the_others_pay():
    decision = divided("1000", link(1), link(2), facts=known(in_use={1: "700"}))

    assert got(decision) == ["700.00", "300.00"]
    assert steps(decision, 1)[-1] == (Did.IN_USE, {"amount": "700"})


def test_an_idle_link_keeps_what_it_has_in_use():
    decision = divided(
        "1000",
        link(1, idle=Code.STRATEGY_PAUSED, capital="500"),
        link(2),
        facts=known(in_use={1: "120.004"}),
    )

    assert got(decision) == ["120.01", "879.99"]
    assert steps(decision, 1)[0] == (Did.IN_USE, {"amount": "120.01"})


def test_what_is_in_use_counts_before_fixed_amounts_and_ceilings():
    decision = divided(
        "1000",
        bound(1, max_amount="100"),
        bound(2, fixed_amount="50"),
        bound(3, fixed_amount="900"),
        facts=known(in_use={1: "300", 2: "200"}),
    )

    assert got(decision) == ["300.00", "200.00", "500.00"]


def test_the_reserve_gives_way_to_what_is_in_use():
    decision = divided(
        "1100",
        link(1),
        link(2),
        reserve=Reserve(amount=Decimal(200)),
        facts=known(in_use={1: "600", 2: "500"}),
    )

    assert got(decision) == ["600.00", "500.00"]
    assert (decision.reserve, decision.unallocated) == (0, 0)


def test_more_in_use_than_the_balance_is_over_committed():
    decision = divided(
        "900",
        link(1),
        link(2),
        reserve=Reserve(amount=Decimal(200)),
        facts=known(in_use={1: "600", 2: "500"}),
    )

    assert got(decision) == ["600.00", "500.00"]
    assert (decision.reserve, decision.unallocated) == (0, -200)
    assert decision.reason.code is Code.OVER_COMMITTED
    assert decision.reason.figures == {"shortfall": "200.00"}
    assert steps(decision, 1)[-1] == (Did.OVER_COMMITTED, {"amount": "600"})


def test_a_stopped_link_leaves_its_share_unallocated_and_keeps_what_is_in_use():
    decision = divided(
        "1000", link(1)._replace(is_stopped=True), link(2), facts=known(in_use={1: "100"})
    )

    assert got(decision) == ["100.00", "500.00"]
    assert codes(decision) == ["share_stopped", "share"]
    assert decision.unallocated == 400


def test_within_the_drift_band_nothing_moves():
    decision = divided(
        "10100",
        link(1, capital="5000"),
        link(2, capital="5000"),
        drift_band_percent=Decimal(1),
    )

    assert got(decision) == ["5000.00", "5000.00"]
    assert codes(decision) == ["within_band", "within_band"]
    assert steps(decision, 1)[-1] == (Did.WITHIN_BAND, {"percent": "1"})
    assert decision.unallocated == 100


def test_one_link_beyond_the_drift_band_moves_all():
    decision = divided(
        "10100.02",
        link(1, capital="5000"),
        link(2, capital="5000"),
        drift_band_percent=Decimal(1),
    )

    assert got(decision) == ["5050.01", "5050.01"]
    assert codes(decision) == ["share", "share"]


def test_capital_above_the_base_moves_within_the_band_too():
    decision = divided(
        "9999", link(1, capital="5000"), link(2, capital="5000"), drift_band_percent=Decimal(5)
    )

    assert got(decision) == ["4999.50", "4999.50"]


def test_a_link_without_capital_is_beyond_every_band():
    decision = divided("10000", link(1, capital="9999"), link(2), drift_band_percent=Decimal(100))

    assert got(decision) == ["5000.00", "5000.00"]


@pytest.mark.parametrize(
    ("compounding", "did", "amount"),
    [("half", Did.HALF_COMPOUNDED, "5000"), ("none", Did.NOT_COMPOUNDED, "4000")],
)
def test_what_compounding_does_is_told(compounding, did, amount):
    decision = divided("12000", bound(1, compounding=compounding, base_capital="4000"), link(2))

    assert (did, {"base": "4000", "amount": amount}) in steps(decision, 1)


def test_more_than_its_fixed_amount_is_told_to_be_in_use():
    decision = divided(
        "1000", bound(1, fixed_amount="100"), link(2), facts=known(in_use={1: "300"})
    )

    assert got(decision) == ["300.00", "700.00"]
    assert steps(decision, 1) == [
        (Did.FIXED, {"amount": "100"}),
        (Did.IN_USE, {"amount": "300"}),
    ]
