"""What a call with a token passes by, and what it does not; and how a format is agreed on."""

from typing import Any
from unittest.mock import Mock

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from capital.api.frame.csv_lists import CsvRenderer
from capital.api.frame.parsers import ExactJSONParser, QuickNegotiation
from capital_project.serving.token_calls import is_token_call
from tests.api.client import ROOT, Bot
from tests.factories import make_user

ACCEPTED = [
    None,
    "",
    "*/*",
    "application/json",
    "application/json;q=0.9",
    "application/*",
    "text/csv",
    "text/html",
    "text/csv, application/json",
    "text/html, */*;q=0.1",
]


@pytest.mark.parametrize("accepted", ACCEPTED)
@pytest.mark.parametrize(
    "renderers", [[JSONRenderer], [JSONRenderer, CsvRenderer], [CsvRenderer, JSONRenderer]]
)
def test_format_is_the_one_that_the_framework_agrees_on(accepted: Any, renderers: Any) -> None:
    headers = {} if accepted is None else {"Accept": accepted}
    request = Request(RequestFactory().get("/", headers=headers))

    def agreed(negotiation: Any) -> Any:
        try:
            return negotiation.select_renderer(request, [each() for each in renderers])[1]
        except Exception as refused:  # noqa: BLE001  # which one is compared
            return type(refused)

    assert agreed(QuickNegotiation()) == agreed(DefaultContentNegotiation())


@pytest.mark.parametrize(
    "sent", ["application/json", "application/json; charset=utf-8", "text/plain", "", "a" * 300]
)
def test_body_is_read_by_the_parser_that_the_framework_finds(sent: str) -> None:
    request, parsers = Mock(content_type=sent), [ExactJSONParser()]

    found = QuickNegotiation().select_parser(request, parsers)

    assert found is DefaultContentNegotiation().select_parser(request, parsers)


@pytest.mark.parametrize(
    ("path", "sent", "is_one"),
    [
        ("/api/v1/accounts/", "Bearer cap_x", True),
        ("/api/v1/accounts/", "bearer cap_x", True),
        ("/api/v1/accounts/", "Basic cap_x", False),
        ("/api/v1/accounts/", "Bearercap_x", False),
        ("/api/v1/accounts/", None, False),
        ("/admin/", "Bearer cap_x", False),
        ("/", "Bearer cap_x", False),
    ],
)
def test_token_call_is_one_of_the_api_with_a_token(path: str, sent: Any, is_one: bool) -> None:
    headers = {} if sent is None else {"Authorization": sent}

    assert is_token_call(RequestFactory().get(path, headers=headers)) is is_one


@pytest.mark.django_db
def test_cookie_beside_a_token_is_not_looked_at_whoever_it_is_of() -> None:
    bot, other = Bot(), make_user(is_staff=True)
    client = Client(enforce_csrf_checks=True)
    client.force_login(other)
    given = {"Authorization": f"Bearer {bot.text}"}

    with CaptureQueriesContext(connection) as captured:
        answer = client.get(f"{ROOT}accounts/", headers=given)

    assert answer.status_code == 200
    assert not [each for each in captured if "session" in each["sql"]]
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    # A form of another site sends no token, but the cookie: it is refused.
    body = {"name": "x"}
    assert client.post(f"{ROOT}strategies/", body, "application/json").status_code == 403


@pytest.mark.django_db
def test_token_that_opens_nothing_does_not_open_with_the_cookie_beside_it() -> None:
    client = Client()
    client.force_login(make_user(is_staff=True, is_superuser=True))
    path = f"{ROOT}accounts/"

    assert client.get(path).status_code == 200
    assert client.get(path, headers={"Authorization": "Bearer cap_no"}).status_code == 401
    assert client.get(path, headers={"Authorization": "Bearer "}).status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize("sent", ["Bearer cap_x", None])
def test_description_is_for_everybody_with_a_token_or_without(sent: Any) -> None:
    headers = {} if sent is None else {"Authorization": sent}

    assert Client().get("/api/schema/", headers=headers).status_code == 200


@pytest.mark.django_db
def test_admin_with_a_token_beside_its_cookie_is_the_admin() -> None:
    client = Client()
    client.force_login(make_user(is_staff=True, is_superuser=True))

    answer = client.get("/admin/", headers={"Authorization": "Bearer cap_x"})

    assert answer.status_code == 200
    assert "Content-Security-Policy" in answer.headers
