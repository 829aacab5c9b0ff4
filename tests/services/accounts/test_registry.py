"""One account or link is changed or removed, and no other."""

from decimal import Decimal

import pytest

from capital.domain.errors import (
    BudgetLimitNotAllowed,
    HasHistory,
    NotFound,
    NotPermitted,
    OwnerOnly,
)
from capital.models import Account, AccountAccess, SettingChange, StrategyAccount
from capital.services.accounts import registry
from capital.services.accounts.registry import (
    change_account,
    change_link,
    create_account,
    create_link,
    delete_account,
    delete_link,
)
from tests.factories import make_account, make_link, make_operator, make_strategy, make_user

pytestmark = pytest.mark.django_db


def test_one_account_is_changed() -> None:
    changed, other = make_account(name="Main"), make_account(name="Side")

    change_account(changed.pk, actor=None, name="First")

    assert dict(Account.objects.values_list("pk", "name")) == {
        changed.pk: "First",
        other.pk: "Side",
    }
    with pytest.raises(NotFound):
        change_account(changed.pk + other.pk, actor=None, name="Gone")


def test_one_account_is_removed_and_one_that_was_used_is_not() -> None:
    removed, other = make_account(), make_account()
    used = make_link(capital="1").account

    delete_account(removed.pk)

    with pytest.raises(HasHistory):
        delete_account(used.pk)
    assert set(Account.objects.all()) == {other, used}


def test_one_link_is_changed() -> None:
    changed, other = make_link(), make_link()

    change_link(changed.pk, weight=Decimal(3))

    assert dict(StrategyAccount.objects.values_list("pk", "weight")) == {
        changed.pk: Decimal(3),
        other.pk: Decimal(1),
    }
    with pytest.raises(NotFound):
        change_link(changed.pk + other.pk, weight=Decimal(3))


def test_links_own_account_is_locked_while_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    locked: list[list[int]] = []
    lock = registry.lock_accounts
    monkeypatch.setattr(
        registry, "lock_accounts", lambda ids: locked.append(list(ids)) or lock(ids)
    )
    make_link()
    changed, removed = make_link(), make_link()

    change_link(changed.pk, weight=Decimal(3))
    delete_link(removed.pk)

    assert locked == [[changed.account_id], [removed.account_id]]


def test_one_link_is_removed_and_one_that_held_capital_is_not() -> None:
    removed, other, used = make_link(), make_link(), make_link(capital="1")

    delete_link(removed.pk)

    with pytest.raises(HasHistory):
        delete_link(used.pk)
    assert set(StrategyAccount.objects.all()) == {other, used}


def test_link_is_made_on_the_account_that_is_named_and_on_none_that_is_gone() -> None:
    account, other, gone = make_account(), make_account(), make_account()
    strategy = make_strategy(owner=account.owner)
    Account.objects.filter(pk=gone.pk).delete()

    link = create_link(account=account, strategy=strategy, weight=Decimal(2))

    assert (link.account, link.strategy, link.weight) == (account, strategy, Decimal(2))
    assert not StrategyAccount.objects.filter(account=other).exists()
    with pytest.raises(NotFound):
        create_link(account=gone, strategy=strategy)


def test_link_that_is_removed_before_its_account_is_locked_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link, _ = make_link(), make_link()
    monkeypatch.setattr(
        registry, "lock_accounts", lambda _: StrategyAccount.objects.filter(pk=link.pk).delete()
    )

    with pytest.raises(NotFound):
        change_link(link.pk, weight=Decimal(3))


def test_limit_of_orders_is_raised_by_those_who_may() -> None:
    account = make_account()
    rights = ("change_account", "view_all_accounts")
    may, may_not = make_operator("raise_budget_limit", *rights), make_operator(*rights)

    with pytest.raises(BudgetLimitNotAllowed):
        change_account(account.pk, actor=may_not, max_budget_percent=Decimal(200))
    assert Account.objects.get().max_budget_percent == Decimal(100)

    change_account(account.pk, actor=may, max_budget_percent=Decimal(200))
    assert Account.objects.get().max_budget_percent == Decimal(200)


@pytest.mark.parametrize(
    ("role", "permissions", "told"),
    [
        (None, ["allocate_capital"], "link_without_webhook"),
        ("viewer", ["allocate_capital"], "link_without_webhook"),
        ("operator", [], "link_without_webhook"),
        ("operator", ["allocate_capital"], "link_across_owners"),
    ],
)
def test_link_across_owners_says_whether_the_strategy_s_webhook_works_on_it(
    role: str | None, permissions: list[str], told: str
) -> None:
    other = make_operator(*permissions)
    account = make_account()
    if role is not None:
        AccountAccess.objects.create(account=account, user=other, role=role)
    # What the other owner may on a second account says nothing of this one.
    AccountAccess.objects.create(account=make_account(), user=other, role="operator")
    link = make_link(account=account, strategy=make_strategy(owner=other))

    notice = registry.link_notice(link)

    assert notice is not None
    assert notice.code.value == told
    assert notice.figures["other"] == other.get_username()
    assert registry.link_notice(make_link(account=make_account())) is None


ACCOUNT = {"name": "Main", "venue": "binance", "currency": "USDT"}


def test_account_is_made_for_its_owner_by_who_may() -> None:
    owner, stranger = make_operator("add_account"), make_operator("add_account")
    root, without = make_user(is_superuser=True), make_operator()

    with pytest.raises(NotPermitted):
        create_account(owner=without, actor=without, **ACCOUNT)
    with pytest.raises(OwnerOnly):
        create_account(owner=owner, actor=stranger, **ACCOUNT)
    assert not Account.objects.exists()

    made = [
        create_account(owner=owner, actor=owner, origin="203.0.113.7", **ACCOUNT),
        create_account(owner=owner, actor=root, **ACCOUNT | {"name": "Side"}),
        create_account(owner=stranger, **ACCOUNT | {"name": "Third"}),
    ]

    assert [each.owner for each in made] == [owner, owner, stranger]
    assert [
        (each.account, each.verb, each.actor, each.origin)
        for each in SettingChange.objects.order_by("pk")
    ] == [
        (made[0], "created", owner, "203.0.113.7"),
        (made[1], "created", root, ""),
        (made[2], "created", None, ""),
    ]


def test_account_goes_to_another_owner_by_a_superuser_only() -> None:
    account, beside, heir = make_account(), make_account(), make_user()
    AccountAccess.objects.create(account=account, user=heir, role="viewer")
    # An owner needs no role beside; the others keep theirs.
    kept = {
        AccountAccess.objects.create(account=account, user=make_user(), role="viewer"),
        AccountAccess.objects.create(account=beside, user=heir, role="viewer"),
    }
    rights = make_operator("change_account", "view_all_accounts")

    with pytest.raises(OwnerOnly):
        change_account(account.pk, actor=rights, owner=heir)
    # To name the owner that it has changes none.
    change_account(account.pk, actor=rights, owner=account.owner, name="Main")
    assert Account.objects.get(pk=account.pk).owner == account.owner

    change_account(account.pk, actor=make_user(is_superuser=True), owner=heir)

    assert Account.objects.get(pk=account.pk).owner == heir
    assert Account.objects.get(pk=beside.pk).owner == beside.owner
    assert set(AccountAccess.objects.all()) == kept


def test_account_or_link_that_is_gone_is_removed_already_or_not_found() -> None:
    link = make_link()

    delete_account(link.account_id + 1)
    with pytest.raises(NotFound):
        delete_link(link.pk + 1)

    assert StrategyAccount.objects.get() == link
    assert not SettingChange.objects.exists()
