"""Two hundred clients that never finish their requests delay nobody.

Behind the server settings of deploy/capital-web.service, as they are written there.
"""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from capital_project.serving.workers import LARGEST_BODY, is_whole
from tests.paths import ROOT
from tests.security.servers import COMMANDS, Server, chunked, serving

CLIENTS = 200
# Far more than an answer takes, far less than a client that is never done.
PATIENCE_SECONDS = 5

HEAD = b"POST /api/v1/hooks/trend/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
UNFINISHED = (
    b"",
    b"GET / HT",
    HEAD,
    HEAD + b"Content-Length: 500\r\n\r\n{",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n6\r\nab\r\n\r\n\r\n",
    # A whole request, and the beginning of another one behind it.
    b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /heal",
    # Answered, and the client stays.
    b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
    b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000\r\n\r\nuser",
    HEAD + b"Content-Length: 90000000\r\n\r\n{",
)


def documented() -> list[str]:
    """gunicorn's arguments in the unit that is deployed; the address is the test's own."""
    text = (ROOT / "deploy" / "capital-web.service").read_text(encoding="utf-8")
    [line] = re.findall(r"^ExecStart=\S+/gunicorn (.+)$", text, re.MULTILINE)
    return line.split()


@pytest.fixture(scope="module")
def server(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    with serving("gunicorn sync", migrated, folder, documented()) as server:
        yield server


@contextmanager
def slow_clients(server: Server) -> Iterator[None]:
    """Clients that send a little, then a letter each second, and come back when they are left."""
    done = threading.Event()

    def drip(number: int) -> None:
        beginning = UNFINISHED[number % len(UNFINISHED)]
        while not done.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", server.port), 5) as line:
                line.sendall(beginning)
                while not done.wait(1):
                    line.sendall(b"X")

    threads = [threading.Thread(target=drip, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(3)
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_slow_clients_delay_nobody(server: Server) -> None:
    with slow_clients(server):
        for _ in range(12):
            begin = time.monotonic()
            assert server.send("GET", "accounts/").status == 200
            body = {"symbol": "BTC/USDT", "side": "buy", "qty": "1", "price": "10"}
            assert server.send("POST", "strategy-accounts/1/size/", body).status == 200
            assert time.monotonic() - begin < PATIENCE_SECONDS


def test_a_client_that_is_not_done_is_left_after_a_while(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 20) as line:
        line.sendall(HEAD)
        begin = time.monotonic()
        assert line.recv(100) == b""
    assert time.monotonic() - begin < 15


def test_requests_behind_one_another_are_each_answered(server: Server) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 20) as line:
        line.sendall(request + request + request[:20])
        time.sleep(0.5)
        line.sendall(request[20:])
        received = b""
        while received.count(b"is_alive") < 3:
            part = line.recv(65536)
            assert part, received
            received += part


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 200_000])
def test_a_request_is_whole_when_its_last_byte_is_there(body: bytes) -> None:
    announced = HEAD + b"Content-Length: %d\r\n\r\n" % len(body)
    in_chunks = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    for whole in (announced + body, in_chunks + chunked(body)):
        assert is_whole(whole)
        assert not any(is_whole(whole[:cut]) for cut in (len(whole) - 1, len(whole) // 2, 10))


def test_what_is_refused_by_its_beginning_is_not_waited_for() -> None:
    assert is_whole(HEAD + b"Content-Length: %d\r\n\r\n" % (LARGEST_BODY + 1))
    assert is_whole(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
    assert is_whole(b"x" * 200_000)


def test_the_worker_of_the_document_is_ours_and_the_others_are_compared() -> None:
    assert documented() == ["--config", "deploy/gunicorn.conf.py"]
    configured = (ROOT / "deploy" / "gunicorn.conf.py").read_text(encoding="utf-8")
    assert 'worker_class = "capital_project.serving.workers.PatientWorker"' in configured
    assert set(COMMANDS) >= {"gunicorn sync", "gunicorn gthread"}
