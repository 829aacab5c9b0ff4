"""The one place: who stands how near to an account, and what that allows."""

import pytest
from django.contrib.auth.models import User

from capital.domain.errors import NotPermitted, RoleTooSmall, UnknownAccount
from capital.models import (
    AccessRole,
    Account,
    AccountAccess,
    AllocationRun,
    DailyAccountSummary,
    Position,
    SettingChange,
    StrategyAccount,
    StrategyCapital,
    WebhookDelivery,
)
from capital.services.access.roles import Act, Standing, allowed_to, may, require
from capital.services.access.visibility import ACCOUNT_PATHS, find_visible_link, visible_to
from strategies.models import Strategy
from tests.admin.tenants import allow, allow_everything, make_tenant
from tests.factories import make_account, make_link, make_strategy, make_user

pytestmark = pytest.mark.django_db


def invited(account: Account, role: str) -> User:
    """A colleague with every permission, so that only the role keeps anything from them."""
    user = allow_everything(make_user())
    AccountAccess.objects.create(account=account, user=user, role=role)
    return user


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("role", AccessRole.values)
def test_role_allows_what_its_standing_says_on_its_account_and_nowhere_else(
    act: Act, role: str
) -> None:
    account, other = make_account(), make_account()
    user = invited(account, role)
    allowed = Standing[role.upper()] >= act.standing

    assert may(user, act, account) is allowed
    assert list(allowed_to(user, act, Account.objects.all())) == ([account] if allowed else [])
    if allowed:
        require(user, act, account_ids=[account.pk])
    else:
        with pytest.raises(RoleTooSmall, match=f"the role “{role}”"):
            require(user, act, account_ids=[account.pk])
    assert not may(user, act, other)
    with pytest.raises(UnknownAccount):
        require(user, act, account_ids=[account.pk, other.pk])


@pytest.mark.parametrize("act", Act)
def test_permission_is_the_other_key(act: Act) -> None:
    account = make_account()
    without = User.objects.get(pk=account.owner_id)
    other = make_account()

    assert not may(without, act, account)
    with pytest.raises(NotPermitted, match=act.permission):
        require(without, act, account_ids=[account.pk])
    holder = allow(without, act.permission)
    require(holder, act, account_ids=[account.pk])
    assert may(holder, act, account)
    assert list(allowed_to(holder, act, Account.objects.all())) == [account]
    assert not may(holder, act, other)


@pytest.mark.parametrize("act", Act)
def test_who_sees_everything_does_on_others_accounts_what_is_allowed_everywhere(act: Act) -> None:
    account = make_account()
    user = allow_everything(make_user(), but=())

    assert may(user, act, account) is act.everywhere
    assert allowed_to(user, act, Account.objects.all()).exists() is act.everywhere
    if not act.everywhere:
        with pytest.raises(RoleTooSmall):
            require(user, act, account_ids=[account.pk])
    else:
        require(user, act, account_ids=[account.pk])


@pytest.mark.parametrize("act", Act)
def test_superuser_is_an_owner_everywhere_and_who_is_switched_off_nowhere(act: Act) -> None:
    account = make_account()
    root = make_user(is_superuser=True)
    gone = make_user(is_superuser=True, is_active=False)

    require(root, act, account_ids=[account.pk])
    assert may(root, act, account)
    assert not may(gone, act, account)
    with pytest.raises(UnknownAccount):
        require(gone, act, account_ids=[account.pk])


def test_command_line_may_everything() -> None:
    account = make_account()

    for act in Act:
        require(None, act, account_ids=[account.pk])
    assert Account.objects.filter(pk=account.pk).exists()


def test_many_accounts_are_asked_in_one_query(django_assert_num_queries: object) -> None:
    accounts = [make_account() for _ in range(20)]
    user = allow_everything(make_user())
    for account in accounts:
        AccountAccess.objects.create(account=account, user=user, role="operator")
    user.has_perm("warm up")

    with django_assert_num_queries(1):  # type: ignore[operator]
        require(user, Act.ALLOCATE, Act.FORCE, account_ids=[each.pk for each in accounts])


# What is seen


@pytest.mark.parametrize("role", AccessRole.values)
def test_everything_of_a_shared_account_is_seen_and_nothing_of_another(role: str) -> None:
    shown, hidden = make_tenant("shown"), make_tenant("hidden")
    colleague = make_user()
    access = AccountAccess.objects.create(account=shown.account, user=colleague, role=role)
    models = (
        Account, AccountAccess, AllocationRun, DailyAccountSummary, Position, SettingChange,
        Strategy, StrategyAccount, StrategyCapital, WebhookDelivery,
    )  # fmt: skip

    for model in models:
        seen = set(visible_to(colleague, model.objects.all()))  # type: ignore[attr-defined]
        own = set(visible_to(shown.user, model.objects.all()))  # type: ignore[attr-defined]
        assert own, model
        assert seen == own, model
        assert not seen & set(hidden.rows(model))
    assert find_visible_link(shown.links[0].pk, user=colleague) == shown.links[0].pk
    assert find_visible_link(hidden.links[0].pk, user=colleague) is None

    access.delete()

    for model in models:
        assert not visible_to(colleague, model.objects.all()).exists()  # type: ignore[attr-defined]
    assert find_visible_link(shown.links[0].pk, user=colleague) is None


def test_every_model_that_hangs_on_an_account_has_its_path() -> None:
    from django.apps import apps

    pointing = {
        model
        for model in apps.get_app_config("capital").get_models()
        if any(
            field.related_model in (Account, StrategyAccount)
            for field in model._meta.concrete_fields
        )
    }

    # A planned account is seen with its plan, an upload by itself: they are their actor's alone.
    alone = {"PlannedAccount", "TradeUpload"}
    assert {each.__name__ for each in pointing - ACCOUNT_PATHS.keys()} == alone


def test_strategy_is_seen_with_its_accounts_and_not_without() -> None:
    link = make_link()
    elsewhere = make_strategy(owner=link.account.owner)
    colleague = invited(link.account, "viewer")

    assert list(visible_to(colleague, Strategy.objects.all())) == [link.strategy]
    assert elsewhere in visible_to(link.account.owner, Strategy.objects.all())
