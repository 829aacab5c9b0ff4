from decimal import Decimal

import pytest

from capital.domain.allocation.links import Reserve
from capital.domain.allocation.policies.contract import Did
from capital.domain.reasons import Code
from tests.domain.allocation.policies.pools import (
    aside,
    bound,
    codes,
    divided,
    got,
    known,
    steps,
)
from tests.domain.builders import link


def own(balance, *links, reserve=None, **facts):
    return divided(balance, *links, policy="own_profit", facts=known(**facts), reserve=reserve)


def test_each_keeps_what_it_earned_and_a_deposit_goes_by_weight():
    decision = own(
        "11500",
        link(1, capital="5000"),
        link(2, capital="5000"),
        then="10000",
        external="1000",
        earned={1: "800", 2: "-300"},
    )

    assert got(decision) == ["6300.00", "5200.00"]
    assert codes(decision) == ["share_of_own", "share_of_own"]
    assert steps(decision, 1) == [
        (Did.OWN, {"had": "5000", "earned": "800", "amount": "5800"}),
        (Did.BY_FLOWS, {"rest": "1000", "weight": "1", "weights": "2", "amount": "500"}),
    ]


def test_a_withdrawal_is_taken_by_weight():
    decision = own(
        "8000",
        link(1, capital="5000", weight="3"),
        link(2, capital="5000"),
        then="10000",
        external="-2000",
        earned={1: "0", 2: "0"},
    )

    assert got(decision) == ["3500.00", "4500.00"]


def test_less_than_one_goes_by_weight_in_its_direction():
    links = [link(1, capital="10"), link(2, capital="10", weight="3")]
    facts = {"then": "20", "earned": {1: "0", 2: "0"}}

    assert got(own("20.80", *links, external="0.8", **facts)) == ["10.20", "10.60"]
    assert got(own("19.20", *links, external="-0.8", **facts)) == ["9.80", "9.40"]


def test_a_first_decision_is_by_weight():
    decision = own("9000", link(1, weight="2"), link(2), new=(1, 2))

    assert got(decision) == ["6000.00", "3000.00"]


def test_a_new_link_takes_its_weight_s_share_from_the_others_by_their_claims():
    decision = own(
        "12000",
        link(1, capital="9000"),
        link(2, capital="3000"),
        link(3),
        then="12000",
        earned={1: "0", 2: "0"},
        new=(3,),
    )

    assert got(decision) == ["6000.00", "2000.00", "4000.00"]
    assert steps(decision, 3) == [
        (Did.NEW, {"weight": "1", "weights": "3", "others": "12000", "amount": "4000"})
    ]
    assert steps(decision, 1)[-1] == (Did.GIVES_NEW, {"amount": "3000"})


def test_who_has_nothing_gives_a_new_link_nothing():
    decision = own(
        "1000",
        link(1, capital="1000"),
        link(2, capital="0"),
        link(3, weight="2"),
        then="1000",
        earned={1: "0", 2: "0"},
        new=(3,),
    )

    assert got(decision) == ["500.00", "0.00", "500.00"]
    assert steps(decision, 1)[-1] == (Did.GIVES_NEW, {"amount": "500"})
    assert steps(decision, 2) == [(Did.OWN, {"had": "0", "earned": "0", "amount": "0"})]


def test_where_the_others_have_nothing_left_a_new_link_takes_nothing():
    decision = own(
        "0", link(1, capital="1000"), link(2), then="1000", earned={1: "-1000"}, new=(2,)
    )

    assert got(decision) == ["0.00", "0.00"]
    assert steps(decision, 1) == [(Did.OWN, {"had": "1000", "earned": "-1000", "amount": "0"})]
    assert steps(decision, 2) == [
        (Did.NEW, {"weight": "1", "weights": "2", "others": "0", "amount": "0"})
    ]


def test_a_link_that_lost_everything_is_not_new():
    decision = own(
        "5000",
        link(1, capital="5000"),
        link(2, capital="0"),
        then="5000",
        earned={1: "0", 2: "0"},
    )

    assert got(decision) == ["5000.00", "0.00"]


def test_the_claim_of_a_paused_link_stays_its_own_and_unallocated():
    decision = own(
        "10800",
        link(1, capital="5000"),
        link(2, capital="5000", idle=Code.STRATEGY_PAUSED),
        then="10000",
        external="1000",
        earned={1: "0", 2: "-200"},
    )

    # The deposit is not the paused link's; its loss is.
    assert got(decision) == ["6000.00", "0.00"]
    assert aside(decision) == ["0", "4800"]
    assert decision.unallocated == 4800


