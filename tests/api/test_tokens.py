"""Tokens: hashed, shown once, scoped, ended; and how else one may ask."""

import io
import json
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from knox.models import get_token_model

from capital.api.frame import throttles
from capital.domain.errors import InvalidToken, UnknownToken
from capital.models import ApiToken, Scope
from capital.services.access.tokens import create_token, find_token, revoke_token
from tests.api.client import ROOT, Bot, problem
from tests.factories import make_account, make_user

pytestmark = pytest.mark.django_db


def ask(text: str) -> Any:
    return Client().get(f"{ROOT}accounts/", headers={"Authorization": text})


def test_token_is_kept_as_a_hash_only() -> None:
    token, text = create_token(user=make_user(), name="bot", scope="read")

    assert text.startswith("cap_")
    assert len(text) == 64 + len("cap_")
    assert get_token_model() is ApiToken
    stored = str(list(ApiToken.objects.values()))
    assert text not in stored
    assert text[15:] not in stored
    assert text not in repr(token)
    assert token.digest not in f"{token} {token!r}"
    assert find_token(text) == token


@pytest.mark.parametrize(
    "given",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a\nb"},
        {"scope": "all"},
        {"days": 0},
        {"days": 3651},
        {"account_id": 10**9},
    ],
)
def test_token_that_cannot_be_is_not_made(given: Any) -> None:
    with pytest.raises(InvalidToken):
        create_token(**{"user": make_user(), "name": "bot", "scope": "read", **given})
    assert not ApiToken.objects.exists()


def test_token_is_for_an_account_of_its_user_only() -> None:
    with pytest.raises(InvalidToken):
        create_token(user=make_user(), name="bot", scope="read", account_id=make_account().pk)


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [("read", 1), ("size", 2), ("allocate", 3), ("manage", 4)],
)
def test_each_scope_includes_those_before_it(scope: str, allowed: int) -> None:
    assert [each for each in Scope if Scope(scope).includes(each)] == list(Scope)[:allowed]


@pytest.mark.parametrize(
    "header",
    [
        "Bearer cap_" + "0" * 64,
        "Bearer cap_",
        "Bearer",
        "Bearer two words",
        "Bearer " + "x" * 5000,
        "Bearer caf\xe9",
        "Bearer 카",
        "bearer nonsense",
        "Basic dXNlcjpwYXNz",
        "",
    ],
)
def test_what_is_no_token_opens_nothing(header: str) -> None:
    answer = Client().get(f"{ROOT}accounts/", HTTP_AUTHORIZATION=header)

    problem(answer, 401)
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_expired_revoked_and_switched_off_open_nothing() -> None:
    bot = Bot(days=1)
    assert bot.get("accounts/").status_code == 200

    with time_machine.travel(timezone.now() + timedelta(days=1, seconds=1), tick=False):
        assert problem(bot.get("accounts/"), 401)["code"] == "token_refused"
    assert ApiToken.objects.filter(pk=bot.token.pk).exists()
    bot.user.is_active = False
    bot.user.save()
    problem(bot.get("accounts/"), 401)
    bot.user.is_active = True
    bot.user.save()
    assert revoke_token(bot.token.token_key).revoked_at is not None
    problem(bot.get("accounts/"), 401)


def test_revoking_what_is_not_there_is_an_error() -> None:
    with pytest.raises(UnknownToken):
        revoke_token("cap_nonsense")


def test_scope_limits_what_a_token_may_do() -> None:
    reader = Bot(scope="read")
    account = make_account(owner=reader.user)

    assert reader.get("accounts/").status_code == 200
    body = problem(reader.post(f"accounts/{account.pk}/allocate/"), 403)
    assert (body["code"], "allocate" in body["detail"]) == ("scope_too_small", True)


def test_person_with_a_session_needs_a_csrf_token_to_change_anything() -> None:
    user = make_user(is_superuser=True, is_staff=True)
    person = Client(enforce_csrf_checks=True)
    person.force_login(user)
    body = json.dumps({"key": "trend", "name": "Trend", "market_type": "spot"})

    assert person.get(f"{ROOT}accounts/").status_code == 200
    refused = person.post(f"{ROOT}strategies/", body, content_type="application/json")
    problem(refused, 403)
    person.cookies["csrftoken"] = "a" * 32
    done = person.post(
        f"{ROOT}strategies/",
        body,
        content_type="application/json",
        headers={"X-CSRFToken": "a" * 32},
    )

    assert done.status_code == 201, done.content


def test_command_shows_a_token_once_and_revokes_it() -> None:
    user = make_user()
    out, err = io.StringIO(), io.StringIO()

    call_command(
        "token", "create", user.username, "my bot", "--scope", "size", stdout=out, stderr=err
    )
    text = out.getvalue().strip()
    assert find_token(text).scope == "size"
    listed = io.StringIO()
    call_command("token", "list", "--json", stdout=listed)
    shown = json.loads(listed.getvalue())["tokens"][0]
    assert (shown["name"], shown["user"], shown["token_key"]) == (
        "my bot",
        user.username,
        text[:15],
    )
    assert text not in listed.getvalue()
    table = io.StringIO()
    call_command("token", "list", "--user", user.username, stdout=table)
    assert text[:15] in table.getvalue()
    call_command("token", "revoke", text[:15], stdout=io.StringIO())

    assert ApiToken.objects.get().revoked_at is not None


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "nobody", "bot"],
        ["revoke", "cap_0"],
        ["list", "--user", "nobody"],
        ["create", "nobody", "bot", "--days", "0"],
    ],
)
def test_command_refuses_what_it_cannot_do(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("token", *arguments)


def test_too_many_requests_of_a_token_are_told_when_to_come_back(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CAPITAL_API_TOKEN_RATE = (2, 60)
    bot, other = Bot(), Bot()

    assert [bot.get("accounts/").status_code for _ in range(3)] == [200, 200, 429]
    answer = bot.get("accounts/")
    problem(answer, 429)
    assert 1 <= int(answer["Retry-After"]) <= 30
    assert other.get("accounts/").status_code == 200
    later = time.monotonic() + 31
    monkeypatch.setattr(throttles, "elapsed_seconds", lambda: later)
    assert bot.get("accounts/").status_code == 200


def test_a_clock_that_is_set_back_neither_refuses_a_token_nor_frees_it(settings: Any) -> None:
    settings.CAPITAL_API_TOKEN_RATE = (2, 60)
    bot = Bot()
    assert bot.get("accounts/").status_code == 200

    with time_machine.travel(timezone.now() - timedelta(minutes=10)):
        assert [bot.get("accounts/").status_code for _ in range(2)] == [200, 429]


def test_too_many_requests_of_an_address_are_refused_whoever_asks(settings: Any) -> None:
    settings.CAPITAL_API_ADDRESS_RATE = (2, 60)

    assert [ask("Bearer cap_wrong").status_code for _ in range(3)] == [401, 401, 429]
    assert Client().get("/api/v1/nowhere/").status_code == 429
    assert Client(REMOTE_ADDR="10.0.0.9").get("/api/v1/nowhere/").status_code == 404


def test_only_our_own_proxies_are_believed(settings: Any) -> None:
    settings.CAPITAL_API_ADDRESS_RATE = (1, 60)
    settings.CAPITAL_PROXY_COUNT = 1

    def through(forwarded: str) -> int:
        headers = {"X-Forwarded-For": forwarded}
        return Client().get("/api/v1/nowhere/", headers=headers).status_code

    assert [through("10.0.0.1"), through("6.6.6.6, 10.0.0.1"), through("10.0.0.2")] == [
        404,
        429,
        404,
    ]
