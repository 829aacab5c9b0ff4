"""Users: nobody gives themself rights; the second factor; groups."""

import re
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.admin.tenants import allow, allow_everything, make_tenant
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse"
VIEWS = {
    "view_account",
    "view_allocationrun",
    "view_apitoken",
    "view_dailyaccountsummary",
    "view_market",
    "view_position",
    "view_settingchange",
    "view_strategy",
    "view_strategyaccount",
    "view_strategycapital",
    "view_webhookanswer",
    "view_webhookdelivery",
}


def test_staff_with_every_permission_cannot_make_themself_more(client: Client) -> None:
    user = allow_everything(make_user(username="eve", is_staff=True))
    group = Group.objects.get(name="risk")
    client.force_login(user)

    answer = client.post(
        reverse("admin:auth_user_change", args=[user.pk]),
        {
            "username": "root",
            "first_name": "Eve",
            "is_superuser": "on",
            "is_staff": "on",
            "is_active": "on",
            "groups": [group.pk],
            "user_permissions": [Permission.objects.get(codename="view_all_accounts").pk],
        },
    )

    assert answer.status_code == 302
    eve = User.objects.get(pk=user.pk)
    assert (eve.username, eve.first_name, eve.is_superuser) == ("eve", "Eve", False)
    assert not eve.has_perm("capital.view_all_accounts")
    assert not eve.groups.exists()


def test_staff_with_every_permission_cannot_reach_others(client: Client) -> None:
    victim = make_user(username="victim", is_staff=True, is_superuser=True)
    client.force_login(allow_everything(make_user(is_staff=True)))

    assert client.get(reverse("admin:auth_user_change", args=[victim.pk])).status_code == 404
    password = reverse("admin:auth_user_password_change", args=[victim.pk])
    assert client.post(password, {"password1": "x", "password2": "x"}).status_code == 404
    assert "victim" not in client.get(reverse("admin:auth_user_changelist")).content.decode()
    assert client.get(reverse("admin:auth_user_add")).status_code == 403
    assert client.get(reverse("admin:auth_group_changelist")).status_code == 403
    group = Group.objects.get(name="viewer")
    assert client.get(reverse("admin:auth_group_change", args=[group.pk])).status_code == 403
    assert client.get(reverse("admin:otp_totp_totpdevice_changelist")).status_code == 403


def test_user_with_history_is_not_deleted(client: Client) -> None:
    tenant = make_tenant("mine")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    answer = client.post(
        reverse("admin:auth_user_delete", args=[tenant.user.pk]), {"post": "yes"}, follow=True
    )

    assert "Deactivate the user instead" in answer.content.decode()
    assert User.objects.filter(pk=tenant.user.pk).exists()


@pytest.mark.parametrize(
    ("name", "beyond"),
    [
        (
            "operator",
            {
                "allocate_capital",
                "add_strategyaccount",
                "change_strategyaccount",
                "delete_strategyaccount",
                "add_apitoken",
                "change_apitoken",
                "report_position",
                "share_account",
            },
        ),
        (
            "risk",
            {
                "view_all_accounts",
                "allocate_capital",
                "force_allocate",
                "accept_jump",
                "revert_allocation",
                "raise_budget_limit",
                "add_apitoken",
                "change_apitoken",
            },
        ),
        ("viewer", set()),
    ],
)
def test_groups_come_with_the_migrations(name: str, beyond: set[str]) -> None:
    group = Group.objects.get(name=name)

    assert set(group.permissions.values_list("codename", flat=True)) == VIEWS | beyond


def test_superuser_sees_no_key_of_a_second_factor(client: Client) -> None:
    tenant = make_tenant("mine")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    for path in (
        reverse("admin:otp_totp_totpdevice_changelist"),
        reverse("admin:otp_totp_totpdevice_change", args=[tenant.totp.pk]),
        reverse("admin:otp_totp_totpdevice_delete", args=[tenant.totp.pk]),
    ):
        assert tenant.totp.key not in client.get(path).content.decode()
    for path in (
        f"/admin/otp_totp/totpdevice/{tenant.totp.pk}/{name}/" for name in ("qrcode", "config")
    ):
        assert client.get(path, follow=True).status_code == 404
    assert client.get("/admin/otp_static/staticdevice/").status_code == 404


# The second factor


def code_of(device: TOTPDevice) -> str:
    """What the phone shows."""
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    return f"{totp.token():06}"


def log_in(client: Client, user: User) -> Any:
    return client.post(
        reverse("admin:login") + "?next=/admin/password_change/",
        {"username": user.username, "password": PASSWORD, "next": "/admin/password_change/"},
        follow=True,
    )


@pytest.fixture
def _required(settings: Any) -> None:
    settings.CAPITAL_REQUIRE_TOTP = True


