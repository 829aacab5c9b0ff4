"""Pages for what goes wrong, in the reader's language, and problems for programs."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tests.admin.tenants import allow_everything, make_tenant
from tests.factories import make_user

pytestmark = pytest.mark.django_db

LANGUAGES = pytest.mark.parametrize("language", ["en", "ko"])


def told(response: HttpResponse, status: int, language: str) -> str:
    """The page, which is a whole one."""
    page = response.content.decode()
    assert response.status_code == status
    assert f'<html lang="{language}">' in page
    assert 'href="/admin/"' in page
    return page


@LANGUAGES
def test_page_that_is_not_there(client: Client, language: str) -> None:
    page = told(client.get("/nowhere", headers={"accept-language": language}), 404, language)

    assert {"en": "Page not found", "ko": "페이지를 찾을 수 없습니다"}[language] in page


@LANGUAGES
def test_row_of_another_user_is_not_there_either(client: Client, language: str) -> None:
    client.force_login(allow_everything(make_tenant("mine").user))
    path = reverse("admin:capital_account_change", args=[make_tenant("other").account.pk])

    told(client.get(path, headers={"accept-language": language}), 404, language)


@LANGUAGES
def test_page_that_is_not_allowed(client: Client, language: str) -> None:
    client.force_login(make_user(is_staff=True))
    path = reverse("admin:capital_account_changelist")

    page = told(client.get(path, headers={"accept-language": language}), 403, language)

    assert {"en": "Permission denied", "ko": "권한이 없습니다"}[language] in page


@LANGUAGES
def test_form_without_its_token(language: str) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/admin/login/", headers={"accept-language": language})

    page = told(answer, 403, language)
    assert {"en": "could not be verified", "ko": "확인할 수 없습니다"}[language] in page


@LANGUAGES
def test_login_that_is_locked(client: Client, language: str) -> None:
    for _ in range(10):
        answer = client.post(
            "/admin/login/",
            {"username": "minsu", "password": "wrong"},
            headers={"accept-language": language},
        )

    page = told(answer, 429, language)
    assert {"en": "Try again in 15 minutes.", "ko": "15분 후에 다시 시도하세요."}[language] in page
    assert answer["Retry-After"] == "900"


@LANGUAGES
def test_error_of_ours(client: Client, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    client.raise_request_exception = False
    monkeypatch.setattr("capital_project.views.render", None)

    page = told(client.get("/", headers={"accept-language": language}), 500, language)
    assert {"en": "Server error", "ko": "서버 오류"}[language] in page


def test_programs_get_problems() -> None:
    answer = Client().get("/api/nowhere", headers={"accept-language": "ko"})

    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 404


# The database is away

Refuse = Callable[[type[Exception]], None]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """From then on the database answers every question with this error."""

    def refuse_with(error: type[Exception]) -> None:
        def execute(*_: Any, **__: Any) -> None:
            raise error("CANARY: the text of a driver has hosts and values")

        monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", execute)

    return refuse_with


def told_of_database(response: HttpResponse, language: str) -> str:
    page = response.content.decode()
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response["Cache-Control"] == "no-store"
    assert f'<html lang="{language}">' in page
    assert '<meta http-equiv="refresh" content="5">' in page
    assert 'src="/static/capital/theme.js"' in page
    assert {"en": "The database is not responding", "ko": "데이터베이스가 응답하지 않습니다"}[
        language
    ] in page
    assert {"en": "tries again by itself", "ko": "자동으로 다시 시도"}[language] in page
    assert "CANARY" not in page
    return page


@LANGUAGES
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("name", ["index", "capital_account_changelist", "login"])
def test_database_that_is_away_is_told_and_asked_again(
    client: Client, refuse: Refuse, caplog: Any, name: str, error: type[Exception], language: str
) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    refuse(error)

    answer = client.get(reverse(f"admin:{name}"), headers={"accept-language": language})

    page = told_of_database(answer, language)
    assert {"en": "may not have been saved", "ko": "저장되지 않았을 수"}[language] not in page
    [line] = [record for record in caplog.records if record.levelno > logging.INFO]
    path = reverse(f"admin:{name}")
    assert line.getMessage() == (f"The database is not responding ({error.__name__}): GET {path}.")
    assert line.exc_info is None


@LANGUAGES
def test_what_was_sent_to_a_database_that_is_away_may_be_lost(
    client: Client, refuse: Refuse, language: str
) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    refuse(OperationalError)
    path = reverse("admin:capital_account_add")

    page = told_of_database(
        client.post(path, {"name": "x"}, headers={"accept-language": language}), language
    )
    assert {"en": "may not have been saved", "ko": "저장되지 않았을 수"}[language] in page


def test_database_that_goes_away_after_a_page_was_made_is_told_too(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def lose(*_: Any) -> None:
        raise OperationalError("CANARY")

    client.raise_request_exception = False
    monkeypatch.setattr(SessionMiddleware, "process_response", lose)

    told_of_database(client.get("/admin/login/"), "en")
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "The database is not responding (OperationalError): GET /admin/login/."
    ]


def test_error_of_ours_in_a_query_is_no_database_that_is_away(
    client: Client, refuse: Refuse
) -> None:
    client.force_login(make_user(is_staff=True))
    client.raise_request_exception = False
    refuse(ProgrammingError)

    told(client.get("/admin/"), 500, "en")


@pytest.mark.parametrize("path", ["/api/v1/accounts/", "/api/v1/nowhere/"])
def test_programs_get_a_problem_of_a_database_that_is_away(
    client: Client, refuse: Refuse, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    client.force_login(make_user(is_staff=True))
    client.raise_request_exception = False
    if "nowhere" in path:

        def lose(*_: Any) -> None:
            raise OperationalError("CANARY")

        monkeypatch.setattr(SessionMiddleware, "process_response", lose)
    else:
        refuse(OperationalError)

    answer = client.get(path)

    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == "5"
    assert answer["Cache-Control"] == "no-store"
    assert answer.json()["code"] == "database_error"
    assert "CANARY" not in answer.content.decode()
