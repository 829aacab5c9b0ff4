"""The channels by apprise: what is sent where, what is refused, and that nothing is told of it."""

import json
import logging
import subprocess
import sys
import warnings
from typing import Any

import pytest
from requests import Response

from capital.channels import guarded
from capital.channels.contract import Address, Message, NotDelivered, check, send
from capital.channels.push import SCHEMAS
from capital.domain.reasons import Code
from tests.channels.servers import web_server
from tests.paths import ROOT

HELLO = Message("[Capital] failed allocation: Main", "Main: it *failed* <b>.</b>\nLook at it.")
# A token as each service has one, and the host that it is sent to.
ADDRESSES = {
    "telegram": ("tgram://123456789:CANARYabcdefghijklmnopqrstuvwxyz01234/987654321",
                 "api.telegram.org"),
    "slack": ("slack://T1JJ3T3L2/A1BRTD4JD/CANARYiefG8s7yV7TFc2bm5q/#general", "hooks.slack.com"),
    "discord": ("discord://4174216298/CANARYJHMAmvR6HuC8fC9T5Yc8z0W2Nh4Tlk", "discord.com"),
    "ntfy": ("ntfys://me:CANARY@ntfy.example.com/topic", "ntfy.example.com"),
    "teams": ("workflows://teams.example.com/CANARYworkflowid/CANARYsignature",
              "teams.example.com"),
    "pushover": ("pover://uCANARY890123456789012345678901@aCANARY890123456789012345678901",
                 "api.pushover.net"),
    "gotify": ("gotifys://gotify.example.com/CANARYtokenAbC", "gotify.example.com"),
    "matrix": ("matrixs://matrix.example.com/CANARYtoken?mode=slack", "matrix.example.com"),
}  # fmt: skip


def refusal(address: Address, message: Message = HELLO) -> NotDelivered:
    with pytest.raises(NotDelivered) as error:
        send(address, message)
    return error.value


class Wire:
    """Stands for the network: what is asked of it, and its answer to all of it."""

    def __init__(self, status: int = 200, body: bytes = b'{"ok": true, "status": 1}') -> None:
        self.status, self.body = status, body
        self.asked: list[Any] = []

    def send(self, _adapter: Any, request: Any, **_kwargs: Any) -> Response:
        self.asked.append(request)
        response = Response()
        response.status_code, response._content = self.status, self.body
        response.request, response.url = request, request.url
        guard = guarded._GUARD.get()
        assert guard is not None
        guard.status = self.status
        return response


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    found = Wire()
    monkeypatch.setattr(
        guarded._Adapter,
        "send",
        lambda adapter, request, **kwargs: found.send(adapter, request, **kwargs),
    )
    return found


def sent_text(request: Any) -> str:
    body = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
    try:
        return json.dumps(json.loads(body), ensure_ascii=False)
    except ValueError:
        from urllib.parse import unquote_plus

        return unquote_plus(body)


