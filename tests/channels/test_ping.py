"""The dead man's ping: what is asked where, and that nothing of the URL comes to light."""

import pytest

from capital.channels import ping as channel
from capital.channels.ping import NotPinged, ping
from tests.channels.servers import web_server

CANARY = "c4n4ry-0000-1111"


def test_all_is_well_and_something_is_not() -> None:
    with web_server() as server:
        ping(f"http://{server.address}/ping/{CANARY}?a=1", is_well=True, text="")
        ping(f"http://{server.address}/ping/{CANARY}?a=1", is_well=False, text="prune is late.")
        ping(f"http://{server.address}/ping/{CANARY}/#part", is_well=False, text="")

    assert [(path, body) for path, _, body in server.requests] == [
        (f"/ping/{CANARY}?a=1", b""),
        (f"/ping/{CANARY}/fail?a=1", b"prune is late."),
        (f"/ping/{CANARY}/fail", b""),
    ]


@pytest.mark.parametrize(("status", "said"), [(404, "HTTP 404"), (500, "HTTP 500")])
def test_refusal_is_told_by_its_status(status: int, said: str) -> None:
    with web_server(status) as server, pytest.raises(NotPinged) as caught:
        ping(f"http://{server.address}/{CANARY}", is_well=True, text="")

    assert str(caught.value) == said
    assert caught.value.__cause__ is None


def test_redirect_is_not_followed() -> None:
    with (
        web_server() as other,
        web_server(302, f"http://{other.address}/{CANARY}") as server,
        pytest.raises(NotPinged, match="HTTP 302"),
    ):
        ping(f"http://{server.address}/{CANARY}", is_well=True, text="")

    assert other.requests == []


def test_silence_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_TIMEOUT_SECONDS", 0.2)
    with web_server(0) as server, pytest.raises(NotPinged) as caught:
        ping(f"http://{server.address}/{CANARY}", is_well=True, text="")

    assert str(caught.value) == "TimeoutError"


def test_nobody_there_is_told_without_the_url() -> None:
    with web_server() as server:
        address = server.address
    for url in (f"http://{address}/{CANARY}", f"http://user:{CANARY}@{address}/"):
        with pytest.raises(NotPinged) as caught:
            ping(url, is_well=True, text="")
        assert CANARY not in str(caught.value)
