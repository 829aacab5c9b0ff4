"""Access is given, changed and taken by the owner; each leaves its record."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from capital.domain.errors import NotFound, NotPermitted, RoleTooSmall, UnknownAccount
from capital.models import AccountAccess, SettingChange
from capital.services.access import (
    change_access,
    give_access,
    missing_permission,
    remove_access,
    sharing,
)
from capital.services.accounts import change_account
from tests.admin.tenants import allow, allow_everything
from tests.factories import make_account, make_user

pytestmark = pytest.mark.django_db


def records() -> list[tuple[object, ...]]:
    return [
        (each.verb, each.name, each.actor, each.origin, each.values)
        for each in SettingChange.objects.filter(row="access").order_by("pk")
    ]


def test_access_is_given_changed_and_taken_and_each_is_recorded() -> None:
    account, other = make_account(name="Main"), make_account()
    owner = allow(account.owner, "capital.share_account")
    guest, beside = make_user(username="minsu"), make_user()
    kept = AccountAccess.objects.create(account=other, user=beside, role="viewer")
    asked = {"actor": owner, "origin": "203.0.113.7"}

    access = give_access(account.pk, username="minsu", role="viewer", **asked)
    assert (access.account, access.user, access.role) == (account, guest, "viewer")
    assert change_access(access.pk, role="manager", **asked).role == "manager"
    remove_access(access.pk, **asked)

    name = "minsu @ Main"
    assert records() == [
        ("created", name, owner, "203.0.113.7", {"role": {"old": None, "new": "viewer"}}),
        ("changed", name, owner, "203.0.113.7", {"role": {"old": "viewer", "new": "manager"}}),
        ("removed", name, owner, "203.0.113.7", {"role": {"old": "manager", "new": None}}),
    ]
    assert list(AccountAccess.objects.all()) == [kept]


@pytest.mark.parametrize("who", ["viewer", "operator", "manager", "everyone"])
def test_only_the_owner_gives_access(who: str) -> None:
    account = make_account()
    guest = make_user()
    but = () if who == "everyone" else ("view_all_accounts",)
    actor = allow_everything(make_user(), but=but)
    if who != "everyone":
        AccountAccess.objects.create(account=account, user=actor, role=who)
    theirs = AccountAccess.objects.create(account=account, user=make_user(), role="viewer")

    with pytest.raises(RoleTooSmall):
        give_access(account.pk, username=guest.username, role="viewer", actor=actor)
    with pytest.raises(RoleTooSmall):
        change_access(theirs.pk, role="manager", actor=actor)
    with pytest.raises(RoleTooSmall):
        remove_access(theirs.pk, actor=actor)
    assert not SettingChange.objects.exists()


def test_owner_without_the_permission_gives_none_and_a_stranger_finds_none() -> None:
    account = make_account()
    access = AccountAccess.objects.create(account=account, user=make_user(), role="viewer")
    stranger = allow_everything(make_user())

    with pytest.raises(NotPermitted):
        give_access(account.pk, username=stranger.username, role="viewer", actor=account.owner)
    with pytest.raises(UnknownAccount):
        give_access(account.pk, username=stranger.username, role="manager", actor=stranger)
    with pytest.raises(UnknownAccount):
        change_access(access.pk, role="manager", actor=stranger)
    with pytest.raises(UnknownAccount):
        remove_access(access.pk, actor=stranger)
    with pytest.raises(NotFound):
        remove_access(access.pk + 1)
    assert list(AccountAccess.objects.all()) == [access]


def test_whoever_has_access_may_give_it_up() -> None:
    account = make_account()
    guest = make_user()
    mine = AccountAccess.objects.create(account=account, user=guest, role="viewer")
    other = AccountAccess.objects.create(account=account, user=make_user(), role="viewer")

    remove_access(mine.pk, actor=guest)

    assert list(AccountAccess.objects.all()) == [other]
    assert records()[0][0] == "removed"


@pytest.mark.parametrize("wrong", ["nobody", "owner", "twice", "gone", "role"])
def test_what_makes_no_sense_is_refused_at_its_field(wrong: str) -> None:
    account = make_account()
    guest, gone = make_user(), make_user(is_active=False)
    if wrong == "twice":
        AccountAccess.objects.create(account=account, user=guest, role="viewer")
    names = {"nobody": "nobody", "owner": account.owner.username, "gone": gone.username}

    with pytest.raises(ValidationError) as refused:
        give_access(
            account.pk,
            username=names.get(wrong, guest.username),
            role="king" if wrong == "role" else "viewer",
        )

    if wrong != "twice":
        assert list(refused.value.message_dict) == ["role" if wrong == "role" else "user"]
    assert AccountAccess.objects.count() == (1 if wrong == "twice" else 0)


def test_database_keeps_one_access_a_user_and_known_roles() -> None:
    account, user = make_account(), make_user()
    AccountAccess.objects.create(account=account, user=user, role="viewer")

    for role in ("manager", "king"):
        who = user if role == "manager" else make_user()
        with pytest.raises(IntegrityError), transaction.atomic():
            AccountAccess.objects.create(account=account, user=who, role=role)
    assert AccountAccess.objects.count() == 1


def test_new_owner_needs_no_role_beside() -> None:
    account, guest, other = make_account(), make_user(), make_user()
    for user in (guest, other):
        AccountAccess.objects.create(account=account, user=user, role="viewer")

    change_account(account.pk, actor=make_user(is_superuser=True), owner=guest)

    assert [each.user for each in AccountAccess.objects.all()] == [other]


def test_role_that_comes_to_nothing_for_want_of_a_permission_says_so() -> None:
    access = AccountAccess.objects.create(account=make_account(), user=make_user(), role="operator")

    assert missing_permission(access) == "capital.allocate_capital"
    access.user = allow(access.user, "capital.allocate_capital")
    assert missing_permission(access) is None
    access.role = "viewer"
    assert missing_permission(access) is None


def test_access_to_an_account_that_is_gone_is_not_given() -> None:
    account, guest = make_account(), make_user()

    with pytest.raises(NotFound):
        give_access(account.pk + 1, username=guest.username, role="viewer")

    assert not AccountAccess.objects.exists()


def test_access_that_is_taken_while_its_account_is_waited_for_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = make_account()
    taken, _kept = (
        AccountAccess.objects.create(account=account, user=make_user(), role="viewer")
        for _ in range(2)
    )
    # The other change is through once this one has its account; it is undone here with this one.
    monkeypatch.setattr(
        sharing, "require", lambda *_, **__: AccountAccess.objects.filter(pk=taken.pk).delete()
    )

    with pytest.raises(NotFound):
        change_access(taken.pk, role="manager", actor=account.owner)

    assert [each.role for each in AccountAccess.objects.all()] == ["viewer", "viewer"]
    assert records() == []
