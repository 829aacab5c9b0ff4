"""One strategy is made, changed, paused or removed by who may, and leaves its record."""

import pytest

from capital.domain.errors import HasHistory, NotFound, NotPermitted, OwnerOnly, StrategyOfAnother
from capital.models import SettingChange
from capital.services.accounts.strategies import (
    change_strategy,
    create_strategy,
    delete_strategy,
    set_status,
)
from strategies.models import MarketType, Strategy, StrategyStatus
from tests.admin.tenants import allow
from tests.factories import make_link, make_strategy, make_user

pytestmark = pytest.mark.django_db

FIELDS = {"name": "Trend", "key": "trend", "market_type": MarketType.SPOT}


def records() -> list[tuple[object, ...]]:
    return [
        (each.strategy_id, each.verb, each.actor, each.origin)
        for each in SettingChange.objects.filter(row="strategy").order_by("pk")
    ]


def test_strategy_is_made_for_its_owner_by_who_may() -> None:
    owner, stranger = (allow(make_user(), "strategies.add_strategy") for _ in range(2))
    root = make_user(is_superuser=True)

    with pytest.raises(NotPermitted):
        create_strategy(owner=owner, actor=make_user(), **FIELDS)
    with pytest.raises(OwnerOnly):
        create_strategy(owner=owner, actor=stranger, **FIELDS)
    assert not Strategy.objects.exists()

    made = [
        create_strategy(owner=owner, actor=owner, origin="203.0.113.7", **FIELDS),
        create_strategy(owner=owner, actor=root, **FIELDS | {"key": "second"}),
        create_strategy(owner=stranger, **FIELDS | {"key": "third"}),
    ]

    assert [each.owner for each in made] == [owner, owner, stranger]
    assert records() == [
        (made[0].pk, "created", owner, "203.0.113.7"),
        (made[1].pk, "created", root, ""),
        (made[2].pk, "created", None, ""),
    ]


def test_strategy_goes_to_another_owner_by_a_superuser_only() -> None:
    owner, heir = allow(make_user(), "strategies.change_strategy"), make_user()
    strategy, beside = make_strategy(owner=owner), make_strategy(owner=owner)

    with pytest.raises(OwnerOnly):
        change_strategy(strategy.pk, actor=owner, owner=heir)
    with pytest.raises(StrategyOfAnother):
        change_strategy(
            strategy.pk, actor=allow(make_user(), "strategies.change_strategy"), name="Mine"
        )
    # To name the owner that it has changes none.
    change_strategy(strategy.pk, actor=owner, owner=owner, name="First")
    assert dict(Strategy.objects.values_list("pk", "name")) == {
        strategy.pk: "First",
        beside.pk: beside.name,
    }

    change_strategy(strategy.pk, actor=make_user(is_superuser=True), owner=heir)
    change_strategy(beside.pk, name="Second")

    assert dict(Strategy.objects.values_list("pk", "owner")) == {
        strategy.pk: heir.pk,
        beside.pk: owner.pk,
    }


def test_status_is_set_of_the_strategies_that_are_named() -> None:
    active, paused, beside = make_strategy(), make_strategy(status="PAUSED"), make_strategy()

    changed = set_status([active.pk, paused.pk], StrategyStatus.PAUSED)

    assert changed == [active]
    assert dict(Strategy.objects.values_list("pk", "status")) == {
        active.pk: "PAUSED",
        paused.pk: "PAUSED",
        beside.pk: "ACTIVE",
    }
    assert records() == [(active.pk, "changed", None, "")]


def test_strategy_that_is_gone_is_removed_already_or_not_found() -> None:
    removed, beside, used = make_strategy(), make_strategy(), make_link().strategy

    delete_strategy(removed.pk, actor=make_user(is_superuser=True))
    delete_strategy(removed.pk)
    with pytest.raises(NotFound):
        change_strategy(removed.pk, name="Gone")
    with pytest.raises(HasHistory):
        delete_strategy(used.pk)

    assert set(Strategy.objects.all()) == {beside, used}
    assert [record[1] for record in records()] == ["removed"]
