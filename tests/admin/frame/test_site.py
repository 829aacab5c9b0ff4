"""The admin is there, in the theme, under the policy, and behind a login."""

from typing import Any

import pytest
from django.test import Client

from tests.factories import make_user

pytestmark = pytest.mark.django_db

POLICY = {
    "default-src 'self'",
    "script-src 'self' 'unsafe-eval'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
}


def test_policy_is_on_every_page(client: Client) -> None:
    for path in ("/", "/admin/login/", "/healthz"):
        header = client.get(path).headers["Content-Security-Policy"]

        assert {part.strip() for part in header.split(";")} == POLICY


def test_stranger_is_led_to_the_login(client: Client) -> None:
    response = client.get("/admin/")

    assert response.headers["Location"] == "/admin/login/?next=/admin/"


def test_operator_sees_the_index(client: Client) -> None:
    client.force_login(make_user(is_staff=True))

    assert client.get("/admin/").status_code == 200


def test_one_time_password_can_be_required(client: Client, settings: Any) -> None:
    settings.CAPITAL_REQUIRE_TOTP = True
    client.force_login(make_user(is_staff=True, is_superuser=True))

    assert client.get("/admin/").status_code == 302


def test_ten_wrong_passwords_lock_the_name_at_that_address(client: Client) -> None:
    make_user(username="minsu", is_staff=True, password="a right one")
    guess = {"username": "minsu", "password": "wrong"}
    for _ in range(10):
        client.post("/admin/login/", guess)

    right = client.post("/admin/login/", {"username": "minsu", "password": "a right one"})

    assert right.status_code == 429
    assert not client.session.keys()


def test_lock_behind_our_proxy_is_of_the_client_who_guessed(client: Client, settings: Any) -> None:
    settings.CAPITAL_PROXY_COUNT = 1
    make_user(username="minsu", is_staff=True, password="a right one")
    for _ in range(10):
        guess = {"username": "minsu", "password": "wrong"}
        client.post("/admin/login/", guess, headers={"X-Forwarded-For": "1.1.1.1, 10.0.0.1"})
    answers = [
        client.post(
            "/admin/login/",
            {"username": "minsu", "password": "a right one"},
            headers={"X-Forwarded-For": forwarded},
        ).status_code
        for forwarded in ("2.2.2.2, 10.0.0.1", "1.1.1.1, 10.0.0.2", "1.1.1.1, junk")
    ]

    assert answers == [429, 302, 302]
