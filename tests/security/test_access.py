"""Attacks that got through, each tried on every face: who may do what, and who sees it."""

import json
import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client, override_settings
from django.urls import reverse

from capital.models import (
    Account,
    AccountAccess,
    AllocationPlan,
    AllocationRun,
    Position,
    SettingChange,
    WebhookDelivery,
)
from capital.services.access import add_backup_code
from capital.services.allocation.plans import make_plan
from capital.services.webhooks import rotate_secret
from tests.admin.forms import change_url, form_of
from tests.admin.tenants import allow, allow_everything, join, make_tenant
from tests.api.client import ROOT, Bot, problem
from tests.factories import make_account, make_link, make_market, make_strategy, make_user
from tests.hooks import hook_path
from tests.phones import make_phone

pytestmark = pytest.mark.django_db


def colleague(account: Account, role: str) -> User:
    user = allow_everything(make_user(is_staff=True))
    AccountAccess.objects.create(account=account, user=user, role=role)
    return user


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


# Sessions


def test_password_alone_opens_no_face_where_a_second_factor_is_required() -> None:
    client = browser(make_user(is_staff=True, is_superuser=True))

    with override_settings(CAPITAL_REQUIRE_TOTP=True):
        for path in ("accounts/", "capital/", "allocation-runs/"):
            assert problem(client.get(ROOT + path), 403)["code"] == "second_factor_missing"
        changed = client.post(f"{ROOT}strategies/", {}, content_type="application/json")
        assert problem(changed, 403)["code"] == "second_factor_missing"
        for page in ("/api/docs/", "/api/schema/"):
            assert problem(client.get(page), 403)["code"] == "second_factor_missing"
        assert client.get("/admin/").headers["Location"].startswith("/admin/login/")
        assert client.get("/admin/second-factor/").status_code == 200
    assert client.get(f"{ROOT}accounts/").status_code == 200
    assert client.get("/admin/").status_code == 200


def test_session_of_who_is_staff_no_more_opens_no_face() -> None:
    user = make_user(is_staff=True, is_superuser=True)
    client = browser(user)
    assert client.get(f"{ROOT}accounts/").status_code == 200
    User.objects.filter(pk=user.pk).update(is_staff=False)

    assert problem(client.get(f"{ROOT}accounts/"), 403)["code"] == "session_not_of_staff"
    assert problem(client.get("/api/schema/"), 403)["code"] == "session_not_of_staff"
    assert client.get("/admin/").headers["Location"].startswith("/admin/login/")
    assert client.get("/admin/second-factor/").headers["Location"] == "/admin/login/"


def test_session_rows_open_nothing_for_who_reads_the_table() -> None:
    client = browser(make_user(is_staff=True, is_superuser=True))
    key = client.cookies["sessionid"].value
    (row,) = Session.objects.all()

    assert key not in row.session_key
    assert key not in row.session_data
    thief = Client()
    thief.cookies["sessionid"] = row.session_key
    assert thief.get("/admin/").headers["Location"].startswith("/admin/login/")
    assert client.get("/admin/").status_code == 200
    client.post("/admin/logout/")
    assert not Session.objects.filter(session_key=row.session_key).exists()


def test_who_sends_a_form_after_the_session_ended_is_told_that_nothing_was_saved() -> None:
    told = "What you have just sent was not saved"
    client = browser(make_user(is_staff=True, is_superuser=True))
    client.logout()

    sent = client.post("/admin/auth/group/add/", {"name": "Desk"}, follow=True)

    assert told in sent.content.decode()
    assert told not in client.get("/admin/auth/group/add/", follow=True).content.decode()
    client.post("/admin/logout/")
    assert told not in client.get("/admin/login/").content.decode()


def test_backup_code_can_be_typed_on_a_phone_and_the_page_says_who_has_one(settings: Any) -> None:
    settings.CAPITAL_REQUIRE_TOTP = True
    user = make_user(is_staff=True)
    client = browser(user)
    assert 'inputmode="numeric"' in client.get("/admin/second-factor/").content.decode()
    make_phone(user)
    page = client.get("/admin/second-factor/").content.decode()
    assert 'inputmode="numeric"' in page
    assert "You lost the phone?" in page

    code = add_backup_code(user)

    assert 'inputmode="text"' in client.get("/admin/second-factor/").content.decode()
    assert client.post("/admin/second-factor/", {"code": code}).headers["Location"] == "/admin/"
    client.logout()
    client.force_login(user)
    assert 'inputmode="numeric"' in client.get("/admin/second-factor/").content.decode()


