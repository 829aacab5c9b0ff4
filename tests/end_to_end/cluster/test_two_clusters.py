"""Two clusters on one PostgreSQL: every account once a slot, both work, and it is done sooner."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.end_to_end.cluster.checks import check_books
from tests.end_to_end.cluster.databases import Row, as_datetime
from tests.end_to_end.cluster.processes import Cluster
from tests.end_to_end.cluster.stage import Stage, run_key_of

ACCOUNTS = 1000
CHUNK = 50
# An exchange that takes its time: a chunk waits twice, and computes little.
LATENCY_SECONDS = 0.4
AT_ONCE = 25
SLOT_SECONDS = 120


def work_off_a_slot(stage: Stage, accounts: list[int], balance: str) -> tuple[str, timedelta]:
    """Its run key, and how long it took from the first chunk's start to the last one's end."""
    stage.set_balances(balance)
    run_key = stage.enqueue_slot()
    stage.wait_until_queue_is_empty(seconds=SLOT_SECONDS)
    runs = Counter(run["account_id"] for run in stage.runs(run_key))
    assert runs == Counter(accounts)
    jobs = chunks_of(stage, run_key)
    assert sorted(job["chunk"] for job in jobs) == list(range(1, ACCOUNTS // CHUNK + 1))
    assert sum(job["accounts"] for job in jobs) == ACCOUNTS
    begin = min(as_datetime(job["started_at"]) for job in jobs)
    return run_key, max(as_datetime(job["finished_at"]) for job in jobs) - begin


def chunks_of(stage: Stage, run_key: str) -> list[Row]:
    """The executions of the slot's chunks."""
    return [job for job in stage.job_runs() if job["chunk"] and run_key_of(job) == run_key]


def workers_of(cluster: Cluster) -> set[int]:
    return {row.pid for row in cluster.processes}


@pytest.mark.postgresql
def test_two_clusters_share_a_slot_and_are_done_sooner(
    stage: Stage, tell: Callable[[str], None]
) -> None:
    accounts = stage.open_accounts(ACCOUNTS, venue="upbit", latency_seconds=LATENCY_SECONDS)
    stage.settings |= {
        "CAPITAL_JOB_CHUNK": str(CHUNK),
        "CAPITAL_LIVE_CONCURRENCY": str(AT_ONCE),
        "Q_WORKERS": "1",
    }
    first = stage.start_cluster()
    _, alone = work_off_a_slot(stage, accounts, "1000000")

    second = stage.start_cluster()
    run_key, together = work_off_a_slot(stage, accounts, "2000000")

    pids = [job["pid"] for job in chunks_of(stage, run_key)]
    shares = [sum(pid in workers_of(cluster) for pid in pids) for cluster in (first, second)]
    tell(f"{ACCOUNTS} accounts: {alone} by one cluster, {together} by two (chunks: {shares})")
    assert sum(shares) == len(pids)
    assert min(shares) > 0
    assert together < alone * 0.8
    check_books(stage)
