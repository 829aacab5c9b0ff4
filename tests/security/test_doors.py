"""Logins, locks, rates, logs and exports: small doors that were open."""

import logging
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.core.cache import caches
from django.test import Client, RequestFactory

from capital.addresses import client_address, counted_address
from capital.admin.frame.exports import cell
from capital_project.log_lines import OneLine
from tests.factories import make_user

LOGIN = "/admin/login/"


def log_in(client: Client, username: str, password: str = "wrong", **headers: str) -> Any:
    return client.post(LOGIN, {"username": username, "password": password}, headers=headers)


# The login


@pytest.mark.django_db
@pytest.mark.parametrize(
    "username",
    # The fourth is one letter that is written out as eighteen.
    ["x" * 151, "x" * 256, "x" * 100_000, "ﷺ" * 100, "x" * 149 + "ﷺ", "\0" * 300, "\ud83d" * 2],
)
def test_a_username_that_nobody_can_have_is_refused_like_a_wrong_one(
    client: Client, username: str
) -> None:
    make_user(username="x" * 150, password="correct horse", is_staff=True)

    answer = log_in(client, username.encode("utf-8", "replace").decode())

    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session
    # The record of attempts has no room for it.
    attempts = AccessAttempt.objects.values_list("username", flat=True)
    assert not [name for name in attempts if len(name) > 150]
    assert log_in(client, "x" * 150, "correct horse").status_code == 302


# Addresses


@pytest.mark.parametrize(
    ("given", "shown", "counted"),
    [
        ("203.0.113.7", "203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7", "203.0.113.7"),
        ("::FFFF:cb00:7107", "203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:0DB8:1:2::1", "2001:db8:1:2::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::1", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::1", "fe80::"),
        ("", "", ""),
    ],
)
@pytest.mark.parametrize("is_proxied", [True, False])
def test_an_address_is_shown_as_it_is_and_counted_by_its_network(
    settings: Any, given: str, shown: str, counted: str, is_proxied: bool
) -> None:
    settings.CAPITAL_PROXY_COUNT = int(is_proxied)
    headers = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": given or "nobody"}
    request = RequestFactory().get("/", **(headers if is_proxied else {"REMOTE_ADDR": given}))

    nobody = is_proxied and not given
    assert client_address(request) == ("10.0.0.1" if nobody else shown)
    assert counted_address(request) == ("10.0.0.1" if nobody else counted)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("addresses", "stranger"),
    [
        ([f"2001:db8:1:2::{n:x}" for n in range(10)], "2001:db8:1:3::1"),
        (["203.0.113.7", "::ffff:203.0.113.7"] * 5, "::ffff:203.0.113.8"),
    ],
)
def test_a_lock_holds_for_the_whole_network_and_for_nobody_else(
    client: Client, addresses: list[str], stranger: str
) -> None:
    make_user(username="minsu", password="correct horse", is_staff=True)
    for address in addresses:
        client.post(LOGIN, {"username": "minsu", "password": "wrong"}, REMOTE_ADDR=address)

    right = {"username": "minsu", "password": "correct horse"}
    assert client.post(LOGIN, right, REMOTE_ADDR=addresses[0]).status_code == 429
    assert client.post(LOGIN, right, REMOTE_ADDR=stranger).status_code == 302


@pytest.mark.parametrize(
    ("addresses", "stranger"),
    [
        (["2001:db8:1:2::1", "2001:db8:1:2:ffff::1", "2001:db8:1:2::3"], "2001:db8:1:3::1"),
        (["203.0.113.7", "::ffff:203.0.113.7", "203.0.113.7"], "203.0.113.8"),
    ],
)
def test_a_rate_holds_for_the_whole_network_and_for_nobody_else(
    client: Client, settings: Any, addresses: list[str], stranger: str
) -> None:
    settings.CAPITAL_API_ADDRESS_RATE = (2, 60)
    caches["throttles"].clear()

    statuses = [client.get("/api/nowhere/", REMOTE_ADDR=each).status_code for each in addresses]

    assert statuses == [404, 404, 429]
    assert client.get("/api/nowhere/", REMOTE_ADDR=stranger).status_code == 404
    caches["throttles"].clear()


# Logs


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a\nb", "a\\nb"),
        ("a\r\n2026-11-26 ERROR root: made up", "a\\r\\n2026-11-26 ERROR root: made up"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
        ("pay \u202eyap", "pay \\u202eyap"),
        ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ("계좌 메인 — naïve ₩ 🔑", "계좌 메인 — naïve ₩ 🔑"),
        ("a\tb\0", "a\\tb\\x00"),
    ],
)
def test_what_is_odd_in_a_name_is_escaped_in_the_log(
    settings: Any, name: str, written: str
) -> None:
    line = _formatter(settings).format(_record("Account %s: done.", name))

    assert line.endswith(f"Account {written}: done.")
    assert len(line.splitlines()) == 1


def test_a_traceback_keeps_its_lines(settings: Any) -> None:
    try:
        raise ValueError
    except ValueError as error:
        record = _record("It failed.\n")
        record.exc_info = (ValueError, error, error.__traceback__)

    lines = _formatter(settings).format(record).splitlines()
    assert lines[0].endswith("It failed.\\n")
    assert lines[1] == "Traceback (most recent call last):"


def _record(message: str, *arguments: str) -> logging.LogRecord:
    return logging.LogRecord("capital", logging.INFO, "x.py", 1, message, arguments, None)


def _formatter(settings: Any) -> logging.Formatter:
    """As the settings make it, for whatever they hand to it."""
    given = dict(settings.LOGGING["formatters"]["line"])
    assert given.pop("()") == "capital_project.log_lines.OneLine"
    return OneLine(**given)


# Exports


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "＝1+1", "＋1", "－1", "＠SUM(A1)",
        " =1", "\u00a0=1", "\u3000＝1", "\u200b=1", "\ufeff=1", "\u2060\u200e=1", "\u00ad=1",
        "\u034f=1", "\u3164=1", "\x00=1", "\x1f＝1", "\t=1", "\n=1", "\r", "\u2028=1", "\ufe0f=1",
    ],
)  # fmt: skip
def test_a_cell_that_a_spreadsheet_would_run_has_an_apostrophe(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["", " ", "계좌", "a=1", "1-2", "\u200b계좌", "≥ 1", "１＝１", "é"]
)
def test_any_other_cell_stays_as_it_is(text: str) -> None:
    assert cell(text) == text