# Tokens


def test_token_ends_with_the_password_and_the_page_says_so() -> None:
    user = make_user(is_staff=True, password="correct horse")
    bot, beside = Bot(user), Bot(make_user(is_staff=True))
    client = browser(user)

    answer = client.post(
        "/admin/password_change/",
        {
            "old_password": "correct horse",
            "new_password1": "battery staple 9",
            "new_password2": "battery staple 9",
        },
        follow=True,
    )

    assert f"1 API token of {user.username} has ended" in answer.content.decode()
    problem(bot.get("accounts/"), 401)
    assert beside.get("accounts/").status_code == 200
    assert "ended with the password" in _token_list(user)


def test_token_of_staff_ends_with_that_flag_and_another_does_not() -> None:
    root = browser(make_user(is_staff=True, is_superuser=True))
    user, plain = make_user(is_staff=True), make_user()
    bot, other = Bot(user), Bot(plain)
    page = reverse("admin:auth_user_change", args=[user.pk])

    answer = root.post(page, {"username": user.username, "is_active": "on"}, follow=True)

    assert f"1 API token of {user.username} has ended" in answer.content.decode()
    problem(bot.get("accounts/"), 401)
    assert other.get("accounts/").status_code == 200


def test_token_goes_on_where_the_same_password_is_hashed_anew() -> None:
    user = make_user(is_staff=True, password="correct horse")
    bot, beside = Bot(user), Bot()
    hashers = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    before = user.password

    with override_settings(PASSWORD_HASHERS=hashers):
        login = {"username": user.username, "password": "correct horse"}
        assert Client().post("/admin/login/", login).status_code == 302

    user.refresh_from_db()
    assert user.password != before
    assert bot.get("accounts/").status_code == 200
    assert beside.get("accounts/").status_code == 200


def test_password_that_was_written_past_django_ends_the_token() -> None:
    bot = Bot()
    User.objects.filter(pk=bot.user.pk).update(password="!")

    assert problem(bot.get("accounts/"), 401)["code"] == "token_refused"


def _token_list(user: User) -> str:
    client = browser(allow(user, "capital.view_apitoken"))
    return client.get(reverse("admin:capital_apitoken_changelist")).content.decode()


# Credentials


@pytest.mark.parametrize("who", ["manager", "everyone"])
def test_credentials_are_replaced_on_no_face_by_who_is_not_the_owner(who: str) -> None:
    account = make_account(api_key="CANARY-old")
    actor = (
        colleague(account, "manager")
        if who == "manager"
        else allow_everything(make_user(is_staff=True), but=())
    )

    answer = Bot(actor).patch(f"accounts/{account.pk}/", {"api_key": "CANARY-stolen"})
    client = browser(actor)
    page = change_url(account)
    form = form_of(client, page, api_key="CANARY-stolen", name="Renamed")
    saved = client.post(page, form)

    assert problem(answer, 403)["code"] == "role_too_small"
    assert saved.status_code == 302
    stored = Account.objects.get(pk=account.pk)
    assert (stored.api_key, stored.name) == ("CANARY-old", "Renamed")
    (change,) = SettingChange.objects.all()
    assert list(change.values) == ["name"]


def test_change_is_recorded_with_the_address_on_both_faces() -> None:
    account = make_account(api_key="CANARY-old")
    owner = allow_everything(User.objects.get(pk=account.owner_id))
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    owner.refresh_from_db()

    Bot(owner).patch(f"accounts/{account.pk}/", {"api_key": "CANARY-new"})
    client = browser(owner)
    page = change_url(account)
    client.post(page, form_of(client, page, reserve_percent="5"))

    by_page, by_api = SettingChange.objects.all()
    assert (by_api.actor, by_api.origin) == (owner, "127.0.0.1")
    assert by_api.values == {"api_key": {"old": "set", "new": "changed"}}
    assert (by_page.actor, by_page.origin) == (owner, "127.0.0.1")
    assert by_page.values == {"reserve_percent": {"old": "0", "new": "5"}}
    shown = client.get(reverse("admin:capital_settingchange_changelist")).content.decode()
    assert "set → replaced" in shown
    assert "reserve (%): 0 → 5" in shown
    assert "CANARY" not in shown


# Positions