@pytest.mark.parametrize("channel", ADDRESSES)
def test_a_message_goes_to_its_service_and_nothing_is_logged(
    channel: str, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    text, host = ADDRESSES[channel]
    if channel == "slack":
        wire.body = b"ok"

    with caplog.at_level(logging.DEBUG):
        send(Address(channel, text), HELLO)

    last = wire.asked[-1]
    assert last.url.split("/")[2] == host
    assert last.url.startswith("https://")
    assert "Look at it." in sent_text(last) + str(last.headers)
    assert caplog.text == ""


@pytest.mark.parametrize("channel", ADDRESSES)
def test_a_refusal_is_told_by_its_status_without_any_of_the_address(
    channel: str, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    wire.status, wire.body = 403, b'{"error": "forbidden"}'

    with caplog.at_level(logging.DEBUG):
        error = refusal(Address(channel, ADDRESSES[channel][0]))

    assert (error.reason.code, error.reason.figures) == (Code.CHANNEL_ANSWERED, {"status": "403"})
    assert "CANARY" not in f"{error!r}{error.reason}{caplog.text}"


def test_a_name_without_a_password_is_not_shown_by_a_warning(wire: Wire) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        send(Address("ntfy", "ntfys://CANARY@ntfy.example.com/topic"), HELLO)

    assert "CANARY" not in str([each.message for each in warned])


def test_a_service_that_answers_and_does_not_take_it_is_no_success(wire: Wire) -> None:
    wire.body = b"channel_not_found"

    error = refusal(Address("slack", ADDRESSES["slack"][0]))

    assert error.reason.code is Code.MESSAGE_REFUSED


def test_every_channel_of_apprise_is_tried_here() -> None:
    assert ADDRESSES.keys() == SCHEMAS.keys()


def test_a_long_message_is_sent_in_parts(wire: Wire) -> None:
    lines = "\n".join(f"line {number}" for number in range(400))

    send(Address("discord", ADDRESSES["discord"][0]), Message("title", lines))

    assert len(wire.asked) > 1
    whole = " ".join(sent_text(request) for request in wire.asked)
    assert all(f"line {number}" in whole for number in range(400))


@pytest.mark.parametrize("status", [500, 429])
def test_it_is_not_tried_again_by_itself(status: int, settings: Any) -> None:
    settings.CAPITAL_ALERT_PRIVATE_ADDRESSES = True
    with web_server(status) as server:
        error = refusal(Address("gotify", f"gotify://{server.address}/CANARYtokenAbC"))

    assert error.reason.figures == {"status": str(status)}
    assert len(server.requests) == 1


def test_a_local_server_hears_it_where_a_setting_allows_that(settings: Any) -> None:
    settings.CAPITAL_ALERT_PRIVATE_ADDRESSES = True
    with web_server() as server:
        send(Address("gotify", f"gotify://{server.address}/CANARYtokenAbC"), HELLO)
        send(Address("ntfy", f"ntfy://{server.address}/topic"), HELLO)

    assert len(server.requests) == 2
    assert "Look at it." in server.requests[0][2].decode()


def test_a_redirect_is_not_followed_with_the_secret_in_a_header(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CAPITAL_ALERT_PRIVATE_ADDRESSES = True
    with (
        web_server() as other,
        web_server(302, f"http://{other.address}/") as server,
        caplog.at_level(logging.DEBUG),
    ):
        error = refusal(Address("gotify", f"gotify://{server.address}/CANARYtokenAbC"))

    assert (error.reason.code, other.requests) == (Code.ADDRESS_REDIRECTS, [])
    assert caplog.text == ""


def test_this_machine_hears_nothing_unless_a_setting_allows_it() -> None:
    with web_server() as server:
        error = refusal(Address("gotify", f"gotifys://{server.address}/CANARYtokenAbC"))

    assert (error.reason.code, server.requests) == (Code.ADDRESS_PRIVATE, [])


@pytest.mark.parametrize(
    ("channel", "text", "code"),
    [
        ("telegram", "", Code.ADDRESS_INVALID),
        ("telegram", "tgram://", Code.ADDRESS_INVALID),
        ("telegram", "https://api.telegram.org/botCANARY", Code.ADDRESS_INVALID),
        ("telegram", "slack://T/A/CANARY", Code.ADDRESS_INVALID),
        ("telegram", "syslog://localhost", Code.ADDRESS_INVALID),
        ("discord", "discord://[", Code.ADDRESS_INVALID),
        ("gotify", "gotify://gotify.example.com/CANARY", Code.ADDRESS_PLAIN),
        ("ntfy", "ntfy://CANARY@example.com/topic", Code.ADDRESS_PLAIN),
        ("matrix", "matrix://u:CANARY@example.com/r", Code.ADDRESS_PLAIN),
        ("telegram", "tgram://1:CANARY/2?template=/etc/passwd", Code.ADDRESS_OPTIONS),
        ("ntfy", "ntfys://example.com/topic?attach=file:///etc/passwd", Code.ADDRESS_OPTIONS),
        ("gotify", "gotifys://example.com/CANARY?verify=no", Code.ADDRESS_OPTIONS),
        ("gotify", "gotifys://example.com/CANARY?redirect=yes", Code.ADDRESS_OPTIONS),
        ("gotify", "gotifys://example.com/CANARY?retry=5", Code.ADDRESS_OPTIONS),
        ("gotify", "gotifys://example.com/CANARY?%2BX-Header=1", Code.ADDRESS_OPTIONS),
    ],
)
def test_what_is_not_on_the_list_is_refused_for_good(channel: str, text: str, code: Code) -> None:
    with pytest.raises(NotDelivered) as error:
        check(Address(channel, text))

    assert (error.value.reason.code, error.value.is_final) == (code, True)


def test_what_apprise_cannot_read_is_refused_without_a_word(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        error = refusal(Address("telegram", "tgram://CANARY-is-no-token/1"))

    assert (error.reason.code, error.is_final) == (Code.ADDRESS_INVALID, True)
    assert "CANARY" not in caplog.text + "".join(capfd.readouterr())


def test_apprise_is_not_loaded_before_the_first_message() -> None:
    code = (
        "import sys, django; django.setup();"
        "from capital.channels.contract import Address, check;"
        "import capital.tasks, capital.admin.pages;"
        "check(Address('gotify', 'gotifys://example.com/abcdefgh'));"
        "print('apprise' in sys.modules)"
    )
    env = {
        "DJANGO_SETTINGS_MODULE": "capital_project.settings_test",
        "DATABASE_URL": "sqlite:///:memory:",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"
