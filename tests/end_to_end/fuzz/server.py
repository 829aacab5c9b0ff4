"""The product as it is run, on a database of its own, with a desk and a simulated exchange."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.end_to_end.cluster.databases import OwnDatabase
from tests.paths import ROOT
from tests.processes import migrate

PYTHON = sys.executable
GUNICORN = str(Path(PYTHON).with_name("gunicorn"))

_SEED = """
from django.contrib.auth import get_user_model
from decimal import Decimal
from capital.models import Position, StrategyAccount
from capital.services.access.tokens import create_token
user = get_user_model().objects.get(username="demo")
user.is_superuser = True
user.save()
link = StrategyAccount.objects.order_by("pk").first()
Position.objects.create(strategy_account=link, symbol="BTC/USDT", quantity=Decimal("0.5"))
print(create_token(user=user, name="fuzz", scope="manage")[1])
"""


@dataclass(frozen=True)
class Served:
    """Where it is, and a token that may do everything."""

    url: str
    token: str
    log: Path


@contextmanager
def served(
    *, workers: int = 2, database_url: str | None = None, template: OwnDatabase | None = None
) -> Iterator[Served]:
    """Serve until the block ends.

    Args:
        workers: Processes of gunicorn.
        database_url: A PostgreSQL server, on which a database is made; None: SQLite.
        template: A migrated database, to copy instead of making one.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        _copied(template, folder) if template else _migrated(database_url, folder) as url,
    ):
        environment = {
            **os.environ,
            # A test runner's own settings are not what is served.
            "DJANGO_SETTINGS_MODULE": "capital_project.settings",
            "DEBUG": "0",
            "DATABASE_URL": url,
            "SECRET_KEY": "throw-away-secret-key-of-one-run-of-the-fuzzer-and-nothing-else",
            "FIELD_ENCRYPTION_KEYS": urlsafe_b64encode(
                b"throw-away-key-of-32-bytes-00001"
            ).decode(),
            "ALLOWED_HOSTS": "127.0.0.1",
            "CAPITAL_ALLOW_VENUE_URLS": "1",
            "CAPITAL_LIVE_BALANCES": "1",
            "CAPITAL_API_TOKEN_RATE": "0/minute",
            "CAPITAL_API_ADDRESS_RATE": "0/minute",
            "LANGUAGE_CODE": "en",
        }
        manage = [PYTHON, "manage.py"]
        # The made-up accounts are refused without DEBUG.
        loose = {**environment, "DEBUG": "1"}
        subprocess.run(
            [*manage, "load_demo"], cwd=ROOT, env=loose, check=True, stdout=subprocess.DEVNULL
        )
        simulated = [*manage, "simulate_exchange", "--"]
        for command in (["sync_markets"], ["reallocate"]):
            # The demo desk has a wallet that never answers: 1 is its usual exit.
            subprocess.run(
                [*simulated, *manage, *command],
                cwd=ROOT,
                env=environment,
                check=False,
                stdout=subprocess.DEVNULL,
            )
        token = (
            subprocess.run(
                [*manage, "shell", "--verbosity", "0", "-c", _SEED],
                cwd=ROOT,
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
            .stdout.strip()
            .splitlines()[-1]
        )
        log = Path(folder) / "server.log"
        port = _free_port()
        with log.open("w") as stream:
            server = subprocess.Popen(
                [
                    *simulated,
                    GUNICORN,
                    "capital_project.wsgi",
                    # What is put to the test is the API; gunicorn answers longer lines itself.
                    "--limit-request-line",
                    "0",
                    "--bind",
                    f"127.0.0.1:{port}",
                    "--workers",
                    str(workers),
                    "--reuse-port",
                    "--timeout",
                    "60",
                ],
                cwd=ROOT,
                env=environment,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        try:
            _wait(f"http://127.0.0.1:{port}/healthz", server, log)
            yield Served(f"http://127.0.0.1:{port}", token, log)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)


@contextmanager
def _copied(template: OwnDatabase, folder: str) -> Iterator[str]:
    copy = template.copy(Path(folder))
    try:
        yield copy.url
    finally:
        copy.drop()


@contextmanager
def _migrated(database_url: str | None, folder: str) -> Iterator[str]:
    with _database(database_url, folder) as url:
        migrate(url)
        yield url


@contextmanager
def _database(database_url: str | None, folder: str) -> Iterator[str]:
    if database_url is None or not database_url.startswith("postgres"):
        yield f"sqlite:///{folder}/fuzz.sqlite3"
        return
    name = f"capital_fuzz_{os.getpid()}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    try:
        yield urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.2)
    raise RuntimeError(f"The server did not start:\n{log.read_text()[-4000:]}")
