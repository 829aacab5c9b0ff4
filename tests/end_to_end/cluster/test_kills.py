"""``kill -9`` at random moments: after a restart the work is done once, and nothing is half done.

Five rounds in CI on PostgreSQL, three on SQLite, 50 with ``CHAOS=1``. Each round queues one slot
over four chunks of accounts, waits until the exchange is asked, and kills a moment later: a busy
worker (the cluster must get over it by itself), the sentinel (its whole group must be gone by
itself), or the whole group. ``CHAOS_SEED`` chooses other moments.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import pytest
from django.db import connection

from tests.end_to_end.cluster.checks import capital_of, check_books
from tests.end_to_end.cluster.processes import Cluster, wait_for
from tests.end_to_end.cluster.stage import Stage, run_key_of

ACCOUNTS = 32
CHUNK = 8
LATENCY_SECONDS = 0.4
# From the first question on: two waves of chunks, each with its answers and its writing.
BUSY_SECONDS = 1.0
# A new worker has much to import, and on a busy machine that takes a while: one that is stopped
# for it three times gives the task up. What was given out comes again after RETRY_SECONDS.
TIMEOUT_SECONDS, RETRY_SECONDS = 10, 11
DONE_SECONDS = 120
PATIENCE_SECONDS = 60

WORKER, SENTINEL, GROUP = "a busy worker", "the sentinel", "the whole group"


@dataclass
class Killer:
    """Kills, and starts again what does not come back by itself."""

    stage: Stage
    cluster: Cluster

    def kill(self, target: str) -> bool:
        """Whether there was somebody to kill: a worker may have become idle."""
        way = {WORKER: self._kill_worker, SENTINEL: self._kill_sentinel, GROUP: self._kill_group}
        return way[target]()

    def _kill_worker(self) -> bool:
        """Whether one was found busy. It is held still while that is made sure of."""
        for pid in self._busy():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
            if pid in self._busy():
                os.kill(pid, signal.SIGKILL)
                wait_for(
                    partial(self._has_replaced, pid), "it is replaced", seconds=PATIENCE_SECONDS
                )
                return True
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        return False

    def _kill_sentinel(self) -> bool:
        os.kill(self.cluster.sentinel, signal.SIGKILL)
        wait_for(
            lambda: not self.cluster.processes, "the cluster goes with it", seconds=PATIENCE_SECONDS
        )
        assert self.cluster.exit_code == 1
        self.stage.let_locks_run_out()
        self.cluster = self.stage.start_cluster()
        return True

    def _kill_group(self) -> bool:
        self.cluster.kill()
        self.stage.let_locks_run_out()
        self.cluster = self.stage.start_cluster()
        return True

    def _busy(self) -> list[int]:
        """Workers of the cluster that are in the middle of a job."""
        living = {row.pid for row in self.cluster.processes}
        return [
            row["pid"]
            for row in self.stage.job_runs()
            if row["finished_at"] is None
            # One that handed chunks out is not finished either, but its worker is idle.
            and not row["outcomes"]
            and row["pid"] in living
        ]

    def _has_replaced(self, pid: int) -> bool:
        living = {row.pid for row in self.cluster.processes}
        return pid not in living and self.cluster.is_complete


@pytest.mark.parametrize(
    ("target", "in_ci", "in_chaos"), [(WORKER, 2, 17), (SENTINEL, 1, 17), (GROUP, 2, 16)]
)
def test_killed_work_is_done_once_after_a_restart(
    stage: Stage,
    chaos: bool,
    tell: Callable[[str], None],
    target: str,
    in_ci: int,
    in_chaos: int,
) -> None:
    wanted = in_chaos if chaos else in_ci if connection.vendor == "postgresql" else 1
    chance = random.Random(f"{os.environ.get('CHAOS_SEED', 'capital')} {target}")
    accounts = stage.open_accounts(ACCOUNTS, latency_seconds=LATENCY_SECONDS)
    stage.settings |= {
        "CAPITAL_JOB_CHUNK": str(CHUNK),
        "Q_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
        "Q_RETRY_SECONDS": str(RETRY_SECONDS),
    }
    killer = Killer(stage, stage.start_cluster())
    keys: list[str] = []
    done_at_kill: list[int] = []

    while len(done_at_kill) < wanted:
        assert len(keys) < 3 * wanted, "Nobody was ever busy."
        stage.set_balances(f"{len(keys) + 1}000.01")
        stage.exchange.forget_requests()
        run_key = stage.enqueue_slot()
        keys.append(run_key)
        wait_for(lambda: stage.exchange.requests, "the exchange is asked", seconds=PATIENCE_SECONDS)
        time.sleep(chance.uniform(0, BUSY_SECONDS))
        done = len(stage.runs(run_key))
        if killer.kill(target):
            done_at_kill.append(done)
        stage.wait_until_queue_is_empty(seconds=DONE_SECONDS)

    tell(f"{wanted} kills of {target}; of {ACCOUNTS} accounts were done: {done_at_kill}")
    assert min(done_at_kill) < ACCOUNTS, "No kill came in time to hit anything."
    made = Counter((run["account_id"], run["run_key"]) for run in stage.runs())
    assert made == Counter((account, run_key) for account in accounts for run_key in keys)
    assert {run["outcome"] for run in stage.runs()} == {"applied"}
    complete = {"chunks": ACCOUNTS // CHUNK, "applied": ACCOUNTS}
    slots = [job for job in stage.job_runs() if job["finished_at"] and job["outcomes"] == complete]
    assert {run_key_of(job) for job in slots} == set(keys), "A slot was never reported done."
    last = f"{len(keys)}000.01"
    quarter = f"{len(keys) * 250}.00"
    for account in accounts:
        assert capital_of(stage, account) == [f"{len(keys) * 750}.01", quarter, last]
    check_books(stage)


@pytest.mark.parametrize("nth", [0, 2], ids=["an idle worker", "the monitor"])
def test_cluster_whose_queue_a_kill_left_locked_ends_and_can_be_started_again(
    stage: Stage, nth: int
) -> None:
    cluster = stage.start_cluster()
    children = sorted(row.pid for row in cluster.processes if row.parent == cluster.sentinel)

    os.kill(children[nth], signal.SIGKILL)

    wait_for(lambda: not cluster.processes, "the cluster ends", seconds=PATIENCE_SECONDS)
    assert cluster.exit_code == 1
