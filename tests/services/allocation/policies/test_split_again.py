"""A pool is split by weight once, whatever its policy; then the policy goes on from there."""

import pytest

from capital.domain.errors import RunKeyConflict
from capital.services.allocation import (
    allocate_capital,
    apply_plan,
    make_plan,
    report_plan,
)
from capital.services.allocation.allocate import reallocate_where_due
from strategies.models import Strategy, StrategyStatus
from tests.services.allocation.policies.desk import (
    at,
    capitals,
    decide,
    desk,
    follows,
    how,
    is_clean,
    read,
    read_and_decide,
    trade,
)

pytestmark = pytest.mark.django_db


def test_what_each_earned_is_shared_by_weight_once_and_kept_from_there_on() -> None:
    account, links = desk("own_profit", "3", "1")
    read_and_decide(account, "10000", 1)
    trade(links[0], 3, "-500")
    trade(links[1], 3, "900")
    read_and_decide(account, "10400", 10)
    assert capitals(links) == ["7000.00", "3400.00"]

    run = decide(account, 20, splits_again=True)

    assert capitals(links) == ["7800.00", "2600.00"]
    assert how(run)[0] == "(10,400.00 − 0.00 reserve) × 3 of 4 = 7,800.00"
    assert (run.arguments["splits_again"], run.basis["rules"]) == (  # type: ignore[index]
        True,
        {"policy": "own_profit", "splits_again": True},
    )
    assert is_clean(account)
    trade(links[1], 22, "100")
    read_and_decide(account, "10500", 30)
    assert capitals(links) == ["7800.00", "2700.00"]
    assert is_clean(account)
    assert follows(account)


@pytest.mark.parametrize("policy", ["own_profit", "weights"])
def test_after_it_nothing_is_due(policy: str) -> None:
    account, links = desk(policy, "3", "1")
    read_and_decide(account, "10000", 1)
    trade(links[1], 3, "900")
    read(account, "10900", 10)
    decide(account, 10, splits_again=True)

    (due,) = reallocate_where_due([account.pk], live=False, clock=lambda: at(11))

    assert (due.run, due.reason.code.value) == (None, "change_too_small")


def test_volatility_divides_again_when_something_is_due() -> None:
    account, links = desk("inverse_volatility", "3", "1")
    read_and_decide(account, "10000", 1)

    run = decide(account, 10, splits_again=True)

    assert how(run)[0] == "(10,000.00 − 0.00 reserve) × 3 of 4 = 7,500.00"
    assert capitals(links) == ["7500.00", "2500.00"]
    assert is_clean(account)


def test_a_pool_that_the_books_do_not_explain_is_split_all_the_same() -> None:
    account, links = desk("own_profit", "1", "1")
    read_and_decide(account, "10000", 1)
    assert read_and_decide(account, "11000", 10).code == "books_behind"

    decide(account, 20, splits_again=True)

    assert capitals(links) == ["5500.00", "5500.00"]
    assert decide(account, 30).outcome == "unchanged"
    assert is_clean(account)


def test_what_a_paused_strategy_kept_goes_to_the_others_and_it_begins_anew() -> None:
    account, links = desk("own_profit", "1", "1")
    read_and_decide(account, "10000", 1)
    paused = Strategy.objects.filter(pk=links[1].strategy_id)
    paused.update(status=StrategyStatus.PAUSED)
    read_and_decide(account, "10000", 10)
    assert capitals(links) == ["5000.00", "0.00"]

    decide(account, 20, splits_again=True)
    assert capitals(links) == ["10000.00", "0.00"]
    # Another run, of its own profit, keeps nothing for it either.
    decide(account, 25)
    paused.update(status=StrategyStatus.ACTIVE)
    decide(account, 30)

    assert capitals(links) == ["5000.00", "5000.00"]
    assert is_clean(account)


def test_a_paused_strategy_that_lost_all_of_its_own_begins_with_nothing() -> None:
    account, links = desk("own_profit", "1", "1")
    read_and_decide(account, "10000", 1)
    trade(links[1], 3, "-5000")
    paused = Strategy.objects.filter(pk=links[1].strategy_id)
    paused.update(status=StrategyStatus.PAUSED)
    read_and_decide(account, "5000", 10)
    paused.update(status=StrategyStatus.ACTIVE)

    decide(account, 30)

    assert capitals(links) == ["5000.00", "0.00"]


def test_it_is_previewed_and_applied_exactly_so() -> None:
    account, links = desk("own_profit", "3", "1")
    read_and_decide(account, "10000", 1)
    trade(links[1], 3, "900")
    read_and_decide(account, "10900", 10)

    plan = make_plan([account.pk], live=False, splits_again=True, clock=lambda: at(20))
    (shown,) = report_plan(plan)
    assert [str(entry.after) for entry in shown.pools[0].entries] == ["8175.00", "2725.00"]
    assert capitals(links) == ["7500.00", "3400.00"]
    (run,) = apply_plan(plan.public_id, clock=lambda: at(21))

    assert (capitals(links), run.arguments["splits_again"]) == (["8175.00", "2725.00"], True)
    assert is_clean(account)


def test_the_same_key_never_stands_for_both() -> None:
    account, _ = desk("own_profit", "3", "1")
    read(account, "10000", 1)
    decide(account, 1, splits_again=True, run_key="mine")

    with pytest.raises(RunKeyConflict):
        decide(account, 2, run_key="mine")
    with pytest.raises(RunKeyConflict):
        allocate_capital([account.pk], live=False, force=True, splits_again=True, run_key="mine")
