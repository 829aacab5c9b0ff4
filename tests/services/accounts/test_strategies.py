"""One strategy is made, changed, paused or removed by who may, and leaves its record."""

import threading
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.db import close_old_connections, connections

from capital.domain.errors import HasHistory, NotFound, NotPermitted, OwnerOnly, StrategyOfAnother
from capital.models import Account, SettingChange, StrategyAccount
from capital.services.accounts import create_link
from capital.services.accounts.lookup import lock_accounts
from capital.services.accounts.strategies import (
    change_strategy,
    create_strategy,
    delete_strategy,
    set_status,
)
from strategies.models import MarketType, Strategy, StrategyStatus
from tests.admin.tenants import allow
from tests.factories import make_account, make_link, make_strategy, make_user

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


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"order_tag": "gr"}, "order_tag"),
        ({"order_tag": "grid-2"}, "order_tag"),
        ({"key": "GRID2"}, "key"),
    ],
)
def test_a_tag_that_begins_another_on_an_account_is_refused(
    changes: dict[str, str], field: str
) -> None:
    account = make_account()
    make_link(account=account, strategy=make_strategy(key="grid"))
    strategy, beside = make_strategy(key="trend"), make_strategy(key="else")
    make_link(account=account, strategy=strategy)

    with pytest.raises(ValidationError) as refused:
        change_strategy(strategy.pk, **changes)

    assert "grid" in str(refused.value.message_dict[field])
    assert Strategy.objects.get(pk=strategy.pk).tag == "trend"
    # One that trades nowhere beside it may be called so.
    assert change_strategy(beside.pk, **changes).tag == next(iter(changes.values()))


def test_a_tag_of_its_own_makes_room_for_a_key_like_another() -> None:
    account = make_account()
    for key, order_tag in (("grid", ""), ("grid-2", "second")):
        make_link(account=account, strategy=make_strategy(key=key, order_tag=order_tag))

    with pytest.raises(ValidationError, match="the order tag of the strategy grid, begins"):
        change_strategy(Strategy.objects.get(key="grid-2").pk, order_tag="")
    # What says nothing of its tag is not judged.
    Strategy.objects.filter(key="grid-2").update(order_tag="")
    change_strategy(Strategy.objects.get(key="grid-2").pk, name="Second", order_tag="")
    assert Strategy.objects.get(key="grid-2").name == "Second"


def test_a_tag_is_judged_on_an_account_that_is_linked_while_the_locks_are_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, late = make_account(), make_account()
    make_link(account=late, strategy=make_strategy(key="grid"))
    strategy = make_strategy(key="trend")
    make_link(account=first, strategy=strategy)
    locked = []

    def lock(account_ids: list[int]) -> dict[int, Account]:
        if not locked:
            make_link(account=late, strategy=strategy)
        locked.append(list(account_ids))
        return lock_accounts(account_ids)

    monkeypatch.setattr("capital.services.accounts.strategies.lock_accounts", lock)
    with pytest.raises(ValidationError, match="grid"):
        change_strategy(strategy.pk, key="grid-2")

    # On the first account alone the tag would have done.
    assert locked == [[first.pk], [late.pk]]
    assert Strategy.objects.get(pk=strategy.pk).tag == "trend"


def test_a_link_of_a_strategy_that_is_gone_is_not_found() -> None:
    strategy = make_strategy()
    Strategy.objects.filter(pk=strategy.pk).delete()

    with pytest.raises(NotFound):
        create_link(account=make_account(), strategy=strategy)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_changed", [True, False])
def test_of_two_strategies_at_once_one_gets_the_tag(is_changed: bool) -> None:
    """Both are linked at once, or one is linked while the other gets its key."""
    account = make_account()
    first, second = make_strategy(key="grid"), make_strategy(key="grid-2")
    if is_changed:
        Strategy.objects.filter(pk=first.pk).update(key="else")
        make_link(account=account, strategy=Strategy.objects.get(pk=first.pk))
    start, refused = threading.Barrier(2), []

    def run(work: Callable[[], object]) -> None:
        close_old_connections()
        try:
            start.wait()
            work()
        except ValidationError as error:
            refused.append(error)
        finally:
            connections.close_all()

    works = (
        (lambda: change_strategy(first.pk, key="grid"))
        if is_changed
        else (lambda: create_link(account=account, strategy=first)),
        lambda: create_link(account=account, strategy=second),
    )
    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    tags = StrategyAccount.objects.filter(account=account).values_list("strategy__key", flat=True)
    assert len(refused) == 1
    assert not {"grid", "grid-2"} <= set(tags)
