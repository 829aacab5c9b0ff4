"""Users: nobody gives themself rights; the second factor; groups."""

import json
import re
from base64 import b32decode
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import translation

from capital.models import BackupCodes, SecondFactorDevice
from capital.services.access import add_backup_code, new_seed, seal_waiting
from tests.admin.forms import form_of
from tests.admin.tenants import allow, allow_everything, make_tenant
from tests.factories import make_user
from tests.phones import code_of, make_phone

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse"
VIEWS = {
    "view_account",
    "view_allocationrun",
    "view_apitoken",
    "view_dailyaccountsummary",
    "view_fill",
    "view_flow",
    "view_market",
    "view_position",
    "view_reservation",
    "view_settingchange",
    "view_stop",
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
    assert client.get(reverse("admin:capital_secondfactordevice_changelist")).status_code == 403


def test_superuser_gives_somebody_another_password(client: Client) -> None:
    root, user = make_user(is_staff=True, is_superuser=True), make_user(username="eve")
    client.force_login(root)
    new = {"password1": "a wholly other horse", "password2": "a wholly other horse"}

    answer = client.post(
        reverse("admin:auth_user_password_change", args=[user.pk]),
        {**new, "usable_password": "true"},
    )

    assert answer.status_code == 302
    assert User.objects.get(pk=user.pk).check_password("a wholly other horse")
    entry = LogEntry.objects.get(user=root, object_id=str(user.pk))
    assert json.loads(entry.change_message) == [{"changed": {"fields": ["password"]}}]


def test_history_names_groups_and_permissions_in_the_readers_language(client: Client) -> None:
    user, group = make_user(username="eve"), Group.objects.create(name="night")
    client.force_login(make_user(is_staff=True, is_superuser=True))
    granted = [Permission.objects.get(codename="allocate_capital").pk]
    change = reverse("admin:auth_user_change", args=[user.pk])
    rights = {"is_active": "on", "groups": [group.pk], "user_permissions": granted}

    client.post(change, {**form_of(client, change), **rights})
    client.post(
        reverse("admin:auth_group_change", args=[group.pk]),
        {"name": "night", "permissions": granted},
    )

    entries = LogEntry.objects.order_by("pk")
    named = [json.loads(entry.change_message)[0]["changed"]["fields"] for entry in entries]
    assert named == [["groups", "user permissions"], ["permissions"]]
    with translation.override("ko"):
        told = [entry.get_change_message() for entry in entries]
    assert told == ["그룹 및 사용자 권한을 변경했습니다.", "권한을 변경했습니다."]


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
                "report_trading",
                "assign_fills",
                "change_flows",
                "share_account",
                "stop_entries",
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
                "stop_entries",
                "lift_stop",
                "add_apitoken",
                "change_apitoken",
            },
        ),
        ("viewer", set()),
    ],
)
def test_groups_come_with_the_migrations(name: str, beyond: set[str]) -> None:
    group = Group.objects.get(name=name)

    # Everybody says where they want to hear of things.
    own = {f"{verb}_alerttarget" for verb in ("view", "add", "change", "delete")}
    found = set(group.permissions.values_list("codename", flat=True))
    assert found == VIEWS | {"view_alert"} | own | beyond


def test_superuser_sees_no_key_of_a_second_factor(client: Client) -> None:
    tenant = make_tenant("mine")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    for path in (
        reverse("admin:capital_secondfactordevice_changelist"),
        reverse("admin:capital_secondfactordevice_change", args=[tenant.phone.pk]),
        reverse("admin:capital_secondfactordevice_delete", args=[tenant.phone.pk]),
    ):
        assert tenant.phone.seed not in client.get(path).content.decode()
    assert not admin.site.is_registered(BackupCodes)


# The second factor


def log_in(client: Client, user: User) -> Any:
    return client.post(
        reverse("admin:login") + "?next=/admin/password_change/",
        {"username": user.username, "password": PASSWORD, "next": "/admin/password_change/"},
        follow=True,
    )


@pytest.fixture
def _required(settings: Any) -> None:
    settings.CAPITAL_REQUIRE_TOTP = True


def shown_key(page: Any) -> str:
    """The key that the page shows for typing."""
    [key] = re.findall(r"<code[^>]*>([A-Z2-7]{32})</code>", page.content.decode())
    return key


