"""The access log, and the id of a request in its answer, in problems and on pages."""

import logging
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from capital import traces
from capital.models import Account
from capital.services.access import create_token
from tests.factories import make_account, make_link, make_summary, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]

ID = "4f1c2f9e-0042"
MADE = re.compile(r"[0-9a-f]{32}")


@pytest.fixture
def access(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "capital_project.access")
    return caplog


def lines(access: pytest.LogCaptureFixture) -> list[str]:
    """Without how long they took."""
    told = [each.getMessage() for each in access.records if each.name == "capital_project.access"]
    return [re.sub(r" in \d+ ms", "", each) for each in told]


def figures(access: pytest.LogCaptureFixture) -> dict[str, Any]:
    [told] = [each for each in access.records if each.name == "capital_project.access"]
    return dict(told.__dict__["figures"])


def test_the_id_of_the_proxy_is_answered_and_stands_in_the_problem(client: Client) -> None:
    answer = client.get("/api/v1/accounts/", headers={"X-Request-ID": ID})

    assert answer.headers["X-Request-ID"] == ID
    assert answer.json()["request_id"] == ID


@pytest.mark.parametrize(
    "asked", ["", "short", "a" * 65, "cap_0123456789abcdef", "4f1c2f9e 0042", "x\x1b[31m-000000"]
)
def test_what_is_no_id_is_replaced_by_one(client: Client, asked: str) -> None:
    answer = client.get("/api/v1/accounts/", headers={"X-Request-ID": asked})

    assert MADE.fullmatch(answer.headers["X-Request-ID"])
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_each_request_has_an_id_of_its_own_and_none_stays_behind(client: Client) -> None:
    first, second = (client.get("/healthz").headers["X-Request-ID"] for _ in range(2))

    assert first != second
    assert traces.current_id() is None


def test_a_bots_request_tells_user_token_account_and_code(
    access: pytest.LogCaptureFixture, client: Client
) -> None:
    mine, other = make_account(), make_account()
    user = User.objects.get(pk=mine.owner_id)
    row, text = create_token(user=user, name="bot", scope="read")
    bot = {"Authorization": f"Bearer {text}"}

    client.get(f"/api/v1/accounts/{mine.pk}/?fields=id", headers=bot)
    client.get(f"/api/v1/accounts/{other.pk}/", headers=bot)

    who = f"user {user.username}, token {row.token_key}"
    assert lines(access) == [
        f"GET /api/v1/accounts/{mine.pk}/ 200, {who}, accounts {mine.pk}",
        f"GET /api/v1/accounts/{other.pk}/ 404, code not_found, {who}",
    ]
    assert len(row.token_key) < len(text) / 2


def test_a_token_of_one_account_tells_it_and_json_has_numbers(
    access: pytest.LogCaptureFixture, client: Client
) -> None:
    account, _beside = make_account(), make_account()
    user = User.objects.get(pk=account.owner_id)
    row, text = create_token(user=user, name="bot", scope="read", account_id=account.pk)

    client.get("/api/v1/capital/", headers={"Authorization": f"Bearer {text}"})

    told = figures(access)
    assert isinstance(told.pop("duration_ms"), int)
    assert told == {
        "method": "GET",
        "path": "/api/v1/capital/",
        "status": 200,
        "code": None,
        "user": user.username,
        "token": row.token_key,
        "account_ids": [account.pk],
    }


def test_what_a_service_locks_is_told_also_where_the_path_does_not_name_it(
    access: pytest.LogCaptureFixture, client: Client
) -> None:
    user = make_user(is_superuser=True)
    account = make_account(owner=user)
    make_link(account=account)
    make_summary(account=account, spot_balance=10, futures_balance=10, ending_balance=20)
    text = create_token(user=user, name="bot", scope="allocate")[1]

    client.post(
        "/api/v1/allocate/",
        {"cached": True},
        content_type="application/json",
        headers={"Authorization": f"Bearer {text}"},
    )

    assert figures(access)["account_ids"] == [account.pk]


def test_a_person_is_told_and_nobody_is_looked_up_for_it(
    access: pytest.LogCaptureFixture, client: Client
) -> None:
    user = make_user(username="minsu", is_staff=True)
    client.force_login(user)

    client.get("/admin/capital/account/")
    client.get("/")

    assert lines(access) == [
        "GET /admin/capital/account/ 403, code permission_denied, user minsu",
        "GET / 200",
    ]


def test_neither_the_query_nor_the_address_is_told(
    access: pytest.LogCaptureFixture, client: Client
) -> None:
    client.get("/nowhere?token=secret-text", REMOTE_ADDR="203.0.113.7")

    assert lines(access) == ["GET /nowhere 404, code not_found"]


def test_what_machines_ask_all_day_is_for_those_who_ask_for_debug(
    caplog: pytest.LogCaptureFixture, client: Client
) -> None:
    caplog.set_level(logging.DEBUG, "capital_project.access")

    client.get("/healthz")
    client.get("/static/capital/favicon.svg").close()
    client.get("/")

    levels = [each.levelname for each in caplog.records if each.name == "capital_project.access"]
    assert levels == ["DEBUG", "DEBUG", "INFO"]


def test_a_page_of_a_bug_tells_its_id_and_the_lines_of_it_have_it_too(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> None:
        raise RuntimeError("a bug")

    seen: list[str | None] = []

    class Seen(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(traces.current_id())

    monkeypatch.setattr(Account.objects.__class__, "get_queryset", fail)
    handler = Seen()
    logging.getLogger("django.request").addHandler(handler)
    browser = Client(raise_request_exception=False)
    browser.force_login(make_user(is_superuser=True, is_staff=True))
    answer = browser.get("/admin/capital/account/", headers={"X-Request-ID": ID})
    logging.getLogger("django.request").removeHandler(handler)

    assert answer.status_code == 500
    assert ID in answer.content.decode()
    assert seen == [ID]