def test_a_link_that_goes_on_takes_up_what_was_set_aside_for_it():
    paused = link(2, capital="0")._replace(set_aside=Decimal("4800"))
    decision = own("11000", link(1, capital="6200"), paused, then="11000", earned={1: "0", 2: "0"})

    assert got(decision) == ["6200.00", "4800.00"]
    assert aside(decision) == ["0", "0"]


def test_the_claim_of_a_stopped_link_stays_its_own_and_unallocated():
    decision = own(
        "10000",
        link(1, capital="5000"),
        link(2, capital="5000")._replace(is_stopped=True),
        then="10000",
        earned={1: "0", 2: "0"},
    )

    assert got(decision) == ["5000.00", "0.00"]
    assert codes(decision) == ["share_of_own", "share_stopped"]
    assert aside(decision) == ["0", "5000"]


@pytest.mark.parametrize(
    "idle", [Code.STRATEGY_ARCHIVED, Code.LINK_INACTIVE, Code.MARKET_NOT_ON_VENUE]
)
def test_an_archived_or_inactive_link_leaves_its_claim_by_weight(idle):
    decision = own(
        "12000",
        link(1, capital="4000", weight="3"),
        link(2, capital="4000"),
        link(3, capital="4000", idle=idle),
        then="12000",
        earned={1: "0", 2: "0", 3: "0"},
    )

    assert got(decision) == ["7000.00", "5000.00", "0.00"]


def test_a_loss_above_its_equity_is_carried_by_the_others_by_weight():
    decision = own(
        "8000",
        link(1, capital="1000"),
        link(2, capital="5000", weight="3"),
        link(3, capital="4000"),
        then="10000",
        earned={1: "-2000", 2: "0", 3: "0"},
    )

    assert got(decision) == ["0.00", "4250.00", "3750.00"]
    assert codes(decision) == ["own_loss_exceeds", "share_of_own", "share_of_own"]
    assert steps(decision, 1)[-1] == (Did.LOSS_EXCEEDS, {"amount": "1000"})
    assert steps(decision, 2)[-1] == (Did.CARRIES, {"amount": "750"})


def test_a_loss_that_another_cannot_carry_is_carried_by_the_next():
    decision = own(
        "3500",
        link(1, capital="1000"),
        link(2, capital="500"),
        link(3, capital="4000"),
        then="5500",
        earned={1: "-3000", 2: "0", 3: "1000"},
    )

    # 2,000 are carried: 500 of the second, and the rest of the third.
    assert got(decision) == ["0.00", "0.00", "3500.00"]


def test_a_loss_that_no_active_link_can_carry_is_carried_by_those_that_wait():
    decision = own(
        "3000",
        link(1, capital="1000"),
        link(2, capital="4000", idle=Code.STRATEGY_PAUSED),
        then="5000",
        earned={1: "-2000", 2: "0"},
    )

    assert got(decision) == ["0.00", "0.00"]
    assert aside(decision) == ["0", "3000"]
    assert steps(decision, 2)[-1] == (Did.SET_ASIDE, {"amount": "3000"})


def test_without_anything_to_claim_nothing_is_allocated():
    decision = own("0", link(1, capital="1000"), then="1000", earned={1: "-1000"})

    assert got(decision) == ["0.00"]


def test_a_reserve_in_percent_lowers_what_each_earned_by_itself():
    decision = own(
        "11000",
        link(1, capital="4500"),
        link(2, capital="4500"),
        reserve=Reserve(percent=Decimal(10)),
        then="10000",
        earned={1: "1000", 2: "0"},
    )

    assert got(decision) == ["5400.00", "4500.00"]
    assert decision.reserve == 1100


def test_a_reserve_by_amount_leaves_what_was_earned_alone():
    decision = own(
        "11000",
        link(1, capital="4500"),
        link(2, capital="4500"),
        reserve=Reserve(percent=Decimal(1), amount=Decimal(1000)),
        then="10000",
        earned={1: "1000", 2: "0"},
    )

    assert got(decision) == ["5500.00", "4500.00"]


def test_another_reserve_is_paid_by_weight():
    decision = own(
        "10000",
        link(1, capital="8000", weight="3"),
        link(2, capital="2000"),
        reserve=Reserve(amount=Decimal(1000)),
        then="10000",
        earned={1: "0", 2: "0"},
    )

    assert got(decision) == ["7250.00", "1750.00"]


