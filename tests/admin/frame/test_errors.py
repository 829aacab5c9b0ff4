"""Pages for what goes wrong, in the reader's language, and problems for programs."""

import pytest
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
