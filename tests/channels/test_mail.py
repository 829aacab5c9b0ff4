"""Mail, against a local server."""

import logging
import socket
from typing import Any

import pytest

from capital.channels.contract import Address, Message, NotDelivered, check, send
from capital.domain.reasons import Code
from tests.channels.servers import mail_server

MARIA = Address("mail", "maria@example.com")
HELLO = Message("[Capital] failed\nallocation: 주 계좌", "Main: it failed.\nLook at it.")


@pytest.fixture(autouse=True)
def _real_mail(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 2
    settings.DEFAULT_FROM_EMAIL = "capital@example.com"


def refusal(address: Address, message: Message = HELLO) -> NotDelivered:
    with pytest.raises(NotDelivered) as error:
        send(address, message)
    return error.value


def test_a_message_arrives_as_it_was_written(settings: Any) -> None:
    with mail_server() as server:
        settings.EMAIL_PORT = server.port
        send(MARIA, HELLO)

    (mail,) = server.mails
    assert "To: maria@example.com" in mail
    assert "From: capital@example.com" in mail
    assert "Subject: =?utf-8?" in mail
    assert "Main: it failed.\r\nLook at it." in mail


@pytest.mark.parametrize(
    ("answer", "code"),
    [("550 no such maria@example.com", Code.MAIL_REFUSED), ("421 later", Code.MAIL_REFUSED)],
)
def test_a_refusal_is_told_without_the_address(
    answer: str, code: Code, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with mail_server(answer) as server, caplog.at_level(logging.DEBUG):
        settings.EMAIL_PORT = server.port
        error = refusal(MARIA)

    assert (error.reason.code, error.is_final) == (code, False)
    assert "maria" not in f"{error!r} {error.reason} {caplog.text}"
    assert error.__cause__ is None


def test_a_server_that_is_not_there_cannot_be_reached(settings: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.EMAIL_PORT = free.getsockname()[1]

        assert refusal(MARIA).reason.code is Code.CHANNEL_UNREACHABLE


def test_a_server_that_says_nothing_is_waited_for_so_long(settings: Any) -> None:
    settings.EMAIL_TIMEOUT = 0.2
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_PORT = silent.getsockname()[1]

        error = refusal(MARIA)

    assert (error.reason.code, error.reason.figures) == (
        Code.CHANNEL_TIMED_OUT,
        {"seconds": "0.2"},
    )


def test_a_server_that_refuses_everybody_says_its_status(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_PORT = server.getsockname()[1]

        import threading

        def refuse() -> None:
            connection, _ = server.accept()
            connection.sendall(b"554 go away\r\n")
            connection.close()

        thread = threading.Thread(target=refuse)
        thread.start()
        error = refusal(MARIA)
        thread.join()

    assert (error.reason.code, error.reason.figures) == (Code.CHANNEL_ANSWERED, {"status": "554"})


def test_without_a_mail_server_it_is_said_what_to_set(settings: Any) -> None:
    settings.EMAIL_HOST = ""

    assert refusal(MARIA).reason.code is Code.MAIL_NOT_SET_UP


@pytest.mark.parametrize("text", ["", "maria", "maria@", "a@example.com\nBcc: b@example.com"])
def test_what_is_no_address_is_refused_for_good(text: str) -> None:
    address = Address("mail", text)

    with pytest.raises(NotDelivered) as error:
        check(address)

    assert (error.value.reason.code, error.value.is_final) == (Code.ADDRESS_INVALID, True)


def test_a_channel_that_is_not_there_is_named() -> None:
    error = refusal(Address("pigeon", "home"))

    assert (error.reason.figures, error.is_final) == ({"channel": "pigeon"}, True)


def test_an_address_shows_nothing_of_itself() -> None:
    assert "secret" not in repr(Address("webhook", "https://secret", "secret"))