def test_reading_everything_freezes_nobody() -> None:
    link = make_link(account=make_account())
    body = {"symbol": "BTC/USDT", "quantity": "1"}
    path = f"strategy-accounts/{link.pk}/positions/"
    seeing_all = allow(make_user(), "capital.view_all_accounts", "capital.report_position")

    for user, code in (
        (join(make_user(), "risk"), "not_permitted"),
        (seeing_all, "role_too_small"),
        (colleague(link.account, "viewer"), "role_too_small"),
        (join(link.account.owner, "viewer"), "not_permitted"),
    ):
        assert problem(Bot(user, scope="size").put(path, body), 403)["code"] == code
    assert not Position.objects.exists()
    operator = Bot(colleague(link.account, "operator"), scope="size")
    assert operator.put(path, body).status_code == 200


# Webhooks


def test_webhook_works_on_and_tells_of_the_accounts_that_its_owner_may_allocate(
    settings: Any,
) -> None:
    settings.CAPITAL_LIVE_BALANCES = False
    make_market(venue="binance", symbol="BTC/USDT")
    owner = allow(make_user(), "capital.allocate_capital")
    strategy = make_strategy(owner=owner, key="grid")
    own = make_account(owner=owner, name="own")
    shared, seen, theirs = (make_account(name=name) for name in ("shared", "seen", "theirs"))
    AccountAccess.objects.create(account=shared, user=owner, role="operator")
    AccountAccess.objects.create(account=seen, user=owner, role="viewer")
    for account in (own, shared, seen, theirs):
        make_link(account=account, strategy=strategy, capital="1000")
    body = {"token": rotate_secret(strategy), "id": "1", "symbol": "BTC/USDT", "side": "buy"}
    body |= {"qty_per": "50", "price": "50000"}

    def deliver() -> Any:
        return Client().post(hook_path("grid"), json.dumps(body), content_type="text/plain")

    answer = deliver().json()

    assert [each["account"] for each in answer["sizes"]] == ["own", "shared"]
    assert [each["account"] for each in answer["allocations"]] == ["own", "shared"]
    (told,) = [each for each in answer["warnings"] if each["code"] == "accounts_passed_over"]
    assert "2" in told["reason"]
    assert set(AllocationRun.objects.values_list("account__name", flat=True)) <= {"own", "shared"}
    assert "theirs" not in str(answer)

    AccountAccess.objects.filter(account=shared).delete()

    again = deliver().json()
    assert again["delivery"] == answer["delivery"]
    assert [each["account"] for each in again["sizes"]] == ["own"]
    assert "shared" not in str(again)


def test_link_across_owners_is_told_at_once_on_both_faces() -> None:
    account = make_account(name="Main")
    operator = colleague(account, "operator")
    strategies = [make_strategy(owner=operator, key=key) for key in ("grid", "trend")]
    usual = make_link()

    answer = (
        Bot(operator).post("strategy-accounts/", {"strategy": "grid", "account": account.pk}).json()
    )
    client = browser(operator)
    page = reverse("admin:capital_strategyaccount_add")
    form = form_of(client, page, strategy=strategies[1].pk, account=account.pk)
    shown = client.post(page, form, follow=True).content.decode()

    assert [each["code"] for each in answer["notices"]] == ["link_across_owners"]
    assert f"The strategy trend of {operator.username} trades on the account Main" in shown
    listed = Bot(usual.account.owner).get("strategy-accounts/").json()["results"]
    assert [each["notices"] for each in listed] == [[]]


# What was seen, and may be seen no more


def test_plan_ends_with_the_right_to_see_its_accounts() -> None:
    account = make_account()
    operator = colleague(account, "operator")
    own = make_account(owner=operator)
    plan = make_plan([account.pk, own.pk], actor=operator, live=False)
    kept = make_plan([own.pk], actor=operator, live=False)
    client = browser(operator)
    pages = {
        name: [reverse(f"admin:{name}", args=[each.public_id]) for each in (plan, kept)]
        for name in ("capital_account_plan", "capital_account_plan_result")
    }
    assert {client.get(page).status_code for both in pages.values() for page in both} == {200}

    AccountAccess.objects.all().delete()

    for lost, own_page in pages.values():
        assert client.get(lost).status_code == 404
        assert client.post(lost, {"_apply": "1"}).status_code in (404, 405)
        assert client.get(own_page).status_code == 200
    assert not AllocationRun.objects.exists()
    assert AllocationPlan.objects.filter(applied_at=None).count() == 2


