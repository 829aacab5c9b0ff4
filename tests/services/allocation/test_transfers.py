"""Money that moves between two pools while both are read is neither allocated twice nor nowhere."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.errors import RevertRefused
from capital.exchange.ccxt.balances import CcxtGateway
from capital.exchange.contract import Answers
from capital.exchange.moments import Moment
from capital.models import Account, AllocationRun, DailyAccountSummary, StrategyAccount
from capital.services.allocation.allocate import (
    auto_allocate_capital_for_account,
    preview_allocation,
    reallocate_where_due,
)
from capital.services.allocation.applying import apply_plan
from capital.services.allocation.plans import make_plan
from capital.services.allocation.reverts import revert_run
from capital.services.balances.sync import sync_balances
from tests.factories import capital_of, make_link
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


@dataclass
class Desk:
    """An account of 1,000 on spot and 500 on futures, allocated; one strategy each."""

    exchange: Exchange
    account: Account
    spot: StrategyAccount
    futures: StrategyAccount

    def holds(self, spot: str, futures: str) -> None:
        self.exchange.set_balance(self.account, "spot", spot)
        self.exchange.set_balance(self.account, "futures", futures)

    @property
    def capital(self) -> tuple[Decimal | None, Decimal | None]:
        return capital_of(self.spot), capital_of(self.futures)

    @property
    def asked(self) -> int:
        return len(self.exchange.asked)


@pytest.fixture
def desk(exchange: Exchange) -> Desk:
    account = exchange.open_account(wallets={"spot": {"USDT": "1000"}, "futures": {"USDT": "500"}})
    made = Desk(
        exchange,
        account,
        make_link(account=account),
        make_link(account=account, market_type="futures"),
    )
    auto_allocate_capital_for_account(account.pk)
    assert made.capital == (Decimal(1000), Decimal(500))
    return made


@pytest.fixture
def then(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Something happens right after the next reading."""

    def after(happens: Callable[[], object]) -> None:
        fetch = CcxtGateway.fetch_balances
        waiting = [happens]

        def fetch_and(gateway: CcxtGateway, *args: Any, **kwargs: Any) -> Answers:
            answers = fetch(gateway, *args, **kwargs)
            if waiting:
                waiting.pop()()
            return answers

        monkeypatch.setattr(CcxtGateway, "fetch_balances", fetch_and)

    return after


def by_hand(desk: Desk) -> AllocationRun:
    return auto_allocate_capital_for_account(desk.account.pk)


def by_schedule(desk: Desk) -> AllocationRun | None:
    (result,) = reallocate_where_due([desk.account.pk])
    return result.run


def by_plan(desk: Desk) -> AllocationRun:
    (run,) = apply_plan(make_plan([desk.account.pk]).public_id)
    return run


@pytest.mark.parametrize("decide", [by_hand, by_schedule, by_plan])
@pytest.mark.parametrize(
    "seen",
    [("1000", "900"), ("600", "500")],
    ids=["twice", "nowhere"],
)
def test_transfer_between_two_requests_is_allocated_once(
    desk: Desk, then: Any, seen: tuple[str, str], decide: Callable[[Desk], AllocationRun | None]
) -> None:
    desk.holds(*seen)
    then(lambda: desk.holds("600", "900"))
    asked = desk.asked

    run = decide(desk)

    assert run is not None
    assert run.outcome == "applied"
    assert desk.capital == (Decimal(600), Decimal(900))
    assert desk.asked == asked + 4, "each pool is read once more, and no more than that"
    row = DailyAccountSummary.objects.get()
    assert (row.spot_balance, row.futures_balance) == (Decimal(600), Decimal(900))


def test_preview_shows_what_would_be_decided(desk: Desk, then: Any) -> None:
    desk.holds("1000", "900")
    then(lambda: desk.holds("600", "900"))

    (preview,) = preview_allocation([desk.account.pk])

    assert preview.decision is not None
    after = [entry.after for pool in preview.decision.pools for entry in pool.entries]
    assert after == [Decimal(600), Decimal(900)]


