"""A run keeps who changed what since the one before, or what else was found due."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import translation

from capital.models import AllocationRun, Stop, StrategyAccount
from capital.services.accounts import change_account, change_link, create_link, delete_link
from capital.services.accounts.strategies import set_status
from capital.services.allocation.allocate import allocate_capital, reallocate_where_due
from capital.services.allocation.applying import apply_plan
from capital.services.allocation.causes import naming
from capital.services.allocation.causes.told import causes_of, told_causes
from capital.services.allocation.plans import make_plan
from capital.services.allocation.reverts import revert_run
from capital.services.allocation.weights.edit import set_weights
from strategies.models import Strategy, StrategyStatus
from tests.factories import make_link, make_position, make_strategy, make_user
from tests.services.allocation.moments import NOON, at
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


class Desk:
    """Two spot strategies, a and b, share 1,000 as 60 to 40; c has all 90 of futures."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.account = exchange.open_account(
            name="Main", wallets={"spot": {"USDT": "1000"}, "futures": {"USDT": "90"}}
        )
        self.demo: User = make_user(username="demo", is_superuser=True)
        self.kim: User = make_user(username="kim", is_superuser=True)
        self.a = self.link("a", weight=Decimal(60))
        self.b = self.link("b", weight=Decimal(40))
        self.c = self.link("c", market_type="futures")
        allocate_capital([self.account.pk], clock=at())

    def link(self, key: str, market_type: str = "spot", **fields: Any) -> StrategyAccount:
        strategy = make_strategy(key=key, market_type=market_type, owner=self.account.owner)
        return make_link(account=self.account, strategy=strategy, **fields)

    def add(self, key: str, weight: str) -> StrategyAccount:
        return create_link(
            account=self.account,
            strategy=make_strategy(key=key, market_type="spot", owner=self.account.owner),
            weight=Decimal(weight),
            actor=self.demo,
        )

    def follow(self, minutes: int = 1) -> list[str]:
        """What the run says that follows by itself."""
        (result,) = reallocate_where_due(
            [self.account.pk], trigger="event", clock=at(minutes=minutes)
        )
        assert result.run is not None, result.reason
        return told_causes(AllocationRun.objects.get(pk=result.run.pk).arguments)


@pytest.fixture
def desk(exchange: Exchange) -> Desk:
    return Desk(exchange)


def test_weights_are_told_as_they_were_and_as_they_are_with_who_changed_them(desk: Desk) -> None:
    change_link(desk.a.pk, actor=desk.demo, weight=Decimal(50))
    change_link(desk.b.pk, actor=desk.demo, weight=Decimal(30))
    desk.add("d", "20")

    assert desk.follow() == [
        "demo added d to the account.",
        "demo changed weights 60/40 → 50/30/20.",
    ]
    run = AllocationRun.objects.latest("pk")
    assert run.arguments["causes"][1] == {
        "code": "weights_set",
        "figures": {"user": "demo", "before": "60/40", "after": "50/30/20"},
    }
    with translation.override("ko"):
        assert "demo" in told_causes(run.arguments)[1]
        assert "60/40 → 50/30/20" in told_causes(run.arguments)[1]


def test_both_who_changed_weights_are_named_and_a_change_taken_back_is_none(desk: Desk) -> None:
    change_link(desk.a.pk, actor=desk.demo, weight=Decimal(50))
    change_link(desk.b.pk, actor=desk.kim, weight=Decimal(50))
    change_link(desk.c.pk, actor=desk.kim, weight=Decimal(9))
    change_link(desk.c.pk, actor=desk.kim, weight=Decimal(1))

    assert desk.follow() == ["demo, kim changed weights 60/40 → 50/50."]


def test_the_next_run_does_not_say_it_again(desk: Desk) -> None:
    change_link(desk.a.pk, actor=desk.demo, weight=Decimal(50))
    desk.follow()
    change_link(desk.b.pk, actor=desk.kim, weight=Decimal(50))

    assert desk.follow(minutes=2) == ["kim changed weights 50/40 → 50/50."]


def pause(desk: Desk) -> None:
    set_status([desk.b.strategy_id], StrategyStatus.PAUSED, actor=desk.demo)