def test_repeated_answer_ends_with_the_right_to_see_what_it_is_about() -> None:
    link = make_link(capital="1000")
    make_market(venue="binance", symbol="BTC/USDT")
    bot = Bot(colleague(link.account, "operator"))
    own = Bot(make_user())
    order = {"symbol": "BTC/USDT", "side": "buy", "qty_per": "50", "price": "50000"}
    asked = [
        (f"accounts/{link.account_id}/allocate/", {"cached": True, "dry_run": True}),
        (f"strategy-accounts/{link.pk}/size/", order),
        (f"strategies/{link.strategy.key}/size/", order),
        (f"accounts/{link.account_id}/check-connection/", {}),
    ]
    keys = [{"Idempotency-Key": f"key-{number}"} for number in range(len(asked))]
    first = [bot.post(*each, **key) for each, key in zip(asked, keys, strict=True)]
    assert {answer.status_code for answer in first} == {200}
    again = [bot.post(*each, **key) for each, key in zip(asked, keys, strict=True)]
    assert {answer["Idempotency-Replayed"] for answer in again} == {"true"}

    AccountAccess.objects.all().delete()

    for each, key in zip(asked, keys, strict=True):
        answer = bot.post(*each, **key)
        assert answer.status_code == 404, each
        assert "1000" not in answer.content.decode()
    assert own.get("accounts/").status_code == 200


def test_runs_and_deliveries_end_with_the_access() -> None:
    tenant = make_tenant("shown")
    user = colleague(tenant.account, "viewer")
    client, bot = browser(user), Bot(user)
    pages = [
        reverse("admin:capital_allocationrun_change", args=[tenant.runs[0].pk]),
        reverse("admin:capital_webhookdelivery_change", args=[tenant.delivery.pk]),
        reverse("admin:capital_account_change", args=[tenant.account.pk]),
    ]
    path = f"allocation-runs/{tenant.runs[0].pk}/"
    assert {client.get(page).status_code for page in pages} == {200}
    assert bot.get(path).status_code == 200

    AccountAccess.objects.all().delete()

    assert {client.get(page).status_code for page in pages} == {404}
    assert bot.get(path).status_code == 404
    assert WebhookDelivery.objects.exists()


# Small doors


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_checking_a_connection_needs_permission_and_role_on_both_faces(role: str) -> None:
    account = make_account()
    user = colleague(account, role)
    without = make_user(is_staff=True)
    AccountAccess.objects.create(account=account, user=without, role="manager")
    without = allow(without, "capital.view_account")
    page = f"/admin/capital/account/{account.pk}/connection/"
    path = f"accounts/{account.pk}/check-connection/"
    expected = 200 if role == "operator" else 403

    assert browser(user).get(page).status_code == expected
    assert Bot(user).post(path).status_code == expected
    assert browser(without).get(page).status_code == 403
    assert Bot(without).post(path).status_code == 403


def test_no_answer_of_the_api_is_kept_by_anybody() -> None:
    bot = Bot()

    for answer in (
        bot.get("accounts/"),
        bot.get("accounts/999/"),
        Client().get(f"{ROOT}accounts/"),
        Client().get("/api/nowhere/"),
        Client().get("/api/schema/"),
        Client().get("/api/docs/"),
        Client().post("/api/v1/hooks/none/", "{", content_type="text/plain"),
        Client(HTTP_HOST="evil.example").get(f"{ROOT}accounts/"),
    ):
        assert answer["Cache-Control"] == "no-store", answer.status_code


def test_key_that_is_taken_is_answered_with_one_that_is_free_on_both_faces() -> None:
    for key in ("trend", "trend-2", "trend-4"):
        make_strategy(key=key)
    user = allow_everything(make_user(is_staff=True))
    new = {"key": "trend", "name": "Mine", "market_type": "spot"}

    answer = Bot(user).post("strategies/", new)
    page = reverse("admin:strategies_strategy_add")
    client = browser(user)
    shown = client.post(page, form_of(client, page, **new)).content.decode()

    (error,) = problem(answer, 400)["errors"]
    assert (error["field"], error["code"]) == ("key", "unique")
    assert "“trend-3” is free" in error["detail"]
    assert "“trend-3” is free" in shown
    taken = Bot(user).post("strategies/", {**new, "key": "trend-3"})
    assert taken.status_code == 201