def test_deposit_is_read_twice_and_allocated(desk: Desk) -> None:
    desk.holds("1000", "900")
    asked = desk.asked

    assert by_schedule(desk) is not None
    assert desk.capital == (Decimal(1000), Decimal(900))
    assert desk.asked == asked + 4


def test_transfer_that_goes_on_is_not_waited_for(desk: Desk, then: Any) -> None:
    desk.holds("1000", "900")
    then(lambda: desk.holds("600", "1300"))
    asked = desk.asked

    by_schedule(desk)

    assert desk.asked == asked + 4
    assert desk.capital == (Decimal(600), Decimal(1300))


@pytest.mark.parametrize("now", [("1000", "500"), ("1005", "505"), ("1200", "700")])
def test_what_is_no_transfer_costs_no_second_reading(desk: Desk, now: tuple[str, str]) -> None:
    desk.holds(*now)
    asked = desk.asked

    by_schedule(desk)

    assert desk.asked == asked + 2


def test_strategies_of_one_pool_read_that_pool_once(desk: Desk) -> None:
    StrategyAccount.objects.filter(pk=desk.spot.pk).update(is_active=False)
    desk.holds("1000", "900")
    asked = desk.asked

    by_schedule(desk)

    assert desk.asked == asked + 1
    assert desk.capital == (Decimal(0), Decimal(900))


def test_second_reading_of_one_pool_alone_is_none(desk: Desk, then: Any) -> None:
    """1,000 of before beside 900 of now would be the very sum that is to be avoided."""
    desk.holds("1000", "900")
    then(lambda: desk.exchange.fail(desk.account, "unauthorized", "spot"))

    run = by_hand(desk)

    assert run.outcome == "unchanged"
    assert {pool["pool"]: pool["code"] for pool in run.snapshot} == {
        "spot": "exchange_refused_key",
        "futures": "pools_read_apart",
    }
    assert desk.capital == (Decimal(1000), Decimal(500))


def test_webhook_has_one_deadline_for_both_readings(desk: Desk, then: Any) -> None:
    desk.holds("1000", "900")
    then(lambda: desk.exchange.fail(desk.account, "timeout"))
    until = Moment.now() + timedelta(seconds=2)

    (result,) = reallocate_where_due([desk.account.pk], trigger="webhook", until=until)

    assert until.left < timedelta(seconds=1), "the second reading took what was left"
    assert Moment.now() < until + timedelta(seconds=10), "and not its own fifteen seconds"
    assert {each.source for each in result.readings.values()} == {"cached"}
    assert desk.capital == (Decimal(1000), Decimal(500))


def test_account_beside_it_is_decided_by_the_first_reading(desk: Desk, then: Any) -> None:
    other = desk.exchange.open_account(wallets={"spot": {"USDT": "70"}, "futures": {"USDT": "30"}})
    link = make_link(account=other)
    desk.holds("1000", "900")
    then(lambda: desk.holds("600", "900"))
    asked = desk.asked

    results = reallocate_where_due([desk.account.pk, other.pk])

    assert [result.account.pk for result in results] == [desk.account.pk, other.pk]
    assert desk.asked == asked + 5
    assert desk.capital == (Decimal(600), Decimal(900))
    assert capital_of(link) == Decimal(70)


def test_account_that_goes_meanwhile_fails_alone(desk: Desk, then: Any) -> None:
    desk.holds("1000", "900")
    then(lambda: Account.objects.update(is_sandbox=True))

    run = by_hand(desk)

    assert (run.outcome, run.code) == ("failed", "account_changed")


def test_revert_is_covered_by_no_money_that_is_seen_twice(desk: Desk, then: Any) -> None:
    desk.holds("600", "300")
    run = by_hand(desk)
    desk.holds("1000", "100")
    sync_balances([desk.account.pk])
    # 400 arrive on futures, and are still seen on spot.
    desk.holds("1000", "500")
    then(lambda: desk.holds("600", "500"))

    with pytest.raises(RevertRefused):
        revert_run(run.pk)
    assert desk.capital == (Decimal(600), Decimal(300))

    desk.holds("1000", "500")
    assert revert_run(run.pk).outcome == "applied"
