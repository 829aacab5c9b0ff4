"""Weights in the editor: what they would come to, and saving them without a run."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from capital.domain.errors import NotPermitted, UnknownAccount
from capital.domain.reasons import Code
from capital.models import AllocationRun, SettingChange, Stop, StrategyAccount
from capital.services.allocation import events
from capital.services.allocation.allocate import allocate_capital, reallocate_where_due
from capital.services.allocation.weights.editing import (
    foresee_saved_weights,
    save_weights,
    weigh_links,
)
from strategies.edits import Seen, SomeChangedMeanwhile
from tests.factories import make_link, make_operator, make_strategy, make_user
from tests.services.allocation.moments import at
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


class Desk:
    """Two spot strategies, a and b, share 300 as 2 to 1; c has all 90 of futures."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.account = exchange.open_account(
            name="Main", wallets={"spot": {"USDT": "300"}, "futures": {"USDT": "90"}}
        )
        self.a = self.link("a", weight=Decimal(2))
        self.b = self.link("b")
        self.c = self.link("c", market_type="futures")
        allocate_capital([self.account.pk], clock=at())

    def link(self, key: str, market_type: str = "spot", **fields: Any) -> StrategyAccount:
        strategy = make_strategy(key=key, market_type=market_type, owner=self.account.owner)
        return make_link(account=self.account, strategy=strategy, **fields)

    def save(self, weights: Mapping[int, str], seen: Mapping[int, str] | None = None) -> None:
        given = {key: Decimal(weight) for key, weight in weights.items()}
        shown = {key: Seen({"weight": Decimal(each)}) for key, each in (seen or {}).items()}
        save_weights(self.account.pk, given, seen=shown, actor=None)

    @property
    def weights(self) -> list[str]:
        rows = StrategyAccount.objects.filter(account=self.account).order_by("pk")
        return [f"{weight.normalize():f}" for weight in rows.values_list("weight", flat=True)]


@pytest.fixture
def desk(exchange: Exchange) -> Desk:
    return Desk(exchange)


def test_what_weights_would_come_to_is_told_by_the_last_balance_and_writes_nothing(
    desk: Desk,
) -> None:
    desk.exchange.set_balance(desk.account, "spot", "9999")
    asked = len(desk.exchange.asked)

    foreseen = foresee_saved_weights(
        desk.account.pk,
        {desk.a.pk: Decimal(1), desk.c.pk: Decimal(7)},
        actor=None,
        clock=at(minutes=1),
    )

    after = {
        entry.strategy: (str(entry.before), str(entry.after))
        for pool in foreseen.report.pools
        for entry in pool.entries
    }
    assert after == {
        "a": ("200.00", "150.00"),
        "b": ("100.00", "150.00"),
        "c": ("90.00", "90.00"),
    }
    assert {key: f"{share:.0f}" for key, share in foreseen.shares.items()} == {
        desk.a.pk: "50",
        desk.b.pk: "50",
        desk.c.pk: "100",
    }
    assert foreseen.keys == {desk.a.pk: "a", desk.b.pk: "b", desk.c.pk: "c"}
    assert len(desk.exchange.asked) == asked
    assert (desk.weights, AllocationRun.objects.count()) == (["2", "1", "1"], 1)


def test_who_may_not_change_weights_is_told_nothing(desk: Desk) -> None:
    with pytest.raises(UnknownAccount):
        foresee_saved_weights(desk.account.pk, {}, actor=make_user(), clock=at())
    with pytest.raises(UnknownAccount):
        foresee_saved_weights(desk.account.pk + 99, {}, actor=None, clock=at())
    with pytest.raises(NotPermitted):
        foresee_saved_weights(
            desk.account.pk, {}, actor=make_operator("view_all_accounts"), clock=at()
        )


def test_saved_weights_move_no_capital_and_are_due_at_the_next_check(
    desk: Desk, monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    queued: list[Any] = []
    monkeypatch.setattr(events, "_queue", lambda *arguments: queued.append(arguments))

    with django_capture_on_commit_callbacks(execute=True):
        desk.save({desk.a.pk: "1", desk.c.pk: "3"})

    assert (desk.weights, queued) == (["1", "1", "3"], [])
    assert AllocationRun.objects.count() == 1
    assert SettingChange.objects.count() == 2
    (due,) = reallocate_where_due([desk.account.pk], clock=at(minutes=1))
    assert due.run is not None


def test_links_of_another_account_are_passed_over(desk: Desk) -> None:
    other = make_link(weight=Decimal(3))

    desk.save({desk.a.pk: "5", other.pk: "9"})

    other.refresh_from_db()
    assert (desk.weights, other.weight) == (["5", "1", "1"], 3)


def test_all_weights_that_somebody_else_changed_are_told_and_none_is_saved(desk: Desk) -> None:
    desk.save({desk.a.pk: "4", desk.b.pk: "4"})
    wanted = {desk.a.pk: "5", desk.b.pk: "5", desk.c.pk: "5"}

    with pytest.raises(SomeChangedMeanwhile) as refused:
        desk.save(wanted, seen={desk.a.pk: "2", desk.b.pk: "1", desk.c.pk: "1"})

    assert [each.row.pk for each in refused.value.rows] == [desk.a.pk, desk.b.pk]
    assert desk.weights == ["4", "4", "1"]


def test_a_weight_that_is_none_takes_the_others_back(desk: Desk) -> None:
    with pytest.raises(ValidationError):
        desk.save({desk.a.pk: "5", desk.b.pk: "0"})

    assert desk.weights == ["2", "1", "1"]


def test_links_are_weighed_with_what_keeps_them_from_counting(desk: Desk) -> None:
    idle = desk.link("idle", is_active=False)
    fixed = desk.link("fixed", fixed_amount=Decimal(10))
    Stop.objects.create(strategy_account=desk.b, code="drawdown_reached", figures={})
    Stop.objects.create(strategy_account=idle, code="drawdown_reached", figures={})

    weighed = weigh_links(desk.account)

    assert {
        key: (each.share and f"{each.share:.1f}", each.idle, each.is_stopped)
        for key, each in weighed.items()
    } == {
        desk.a.pk: ("66.7", None, False),
        desk.b.pk: ("33.3", None, True),
        desk.c.pk: ("100.0", None, False),
        idle.pk: (None, Code.LINK_INACTIVE, False),
        fixed.pk: (None, None, False),
    }
