"""A cluster's life: it answers events, stops when it is told to, and is missed when it is gone."""

import json
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.end_to_end.cluster.checks import capital_of, check_books
from tests.end_to_end.cluster.processes import Cluster, wait_for
from tests.end_to_end.cluster.stage import Stage

# Far longer than the tasks here take.
STOP_SECONDS = 60
PATIENCE_SECONDS = 60
# A cluster may be silent for so long, and for as long as a task may take.
SILENCE_SECONDS = 30

CHANGE_A_WEIGHT = """
from capital.models import StrategyAccount
link = StrategyAccount.objects.earliest("pk")
link.weight = 1
link.save()
"""


def stop(cluster: Cluster) -> None:
    """As an init system does; nobody may be left."""
    assert cluster.stop(seconds=STOP_SECONDS) == 0
    wait_for(lambda: not cluster.processes, "nobody of it lives", seconds=PATIENCE_SECONDS)


def health(stage: Stage) -> tuple[int, dict[str, Any]]:
    """What ``manage.py jobs`` says, and how it exits."""
    done = stage.manage("jobs", "--json", check=False)
    return done.returncode, json.loads(done.stdout)


def test_link_saved_by_another_process_is_reallocated_by_the_cluster(stage: Stage) -> None:
    [account] = stage.open_accounts(1)
    stage.set_balances("1000.00")
    stage.start_cluster()
    stage.enqueue_slot()
    wait_for(stage.runs, "the first slot is decided", seconds=PATIENCE_SECONDS)
    before = capital_of(stage, account)

    stage.manage("shell", "-c", CHANGE_A_WEIGHT)
    wait_for(lambda: len(stage.runs()) == 2, "the event is decided", seconds=PATIENCE_SECONDS)

    run = stage.runs()[-1]
    assert run["trigger"] == "event"
    assert run["run_key"].startswith("event:")
    assert before == ["750.00", "250.00", "1000.00"]
    assert capital_of(stage, account) == ["500.00", "500.00", "1000.00"]
    check_books(stage)


def test_cluster_that_is_told_to_stop_finishes_its_tasks_and_leaves_nobody(stage: Stage) -> None:
    accounts = stage.open_accounts(4, latency_seconds=2.0)
    stage.set_balances("1000.00")
    cluster = stage.start_cluster()
    run_key = stage.enqueue_slot()
    wait_for(lambda: stage.exchange.requests, "the exchange is asked", seconds=PATIENCE_SECONDS)

    stop(cluster)

    assert [run["account_id"] for run in stage.runs(run_key)] == accounts
    assert stage.queue_size == 0
    assert stage.database.rows("SELECT * FROM capital_clusterheartbeat") == []
    check_books(stage)


def test_cluster_that_is_gone_is_missed_until_another_one_starts(stage: Stage, chaos: bool) -> None:
    stage.settings |= {"Q_TIMEOUT_SECONDS": "1", "Q_RETRY_SECONDS": "2"}
    cluster = stage.start_cluster()
    code, report = health(stage)
    assert code == 0
    assert [row["is_alive"] for row in report["clusters"]] == [True]

    cluster.kill()
    if chaos:
        wait_for(lambda: health(stage)[0], "the silence is noticed", seconds=2 * SILENCE_SECONDS)
    else:
        # As if so long had passed.
        stage.database.execute(
            "UPDATE capital_clusterheartbeat SET beat_at = %s",
            datetime.now(UTC) - timedelta(seconds=SILENCE_SECONDS + 2),
        )
    code, report = health(stage)
    assert code == 1
    assert [row["is_alive"] for row in report["clusters"]] == [False]

    second = stage.start_cluster()
    code, report = health(stage)
    assert code == 0
    # It takes the place of the one that was killed.
    assert [row["is_alive"] for row in report["clusters"]] == [True]

    stop(second)
    code, report = health(stage)
    assert code == 1
    # One that stops properly takes its heartbeat along.
    assert report["clusters"] == []


def test_cluster_whose_guard_hangs_ends_by_itself(stage: Stage, chaos: bool) -> None:
    if not chaos:
        pytest.skip("takes as long as a cluster may be silent: make chaos")
    stage.settings |= {"Q_TIMEOUT_SECONDS": "1", "Q_RETRY_SECONDS": "2"}
    cluster = stage.start_cluster()

    os.kill(cluster.sentinel, signal.SIGSTOP)

    wait_for(lambda: not cluster.processes, "it ends", seconds=SILENCE_SECONDS + PATIENCE_SECONDS)
    assert cluster.exit_code == 1
    assert "its guard waits for ever" in cluster.log_text
