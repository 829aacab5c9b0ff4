"""How close reading live balances comes to what the exchanges' latency allows.

The exchange simulator answers after a fixed latency, in a process of its own. The limit is
number of answers x latency / answers waited for at once; every figure is a ratio to it. Each
variant runs in a fresh process, which imports ccxt first, as workers and web servers do when they
start: cold is its first reading, and warm the best of the next ones.
"""

import argparse
import asyncio
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import stage

if TYPE_CHECKING:
    from capital.exchange.ccxt.balances import CcxtGateway
    from capital.exchange.contract import BalanceRequest

VENUES = ("binance", "bybit", "okx", "upbit", "bithumb")
WAYS = {
    "shared": "one HTTP session, one TLS context (the gateway)",
    "own-session": "an HTTP session for each client, one TLS context",
    "own-both": "an HTTP session and a TLS context for each client",
}

MEASURES = ("cold", "warm", "CPU ms an account, warm")


@dataclass(frozen=True)
class Measured:
    """One variant, in one process. CPU is of that process alone."""

    answers: int
    failures: int
    cold_seconds: float
    warm_seconds: float
    warm_cpu_seconds: float


def main() -> None:
    arguments = parse_arguments()
    if arguments.measure:
        measure(arguments)
        return
    stage.set_up_django()
    with (
        tempfile.TemporaryDirectory() as folder,
        simulator(arguments, Path(folder) / "desk.json") as url,
    ):
        http = asyncio.run(plain_seconds(url, arguments))
        rows = []
        for venues in arguments.venues:
            for way in WAYS:
                measured = in_fresh_process(arguments, way, venues, url)
                rows.append(row_of(measured, arguments, way, venues))
    accounts, concurrency = arguments.accounts, arguments.concurrency
    stage.print_table(
        f"{accounts} accounts, answers after {arguments.latency_ms} ms, {concurrency} accounts at "
        f"once: time / limit ({stage.machine()})",
        ("venues, and what is shared", "answers", "at once", "limit s", *MEASURES),
        rows,
    )
    limit = accounts * arguments.latency_ms / 1000 / concurrency
    print(
        f"The simulator itself, asked {accounts} times by plain aiohttp without ccxt: "
        f"{http / limit:.2f} of its limit."
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--latency-ms", type=int, default=100, help="Before every answer.")
    parser.add_argument("--concurrency", type=int, default=50, help="Accounts read at once.")
    parser.add_argument("--repeats", type=int, default=3, help="Warm readings; the best counts.")
    parser.add_argument(
        "--venues",
        nargs="+",
        default=["mixed", "bybit", "binance"],
        choices=["mixed", *VENUES],
        help="One table row each; mixed is all venues in turn.",
    )
    parser.add_argument("--measure", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    return parser.parse_args()


def row_of(
    measured: Measured, arguments: argparse.Namespace, way: str, venues: str
) -> tuple[str, ...]:
    if measured.failures:
        stage.stop(f"{venues}, {way}: {measured.failures} of {measured.answers} answers failed.")
    # The gateway bounds accounts, and reads the pools of one at once.
    at_once = min(1, arguments.concurrency / arguments.accounts) * measured.answers
    limit = measured.answers * arguments.latency_ms / 1000 / at_once
    cpu = 1000 * measured.warm_cpu_seconds / arguments.accounts
    return (
        f"{venues}: {WAYS[way]}",
        str(measured.answers),
        f"{at_once:.0f}",
        f"{limit:.2f}",
        f"{measured.cold_seconds / limit:.2f}",
        f"{measured.warm_seconds / limit:.2f}",
        f"{cpu:.1f}",
    )


@contextmanager
def simulator(arguments: argparse.Namespace, desk: Path) -> Iterator[str]:
    """The simulated exchange in a process of its own; its base URL."""
    entries = [
        entry(venue, number) for venue in VENUES for number in range(arguments.accounts)
    ]  # enough for every choice of venues
    desk.write_text(json.dumps({"accounts": entries}), encoding="utf-8")
    command = [sys.executable, str(stage.PROJECT / "manage.py"), "simulate_exchange"]
    command += ["--desk", str(desk), "--latency-ms", str(arguments.latency_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield next(iter(announced_urls(process).values()))
        finally:
            process.terminate()


def announced_urls(process: "subprocess.Popen[str]") -> dict[str, str]:
    assert process.stdout is not None
    lines = (line.partition("export CAPITAL_VENUE_URLS=") for line in process.stdout)
    assignment = next((assigned for _, found, assigned in lines if found), None)
    if assignment is None:
        stage.stop("The simulator did not start.")
    urls: dict[str, str] = json.loads(shlex.split(assignment)[0])
    return urls


def entry(venue: str, number: int) -> dict[str, Any]:
    """One account of the desk: as many currencies as an ordinary wallet."""
    from capital.exchange.venues import get_venue

    row = get_venue(venue)
    wallet = {row.currency: f"{10369 + number}.25", "BTC": "0.12345678", "ETH": "1.5"}
    return {
        "name": f"{venue} {number}",
        "venue": venue,
        "currency": row.currency,
        **credentials_of(venue, number),
        "wallets": {pool.value: wallet for pool in row.pools(row.usual_wallet_mode)},
    }


def credentials_of(venue: str, number: int) -> dict[str, str]:
    return {
        "api_key": f"benchmark-{venue}-{number}-key",
        "api_secret": f"benchmark-{venue}-{number}-secret",
        "api_passphrase": f"benchmark-{venue}-{number}-passphrase",
    }


def in_fresh_process(arguments: argparse.Namespace, way: str, venues: str, url: str) -> Measured:
    command = [sys.executable, __file__, "--measure", way, "--url", url, "--venues", venues]
    for name in ("accounts", "latency_ms", "concurrency", "repeats"):
        command += [f"--{name.replace('_', '-')}", str(getattr(arguments, name))]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Measured(**json.loads(answer.stdout))


def measure(arguments: argparse.Namespace) -> None:
    """In the fresh process: read cold, then warm, and print what came of it as JSON."""
    stage.set_up_django()
    from django.utils import timezone

    from capital.domain.reasons import Reason
    from capital.exchange.gateway import warm_up

    warm_up()
    requests = requests_of(arguments.accounts, arguments.venues[0])
    start = time.perf_counter()
    gateway = gateway_of(arguments.measure, arguments.url, arguments.concurrency)
    building_seconds = time.perf_counter() - start

    readings = []
    for _ in range(1 + arguments.repeats):
        cpu = time.process_time()
        seconds, answers = stage.timed(lambda: gateway.fetch_balances(requests, clock=timezone.now))
        readings.append((seconds, time.process_time() - cpu))
    (cold_seconds, _), warm = readings[0], min(readings[1:])
    measured = Measured(
        answers=len(answers),
        failures=sum(isinstance(answer, Reason) for answer in answers.values()),
        cold_seconds=building_seconds + cold_seconds,
        warm_seconds=warm[0],
        warm_cpu_seconds=warm[1],
    )
    print(json.dumps(measured.__dict__))


def requests_of(accounts: int, venues: str) -> "list[BalanceRequest]":
    from capital.exchange.contract import BalanceRequest, Credentials
    from capital.exchange.venues import get_venue

    chosen: Sequence[str] = VENUES if venues == "mixed" else (venues,)
    requests = []
    for number in range(accounts):
        venue = get_venue(chosen[number % len(chosen)])
        requests.append(
            BalanceRequest(
                account_id=number,
                venue=venue,
                currency=venue.currency,
                pools=venue.pools(venue.usual_wallet_mode),
                credentials=Credentials(**credentials_of(venue.id, number)),
            )
        )
    return requests


def gateway_of(way: str, url: str, concurrency: int) -> "CcxtGateway":
    """The gateway, or the same with less shared: what ccxt does when it is left to itself."""
    from capital.exchange.ccxt.balances import CcxtGateway
    from capital.exchange.politeness import Politeness
    from capital.exchange.sharing.pace import SharedPace

    class Unpaced(Politeness):
        """Readings follow each other at once here: a venue's pace would be all that is measured."""

        def wait_seconds(self, *_: Any, **__: Any) -> float:
            return 0.0

    class OwnSession(CcxtGateway):
        async def _fetch_pool(self, request: Any, pool: Any, session: Any, read: Any) -> Any:
            import ssl

            import aiohttp
            import certifi

            # One for each client, as ccxt does: what the gateway spares.
            context: Any = session.connector._ssl
            if way == "own-both":
                context = ssl.create_default_context(cafile=certifi.where())
            connector = aiohttp.TCPConnector(ssl=context)
            async with aiohttp.ClientSession(connector=connector) as own:
                return await super()._fetch_pool(request, pool, own, read)

    kind = CcxtGateway if way == "shared" else OwnSession
    return kind(
        venue_urls=dict.fromkeys(VENUES, url),
        concurrency=concurrency,
        politeness=Unpaced(),
        shared=SharedPace(),
    )


async def plain_seconds(url: str, arguments: argparse.Namespace) -> float:
    """As many requests, by HTTP alone: what the simulator and aiohttp take, without ccxt.

    They are unsigned, so they are refused, after the same latency.
    """
    import aiohttp

    slots = asyncio.Semaphore(arguments.concurrency)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask() -> None:
            async with slots, session.get(f"{url}/api/v3/account") as response:
                await response.read()

        await asyncio.gather(*(ask() for _ in range(arguments.concurrency)))
        start = time.perf_counter()
        await asyncio.gather(*(ask() for _ in range(arguments.accounts)))
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
