"""The product behind each server that it can be run with, and requests written byte by byte."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.paths import ROOT
from tests.processes import environment_for, run_python

_GUNICORN = [str(Path(sys.executable).with_name("gunicorn")), "capital_project.wsgi", "--bind"]
COMMANDS = {
    "gunicorn sync": ([*_GUNICORN, "{address}"]),
    "gunicorn gthread": ([*_GUNICORN, "{address}", "--threads", "4"]),
    "gunicorn patient": (
        [*_GUNICORN, "{address}", "--worker-class", "capital_project.serving.workers.PatientWorker"]
    ),
    "runserver": ([sys.executable, "manage.py", "runserver", "--noreload", "{address}"]),
}

_DESK = """
from decimal import Decimal
from capital.services.access import create_token
from capital.services.webhooks import rotate_secret
from tests.factories import make_link, make_market, make_summary, make_user
user = make_user(is_superuser=True, is_staff=True, username="desk", password="correct horse")
link = make_link(capital="10", account=None, strategy=None)
account, strategy = link.account, link.strategy
type(account).objects.update(owner=user)
type(strategy).objects.update(owner=user, key="trend")
make_summary(account=account, spot_balance=Decimal(100))
make_market()
secret = rotate_secret(strategy)
# The address of a webhook of before: it is known.
type(strategy.webhook_secret).objects.update(name="")
print(create_token(user=user, name="bot", scope="manage")[1], secret)
"""


@dataclass(frozen=True)
class Answer:
    """What a server said, first answer first where there were several."""

    status: int
    body: bytes
    number: int

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    """A server that runs, and what opens its doors."""

    name: str
    port: int
    token: str
    secret: str

    @property
    def reads_chunks(self) -> bool:
        return self.name != "runserver"

    def say(self, *parts: bytes, hang_up: bool = False) -> Answer:
        """Send these bytes, and read until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as line:
            with suppress(OSError):  # it may have answered and hung up already
                for part in parts:
                    line.sendall(part)
                if hang_up:
                    line.shutdown(socket.SHUT_WR)
            return _answer(_read_all(line))

    def head(self, method: str, path: str, *headers: str) -> bytes:
        lines = [
            f"{method} /api/v1/{path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            f"Authorization: Bearer {self.token}",
            *headers,
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """The same request as a usual client sends it."""
        content = b"" if body is None else json.dumps(body).encode()
        extra = [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        if body is not None:
            extra.append("Content-Type: application/json")
        extra += [f"Content-Length: {len(content)}", "Connection: close"]
        return self.say(self.head(method, path, *extra) + content)

    def send_chunked(self, method: str, path: str, body: bytes, *headers: str) -> Answer:
        """The same request in two chunks."""
        extra = ["Content-Type: application/json", "Transfer-Encoding: chunked", *headers]
        head = self.head(method, path, *extra, "Connection: close")
        return self.say(head, chunked(body))

    def runs(self) -> int:
        """How many allocations were recorded."""
        return len(self.send("GET", "allocation-runs/").json()["results"])


def chunked(body: bytes) -> bytes:
    """In two chunks, and the end."""
    half = len(body) // 2
    parts = [part for part in (body[:half], body[half:]) if part]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@contextmanager
def serving(
    name: str, migrated: Path, folder: Path, arguments: Sequence[str] = (), **settings: str
) -> Iterator[Server]:
    """Serve a small desk on a database of its own until the block ends."""
    database = folder / "db.sqlite3"
    shutil.copy(migrated, database)
    environment = environment_for(
        f"sqlite:///{database}",
        CAPITAL_LIVE_BALANCES="0",
        CAPITAL_API_TOKEN_RATE="0/minute",
        CAPITAL_API_ADDRESS_RATE="0/minute",
        LANGUAGE_CODE="en",
        **settings,
    )
    shell = ["manage.py", "shell", "--verbosity", "0", "-c", _DESK]
    token, secret = run_python(shell, environment, check=True).stdout.split()[-2:]
    port = free_port()
    command = [part.format(address=f"127.0.0.1:{port}") for part in [*COMMANDS[name], *arguments]]
    log = folder / "server.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        _wait(port, process, log)
        yield Server(name, port, token, secret)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).close()
            return
        time.sleep(0.2)
    raise RuntimeError(f"The server did not start:\n{log.read_text()[-4000:]}")


def _read_all(line: socket.socket) -> bytes:
    received = b""
    with suppress(ConnectionResetError):
        while part := line.recv(65536):
            received += part
    return received


def _answer(received: bytes) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/") else 0
    return Answer(status, body, received.count(b"HTTP/1.1 ") + received.count(b"HTTP/1.0 "))
