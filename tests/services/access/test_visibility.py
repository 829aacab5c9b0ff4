"""A user sees their own rows and what belongs to them."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.contrib.contenttypes.models import ContentType

from capital.models import Account, StrategyAccount
from capital.services.access.sight import sees_everything
from capital.services.access.tokens import create_token, find_token
from capital.services.access.visibility import (
    ACCOUNT_PATHS,
    find_visible_link,
    visible_to,
    within_account,
)
from strategies.models import Strategy
from tests.factories import make_account, make_link, make_strategy, make_user

pytestmark = pytest.mark.django_db


def test_user_sees_own_accounts_only() -> None:
    mine, _theirs = make_account(), make_account()

    assert list(visible_to(mine.owner, Account.objects.all())) == [mine]


def test_link_belongs_to_the_owner_of_the_account() -> None:
    account, strategy = make_account(), make_strategy()
    link = make_link(account=account, strategy=strategy)

    assert list(visible_to(account.owner, StrategyAccount.objects.all())) == [link]
    assert not visible_to(strategy.owner, StrategyAccount.objects.all()).exists()


def test_permission_widens_the_sight_to_everyone() -> None:
    make_account()
    watcher = make_user()
    watcher.user_permissions.add(Permission.objects.get(codename="view_all_accounts"))

    assert visible_to(watcher, Account.objects.all()).count() == 1


def test_superuser_sees_all_unless_switched_off() -> None:
    make_account()
    root = make_user(is_superuser=True)
    gone = make_user(is_superuser=True, is_active=False)

    assert visible_to(root, Account.objects.all()).count() == 1
    assert not visible_to(gone, Account.objects.all()).exists()


def test_nobody_sees_nothing() -> None:
    make_strategy()

    assert not visible_to(AnonymousUser(), Strategy.objects.all()).exists()


@pytest.mark.parametrize("model", ACCOUNT_PATHS, ids=lambda model: model.__name__)
def test_every_path_leads_to_an_owner(model: type) -> None:
    owner = make_user()

    assert list(visible_to(owner, model.objects.all())) == []  # type: ignore[attr-defined]


def _nothing(user: User) -> None:
    """As it is made."""


def _directly(user: User) -> None:
    user.user_permissions.add(Permission.objects.get(codename="view_all_accounts"))


def _by_group(user: User) -> None:
    group = Group.objects.create(name="watchers")
    group.permissions.add(Permission.objects.get(codename="view_all_accounts"))
    user.groups.add(group)


def _as_superuser(user: User) -> None:
    user.is_superuser = True
    user.save()


def _by_something_else(user: User) -> None:
    user.user_permissions.add(Permission.objects.get(codename="view_account"))


@pytest.mark.parametrize(
    "grant", [_nothing, _directly, _by_group, _as_superuser, _by_something_else]
)
def test_sight_that_comes_with_a_token_is_what_the_permission_says(grant: object) -> None:
    user = make_user()
    grant(user)  # type: ignore[operator]
    _, text = create_token(user=user, name="bot", scope="read")

    remembered = find_token(text).user

    fresh = User.objects.get(pk=user.pk)
    assert "_sees_everything" in vars(remembered)
    assert sees_everything(remembered) is fresh.has_perm("capital.view_all_accounts")


def test_link_is_found_where_the_queryset_would_show_it() -> None:
    link, other = make_link(), make_link()
    owner = link.account.owner
    watcher = make_user(is_superuser=True)

    assert find_visible_link(link.pk, user=owner) == link.pk
    assert find_visible_link(link.pk, user=other.account.owner) is None
    assert find_visible_link(link.pk, user=watcher) == link.pk
    assert find_visible_link(link.pk, user=watcher, account_id=other.account_id) is None
    assert find_visible_link(link.pk + other.pk + 1, user=watcher) is None
    assert find_visible_link(link.pk, user=AnonymousUser()) is None


@pytest.mark.parametrize("model", ACCOUNT_PATHS, ids=lambda model: model.__name__)
def test_every_path_leads_to_an_account(model: type) -> None:
    rows = model.objects.all()  # type: ignore[attr-defined]

    assert list(within_account(rows, 1)) == []
    assert within_account(rows, None) is rows


def test_permission_of_another_program_with_the_same_name_widens_nothing() -> None:
    other = ContentType.objects.create(app_label="another", model="account")
    theirs = Permission.objects.create(
        content_type=other, codename="view_all_accounts", name="View all accounts of theirs"
    )
    user = make_user()
    user.user_permissions.add(theirs)
    make_account()
    _, text = create_token(user=user, name="bot", scope="read")

    for seen_as in (user, find_token(text).user):
        assert not sees_everything(seen_as)
        assert not visible_to(seen_as, Account.objects.all()).exists()


def test_rows_within_an_account_are_its_own() -> None:
    link, other = make_link(), make_link()

    for rows, mine in (
        (StrategyAccount.objects.all(), link),
        (Account.objects.all(), link.account),
    ):
        assert list(within_account(rows, link.account_id)) == [mine]
    assert list(within_account(StrategyAccount.objects.all(), other.account_id)) == [other]