def archive(desk: Desk) -> None:
    set_status([desk.b.strategy_id], StrategyStatus.ARCHIVED, actor=desk.demo)


def activate(desk: Desk) -> None:
    pause(desk)
    desk.follow()
    set_status([desk.b.strategy_id], StrategyStatus.ACTIVE, actor=desk.kim)


def deactivate(desk: Desk) -> None:
    change_link(desk.b.pk, actor=desk.demo, is_active=False)


def switch_on(desk: Desk) -> None:
    deactivate(desk)
    desk.follow()
    change_link(desk.b.pk, actor=desk.kim, is_active=True)


def keep_back(desk: Desk) -> None:
    change_account(desk.account.pk, actor=desk.demo, reserve_percent=Decimal(5))
    change_account(desk.account.pk, actor=desk.kim, reserve_amount=Decimal(200))


def limit(desk: Desk) -> None:
    change_link(desk.a.pk, actor=desk.demo, max_amount=Decimal(100))


def by_volatility(desk: Desk) -> None:
    change_account(desk.account.pk, actor=desk.demo, policy="inverse_volatility")


def within_a_band(desk: Desk) -> None:
    change_account(desk.account.pk, actor=desk.demo, drift_band_percent=Decimal(2))


def stop_by_limit(desk: Desk) -> Stop:
    return Stop.objects.create(
        strategy_account=desk.b, code="drawdown_reached", figures={}, at=NOON
    )


def lift(desk: Desk) -> None:
    stop = stop_by_limit(desk)
    desk.follow()
    stop.lift(by_id=desk.kim.pk, at=NOON, reason="Looked at.", figures={})


def lift_of_account(desk: Desk) -> None:
    stop = Stop.objects.create(account=desk.account, code="drawdown_reached", figures={}, at=NOON)
    desk.follow()
    stop.lift(by_id=None, at=NOON, reason="Looked at.", figures={})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (pause, "demo paused b."),
        (archive, "demo archived b."),
        (activate, "kim activated b."),
        (deactivate, "demo deactivated b on this account."),
        (switch_on, "kim activated b on this account."),
        (keep_back, "kim changed the reserve 0% → 5% / 200."),
        (limit, "demo changed the fixed amount or limits of a."),
        (by_volatility, "demo changed the allocation policy: by weight → inverse volatility."),
        (within_a_band, "demo changed the settings of the allocation policy."),
        (stop_by_limit, "A limit of loss stopped b."),
        (lift, "kim lifted the stop of b."),
    ],
)
def test_whatever_somebody_did_is_told_by_name(
    desk: Desk, change: Callable[[Desk], object], told: str
) -> None:
    change(desk)

    assert desk.follow(minutes=2) == [told]


def test_a_lifted_stop_of_an_account_lets_all_of_its_strategies_go_on(desk: Desk) -> None:
    lift_of_account(desk)

    assert desk.follow(minutes=2) == [
        "The command line lifted the stop of a, b.",
        "The command line lifted the stop of c.",
    ]


def test_a_strategy_that_was_removed_before_it_was_given_anything_is_told(desk: Desk) -> None:
    make_position(desk.a, "1")
    link = desk.add("d", "20")
    change_link(desk.c.pk, actor=desk.kim, weight=Decimal(2))
    desk.follow()
    delete_link(link.pk, actor=desk.kim)
    desk.a.positions.all().delete()

    assert desk.follow(minutes=2) == ["kim removed d from the account."]


def test_what_a_pool_held_before_is_told_when_it_is_free(desk: Desk) -> None:
    position = make_position(desk.a, "1")
    change_link(desk.a.pk, actor=desk.demo, weight=Decimal(50))
    change_link(desk.c.pk, actor=desk.kim, max_amount=Decimal(10))
    first = desk.follow()
    position.delete()

    assert "kim changed the fixed amount or limits of c." in first
    assert desk.follow(minutes=2) == ["demo changed weights 60/40 → 50/40."]


def test_what_was_changed_around_the_services_is_nobodys(desk: Desk) -> None:
    change_link(desk.a.pk, actor=desk.demo, weight=Decimal(50))
    StrategyAccount.objects.filter(pk=desk.a.pk).update(weight=Decimal(55))
    Strategy.objects.filter(pk=desk.c.strategy_id).update(status="PAUSED")

    assert desk.follow() == ["Changed weight: a.", "Changed state: c."]


