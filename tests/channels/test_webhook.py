"""A signed webhook, against local servers that answer 200, 500, a redirect, and nothing."""

import hashlib
import hmac
import json
import logging
import socket
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
import requests

from capital.channels import guarded as guarded_module
from capital.channels.contract import Address, Message, NotDelivered, check, send
from capital.channels.guarded import guarded, is_public
from capital.domain.reasons import Code
from tests.channels.servers import web_server

SECRET = "a-secret-of-the-user"
HELLO = Message("[Capital] 알림", "Main: it failed.", {"delivery": 7, "alerts": []})


@pytest.fixture(autouse=True)
def _local(settings: Any) -> None:
    settings.CAPITAL_ALERT_PRIVATE_ADDRESSES = True


def hook(address: str, path: str = "/hook/TOKEN-CANARY") -> Address:
    return Address("webhook", f"http://{address}{path}", SECRET)


def refusal(address: Address) -> NotDelivered:
    with pytest.raises(NotDelivered) as error:
        send(address, HELLO)
    return error.value


def test_a_message_arrives_signed() -> None:
    with web_server() as server:
        send(hook(server.address), HELLO)

    ((path, headers, body),) = server.requests
    assert path == "/hook/TOKEN-CANARY"
    assert json.loads(body) == {"delivery": 7, "alerts": [], "text": "Main: it failed."}
    key = hashlib.sha256(SECRET.encode()).hexdigest().encode()
    signed = f"{headers['X-Capital-Timestamp']}.{headers['X-Capital-Nonce']}.".encode() + body
    assert headers["X-Capital-Signature"] == hmac.new(key, signed, hashlib.sha256).hexdigest()
    assert abs(time.time() - int(headers["X-Capital-Timestamp"])) < 60
    assert SECRET not in str(server.requests)


@pytest.mark.parametrize("status", [500, 404, 199 + 201])
def test_another_status_is_told(status: int, caplog: pytest.LogCaptureFixture) -> None:
    with web_server(status) as server, caplog.at_level(logging.DEBUG):
        error = refusal(hook(server.address))

    assert error.reason.code is Code.CHANNEL_ANSWERED
    assert error.reason.figures == {"status": str(status)}
    assert "CANARY" not in caplog.text + repr(error)
    assert error.__cause__ is None


def test_a_redirect_is_not_followed_and_the_other_side_hears_nothing(settings: Any) -> None:
    with web_server() as other:
        location = f"http://{other.address}/elsewhere"
        with web_server(307, location) as server:
            error = refusal(hook(server.address))
            assert (error.reason.code, other.requests) == (Code.ADDRESS_REDIRECTS, [])

            settings.CAPITAL_ALERT_REDIRECTS = True
            send(hook(server.address), HELLO)

    assert [path for path, _, _ in other.requests] == ["/elsewhere"]


def test_a_server_that_says_nothing_is_left_when_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(guarded_module, "TIME", timedelta(seconds=1))
    began = time.monotonic()

    with web_server(0) as server, caplog.at_level(logging.DEBUG):
        error = refusal(hook(server.address))

    assert (error.reason.code, error.reason.figures) == (
        Code.CHANNEL_TIMED_OUT,
        {"seconds": "1"},
    )
    assert time.monotonic() - began < 8
    assert "CANARY" not in caplog.text


def test_a_server_that_says_nothing_within_a_read_is_told_to_say_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was reached, and may have taken the message."""
    monkeypatch.setattr(guarded_module, "_READ_SECONDS", 1)

    with web_server(0) as server:
        error = refusal(hook(server.address))

    assert (error.reason.code, error.reason.figures) == (
        Code.CHANNEL_TIMED_OUT,
        {"seconds": "1"},
    )


def test_a_server_that_drips_is_left_when_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guarded_module, "TIME", timedelta(seconds=1))
    ended = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not ended.wait(0.1):
                try:
                    connection.sendall(b"X-More: 1\r\n")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        error = refusal(hook(f"127.0.0.1:{server.getsockname()[1]}"))
        ended.set()
        thread.join()

    assert error.reason.code is Code.CHANNEL_TIMED_OUT


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    def pour(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                for _ in range(10_000):
                    connection.sendall(b"x" * 65536)
            except OSError:
                return
            raise AssertionError("all of it was read")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=pour, args=(server,))
        thread.start()
        send(hook(f"127.0.0.1:{server.getsockname()[1]}"), HELLO)
        thread.join()

    assert not thread.is_alive()


def test_a_server_that_is_not_there_cannot_be_reached() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = refusal(hook(f"127.0.0.1:{free.getsockname()[1]}"))

    assert (error.reason.code, error.is_final) == (Code.CHANNEL_UNREACHABLE, False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_this_machine_hears_nothing_unless_a_setting_allows_it(host: str, settings: Any) -> None:
    settings.CAPITAL_ALERT_PRIVATE_ADDRESSES = False
    with web_server() as server:
        address = Address("webhook", f"https://{host}:{server.port}/hook", SECRET)
        error = refusal(address)

    assert (error.reason.code, server.requests) == (Code.ADDRESS_PRIVATE, [])


def test_a_name_is_judged_by_all_that_it_resolves_to(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CAPITAL_ALERT_PRIVATE_ADDRESSES = False
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
        for address in ("93.184.216.34", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)

    error = refusal(Address("webhook", "https://hooks.example.com/x", SECRET))

    assert error.reason.code is Code.ADDRESS_PRIVATE


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("2001:0:7f00:1::", False),
    ],
)
def test_an_address_is_public_where_the_whole_internet_may_reach_it(
    address: str, expected: bool
) -> None:
    assert is_public(address) is expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", Code.ADDRESS_INVALID),
        ("hooks.example.com/x", Code.ADDRESS_INVALID),
        ("ftp://hooks.example.com/x", Code.ADDRESS_INVALID),
        ("file:///etc/passwd", Code.ADDRESS_INVALID),
        ("https://user:pw@hooks.example.com", Code.ADDRESS_INVALID),
        ("https://hooks.example.com:port", Code.ADDRESS_INVALID),
        ("https://[", Code.ADDRESS_INVALID),
        ("https://hooks..example.com/x", Code.ADDRESS_INVALID),
        (f"https://{'a' * 64}.example.com/x", Code.ADDRESS_INVALID),
        ("http://hooks.example.com/x", Code.ADDRESS_PLAIN),
    ],
)
def test_what_is_no_https_address_is_refused_for_good(text: str, code: Code, settings: Any) -> None:
    settings.CAPITAL_ALERT_PRIVATE_ADDRESSES = False

    with pytest.raises(NotDelivered) as error:
        check(Address("webhook", text, SECRET))

    assert (error.value.reason.code, error.value.is_final) == (code, True)


def test_an_https_address_is_taken(settings: Any) -> None:
    settings.CAPITAL_ALERT_PRIVATE_ADDRESSES = False

    address = Address("webhook", "https://hooks.example.com:8443/x?y=z", SECRET)

    assert check(address) is None


def test_other_sessions_are_as_they_were() -> None:
    usual = requests.Session().get_adapter("https://example.com")
    with guarded() as guard:
        assert requests.Session().get_adapter("https://example.com") is guard.adapter

    assert type(requests.Session().get_adapter("https://example.com")) is type(usual)


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server() as proxy, web_server() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{proxy.address}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        send(hook(server.address), HELLO)

    assert (len(server.requests), proxy.requests) == (1, [])
