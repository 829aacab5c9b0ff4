"""The stage of one test: a database, an exchange, and the clusters that work between them."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from django_q.signing import SignedPackage

from capital.exchange.venues import get_venue
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState, SimulatedAccount
from tests.end_to_end.cluster.databases import OwnDatabase, Row, as_datetime
from tests.end_to_end.cluster.processes import Cluster, wait_for
from tests.end_to_end.cluster.seed import key_of, secret_of
from tests.paths import ROOT
from tests.processes import environment_for, run_python

QUEUE = "capital"
START_SECONDS = 60
POSTPONED = "tests.end_to_end.cluster.postponed"


class Stage:
    """Everything that one test touches.

    Attributes:
        settings: Environment of every process that is started from now on.
    """

    def __init__(self, database: OwnDatabase, directory: Path) -> None:
        self.database = database
        self.settings: dict[str, str] = {}
        self._directory = directory
        self._exchange: SimulatedExchange | None = None
        self._clusters: list[Cluster] = []
        self._begun: list[subprocess.Popen[str]] = []

    # Accounts and their exchange

    def open_accounts(
        self, size: int, *, venue: str = "binance", latency_seconds: float = 0.0
    ) -> list[int]:
        """Accounts, each on a simulated exchange that starts now, too; says their primary keys."""
        currency = get_venue(venue).currency
        simulated_accounts = [
            SimulatedAccount(
                venue=venue, api_key=key_of(n), api_secret=secret_of(n), currency=currency
            )
            for n in range(1, size + 1)
        ]
        self._exchange = SimulatedExchange(ExchangeState(simulated_accounts), latency_seconds)
        self._exchange.start()
        self.python("-m", "tests.end_to_end.cluster.seed", venue, str(size))
        rows = self.database.rows("SELECT id FROM capital_account ORDER BY name")
        return [row["id"] for row in rows]

    def set_balances(self, amount: str) -> None:
        """From now on every pool of every account holds this."""
        desk = self.exchange.state
        for account in desk.accounts:
            for pool in account.pools:
                desk.set_balance(account.api_key, pool, account.currency, amount)

    @property
    def exchange(self) -> SimulatedExchange:
        """The one that serves."""
        assert self._exchange is not None
        return self._exchange

    # Processes

    def start_cluster(self, *, module: str = POSTPONED) -> Cluster:
        """One more cluster, which pulls tasks when this returns; ``module`` is run for it."""
        [cluster] = self.start_clusters(1, module=module)
        return cluster

    def start_clusters(self, size: int, *, module: str = POSTPONED) -> list[Cluster]:
        """The same, several at once."""
        started = []
        for _ in range(size):
            log = self._directory / f"cluster-{len(self._clusters) + 1}.log"
            cluster = Cluster(self._environment(), log, module)
            self._clusters.append(cluster)
            started.append(cluster)
        wait_for(
            lambda: all(map(self._pulls_tasks, started)), "clusters start", seconds=START_SECONDS
        )
        return started

    def _pulls_tasks(self, cluster: Cluster) -> bool:
        if not cluster.is_complete:
            return False
        beats = self.database.rows("SELECT pid FROM capital_clusterheartbeat")
        return cluster.sentinel in {row["pid"] for row in beats}

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one management command to its end."""
        return self.python("manage.py", *arguments, check=check)

    def python(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Python from the repository to its end, in this stage's environment."""
        return run_python(arguments, self._environment(), check=check)

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start Python from the repository in this stage's environment. It may be killed."""
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._begun.append(process)
        return process

    def _environment(self) -> dict[str, str]:
        urls = {} if self._exchange is None else self._exchange.venue_urls
        return environment_for(
            self.database.url, CAPITAL_VENUE_URLS=json.dumps(urls), **self.settings
        )

    # The queue

    def enqueue(self, function: str, *arguments: Any, copies: int = 1, **keywords: Any) -> None:
        """Put a task in the queue as ``async_task`` does; copies are the same task again."""
        identity = uuid4().hex
        task = {
            "id": identity,
            "name": f"test-{identity[:8]}",
            "func": function,
            "args": arguments,
            "kwargs": keywords,
            "started": datetime.now(UTC),
        }
        payload = SignedPackage.dumps(task)
        for _ in range(copies):
            self.database.execute(
                "INSERT INTO django_q_ormq (key, payload, lock) VALUES (%s, %s, %s)",
                QUEUE, payload, datetime.now(UTC) - timedelta(seconds=1),
            )  # fmt: skip

    def enqueue_slot(self, *, copies: int = 1) -> str:
        """Queue a reallocation of every account, as the schedule does; says its run key."""
        intended = datetime.now(UTC).isoformat()
        self.enqueue("capital.tasks.reallocate_due", intended=intended, copies=copies)
        return f"schedule:{intended}"

    def postpone_schedules(self) -> None:
        """No slot falls into this test; it queues what it wants."""
        self.database.execute(
            "UPDATE django_q_schedule SET next_run = %s", datetime.now(UTC) + timedelta(days=1)
        )

    def let_locks_run_out(self) -> None:
        """As if so long had passed; whoever held a task must be dead."""
        self.database.execute(
            "UPDATE django_q_ormq SET lock = %s", datetime.now(UTC) - timedelta(seconds=1)
        )

    @property
    def queue_size(self) -> int:
        """Tasks that are not done: waiting, or given out and not acknowledged."""
        size: int = self.database.value("SELECT count(*) FROM django_q_ormq")
        return size

    def wait_until_queue_is_empty(self, *, seconds: float) -> None:
        """Every task was acknowledged, chunks and all."""
        wait_for(lambda: self.queue_size == 0, "every task is done", seconds=seconds)

    # What came of it

    def runs(self, run_key: str | None = None) -> list[Row]:
        """Allocation runs in the order of their making, all or those with this key."""
        runs = self.database.rows("SELECT * FROM capital_allocationrun ORDER BY id")
        return [run for run in runs if run_key in (None, run["run_key"])]

    def job_runs(self) -> list[Row]:
        """Executions of jobs in the order of their start."""
        rows = self.database.rows("SELECT * FROM capital_jobrun ORDER BY id")
        for row in rows:
            if isinstance(row["outcomes"], str):
                row["outcomes"] = json.loads(row["outcomes"])
        return rows

    def audit(self) -> None:
        """Every invariant of the product holds, says the product."""
        self.manage("audit_capital")

    def show_logs(self, write: Callable[[str], None]) -> None:
        """What the clusters said."""
        for cluster in self._clusters:
            write(f"--- {cluster.log.name}, exit code {cluster.exit_code}")
            write(cluster.log_text)

    def close(self) -> None:
        """Leave no process, no server and no database behind, whatever happened before."""
        steps: list[Callable[[], None]] = [cluster.kill for cluster in self._clusters]
        steps += [partial(_end, process) for process in self._begun]
        if self._exchange is not None:
            steps.append(self._exchange.stop)
        steps.append(self.database.drop)
        problems = []
        for step in steps:
            try:
                step()
            except Exception as error:  # noqa: BLE001  # the next one must be left too
                problems.append(error)
        if problems:
            raise ExceptionGroup("The stage could not be left.", problems)


def _end(process: "subprocess.Popen[str]") -> None:
    """Kill it and close what it wrote to, or a later test is warned of both."""
    process.kill()
    if process.stdout and not process.stdout.closed:
        process.communicate()


def run_key_of(job: Row) -> str:
    """The run key of the slot that an execution of a job was for."""
    return f"schedule:{as_datetime(job['intended_at']).isoformat()}"