def test_of_another_accounts_changes_nothing_is_told(desk: Desk) -> None:
    other = make_link(strategy=desk.b.strategy)
    change_link(other.pk, actor=desk.kim, weight=Decimal(41))
    StrategyAccount.objects.filter(pk=desk.b.pk).update(weight=Decimal(41))

    assert desk.follow() == ["Changed weight: b."]


def test_many_strategies_are_told_by_those_that_changed(desk: Desk) -> None:
    for number in range(5):
        desk.add(f"more{number}", "1")
    desk.follow()
    change_link(desk.b.pk, actor=desk.demo, weight=Decimal("0.5"))

    assert desk.follow(minutes=2) == ["demo changed weights 40 → 0.5."]


def test_a_balance_that_changed_is_the_cause_where_nobody_did_anything(desk: Desk) -> None:
    desk.exchange.set_balance(desk.account, "spot", "1500")

    assert desk.follow() == ["The balance changed by 50.00%."]


def test_the_first_run_is_the_first_and_one_that_was_asked_for_has_its_asker(
    exchange: Exchange,
) -> None:
    account = exchange.open_account(name="New", wallets={"spot": {"USDT": "10"}})
    make_link(account=account, strategy=make_strategy(market_type="spot", owner=account.owner))
    (first,) = reallocate_where_due([account.pk], trigger="command", clock=at())
    (asked,) = allocate_capital([account.pk], clock=at(minutes=1))

    assert first.run is not None
    assert told_causes(first.run.arguments) == ["This is the first allocation."]
    assert told_causes(asked.arguments) == []


def test_weights_that_are_set_with_their_run_are_told_alike(desk: Desk) -> None:
    report = set_weights(
        desk.account.pk,
        {"a": Decimal(30), "b": Decimal(70)},
        actor=desk.demo,
        run_key="mine",
        clock=at(minutes=1),
    )
    again = set_weights(
        desk.account.pk,
        {"a": Decimal(30), "b": Decimal(70)},
        actor=desk.demo,
        run_key="mine",
        clock=at(minutes=2),
    )

    assert report.run is not None
    assert told_causes(report.run.arguments) == ["demo changed weights 60/40 → 30/70."]
    assert again.run == report.run


def test_a_plan_that_is_applied_says_whose_change_it_follows(desk: Desk) -> None:
    change_link(desk.a.pk, actor=desk.kim, weight=Decimal(50))
    plan = make_plan([desk.account.pk], actor=desk.demo, clock=at(minutes=1))
    (run,) = apply_plan(plan.public_id, actor=desk.demo, clock=at(minutes=2))

    assert told_causes(run.arguments) == ["kim changed weights 60/40 → 50/40."]


def test_a_revert_names_no_change_and_leaves_it_to_the_next_run(desk: Desk) -> None:
    desk.exchange.set_balance(desk.account, "spot", "1500")
    desk.follow()
    grown = AllocationRun.objects.latest("pk")
    change_link(desk.a.pk, actor=desk.demo, weight=Decimal(50))
    reverted = revert_run(grown.pk, clock=at(minutes=2))

    assert told_causes(reverted.arguments) == []
    assert desk.follow(minutes=3) == ["demo changed weights 60/40 → 50/40."]


def test_a_cause_of_a_later_version_is_left_out() -> None:
    stored = {"causes": [{"code": "of_tomorrow", "figures": {}}]}

    assert causes_of(stored) == []


def test_a_stop_that_was_lifted_of_one_account_lets_nobody_elses_strategies_go_on() -> None:
    mine, others = make_link(), make_link()
    kim = make_user(username="kim")
    for link, by in ((mine, kim), (others, None)):
        Stop.objects.create(
            account=link.account,
            code="daily_loss",
            lifted_at=NOON if by else None,
            lifted_by=by,
            lifted_reason="Enough" if by else "",
        )

    found = naming._who_lifted([mine.account_id, others.account_id])

    assert found == {(mine.account_id, mine.strategy.key): "kim"}