def test_what_no_book_explains_is_shared_by_weight_and_said():
    decision = own(
        "10050",
        link(1, capital="5000"),
        link(2, capital="5000"),
        then="10000",
        earned={1: "0", 2: "0"},
    )

    assert got(decision) == ["5025.00", "5025.00"]
    assert steps(decision, 1)[-1] == (Did.UNEXPLAINED, {"amount": "50"})


def test_more_than_one_percent_that_no_book_explains_is_not_shared():
    decision = own(
        "10200",
        link(1, capital="5000"),
        link(2, capital="5000"),
        then="10000",
        earned={1: "0", 2: "0"},
    )

    assert got(decision) == ["5000", "5000"]
    assert codes(decision) == ["pool_kept", "pool_kept"]
    assert decision.reason.code is Code.BOOKS_BEHIND
    assert decision.reason.figures == {"unexplained": "200", "limit": "1"}
    assert decision.reading.amount is None


def test_a_loss_that_no_book_explains_is_not_shared_either():
    decision = own("9000", link(1, capital="10000"), then="10000", earned={1: "0"})

    assert decision.reason.figures == {"unexplained": "-1000", "limit": "1"}


def test_exactly_the_limit_is_shared():
    decision = own("10000", link(1, capital="9900"), then="9900", earned={1: "0"})

    assert got(decision) == ["10000.00"]


def test_a_link_without_books_keeps_the_whole_pool():
    decision = own(
        "10000",
        link(1, capital="5000"),
        link(2, capital="5000"),
        then="10000",
        earned={1: "0", 2: None},
    )

    assert got(decision) == ["5000", "5000"]
    assert decision.reason.code is Code.BOOKS_MISSING
    assert decision.reason.figures == {"strategies": "strategy-2"}


def test_a_ceiling_gives_what_a_link_earned_beyond_it_to_the_others():
    decision = own(
        "11000",
        bound(1, capital="5000", max_amount="5500"),
        link(2, capital="5000"),
        then="10000",
        earned={1: "1000", 2: "0"},
    )

    assert got(decision) == ["5500.00", "5500.00"]
    assert aside(decision) == ["0", "0"]


def test_what_compounding_takes_away_stays_the_link_s_own():
    first = own(
        "12000",
        bound(1, capital="5000", compounding="half", base_capital="5000"),
        link(2, capital="5000"),
        then="10000",
        earned={1: "2000", 2: "0"},
    )

    assert got(first) == ["6000.00", "5000.00"]
    assert aside(first) == ["1000", "0"]

    again = own(
        "12000",
        bound(1, capital="6000", compounding="half", base_capital="5000")._replace(
            set_aside=Decimal(1000)
        ),
        link(2, capital="5000"),
        then="12000",
        earned={1: "0", 2: "0"},
    )

    assert got(again) == ["6000.00", "5000.00"]
    assert aside(again) == ["1000", "0"]


def test_what_is_less_than_a_cent_is_not_lost():
    decision = own(
        "10000.014",
        link(1, capital="5000"),
        link(2, capital="5000"),
        then="10000",
        earned={1: "0.007", 2: "0.007"},
    )

    assert got(decision) == ["5000.01", "5000.00"]
    assert aside(decision) == ["-0.003", "0.007"]


def test_what_is_unrealised_beyond_eighteen_decimals_is_no_error():
    decision = own(
        "10042.4",
        link(1, capital="5000"),
        link(2, capital="5000"),
        then="10000",
        earned={1: "32.39100000000000000000643721", 2: "0"},
    )

    assert got(decision) == ["5037.40", "5005.00"]
    assert aside(decision) == ["-0.0045", "0.0045"]


def test_what_another_has_in_use_is_lent_to_it_and_comes_back():
    """All of 5,000 is in use, of which 800 are lost: not the others'."""
    first = own(
        "9200",
        link(1, capital="5000"),
        link(2, capital="5000"),
        then="10000",
        earned={1: "-800", 2: "0"},
        in_use={1: "5000"},
    )

    assert got(first) == ["5000.00", "4200.00"]
    assert aside(first) == ["-800", "800"]

    again = own(
        "9300",
        link(1, capital="5000")._replace(set_aside=Decimal(-800)),
        link(2, capital="4200")._replace(set_aside=Decimal(800)),
        then="9200",
        earned={1: "100", 2: "0"},
    )

    assert got(again) == ["4300.00", "5000.00"]
    assert aside(again) == ["0", "0"]
