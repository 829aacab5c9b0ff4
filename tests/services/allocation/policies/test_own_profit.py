"""``own_profit`` from fills, flows and readings to the capital: every sentence, with figures."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from capital.domain.allocation.gate import Settled
from capital.domain.pools import Pool
from capital.models import Account, Position, StrategyAccount, StrategyCapital
from capital.services.allocation import revert_run
from capital.services.allocation.policies.kept import inputs_from_json
from strategies.models import Strategy
from tests.factories import make_flow, make_link
from tests.services.allocation.policies.desk import (
    BTC,
    at,
    capitals,
    decide,
    desk,
    flow,
    hold,
    how,
    is_clean,
    read,
    read_and_decide,
    trade,
)

D = Decimal
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]


def begun(*weights: str, balance: str = "10000", **fields):
    """An account whose first capital was decided at minute 2."""
    account, links = desk("own_profit", *weights, **fields)
    read_and_decide(account, balance, 1)
    return account, links


def aside(link: StrategyAccount) -> Decimal:
    return StrategyCapital.objects.get(strategy_account=link).set_aside


def test_each_keeps_what_it_earned_and_a_deposit_goes_by_weight() -> None:
    account, links = begun("1", "1")
    trade(links[0], 3, "800")
    trade(links[1], 5, "-300")
    flow(account, "1000", 7)

    run = read_and_decide(account, "11500", 10)

    assert capitals(links) == ["6300.00", "5200.00"]
    assert how(run)[0] == (
        "5,000.00 + 800.00 earned = 5,800.00; 1,000.00 from outside × 1 of 2 = 500.00"
    )
    assert is_clean(account)


def test_what_was_counted_by_one_run_is_not_counted_by_the_next() -> None:
    account, links = begun("1", "1")
    trade(links[0], 3, "800")
    flow(account, "1000", 4)
    read_and_decide(account, "11800", 10)

    run = read_and_decide(account, "11800", 20)

    assert (run.outcome, capitals(links)) == ("unchanged", ["6300.00", "5500.00"])


def test_a_run_keeps_how_the_pool_stood_before_it_and_after_it() -> None:
    account, _ = begun("1", "1")
    flow(account, "1000", 4)

    run = read_and_decide(account, "11000", 10)

    kept = inputs_from_json(run.basis)
    assert kept.settled_before == {Pool.FUTURES: Settled(D(10_000), D(0), at(1))}
    assert kept.settled == {Pool.FUTURES: Settled(D(11_000), D(1_000), at(10))}


def test_a_late_fill_takes_back_what_was_shared_for_it() -> None:
    account, links = begun("1", "1")
    read_and_decide(account, "10080", 10)
    assert capitals(links) == ["5040.00", "5040.00"]
    trade(links[0], 4, "80", told=12)

    run = read_and_decide(account, "10080", 20)

    # 5,040 + 80; what is left, −80, goes by weight: the other gives back the 40 that it got.
    assert capitals(links) == ["5080.00", "5000.00"]
    assert how(run)[0].startswith("5,040.00 + 80.00 earned = 5,120.00; -80.00 from outside")
    assert is_clean(account)


def test_on_wallet_what_is_unrealised_does_not_count() -> None:
    account, links = begun("1", "1")
    hold(links[0], 3)
    Position.objects.filter(symbol=BTC).update(mark_price="10800", marked_at=at(10))

    read_and_decide(account, "10000", 10, force=True)

    assert capitals(links) == ["5000.00", "5000.00"]


def test_on_equity_the_change_of_what_is_unrealised_counts() -> None:
    account, links = begun("1", "1", basis="equity")
    hold(links[0], 3)
    Position.objects.filter(symbol=BTC).update(mark_price="10800", marked_at=at(10))

    read_and_decide(account, "10800", 10, force=True)

    assert capitals(links) == ["5800.00", "5000.00"]
    assert is_clean(account)


def test_on_equity_without_a_fresh_mark_the_pool_keeps_what_it_has() -> None:
    account, links = begun("1", "1", basis="equity")
    hold(links[0], 3)

    run = read_and_decide(account, "10800", 10, force=True)

    assert (run.outcome, run.code) == ("skipped", "books_missing")
    assert capitals(links) == ["5000.00", "5000.00"]
    assert is_clean(account)


def test_a_link_that_reports_positions_without_fills_has_no_books() -> None:
    account, links = begun("1", "1")
    Position.objects.create(strategy_account=links[1], symbol=BTC, quantity=D(1))

    run = read_and_decide(account, "10000", 10, force=True)

    assert (run.outcome, run.code) == ("skipped", "books_missing")
    assert run.figures == {"strategies": links[1].strategy.key}


def test_a_deposit_that_is_known_late_waits_for_it() -> None:
    account, links = begun("1", "1")
    run = read_and_decide(account, "11000", 10)
    assert (run.outcome, run.code) == ("skipped", "books_behind")
    assert run.figures == {"unexplained": "1000", "limit": "1"}
    assert capitals(links) == ["5000.00", "5000.00"]

    flow(account, "1000", 5, told=12)
    read_and_decide(account, "11000", 20)

    assert capitals(links) == ["5500.00", "5500.00"]
    assert is_clean(account)


def test_a_deposit_of_a_coin_is_not_counted_in_the_account_s_currency() -> None:
    account, links = begun("1", "1")
    flow(account, "1000", 3)
    make_flow(account, currency="BTC", amount=D(7), occurred_at=at(4))

    run = read_and_decide(account, "11000", 10)

    assert (run.outcome, capitals(links)) == ("applied", ["5500.00", "5500.00"])
    assert is_clean(account)


def test_without_a_balance_nobody_knows_how_the_pool_stands() -> None:
    account, links = desk("own_profit", "1", "1")

    run = decide(account, 1)

    assert run.outcome == "skipped"
    assert inputs_from_json(run.basis).known.pools == {}
    assert not StrategyCapital.objects.filter(
        strategy_account__in=links, allocated_capital__isnull=False
    ).exists()


def test_a_small_deposit_that_is_known_late_is_counted_once() -> None:
    account, links = begun("3", "1")
    read_and_decide(account, "10040", 10)
    assert capitals(links) == ["7530.00", "2510.00"]

    flow(account, "40", 5, told=12)
    run = read_and_decide(account, "10040", 20)

    assert (run.outcome, capitals(links)) == ("unchanged", ["7530.00", "2510.00"])


def test_a_new_link_takes_its_weight_s_share_by_the_others_claims() -> None:
    account, links = begun("1", "1")
    trade(links[0], 3, "2000")
    links.append(make_link(account=account, market_type="futures"))

    read_and_decide(account, "12000", 10)

    assert capitals(links) == ["4666.67", "3333.33", "4000.00"]
    assert is_clean(account)


def pause(link: StrategyAccount, status: str) -> None:
    strategy = Strategy.objects.get(pk=link.strategy_id)
    strategy.status = status
    strategy.save()


def test_a_paused_link_keeps_its_claim_unallocated_and_takes_it_up_again() -> None:
    account, links = begun("1", "1")
    trade(links[1], 3, "500")
    pause(links[1], "PAUSED")
    run = read_and_decide(account, "10500", 10)
    assert capitals(links) == ["5000.00", "0.00"]
    assert aside(links[1]) == 5500
    assert run.pools.get().unallocated == 5500
    flow(account, "100", 12)
    read_and_decide(account, "10600", 14)
    assert capitals(links) == ["5100.00", "0.00"]

    pause(links[1], "ACTIVE")
    read_and_decide(account, "10600", 20)

    assert capitals(links) == ["5100.00", "5500.00"]
    assert aside(links[1]) == 0
    assert is_clean(account)


@pytest.mark.parametrize("decided", [False, True])
def test_a_paused_link_keeps_its_claim_also_while_no_balance_is_known(*, decided: bool) -> None:
    account, links = begun("1", "3")
    trade(links[0], 3, "800")
    read_and_decide(account, "10800", 5)
    pause(links[0], "PAUSED")
    if decided:
        read_and_decide(account, "10800", 7)
    Account.objects.update(max_cache_age_hours=1)
    trade(links[0], 80, "100")
    trade(links[1], 90, "-30")

    run = decide(account, 120)

    assert (run.code, capitals(links)) == ("no_balance", ["0.00", "7500.00"])
    assert aside(links[0]) == 3300
    assert is_clean(account)
    trade(links[0], 125, "7")
    run = read_and_decide(account, "10877", 130)
    assert (run.code, capitals(links)) == ("allocated", ["0.00", "7470.00"])
    assert aside(links[0]) == 3407
    pause(links[0], "ACTIVE")
    read_and_decide(account, "10877", 140)
    assert capitals(links) == ["3407.00", "7470.00"]
    assert is_clean(account)


def test_what_an_archived_link_earned_until_then_is_explained_without_a_balance_too() -> None:
    account, links = begun("1", "3")
    trade(links[0], 3, "800")
    pause(links[0], "ARCHIVED")
    Account.objects.update(max_cache_age_hours=1)
    decide(account, 120)
    assert (capitals(links), aside(links[0])) == (["0.00", "7500.00"], 0)

    run = read_and_decide(account, "10800", 130)

    assert (run.code, capitals(links)) == ("allocated", ["0.00", "10800.00"])
    assert is_clean(account)


def test_an_archived_link_leaves_its_claim_by_weight_and_comes_back_as_a_new_one() -> None:
    account, links = begun("3", "1", "1")
    pause(links[2], "ARCHIVED")
    read_and_decide(account, "10000", 10)
    assert capitals(links) == ["7500.00", "2500.00", "0.00"]

    pause(links[2], "ACTIVE")
    read_and_decide(account, "10000", 20)

    assert capitals(links) == ["6000.00", "2000.00", "2000.00"]
    assert is_clean(account)


def test_a_loss_larger_than_its_equity_is_carried_by_weight() -> None:
    account, links = begun("1", "1")
    trade(links[0], 3, "-5600")

    run = read_and_decide(account, "4400", 10)

    assert capitals(links) == ["0.00", "4400.00"]
    codes = run.pools.get().entries.order_by("pk").values_list("code", flat=True)
    assert list(codes) == ["own_loss_exceeds", "share_of_own"]
    assert is_clean(account)


def test_a_reserve_in_percent_lowers_what_each_earned_by_itself() -> None:
    account, links = begun("1", "1", reserve_percent=D(10))
    assert capitals(links) == ["4500.00", "4500.00"]
    trade(links[0], 3, "1000")

    read_and_decide(account, "11000", 10)

    assert capitals(links) == ["5400.00", "4500.00"]
    assert is_clean(account)


def test_a_revert_counts_again_from_where_it_did_before() -> None:
    account, links = begun("1", "1")
    trade(links[0], 3, "800")
    flow(account, "1000", 4)
    run = read_and_decide(account, "11800", 10)
    assert capitals(links) == ["6300.00", "5500.00"]

    revert_run(run.pk, clock=lambda: at(13))
    assert capitals(links) == ["5000.00", "5000.00"]
    read_and_decide(account, "11800", 20)

    assert capitals(links) == ["6300.00", "5500.00"]


@pytest.mark.parametrize("between", [False, True])
def test_a_revert_counts_again_also_what_came_out_as_it_had_been(*, between: bool) -> None:
    """50 earned, and half of 100 taken out: 5,000 again."""
    account, links = begun("1", "1")
    trade(links[0], 3, "800")
    trade(links[1], 5, "50")
    flow(account, "-100", 7)
    run = read_and_decide(account, "10750", 10)
    assert capitals(links) == ["5750.00", "5000.00"]
    if between:
        read_and_decide(account, "10750", 12, force=True)

    revert_run(run.pk, clock=lambda: at(16))
    assert capitals(links) == ["5000.00", "5000.00"]
    read_and_decide(account, "10750", 20)

    assert capitals(links) == ["5750.00", "5000.00"]
    assert is_clean(account)


def test_from_weights_each_begins_with_what_it_has() -> None:
    account, links = desk("weights", "3", "1")
    read_and_decide(account, "10000", 1)
    account.policy = "own_profit"
    account.save()
    trade(links[1], 3, "400")
    flow(account, "1000", 4)

    read_and_decide(account, "11400", 10)

    assert capitals(links) == ["8250.00", "3150.00"]
    assert is_clean(account)


def test_it_is_refused_on_the_free_balance() -> None:
    account, _ = desk("weights", "1", basis="free")
    account.policy = "own_profit"

    with pytest.raises(ValidationError, match="cannot be told what a strategy earned"):
        account.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(pk=account.pk).update(policy="own_profit")


def test_it_is_refused_while_spot_strategies_trade_on_the_account() -> None:
    account, _ = desk("weights", "1")
    spot = make_link(account=account, market_type="spot")
    account.policy = "own_profit"

    for refused in (account.full_clean, account.save):
        with pytest.raises(ValidationError, match="only if their holdings count"):
            refused()

    StrategyAccount.objects.filter(pk=spot.pk).update(is_active=False)
    account.save()
    spot = StrategyAccount.objects.get(pk=spot.pk)
    spot.is_active = True
    with pytest.raises(ValidationError, match="only if their holdings count"):
        spot.save()


# By day: what each of five bots earned, and what came from outside.
MONTH = [
    ((0, 0, 0, 0, 0), 0),
    ((12.34, -5.5, 0, 101.01, -0.07), 0),
    ((-100.25, 40.4, 7.77, 0, 0), 500),
    ((3, 3, 3, 3, 3), 0),
    ((0, -220.19, 0, 18.5, 64.25), -1000),
    ((75.5, 0, -31.07, 0.01, -12.6), 0),
] * 5


def test_after_a_month_each_capital_is_its_own_books_to_the_cent() -> None:
    account, links = begun("1", "1", "1", "1", "1")
    own, balance = [D(2000)] * 5, D(10000)
    for day, (gains, outside) in enumerate(MONTH):
        minute = 10 + day * 10
        for link, gain in zip(links, gains, strict=True):
            if gain:
                trade(link, minute, str(gain))
        if outside:
            flow(account, str(outside), minute)
        own = [each + D(str(gain)) + D(outside) / 5 for each, gain in zip(own, gains, strict=True)]
        balance += sum(D(str(gain)) for gain in gains) + outside

        read_and_decide(account, str(balance), minute + 5)

        assert capitals(links) == [format(each.quantize(D("0.01")), "f") for each in own]
    assert is_clean(account)


def test_it_costs_at_most_two_queries_more_than_weights_where_all_trade() -> None:
    account, links = desk("weights", "1", "1")
    read_and_decide(account, "10000", 1)
    for minute, link in ((3, links[0]), (5, links[1])):
        trade(link, minute, "10")
    read(account, "10020", 10)
    with CaptureQueriesContext(connection) as by_weight:
        decide(account, 11)
    account.policy = "own_profit"
    account.save()
    # Who changed it is looked up once.
    read_and_decide(account, "10020", 18)
    read(account, "10020", 20)

    with CaptureQueriesContext(connection) as by_policy:
        decide(account, 21)

    assert len(by_policy) <= len(by_weight) + 2
