"""A user sees their own rows and what hangs on them."""

import pytest
from django.contrib.auth.models import AnonymousUser, Permission

from capital.models import Account, StrategyAccount
from capital.services.visibility import OWNER_PATHS, visible_to
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


@pytest.mark.parametrize("model", OWNER_PATHS, ids=lambda model: model.__name__)
def test_every_path_leads_to_an_owner(model: type) -> None:
    owner = make_user()

    assert list(visible_to(owner, model.objects.all())) == []  # type: ignore[attr-defined]