def test_key_of_full_length_gets_a_free_one_that_fits() -> None:
    long = "k" * 64
    make_strategy(key=long)

    answer = Bot(allow_everything(make_user())).post(
        "strategies/", {"key": long, "name": "Mine", "market_type": "spot"}
    )

    free = problem(answer, 400)["errors"][0]["detail"].split("“")[1].split("”")[0]
    assert 1 <= len(free) <= 64


def test_403_of_the_admin_is_one_line_and_names_cannot_break_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from capital_project.log_lines import OneLine, RefusalsInOneLine

    user = make_user(username="min\nsu\x1b[31m", is_staff=True)

    with caplog.at_level(logging.WARNING, "django.request"):
        assert browser(user).get("/admin/auth/group/").status_code == 403

    (record,) = [each for each in caplog.records if each.name == "django.request"]
    assert RefusalsInOneLine().filter(record)
    line = OneLine(zone="UTC").format(record)
    assert line.partition(" ")[2] == (
        "WARNING django.request: Forbidden: GET /admin/auth/group/ by min\\nsu\\x1b[31m from "
        "127.0.0.1."
    )


# Inviting


def test_owner_invites_changes_and_removes_on_the_page_and_over_the_api() -> None:
    account, beside = make_account(), make_account()
    owner = allow_everything(User.objects.get(pk=account.owner_id))
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    owner.refresh_from_db()
    guests = [make_user(username=name) for name in ("minsu", "jisu")]
    kept = AccountAccess.objects.create(account=beside, user=guests[0], role="viewer")
    client, bot = browser(owner), Bot(owner)
    page = f"/admin/capital/account/{account.pk}/access/"

    client.post(page, {"invite": "1", "user": "minsu", "role": "viewer"})
    made = bot.post("account-access/", {"account": account.pk, "user": "jisu", "role": "viewer"})
    assert made.status_code == 201, made.content
    assert set(account.accesses.values_list("user__username", "role")) == {
        ("minsu", "viewer"),
        ("jisu", "viewer"),
    }

    first = account.accesses.get(user=guests[0])
    client.post(page, {"change": first.pk, f"role-{first.pk}": "operator"})
    second = made.json()["id"]
    path = f"account-access/{second}/"
    tag = {"If-Match": bot.get(path)["ETag"]}
    assert bot.send("patch", path, {"role": "manager"}, **tag).json()["role"] == "manager"
    stale = bot.send("patch", path, {"role": "viewer"}, **tag)
    assert stale.status_code in (409, 412)
    assert account.accesses.get(pk=first.pk).role == "operator"
    assert "lacks the permission “Can allocate capital”" in client.get(page).content.decode()

    # Another account's access is not this page's.
    client.post(page, {"remove": kept.pk})
    client.post(page, {"remove": first.pk})
    assert bot.delete(f"account-access/{second}/").status_code == 204
    assert list(AccountAccess.objects.all()) == [kept]
    assert SettingChange.objects.filter(row="access", actor=owner).count() == 6


def test_wrong_invitation_is_an_error_of_its_field_on_both_faces() -> None:
    account = make_account()
    owner = allow_everything(User.objects.get(pk=account.owner_id))
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    owner.refresh_from_db()
    page = f"/admin/capital/account/{account.pk}/access/"

    shown = browser(owner).post(page, {"invite": "1", "user": "nobody", "role": "viewer"})
    answer = Bot(owner).post(
        "account-access/", {"account": account.pk, "user": "nobody", "role": "viewer"}
    )

    assert "There is no active user with this name." in shown.content.decode()
    (error,) = problem(answer, 400)["errors"]
    assert error["field"] == "user"
    assert not AccountAccess.objects.exists()


def test_change_is_shown_in_the_readers_words() -> None:
    account = make_account(wallet_mode="separate")
    root = make_user(is_staff=True, is_superuser=True)
    client = browser(root)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "ko"
    page = change_url(account)
    client.post(page, form_of(client, page, balance_basis="equity", api_key="CANARY"))
    client.post(
        f"/admin/capital/account/{account.pk}/access/",
        {"invite": "1", "user": make_user(username="minsu").username, "role": "manager"},
    )

    shown = client.get(reverse("admin:capital_settingchange_changelist")).content.decode()

    assert "역할: — → 관리" in shown
    assert "API 키: 미설정 → 설정됨" in shown
    assert "→ equity" not in shown
