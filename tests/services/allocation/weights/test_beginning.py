"""Strategies begin to trade on an account: all of them, or none."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.db import transaction

from capital.domain.errors import NotFound, NotPermitted, RoleTooSmall
from capital.models import Account, AccountAccess, SettingChange, StrategyAccount
from capital.services.accounts import set_status
from capital.services.allocation import NewLink, NewWeight, begin_strategies, events
from strategies.edits import ChangedMeanwhile
from strategies.models import Strategy, StrategyStatus
from tests.factories import make_account, make_link, make_operator, make_strategy, make_user
from tests.services.waiting import Beside

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account() -> Account:
    return make_account(owner=make_user(is_superuser=True), venue="binance")


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Which accounts a reallocation was asked for."""
    asked: list[Any] = []
    monkeypatch.setattr(events, "_queue", lambda _task, ids, *_: asked.append(ids))
    return asked


def new(name: str = "Trend", market: str = "spot", weight: str = "1") -> NewLink:
    return NewLink(name=name, market=market, weight=Decimal(weight))


def begin(account: Account, *links: NewLink, **how: Any) -> list[StrategyAccount]:
    how.setdefault("actor", account.owner)
    return begin_strategies(account.pk, links, owner=account.owner, **how)


def test_new_strategies_and_those_there_are_trade_with_their_weights(account: Account) -> None:
    there = make_strategy(owner=account.owner, key="grid", market_type="futures")
    make_strategy(owner=account.owner, key="other")

    made = begin(
        account,
        new("Trend Following", "spot", "60"),
        NewLink(strategy_id=there.pk, weight=Decimal("2.5")),
    )

    told = [(link.strategy.key, link.strategy.market_type, link.weight) for link in made]
    assert told == [("trend-following", "spot", 60), ("grid", "futures", Decimal("2.5"))]
    assert made[0].strategy.owner == account.owner
    assert account.strategy_accounts.count() == 2


def test_key_that_is_taken_gets_a_number_and_one_without_letters_a_word(account: Account) -> None:
    make_strategy(key="trend")

    made = begin(account, new("Trend"), new("网格"), new("趋势"))

    assert [link.strategy.key for link in made] == ["trend-2", "strategy", "strategy-2"]
    assert [link.strategy.name for link in made] == ["Trend", "网格", "趋势"]
    # Orders of strategy-2 would begin as those of strategy do.
    assert [link.strategy.tag for link in made] == ["trend-2", "strategy", "2-strategy-2"]


def test_strategies_named_in_korean_are_told_apart_by_their_keys(account: Account) -> None:
    made = begin(account, new("BTC 현물 그리드"), new("BTC 추세"), new("김프"))

    keys = [link.strategy.key for link in made]
    assert keys == ["btc-hyeonmul-geurideu", "btc-chuse", "gimpeu"]


