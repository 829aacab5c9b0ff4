"""Every change of settings leaves one record: who, from where, old and new; secrets only that."""

from decimal import Decimal

import pytest

from capital.domain.errors import (
    AppendOnly,
    NotPermitted,
    OwnerOnly,
    RoleTooSmall,
    StrategyOfAnother,
    UnknownAccount,
)
from capital.models import Account, AccountAccess, SettingChange, StrategyAccount
from capital.services.access.changes import record_change
from capital.services.accounts import (
    change_account,
    change_link,
    change_strategy,
    create_account,
    create_link,
    create_strategy,
    delete_account,
    delete_link,
    delete_strategy,
    set_status,
)
from capital.services.transactions import TransactionMisused
from capital.services.webhooks import remove_secret, rotate_secret
from strategies.models import Strategy, StrategyStatus
from tests.admin.tenants import allow_everything
from tests.factories import make_account, make_link, make_strategy, make_user

pytestmark = pytest.mark.django_db

FROM = "203.0.113.7"


def last() -> SettingChange:
    change = SettingChange.objects.first()
    assert change is not None
    return change


def test_change_of_an_account_says_who_from_where_old_and_new() -> None:
    account = make_account(name="Main")
    owner = allow_everything(account.owner)

    change_account(account.pk, actor=owner, origin=FROM, reserve_percent=Decimal(5), name="First")

    change = last()
    assert (change.row, change.verb, change.account) == ("account", "changed", account)
    assert (change.actor, change.origin) == (owner, FROM)
    assert change.values == {
        "reserve_percent": {"old": "0", "new": "5"},
        "name": {"old": "Main", "new": "First"},
    }


def test_of_credentials_the_record_says_only_that_they_changed() -> None:
    account = make_account(api_key="CANARY-old", api_secret="CANARY-old")

    change_account(
        account.pk,
        actor=allow_everything(account.owner),
        api_key="CANARY-new",
        api_secret="",
        api_passphrase="CANARY-new",
    )

    assert last().values == {
        "api_key": {"old": "set", "new": "changed"},
        "api_secret": {"old": "set", "new": "not set"},
        "api_passphrase": {"old": "not set", "new": "set"},
    }
    assert "CANARY" not in str(list(SettingChange.objects.values()))


def test_owner_wallet_and_limits_are_recorded() -> None:
    account = make_account(venue="okx")
    new = make_user(username="jisu")
    before = account.owner.username

    change_account(
        account.pk,
        actor=make_user(is_superuser=True),
        owner=new,
        balance_basis="equity",
        max_budget_percent=Decimal(150),
    )

    assert last().values == {
        "owner": {"old": before, "new": "jisu"},
        "balance_basis": {"old": "wallet", "new": "equity"},
        "max_budget_percent": {"old": "100", "new": "150"},
    }


def test_change_of_nothing_leaves_no_record() -> None:
    account = make_account(name="Main")

    change_account(account.pk, actor=None, name="Main")

    assert not SettingChange.objects.exists()


def test_account_is_recorded_from_its_creation_to_beyond_its_end() -> None:
    owner = allow_everything(make_user())

    account = create_account(owner=owner, actor=owner, origin=FROM, name="Main", venue="upbit")
    created = last()
    delete_account(account.pk, actor=owner, origin=FROM)

    assert (created.verb, created.values["venue"]) == ("created", {"old": None, "new": "upbit"})
    removed = last()
    assert (removed.verb, removed.name) == ("removed", "Main (upbit KRW)")
    assert removed.values["name"] == {"old": "Main", "new": None}
    assert SettingChange.objects.count() == 2


def test_weights_are_recorded_as_links_come_change_and_go() -> None:
    account = make_account()
    owner = allow_everything(account.owner)
    strategy = make_strategy(owner=owner)
    asked = {"actor": owner, "origin": FROM}

    link = create_link(account=account, strategy=strategy, weight=Decimal(2), **asked)
    change_link(link.pk, weight=Decimal(3), is_active=False, **asked)
    delete_link(link.pk, **asked)

    removed, changed, created = SettingChange.objects.all()
    assert created.values["weight"] == {"old": None, "new": "2"}
    assert changed.values == {
        "weight": {"old": "2", "new": "3"},
        "is_active": {"old": True, "new": False},
    }
    assert removed.values["weight"] == {"old": "3", "new": None}
    assert {each.account_id for each in (removed, changed, created)} == {account.pk}