@pytest.mark.usefixtures("_required")
def test_who_has_no_device_enrols_one_and_is_let_in(client: Client) -> None:
    user = make_user(is_staff=True)

    page = log_in(client, user)

    assert page.redirect_chain[-1][0] == "/admin/second-factor/?next=%2Fadmin%2Fpassword_change%2F"
    assert "data:image/svg+xml;base64," in page.content.decode()
    device = TOTPDevice.objects.get(user=user)
    assert not device.confirmed
    answer = client.post(
        "/admin/second-factor/", {"code": code_of(device), "next": "/admin/password_change/"}
    )
    assert answer.headers["Location"] == "/admin/password_change/"
    assert client.get("/admin/password_change/").status_code == 200
    assert TOTPDevice.objects.get(user=user).confirmed


@pytest.mark.usefixtures("_required")
def test_who_has_a_device_gives_its_code_and_sees_no_key(client: Client) -> None:
    user = make_user(is_staff=True)
    device = TOTPDevice.objects.create(user=user, name="phone")

    page = log_in(client, user).content.decode()

    assert "data:image/svg" not in page
    assert "Enter the code" in page
    assert client.get("/admin/password_change/").status_code == 302
    code = code_of(device)
    client.post("/admin/second-factor/", {"code": f"{code[:3]} {code[3:]}"})
    assert client.get("/admin/password_change/").status_code == 200


@pytest.mark.usefixtures("_required")
def test_second_device_cannot_be_enrolled_with_the_password_alone(client: Client) -> None:
    user = make_user(is_staff=True)
    TOTPDevice.objects.create(user=user, name="phone")
    waiting = TOTPDevice.objects.create(user=user, name="planted", confirmed=False)
    log_in(client, user)

    client.post("/admin/second-factor/", {"code": code_of(waiting)})

    assert client.get("/admin/password_change/").status_code == 302
    assert not TOTPDevice.objects.get(pk=waiting.pk).confirmed


@pytest.mark.usefixtures("_required")
def test_code_works_once_and_wrong_ones_make_wait(client: Client) -> None:
    user = make_user(is_staff=True)
    device = TOTPDevice.objects.create(user=user, name="phone")
    code = code_of(device)
    log_in(client, user)
    client.post("/admin/second-factor/", {"code": code})
    client.logout()
    log_in(client, user)

    again = client.post("/admin/second-factor/", {"code": code})

    assert "This code is not valid now" in again.content.decode()
    assert TOTPDevice.objects.get(pk=device.pk).throttling_failure_count == 1


@pytest.mark.usefixtures("_required")
def test_handed_out_code_helps_who_lost_the_phone(client: Client) -> None:
    user = make_user(is_staff=True)
    TOTPDevice.objects.create(user=user, name="phone")
    StaticDevice.objects.create(user=user, name="backup").token_set.create(token="abcd2345")
    log_in(client, user)

    client.post("/admin/second-factor/", {"code": "abcd2345"})

    assert client.get("/admin/password_change/").status_code == 200


@pytest.mark.usefixtures("_required")
def test_second_factor_leads_nowhere_else(client: Client) -> None:
    user = make_user(is_staff=True)
    device = TOTPDevice.objects.create(user=user, name="phone")
    log_in(client, user)

    answer = client.post(
        "/admin/second-factor/", {"code": code_of(device), "next": "https://evil.example/"}
    )

    assert answer.headers["Location"] == "/admin/"


@pytest.mark.usefixtures("_required")
def test_who_cannot_give_a_code_can_leave(client: Client) -> None:
    log_in(client, make_user(is_staff=True))

    client.post("/admin/second-factor/", {"leave": ""})

    assert not client.session.keys()


def test_second_factor_is_for_those_who_gave_a_password(client: Client) -> None:
    assert client.get("/admin/second-factor/").headers["Location"] == "/admin/login/"
    client.force_login(make_user())
    assert client.get("/admin/second-factor/").headers["Location"] == "/admin/login/"


def test_permissions_are_named_in_korean(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))

    page = client.get(
        reverse("admin:auth_group_add"), headers={"accept-language": "ko"}
    ).content.decode()

    options = re.findall(r'<option value="\d+"[^>]*>([^<]+)', page)
    assert "변경 가능: 계좌" in options
    assert not [option for option in options if option.startswith("Can ")]


def test_allowing_is_by_permission(client: Client) -> None:
    """A staff user without permissions sees an admin without pages."""
    client.force_login(allow(make_user(is_staff=True)))

    for name in ("capital_account", "strategies_strategy", "auth_user"):
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 403


def test_a_group_that_exists_is_left_as_it_is() -> None:
    migration = import_module("capital.migrations.0002_groups")
    Group.objects.get(name="viewer").delete()
    operator = Group.objects.get(name="operator")
    operator.permissions.clear()

    migration.make_groups(apps, SimpleNamespace(connection=connection))

    assert not operator.permissions.exists()
    viewer = Group.objects.get(name="viewer")
    # A later migration gives what came with it.
    given = set(viewer.permissions.values_list("codename", flat=True))
    assert given == VIEWS - {"view_settingchange"}
    assert apps.get_app_config("capital").models_module is not None
