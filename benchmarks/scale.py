"""Two clusters on one PostgreSQL read and allocate many accounts over five venues, for minutes.

The simulator answers after 100 ms. For each size the clusters run for some minutes: balances are
read every minute, allocations checked every two (usually every eleven). Then it is asked how many
slots were done, how late, how old the readings are, and what it took.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import live_refresh
import stage

CLUSTERS = 2
WORKERS = 2
LINKS = 4
QUERY_LOG = "CAPITAL_BENCHMARK_QUERIES"
_SECOND = timedelta(seconds=1)


@dataclass
class Measured:
    """What came of one size.

    Attributes:
        slots: How many slots fell into the time, and how many of them were done, by job.
        lateness: Of each slot that was done: from its time until its last account was done.
        ages: At the end, of the oldest balance of each account.
        queries: Statements of both clusters.
        cpu_seconds: Of both clusters; the simulator and PostgreSQL are left out.
        memory_bytes: The most that both clusters had resident at once.
        load: Of the machine, at the end, over five minutes.
    """

    slots: dict[str, tuple[int, int]]
    lateness: dict[str, list[timedelta]]
    ages: list[timedelta]
    queries: int
    cpu_seconds: float
    memory_bytes: int
    load: float


def main() -> None:
    arguments = parse_arguments()
    if arguments.cluster:
        run_cluster()
        return
    with stage.scratch_database(), tempfile.TemporaryDirectory() as folder:
        rows = []
        for size in arguments.accounts:
            rows.append(row_of(size, measure(size, Path(folder), arguments), arguments))
            print(*rows[-1], flush=True)
    print("Queries and CPU are for each account and slot; spans are the median and the longest.")
    way = "cached balances" if arguments.cached else f"latency {arguments.latency_ms} ms"
    stage.print_table(
        f"{CLUSTERS} clusters of {WORKERS} workers, {arguments.minutes} minutes, {way} "
        f"({stage.machine()})",
        (
            "accounts",
            "slots",
            "sync s",
            "reallocate s",
            "age s",
            "queries",
            "CPU ms",
            "MB",
            "load",
        ),
        rows,
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--minutes", type=int, default=5, help="That count, for each size.")
    parser.add_argument(
        "--first-seconds", type=int, default=60, help="Before them, for imports and first readings."
    )
    parser.add_argument("--latency-ms", type=int, default=100, help="Before every answer.")
    parser.add_argument(
        "--cached", action="store_true", help="Ask no exchange: what our own work costs."
    )
    parser.add_argument("--cluster", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def row_of(size: int, found: Measured, arguments: argparse.Namespace) -> tuple[str, ...]:
    done = sum(done for _, done in found.slots.values())
    due = sum(due for due, _ in found.slots.values())
    return (
        f"{size:,}",
        f"{done} of {due}",
        both(found.lateness["sync_balances"]),
        both(found.lateness["reallocate_due"]),
        both(found.ages),
        f"{found.queries / size / done:.2f}" if done else "none",
        f"{1000 * found.cpu_seconds / size / done:.1f}" if done else "none",
        f"{found.memory_bytes / 2**20:.0f}",
        f"{found.load:.1f}",
    )


def both(spans: Sequence[timedelta]) -> str:
    """The median and the longest, in seconds."""
    if not spans:
        return "none"
    ordered = sorted(spans)
    return f"{ordered[len(ordered) // 2] / _SECOND:.1f} / {ordered[-1] / _SECOND:.1f}"


def measure(size: int, folder: Path, arguments: argparse.Namespace) -> Measured:
    from django.utils import timezone

    seed(size)
    log = folder / f"queries-{size}"
    log.touch()
    arguments.accounts_of_a_venue = -(-size // len(live_refresh.VENUES))
    environment = {
        "CAPITAL_LIVE_BALANCES": "0" if arguments.cached else "1",
        "CAPITAL_REALLOCATE_MINUTES": "2",
        "CAPITAL_EGRESS": "benchmark",
        "Q_WORKERS": str(WORKERS),
        QUERY_LOG: str(log),
    }
    with exchange(arguments, folder) as urls:
        environment["CAPITAL_VENUE_URLS"] = json.dumps(urls)
        with clusters({**os.environ, **environment}) as groups:
            time.sleep(arguments.first_seconds)
            before = usage(groups), log.stat().st_size
            start, memory = timezone.now(), 0
            for _ in range(arguments.minutes * 12):
                time.sleep(5)
                memory = max(memory, usage(groups)[1])
            end = timezone.now()
            after = usage(groups), log.stat().st_size
            slots, lateness = slots_between(start, end)
            return Measured(
                slots=slots,
                lateness=lateness,
                ages=ages(end),
                queries=after[1] - before[1],
                cpu_seconds=after[0][0] - before[0][0],
                memory_bytes=memory,
                load=os.getloadavg()[1],
            )


@contextmanager
def exchange(arguments: argparse.Namespace, folder: Path) -> Iterator[dict[str, str]]:
    """The simulator, in a process of its own; nothing where no exchange is asked."""
    if arguments.cached:
        yield {}
        return
    asked = argparse.Namespace(
        accounts=arguments.accounts_of_a_venue, latency_ms=arguments.latency_ms
    )
    with live_refresh.simulator(asked, folder / "desk.json") as url:
        yield dict.fromkeys(live_refresh.VENUES, url)


# The clusters


def run_cluster() -> None:
    """``manage.py qcluster``, of which every statement leaves a byte in a file."""
    stage.set_up_django(os.environ["DATABASE_URL"])
    from django.core.management import call_command
    from django.db.backends.signals import connection_created

    log = os.open(os.environ[QUERY_LOG], os.O_WRONLY | os.O_APPEND)

    def count(run: Any, *given: Any) -> Any:
        os.write(log, b".")
        return run(*given)

    def watch(connection: Any, **_: Any) -> None:
        if count not in connection.execute_wrappers:
            connection.execute_wrappers.append(count)

    connection_created.connect(watch)
    call_command("qcluster")


@contextmanager
def clusters(environment: dict[str, str]) -> Iterator[list[int]]:
    """Clusters in process groups of their own; none outlives the block."""
    started = [
        subprocess.Popen(
            [sys.executable, __file__, "--cluster"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for _ in range(CLUSTERS)
    ]
    try:
        yield [process.pid for process in started]
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def usage(groups: Sequence[int]) -> tuple[float, int]:
    """CPU seconds and resident bytes of these process groups."""
    ticks, pages = 0, 0
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) in groups:
                ticks += sum(int(each) for each in fields[11:15])
                pages += int((place / "statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE")


# What came of it


def slots_between(
    start: datetime, end: datetime
) -> tuple[dict[str, tuple[int, int]], dict[str, list[timedelta]]]:
    """By job: the slots that fell due, how many were done, and how late each was."""
    from capital.models import JobRun

    slots: dict[str, tuple[int, int]] = {}
    lateness: dict[str, list[timedelta]] = {}
    for name, minutes in (("sync_balances", 1), ("reallocate_due", 2)):
        runs = JobRun.objects.filter(name=name, chunk=0, intended_at__gte=start)
        late = [
            run.finished_at - run.intended_at
            for run in runs.filter(finished_at__lte=end)
            if run.intended_at is not None and run.finished_at is not None and not run.error
        ]
        slots[name] = int((end - start) / timedelta(minutes=minutes)), len(late)
        lateness[name] = late
    return slots, lateness


def ages(now: datetime) -> list[timedelta]:
    """How old the oldest balance of each account is."""
    from capital.models import Account
    from capital.services.accounts.lookup import pools_of_account
    from capital.services.balances.summaries import cached_observation, load_latest

    accounts = list(Account.objects.order_by("pk"))
    latest = load_latest([account.pk for account in accounts], now=now)
    found = []
    for account in accounts:
        read = [
            cached_observation(latest.get(account.pk), pool, now=now)
            for pool in pools_of_account(account)
        ]
        found.append(now - min(each.observed_at for each in read if each is not None))
    return found


# The rows


def seed(size: int) -> None:
    """So many accounts over five venues, with four links each, and yesterday's summaries."""
    from decimal import Decimal

    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.utils import timezone

    from capital.exchange.venues import get_venue
    from capital.models import Account, DailyAccountSummary, StrategyAccount
    from strategies.markets import MarketType
    from strategies.models import Strategy

    call_command("flush", interactive=False, verbosity=0)
    call_command("sync_schedules", verbosity=0)
    owner = get_user_model().objects.create(username="benchmark")
    strategies = {
        market: Strategy.objects.bulk_create(
            Strategy(owner=owner, name=f"{market} {n}", key=f"{market}-{n:06}", market_type=market)
            for n in range(LINKS)
        )
        for market in MarketType
    }
    venues = [get_venue(live_refresh.VENUES[n % len(live_refresh.VENUES)]) for n in range(size)]
    accounts = Account.objects.bulk_create(
        Account(
            owner=owner,
            name=f"{venue.id} {number // len(live_refresh.VENUES)}",
            venue=venue.id,
            currency=venue.currency,
            wallet_mode=venue.usual_wallet_mode,
            min_change_amount=Decimal(1),
            **live_refresh.credentials_of(venue.id, number // len(live_refresh.VENUES)),
        )
        for number, venue in enumerate(venues)
    )
    StrategyAccount.objects.bulk_create(
        StrategyAccount(
            account=account,
            strategy=strategies[markets[n % len(markets)]][n],
            weight=Decimal(n + 1),
        )
        for account, venue in zip(accounts, venues, strict=True)
        for markets in [sorted(venue.markets)]
        for n in range(LINKS)
    )
    yesterday = timezone.now() - timedelta(hours=12)
    DailyAccountSummary.objects.bulk_create(
        DailyAccountSummary(
            account=account,
            date=timezone.localdate(yesterday),
            spot_balance=Decimal(10000),
            futures_balance=Decimal(10000),
            ending_balance=Decimal(20000),
            spot_observed_at=yesterday,
            futures_observed_at=yesterday,
            ending_observed_at=yesterday,
        )
        for account in accounts
    )


if __name__ == "__main__":
    main()