def enter(client: Client, code: str) -> Any:
    return client.post("/admin/second-factor/", {"code": code})


def is_let_in(client: Client) -> bool:
    return client.get("/admin/password_change/").status_code == 200


@pytest.mark.usefixtures("_required")
def test_who_has_no_device_enrols_one_and_is_let_in(client: Client) -> None:
    user = make_user(is_staff=True)

    page = log_in(client, user)

    assert page.redirect_chain[-1][0] == "/admin/second-factor/?next=%2Fadmin%2Fpassword_change%2F"
    assert "data:image/svg+xml;base64," in page.content.decode()
    key = shown_key(page)
    assert not SecondFactorDevice.objects.exists()
    answer = client.post(
        "/admin/second-factor/", {"code": code_of(key), "next": "/admin/password_change/"}
    )
    assert answer.headers["Location"] == "/admin/password_change/"
    assert is_let_in(client)
    device = SecondFactorDevice.objects.get(user=user)
    assert (device.seed, device.confirmed) == (key, True)
    # Nothing waits any more.
    assert "waiting" not in str(dict(client.session.items()))


@pytest.mark.usefixtures("_required")
def test_each_opening_of_the_page_shows_a_new_key_and_the_last_one_counts(client: Client) -> None:
    user = make_user(is_staff=True)
    first, second = shown_key(log_in(client, user)), shown_key(client.get("/admin/second-factor/"))

    assert first != second
    assert enter(client, code_of(first)).status_code == 200
    assert not SecondFactorDevice.objects.exists()
    enter(client, code_of(second))

    assert is_let_in(client)


@pytest.mark.usefixtures("_required")
def test_a_code_of_full_width_figures_is_the_same_one(client: Client) -> None:
    key = shown_key(log_in(client, make_user(is_staff=True)))

    enter(client, code_of(key).translate(str.maketrans("0123456789", "０１２３４５６７８９")))

    assert is_let_in(client)


@pytest.mark.usefixtures("_required")
def test_a_wrong_code_keeps_the_key_that_the_phone_has(client: Client) -> None:
    key = shown_key(log_in(client, make_user(is_staff=True)))

    again = enter(client, "12")

    assert shown_key(again) == key
    enter(client, code_of(key))
    assert is_let_in(client)


@pytest.mark.usefixtures("_required")
def test_who_knows_the_password_alone_reads_no_key_that_the_owner_enrols() -> None:
    user = make_user(is_staff=True)
    owner, thief = Client(), Client()
    key = shown_key(log_in(owner, user))

    seen = shown_key(log_in(thief, user))
    assert seen != key
    enter(owner, code_of(key))

    assert is_let_in(owner)
    # The thief's own key came to nothing, and there is none to read.
    assert "<code" not in thief.get("/admin/second-factor/").content.decode()
    enter(thief, code_of(seen))
    assert not is_let_in(thief)
    assert SecondFactorDevice.objects.get().seed == key


@pytest.mark.usefixtures("_required")
def test_a_waiting_key_is_not_enrolled_after_somebody_else_was_faster() -> None:
    user = make_user(is_staff=True)
    owner, thief = Client(), Client()
    key, seen = shown_key(log_in(owner, user)), shown_key(log_in(thief, user))
    enter(owner, code_of(key))

    # Straight from the page that was opened before.
    enter(thief, code_of(seen))

    assert not is_let_in(thief)
    assert SecondFactorDevice.objects.get().seed == key


@pytest.mark.usefixtures("_required")
def test_reading_the_sessions_tells_no_waiting_key(client: Client) -> None:
    key = shown_key(log_in(client, make_user(is_staff=True)))

    carried = str(Session.objects.get().get_decoded())

    assert "waiting" in carried
    assert key not in carried
    assert b32decode(key).hex() not in carried


@pytest.mark.usefixtures("_required")
def test_waiting_key_of_another_user_is_not_taken(client: Client) -> None:
    other = make_user(is_staff=True)
    log_in(client, make_user(is_staff=True))
    planted = new_seed()
    session = client.session
    session["second_factor_waiting"] = seal_waiting(planted, other)
    session.save()

    shown = enter(client, code_of(planted))

    assert shown_key(shown) != planted
    assert not SecondFactorDevice.objects.exists()


