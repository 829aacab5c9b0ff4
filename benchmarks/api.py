"""Is the API fast enough? Its busiest endpoints beside a plain view, on one server in one run.

    .venv/bin/python benchmarks/api.py [--seconds 8] [--rounds 3]

gunicorn serves with 2 workers on PostgreSQL; wrk asks. Compared is throughput: sizing and
capital as a share of a Django REST Framework view that authenticates the same way, behind the same
middlewares, and runs one query; and CPU, also as a share of a bare view without middlewares, which
asks nobody who it is. The rounds go through all of them in turn, and the median counts, so that
whatever else the machine does meets all alike. Where it does much, the CPU of a request tells more:
that of gunicorn's workers and of the database's processes. Exit 1 where a share of throughput is
below one half, or sizing costs more CPU than its share of the bare view's allows.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from cryptography.fernet import Fernet
from stage import PROJECT, machine, print_table, scratch_database, stop

LEAST_SHARE = 0.5
# Of a bare view's CPU and sizing's.
LEAST_OF_BARE = 0.18
ACCOUNTS = 200
LINKS_EACH = 3

_POST = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"symbol": "BTC/USDT:USDT", "side": "buy", "qty_per": "50", "price": "61234.5"}'
"""
_CHECKED = """
failed = 0
done = function(summary, latency, requests)
  io.write(string.format("failed %d\\n", summary.errors.status))
end
"""


