"""Volatility as the days of the books tell it, to the capital that follows."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.models import LinkDay, StrategyAccount
from capital.services.allocation import check_gate
from capital.services.allocation.policies.kept import inputs_from_json
from tests.factories import make_link, make_position
from tests.services.allocation.policies.desk import (
    NOON,
    at,
    capitals,
    decide,
    desk,
    follows,
    how,
    read,
    read_and_decide,
)

D = Decimal
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]


def days(link: StrategyAccount, count: int, swing: str, *, until: int = 1, fills: int = 1) -> None:
    """So many days before the day of the tests, each of which earns or loses that of 1,000."""
    LinkDay.objects.bulk_create(
        LinkDay(
            strategy_account=link,
            date=NOON.date() - timedelta(days=until + number),
            currency="USDT",
            equity_start=D(1000),
            settled_start=D(1000),
            capital_added=D(0),
            realized=D(swing) * (1 if number % 2 else -1),
            fees=D(0),
            funding=D(0),
            unrealized=D(0),
            volume=D(0),
            fills=fills,
        )
        for number in range(count)
    )


def test_who_swings_twice_as_much_gets_half_as_much() -> None:
    account, links = desk("inverse_volatility", "1", "1")
    days(links[0], 40, "10")
    days(links[1], 40, "20")

    run = read_and_decide(account, "9000", 1)

    assert capitals(links) == ["6000.00", "3000.00"]
    facts = inputs_from_json(run.basis).known.links[links[0].pk]
    # Half of them 1 % up and half of them 1 % down: √(40 ÷ 39) %.
    assert (facts.days, facts.volatility) == (40, D("0.010127393670836666"))
    assert how(run)[0].startswith("weight 1 ÷ volatility 1.0127% (40 days) = 98.7421; ")
    assert follows(account)


def test_days_without_position_and_trade_and_those_before_the_lookback_do_not_count() -> None:
    account, links = desk("inverse_volatility", "1", lookback_days=60)
    days(links[0], 10, "0", fills=0)
    days(links[0], 29, "10", until=11)
    days(links[0], 50, "10", until=61)

    run = read_and_decide(account, "9000", 1)

    assert inputs_from_json(run.basis).known.links[links[0].pk].days == 29
    assert run.pools.get().entries.get().code == "share_without_volatility"
    assert follows(account)


def test_what_was_earned_in_another_currency_is_no_return() -> None:
    account, links = desk("inverse_volatility", "1")
    days(links[0], 40, "500")
    LinkDay.objects.update(currency="BTC")
    days(links[0], 40, "10")

    run = read_and_decide(account, "9000", 1)

    facts = inputs_from_json(run.basis).known.links[links[0].pk]
    assert (facts.days, facts.volatility) == (40, D("0.010127393670836666"))


def test_a_day_whose_equity_is_not_known_has_no_return() -> None:
    account, links = desk("inverse_volatility", "1")
    days(links[0], 45, "10")
    unknown = [NOON.date() - timedelta(days=number) for number in range(41, 46)]
    LinkDay.objects.filter(date__in=unknown).update(equity_start=None, settled_start=None)

    run = read_and_decide(account, "9000", 1)

    facts = inputs_from_json(run.basis).known.links[links[0].pk]
    assert (facts.days, facts.volatility) == (40, D("0.010127393670836666"))


@pytest.mark.parametrize(
    ("count", "volatility"), [(1, None), (2, D("0.01414213562373095")), (0, None)]
)
def test_two_returns_deviate_and_one_does_not(count: int, volatility: Decimal | None) -> None:
    # Of 1 % up and 1 % down: √2 %.
    account, links = desk("inverse_volatility", "1")
    days(links[0], count, "10")

    run = read_and_decide(account, "9000", 1)

    facts = inputs_from_json(run.basis).known.links[links[0].pk]
    assert (facts.days, facts.volatility) == (count, volatility)


def test_days_of_idle_links_and_of_other_accounts_are_nobody_s() -> None:
    account, links = desk("inverse_volatility", "1", "1")
    days(links[0], 40, "10")
    StrategyAccount.objects.filter(pk=links[1].pk).update(is_active=False)
    for other in (links[1], make_link(market_type="futures")):
        days(other, 40, "500")

    run = read_and_decide(account, "9000", 1)

    facts = inputs_from_json(run.basis).known.links
    assert {key: each.days for key, each in facts.items()} == {links[0].pk: 40}
    assert capitals(links[:1]) == ["9000.00"]


def test_a_target_that_moved_by_both_thresholds_is_due() -> None:
    account, links = desk("inverse_volatility", "1", "1")
    days(links[0], 40, "10")
    days(links[1], 40, "10")
    read_and_decide(account, "9000", 1)
    LinkDay.objects.filter(strategy_account=links[1]).delete()
    days(links[1], 40, "20")

    gate = check_gate(account.pk, live=False, clock=lambda: at(3))

    assert (gate.due, gate.reason.code) == (True, "target_changed")
    assert gate.reason.figures == {
        "strategy": links[0].strategy.key,
        "before": "4500.00",
        "after": "6000.00",
        "currency": "USDT",
    }
    assert gate.held == {}
    make_position(make_link(account=account, market_type="spot"), "1")

    gate = check_gate(account.pk, live=False, clock=lambda: at(3))

    assert gate.reason.code == "target_changed"
    assert {pool.value: why.code.value for pool, why in gate.held.items()} == {
        "spot": "open_position"
    }


@pytest.mark.parametrize("policy", ["inverse_volatility", "own_profit"])
def test_a_policy_costs_at_most_two_queries_a_batch_more_than_weights(policy) -> None:
    account, _ = desk("weights", "1", "1")
    read_and_decide(account, "9000", 1)
    read(account, "9100", 3)
    with CaptureQueriesContext(connection) as by_weight:
        decide(account, 4)
    account.policy = policy
    account.save()
    # Who changed it is looked up once.
    read_and_decide(account, "9150", 5)
    read(account, "9200", 7)

    with CaptureQueriesContext(connection) as by_policy:
        decide(account, 8)

    assert len(by_policy) <= len(by_weight) + 2