@pytest.mark.usefixtures("_required")
def test_who_has_a_device_gives_its_code_and_sees_no_key(client: Client) -> None:
    user = make_user(is_staff=True)
    device = make_phone(user)

    page = log_in(client, user).content.decode()

    assert "data:image/svg" not in page
    assert "Enter the code" in page
    assert not is_let_in(client)
    code = code_of(device.seed)
    enter(client, f"{code[:3]} {code[3:]}")
    assert is_let_in(client)


@pytest.mark.usefixtures("_required")
def test_code_works_once_and_wrong_ones_make_wait(client: Client) -> None:
    user = make_user(is_staff=True)
    device = make_phone(user)
    code = code_of(device.seed)
    log_in(client, user)
    enter(client, code)
    client.logout()
    log_in(client, user)

    again = enter(client, code)

    assert "This code is not valid now" in again.content.decode()
    assert SecondFactorDevice.objects.get(pk=device.pk).throttling_failure_count == 1
    # The next code is right, and still has to wait.
    enter(client, code_of(device.seed, steps=1))
    assert not is_let_in(client)


@pytest.mark.usefixtures("_required")
def test_enrolled_code_works_once_too(client: Client) -> None:
    user = make_user(is_staff=True)
    code = code_of(shown_key(log_in(client, user)))
    enter(client, code)
    client.logout()
    log_in(client, user)

    enter(client, code)

    assert not is_let_in(client)


@pytest.mark.usefixtures("_required")
def test_device_of_somebody_else_lets_nobody_in(client: Client) -> None:
    user = make_user(is_staff=True)
    make_phone(user)
    other = make_phone(make_user(is_staff=True))
    log_in(client, user)

    enter(client, code_of(other.seed))

    assert not is_let_in(client)


@pytest.mark.usefixtures("_required")
def test_device_that_no_key_decrypts_refuses_and_says_so(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    user = make_user(is_staff=True)
    device, other = make_phone(user), make_phone(make_user())
    code = code_of(device.seed)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE capital_secondfactordevice SET seed = "
            "(SELECT seed FROM capital_secondfactordevice WHERE id = %s) WHERE id = %s",
            [other.pk, device.pk],
        )
    log_in(client, user)

    answer = enter(client, code)

    assert "This code is not valid now" in answer.content.decode()
    assert f"Two-factor device {device.pk}: no key decrypts it." in caplog.text


@pytest.mark.usefixtures("_required")
def test_handed_out_code_helps_who_lost_the_phone_once(client: Client) -> None:
    user = make_user(is_staff=True)
    make_phone(user)
    codes = [add_backup_code(user) for _ in range(2)]
    log_in(client, user)

    enter(client, codes[0])

    assert is_let_in(client)
    client.logout()
    log_in(client, user)
    enter(client, codes[0])
    assert not is_let_in(client)
    # A wrong one makes wait.
    BackupCodes.objects.update(throttling_failure_timestamp=None)
    enter(client, codes[1])
    assert is_let_in(client)


@pytest.mark.usefixtures("_required")
def test_removed_device_ends_what_it_let_in(client: Client) -> None:
    user = make_user(is_staff=True)
    device = make_phone(user)
    log_in(client, user)
    enter(client, code_of(device.seed))
    assert is_let_in(client)
    superuser = Client()
    superuser.force_login(make_user(is_staff=True, is_superuser=True))

    with override_settings(CAPITAL_REQUIRE_TOTP=False):
        superuser.post(
            reverse("admin:capital_secondfactordevice_delete", args=[device.pk]), {"post": "yes"}
        )

    assert not is_let_in(client)


@pytest.mark.usefixtures("_required")
def test_second_factor_leads_nowhere_else(client: Client) -> None:
    user = make_user(is_staff=True)
    device = make_phone(user)
    log_in(client, user)

    answer = client.post(
        "/admin/second-factor/", {"code": code_of(device.seed), "next": "https://evil.example/"}
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
    later = {"view_settingchange", "view_fill", "view_flow", "view_stop", "view_reservation"}
    assert given == VIEWS - later
    assert apps.get_app_config("capital").models_module is not None