def test_strategies_and_their_webhooks_are_recorded() -> None:
    owner = allow_everything(make_user())
    asked = {"actor": owner, "origin": FROM}

    strategy = create_strategy(owner=owner, name="Grid", key="grid", market_type="spot", **asked)
    set_status([strategy.pk], StrategyStatus.PAUSED, **asked)
    change_strategy(strategy.pk, name="Grid 2", **asked)
    text = rotate_secret(strategy, **asked)
    rotate_secret(strategy, **asked)
    remove_secret(strategy, **asked)
    remove_secret(strategy, **asked)
    delete_strategy(strategy.pk, **asked)

    found = [(each.row, each.verb) for each in SettingChange.objects.order_by("pk")]
    assert found == [
        ("strategy", "created"),
        ("strategy", "changed"),
        ("strategy", "changed"),
        ("webhook", "created"),
        ("webhook", "changed"),
        ("webhook", "removed"),
        ("strategy", "removed"),
    ]
    assert {each.actor for each in SettingChange.objects.all()} == {owner}
    assert text not in str(list(SettingChange.objects.values()))


def test_record_is_written_once_and_in_the_transaction_of_its_change() -> None:
    account = make_account()
    change_account(account.pk, actor=None, name="First")

    for forge in (
        lambda: SettingChange.objects.update(name="forged"),
        lambda: last().save(),
        lambda: last().delete(),
    ):
        with pytest.raises(AppendOnly):
            forge()
    with pytest.raises(TransactionMisused):
        record_change(
            row=last().row,  # type: ignore[arg-type]
            verb=last().verb,  # type: ignore[arg-type]
            values={},
            name="x",
            actor=None,
            origin="",
        )


def test_actor_of_a_record_cannot_be_deleted() -> None:
    from django.db.models import ProtectedError

    account = make_account()
    root = make_user(is_superuser=True)
    change_account(account.pk, actor=root, name="First")

    with pytest.raises(ProtectedError):
        root.delete()


# Who may not


def test_credentials_are_the_owners_whatever_else_one_may_change() -> None:
    account = make_account(api_key="CANARY-old")
    manager = allow_everything(make_user())
    AccountAccess.objects.create(account=account, user=manager, role="manager")
    everyone = allow_everything(make_user(), but=())

    for actor in (manager, everyone):
        change_account(account.pk, actor=actor, reserve_percent=Decimal(1))
        with pytest.raises(RoleTooSmall):
            change_account(account.pk, actor=actor, api_key="CANARY-stolen", name="Taken")
        with pytest.raises(OwnerOnly):
            change_account(account.pk, actor=actor, owner=actor)
    account = Account.objects.get(pk=account.pk)
    assert (account.api_key, account.name) == ("CANARY-old", account.name)
    assert not SettingChange.objects.filter(values__has_key="api_key").exists()


def test_nobody_enters_rows_for_somebody_else() -> None:
    user, other = allow_everything(make_user()), make_user()

    with pytest.raises(OwnerOnly):
        create_account(owner=other, actor=user, name="X", venue="upbit")
    with pytest.raises(OwnerOnly):
        create_strategy(owner=other, actor=user, name="X", key="x", market_type="spot")
    with pytest.raises(NotPermitted):
        create_account(owner=other, actor=other, name="X", venue="upbit")
    with pytest.raises(NotPermitted):
        create_strategy(owner=other, actor=other, name="X", key="x", market_type="spot")
    assert not Account.objects.exists()
    assert not Strategy.objects.exists()


def test_strangers_and_viewers_change_nothing() -> None:
    link = make_link()
    viewer, stranger = allow_everything(make_user()), allow_everything(make_user())
    AccountAccess.objects.create(account=link.account, user=viewer, role="viewer")
    own = make_strategy(owner=viewer)

    for actor, error in ((viewer, RoleTooSmall), (stranger, UnknownAccount)):
        for change in (
            lambda actor=actor: change_account(link.account_id, actor=actor, name="Taken"),
            lambda actor=actor: delete_account(link.account_id, actor=actor),
            lambda actor=actor: create_link(account=link.account, strategy=own, actor=actor),
            lambda actor=actor: change_link(link.pk, actor=actor, weight=Decimal(9)),
            lambda actor=actor: delete_link(link.pk, actor=actor),
        ):
            with pytest.raises(error):
                change()
        for change in (
            lambda actor=actor: change_strategy(link.strategy_id, actor=actor, name="Taken"),
            lambda actor=actor: set_status(
                [own.pk, link.strategy_id], StrategyStatus.PAUSED, actor=actor
            ),
            lambda actor=actor: delete_strategy(link.strategy_id, actor=actor),
            lambda actor=actor: rotate_secret(link.strategy, actor=actor),
            lambda actor=actor: remove_secret(link.strategy, actor=actor),
        ):
            with pytest.raises(StrategyOfAnother):
                change()
    assert StrategyAccount.objects.get().weight == 1
    assert set(Strategy.objects.values_list("status", flat=True)) == {"ACTIVE"}
    assert not SettingChange.objects.exists()