@pytest.mark.parametrize("name", ["Trend", "trend", "  TREND "])
def test_two_new_ones_of_one_name_are_refused(account: Account, name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        begin(account, new("Grid"), new("Trend"), new(name, "futures"))

    assert refused.value.message_dict == {
        "new-2": ["Another row has this name already: take another one."]
    }
    assert not Strategy.objects.exists()


def test_name_of_a_strategy_that_there_is_is_refused(account: Account) -> None:
    make_strategy(owner=account.owner, key="mine", name="Trend")
    make_strategy(owner=account.owner, key="gone", name="Grid", status="ARCHIVED")
    make_strategy(key="theirs", name="Swing")

    with pytest.raises(ValidationError) as refused:
        begin(account, new("Grid"), new("Swing"), new("trend"))

    assert refused.value.message_dict == {
        "new-2": [
            (
                "There is a strategy with this name already (key mine). Choose that one, or take "
                "another name."
            )
        ]
    }
    assert begin(account, new("Grid"), new("Swing"))


def test_one_that_is_refused_leaves_nothing_of_the_others(account: Account) -> None:
    with pytest.raises(ValidationError) as refused:
        begin(account, new("First"), new("Second", weight="0"))

    assert set(refused.value.message_dict) == {"new-1"}
    assert not Strategy.objects.exists()
    assert not StrategyAccount.objects.exists()


def test_no_reallocation_is_asked_for_before_somebody_saw_what_moves(
    account: Account, queued: list[Any]
) -> None:
    link = make_link(account=account, weight=Decimal(1))
    queued.clear()
    begin(account, new(), weights=[NewWeight(link_id=link.pk, weight=Decimal(3), seen=Decimal(1))])

    assert queued == []


def test_link_that_was_not_shown_is_a_change_meanwhile(account: Account) -> None:
    shown = make_link(account=account)
    begin(account, new("First"), seen_links=[shown.pk])

    with pytest.raises(ChangedMeanwhile):
        begin(account, new("First"), seen_links=[shown.pk])

    assert account.strategy_accounts.count() == 2


def test_strategy_that_the_actor_does_not_see_is_not_there() -> None:
    user = make_operator("capital.add_strategyaccount")
    account = make_account(owner=user)
    strange = make_strategy(owner=make_user())

    with pytest.raises(ValidationError, match="This strategy is gone"):
        begin(account, NewLink(strategy_id=strange.pk, weight=Decimal(1)))

    made = begin(account, NewLink(strategy_id=strange.pk, weight=Decimal(1)), actor=None)
    assert made[0].strategy == strange


def test_whoever_may_not_make_strategies_begins_none() -> None:
    account = make_account(owner=make_operator("capital.add_strategyaccount"))

    with pytest.raises(NotPermitted):
        begin(account, new())

    assert not Strategy.objects.exists()


def test_whoever_only_looks_at_the_account_begins_none_and_sets_no_weights() -> None:
    maker = make_operator("add_strategyaccount", "change_strategyaccount")
    maker.user_permissions.add(Permission.objects.get(codename="add_strategy"))
    account = make_account()
    AccountAccess.objects.create(account=account, user=maker, role="viewer")
    link = make_link(account=account, weight=Decimal(1))
    weight = NewWeight(link_id=link.pk, weight=Decimal(3), seen=Decimal(1))

    for links, weights in (([new()], []), ([], [weight])):
        with pytest.raises(RoleTooSmall):
            begin_strategies(account.pk, links, weights, owner=maker, actor=maker)

    assert StrategyAccount.objects.get().weight == 1


def test_record_says_who_began_them_and_from_where(account: Account) -> None:
    link = make_link(account=account, weight=Decimal(1))
    weight = NewWeight(link_id=link.pk, weight=Decimal(3), seen=Decimal(1))

    begin(account, new(), weights=[weight], origin="192.0.2.7")

    changes = SettingChange.objects.order_by("pk").values_list("row", "verb", "actor", "origin")
    assert [each[:2] for each in changes] == [
        ("link", "changed"),
        ("strategy", "created"),
        ("link", "created"),
    ]
    assert {each[2:] for each in changes} == {(account.owner_id, "192.0.2.7")}


def test_weights_are_set_together_with_what_is_new(account: Account) -> None:
    link = make_link(account=account, weight=Decimal(1))
    other = make_link(account=account, weight=Decimal(7))
    weight = NewWeight(link_id=link.pk, weight=Decimal(3), seen=Decimal(1))

    begin(account, new(), weights=[weight])

    weights = account.strategy_accounts.order_by("pk").values_list("weight", flat=True)
    assert list(weights) == [3, 7, 1]
    assert StrategyAccount.objects.get(pk=other.pk).weight == 7


def test_weight_that_somebody_changed_meanwhile_is_not_undone(account: Account) -> None:
    link = make_link(account=account, weight=Decimal(5))
    weight = NewWeight(link_id=link.pk, weight=Decimal(3), seen=Decimal(1))

    with pytest.raises(ChangedMeanwhile):
        begin(account, new(), weights=[weight])

    assert StrategyAccount.objects.get().weight == 5


def test_refused_weight_names_its_link(account: Account) -> None:
    link = make_link(account=account, weight=Decimal(1))
    weight = NewWeight(link_id=link.pk, weight=Decimal(101), seen=Decimal(1))

    with pytest.raises(ValidationError) as refused:
        begin(account, weights=[weight])

    assert set(refused.value.message_dict) == {f"link-{link.pk}"}


def test_link_of_another_account_and_an_account_that_is_gone_are_not_found(
    account: Account,
) -> None:
    other = make_link(account=make_account(owner=account.owner), weight=Decimal(1))
    weight = NewWeight(link_id=other.pk, weight=Decimal(3), seen=Decimal(1))

    with pytest.raises(NotFound):
        begin(account, weights=[weight])
    with pytest.raises(NotFound):
        begin_strategies(0, [new()], owner=account.owner)

    assert StrategyAccount.objects.get().weight == 1


@pytest.mark.postgresql
def test_strategies_are_locked_in_one_order_whatever_the_order_of_the_form(
    account: Account,
) -> None:
    first, second = (make_strategy(owner=account.owner) for _ in range(2))
    chosen = [NewLink(strategy_id=each.pk, weight=Decimal(1)) for each in (second, first)]

    with transaction.atomic():
        set_status([first.pk], StrategyStatus.PAUSED)
        beginning = Beside(lambda: begin(account, *chosen))
        beginning.wait_for_lock()
        set_status([second.pk], StrategyStatus.PAUSED)

    assert [link.strategy_id for link in beginning.result()] == [second.pk, first.pk]