def seed() -> tuple[str, int, int]:
    """A desk of 200 accounts; a token of one trader among them, a link and how many he has."""
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from capital.domain.sizing.instruments import InstrumentKind, PrecisionMode
    from capital.models import Account, Market, StrategyAccount, StrategyCapital
    from capital.services.access.tokens import create_token
    from strategies.models import Strategy

    users = [
        get_user_model().objects.create_user(f"trader-{number}") for number in range(ACCOUNTS // 4)
    ]
    Market.objects.create(
        venue="binance",
        symbol="BTC/USDT:USDT",
        market_id="BTCUSDT",
        kind=InstrumentKind.LINEAR,
        base="BTC",
        quote="USDT",
        settle="USDT",
        contract_size=Decimal("0.01"),
        precision_mode=PrecisionMode.TICK_SIZE,
        amount_precision=Decimal(1),
        fetched_at=timezone.now(),
    )
    for number in range(ACCOUNTS):
        owner = users[number % len(users)]
        account = Account.objects.create(
            owner=owner, name=f"Account {number}", venue="binance", currency="USDT"
        )
        for position in range(LINKS_EACH):
            strategy = Strategy.objects.create(
                owner=owner,
                name="Trend",
                key=f"trend-{number}-{position}",
                market_type="futures",
            )
            link = StrategyAccount.objects.create(
                account=account, strategy=strategy, leverage=Decimal(3)
            )
            StrategyCapital.objects.create(
                strategy_account=link, allocated_capital=Decimal(5000), allocated_at=timezone.now()
            )
    _, token = create_token(user=users[0], name="benchmark", scope="size")
    links = StrategyAccount.objects.filter(account__owner=users[0]).order_by("pk")
    return token, links[0].pk, links.count()


@dataclass(frozen=True)
class Rate:
    """Requests in a second, and what one costs of CPU, in milliseconds."""

    throughput: float
    cpu: float


def cpu_seconds(server: int, database: str) -> float:
    """CPU time so far of the server's workers and of PostgreSQL's processes for its database."""
    spent = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "stat").read_text().rpartition(")")[2].split()
            line = (process / "cmdline").read_text()
            if int(words[1]) == server or (
                line.startswith("postgres:") and f" {database} " in line
            ):
                spent += (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return spent


def measure(url: str, token: str, script: Path, seconds: int, server: int) -> Rate:
    """Ask for so many seconds. Ends the process where a request was refused."""
    from django.db import connection

    before = cpu_seconds(server, connection.settings_dict["NAME"])
    done = subprocess.run(
        ["wrk", "-t2", "-c16", f"-d{seconds}s", "-s", str(script),
         "-H", f"Authorization: Bearer {token}", url],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    failed = re.search(r"failed (\d+)", done)
    if failed is None or int(failed[1]):
        stop(f"{url} was refused:\n{done}")
    spent = cpu_seconds(server, connection.settings_dict["NAME"]) - before
    found = re.search(r"Requests/sec:\s+([\d.]+)", done)
    count = re.search(r"(\d+) requests in", done)
    assert found
    assert count
    return Rate(float(found[1]), 1000 * spent / int(count[1]))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def serve(port: int, log: Path, settings: str) -> "subprocess.Popen[bytes]":
    """gunicorn with two workers of one thread each, on the database that Django is set up on."""
    environment = {
        **os.environ,
        "DEBUG": "0",
        "DJANGO_SETTINGS_MODULE": f"benchmarks.site.{settings}",
        "SECRET_KEY": "throw-away-secret-key-of-one-benchmark-and-nothing-else-at-all",
        # Nothing that was encrypted before is read: only DEBUG may use its published key.
        "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ALLOWED_HOSTS": "127.0.0.1",
        "CAPITAL_API_TOKEN_RATE": "100000000/minute",
        "CAPITAL_API_ADDRESS_RATE": "100000000/minute",
        "PYTHONPATH": str(PROJECT),
    }
    stream = log.open("w")
    server = subprocess.Popen(
        [str(Path(sys.executable).with_name("gunicorn")), "capital_project.wsgi",
         "--bind", f"127.0.0.1:{port}", "--workers", "2", "--reuse-port"],
        cwd=PROJECT, env=environment, stdout=stream, stderr=stream,
    )  # fmt: skip
    until = time.monotonic() + 30
    while time.monotonic() < until and server.poll() is None:
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/bare/", timeout=2).close()
            return server
        time.sleep(0.1)
    return stop(f"gunicorn did not start:\n{log.read_text()}")


def main() -> int:
    """Seed, serve, measure, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=8, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        stop("This benchmark needs wrk (Debian: apt-get install wrk).")
    with scratch_database(), tempfile.TemporaryDirectory() as folder:
        token, link, links = seed()
        get, post = Path(folder) / "get.lua", Path(folder) / "post.lua"
        get.write_text(_CHECKED)
        post.write_text(_POST + _CHECKED)
        port, bare_port = free_port(), free_port()
        root = f"http://127.0.0.1:{port}"
        asked = {
            "one query": (f"{root}/api/one-query/", get),
            "size": (f"{root}/api/v1/strategy-accounts/{link}/size/", post),
            "capital, one": (f"{root}/api/v1/capital/{link}/", get),
            f"capital, {links} rows": (f"{root}/api/v1/capital/", get),
            "bare": (f"http://127.0.0.1:{bare_port}/api/bare/", get),
        }
        servers = []
        try:
            servers.append(serve(port, Path(folder) / "log", "settings"))
            servers.append(serve(bare_port, Path(folder) / "bare.log", "bare"))
            of = {name: servers[name == "bare"].pid for name in asked}
            for name, (url, script) in asked.items():
                measure(url, token, script, 1, of[name])
            rates: dict[str, list[Rate]] = {name: [] for name in asked}
            for _ in range(options.rounds):
                for name, (url, script) in asked.items():
                    rates[name].append(measure(url, token, script, options.seconds, of[name]))
        finally:
            for server in servers:
                server.send_signal(signal.SIGTERM)
                server.wait(30)
    medians = {
        name: Rate(
            statistics.median(each.throughput for each in found),
            statistics.median(each.cpu for each in found),
        )
        for name, found in rates.items()
    }
    plain, bare = medians["one query"], medians["bare"]
    print_table(
        f"Requests in a second, median of {options.rounds} rounds; {machine()}",
        ("endpoint", "requests/s", "share", "CPU ms", "share", "of bare"),
        [
            (
                name,
                f"{rate.throughput:,.0f}",
                f"{rate.throughput / plain.throughput:.0%}",
                f"{rate.cpu:.2f}",
                f"{plain.cpu / rate.cpu:.0%}",
                f"{bare.cpu / rate.cpu:.0%}",
            )
            for name, rate in medians.items()
        ],
    )
    least = min(rate.throughput for rate in medians.values())
    of_bare = bare.cpu / medians["size"].cpu
    return int(least < LEAST_SHARE * plain.throughput or of_bare < LEAST_OF_BARE)


if __name__ == "__main__":
    sys.exit(main())
