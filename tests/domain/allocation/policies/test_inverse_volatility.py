from capital.domain.allocation.policies.contract import Did
from tests.domain.allocation.policies.pools import codes, divided, got, known, steps
from tests.domain.builders import link


def test_the_calmer_claims_more():
    decision = divided(
        "10000",
        link(1),
        link(2),
        link(3),
        policy="inverse_volatility",
        facts=known(volatilities={1: "0.1", 2: "0.2", 3: "0.4"}),
    )

    assert got(decision) == ["5714.29", "2857.14", "1428.57"]
    assert codes(decision) == ["share_by_volatility"] * 3
    assert steps(decision, 1)[0] == (
        Did.BY_VOLATILITY,
        {"weight": "1", "volatility": "10", "days": "60", "claim": "10"},
    )


def test_weights_count_beside_volatility():
    decision = divided(
        "9000",
        link(1, weight="1"),
        link(2, weight="4"),
        policy="inverse_volatility",
        facts=known(volatilities={1: "0.1", 2: "0.2"}),
    )

    assert got(decision) == ["3000.00", "6000.00"]


def test_one_without_movement_takes_the_median_of_the_others():
    decision = divided(
        "10000",
        link(1),
        link(2),
        link(3),
        policy="inverse_volatility",
        facts=known(volatilities={1: "0.1", 2: "0.3", 3: "0"}),
    )

    # 1/.1, 1/.3 and 1/.2: 10, 3.33… and 5 of 18.33….
    assert got(decision) == ["5454.55", "1818.18", "2727.27"]
    assert codes(decision) == ["share_by_volatility", "share_by_volatility", "median_volatility"]


def test_one_with_fewer_than_thirty_days_takes_the_median_of_the_others():
    facts = known(volatilities={1: "0.1", 2: "0.2", 3: "0.4"}, days=30)
    decision = divided(
        "10000",
        *(link(number) for number in (1, 2, 3, 4)),
        policy="inverse_volatility",
        facts=facts,
    )

    # The fourth has no volatility: 1/.2, as the second.
    assert got(decision) == ["4444.45", "2222.22", "1111.11", "2222.22"]
    assert codes(decision)[3] == "median_volatility"


def test_with_twenty_nine_days_everywhere_it_is_by_weight():
    decision = divided(
        "9000",
        link(1, weight="2"),
        link(2),
        policy="inverse_volatility",
        facts=known(volatilities={1: "0.1", 2: "0.2"}, days=29),
    )

    assert got(decision) == ["6000.00", "3000.00"]
    assert codes(decision) == ["share_without_volatility"] * 2
    assert steps(decision, 1)[0] == (Did.BY_WEIGHT, {"days": "30"})
