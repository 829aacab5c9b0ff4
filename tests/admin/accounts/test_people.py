"""People: who has access to an account, and as what, is seen and given on its page."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from capital.models import Account, AccountAccess, SettingChange
from tests.admin.tenants import join
from tests.factories import make_account, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def account() -> Account:
    owner = join(make_user(username="owner-of-it", is_staff=True), "operator")
    make_user(username="newcomer", is_staff=True)
    account = make_account(owner=owner, name="Main")
    make_account(owner=owner, name="Other")
    return account


def page_of(account: Account) -> str:
    return f"/admin/capital/account/{account.pk}/change/"


def logged_in(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def given(account: Account, name: str, role: str) -> User:
    user = join(make_user(username=name, is_staff=True), "viewer")
    AccountAccess.objects.create(account=account, user=user, role=role)
    return user


def press(client: Client, account: Account, **button: Any) -> Any:
    path = f"/admin/capital/account/{account.pk}/access/"
    return client.post(path, {"to": "account", **button}, follow=True)


def test_access_is_given_changed_and_taken_on_the_page_and_recorded(
    client: Client, account: Account
) -> None:
    logged_in(client, account.owner)
    assert "Nobody but the owner has access." in client.get(page_of(account)).content.decode()

    answer = press(client, account, invite="1", user="newcomer", role="viewer")
    assert answer.redirect_chain == [(page_of(account) + "#people", 302)]
    access = AccountAccess.objects.get()
    assert (access.account, access.user.username, access.role) == (account, "newcomer", "viewer")
    assert "newcomer has access now." in answer.content.decode()

    press(client, account, change=access.pk, **{f"role-{access.pk}": "manager"})
    assert AccountAccess.objects.get().role == "manager"

    press(client, account, remove=access.pk)
    assert not AccountAccess.objects.exists()
    told = SettingChange.objects.filter(row="access").order_by("pk")
    assert list(told.values_list("verb", flat=True)) == ["created", "changed", "removed"]


def test_name_that_nobody_has_is_said_at_its_field(client: Client, account: Account) -> None:
    logged_in(client, account.owner)

    answer = press(client, account, invite="1", user="nobody", role="viewer")

    assert "There is no active user with this name." in answer.content.decode()
    assert not AccountAccess.objects.exists()


def test_people_are_seen_by_who_sees_the_account_and_given_by_its_owner_only(
    client: Client, account: Account
) -> None:
    viewer = given(account, "looker", "viewer")
    given(account, "helper", "operator")
    logged_in(client, viewer)

    page = client.get(page_of(account)).content.decode()

    for name in ("owner-of-it", "looker", "helper"):
        assert name in page
    assert "operator: allocates it, and changes its strategies" in page
    assert 'name="invite"' not in page
    assert 'name="change"' not in page
    assert page.count('name="remove"') == 1
    assert "Give up access" in page


def test_what_is_no_access_is_already_gone(client: Client, account: Account) -> None:
    logged_in(client, account.owner)
    path = f"/admin/capital/account/{account.pk}/access/"

    answer = client.post(path, {"remove": "9" * 5000}, follow=True)

    assert "already gone" in answer.content.decode()


def test_own_access_is_given_up_and_nobody_elses(client: Client, account: Account) -> None:
    viewer = given(account, "looker", "viewer")
    given(account, "helper", "operator")
    logged_in(client, viewer)
    path = f"/admin/capital/account/{account.pk}/access/give-up/"
    assert client.get(path).url == page_of(account) + "#people"
    assert AccountAccess.objects.count() == 2

    answer = client.post(path, follow=True)

    assert "You gave up your access to Main." in answer.content.decode()
    assert [access.user.username for access in AccountAccess.objects.all()] == ["helper"]
    assert client.get(page_of(account)).status_code == 404


def test_what_people_lack_is_named_in_one_query(client: Client, account: Account) -> None:
    logged_in(client, account.owner)

    def asked_for_names() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(page_of(account))
        return sum('"auth_permission"."codename" IN' in each["sql"] for each in captured)

    given(account, "helper", "operator")
    asked_for_names()
    one = asked_for_names()
    given(account, "second", "operator")

    assert (one, asked_for_names()) == (1, 1)


def test_role_that_comes_to_nothing_is_told(client: Client, account: Account) -> None:
    given(account, "helper", "operator")
    logged_in(client, account.owner)

    page = client.get(page_of(account)).content.decode()

    assert "The user lacks the permission “Can allocate capital”, without which" in page
