"""A cluster's life: it answers events, stops when it is told to, and is missed when it is gone."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.cluster.checks import capital_of, check_books
from tests.cluster.processes import Cluster, wait_for
from tests.cluster.stage import Stage

# Far longer than the tasks here take.
STOP_SECONDS = 30
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
    wait_for(lambda: not cluster.processes, "nobody of it lives", seconds=5)


def health(stage: Stage) -> tuple[int, dict[str, Any]]:
    """What ``manage.py jobs`` says, and how it exits."""
    done = stage.manage("jobs", "--json", check=False)
    return done.returncode, json.loads(done.stdout)


def test_link_saved_by_another_process_is_reallocated_by_the_cluster(stage: Stage) -> None:
    [account] = stage.open_accounts(1)
    stage.set_balances("1000.00")
    stage.start_cluster()
    stage.enqueue_slot()
    wait_for(stage.runs, "the first slot is decided", seconds=20)
    before = capital_of(stage, account)

    stage.manage("shell", "-c", CHANGE_A_WEIGHT)
    wait_for(lambda: len(stage.runs()) == 2, "the event is decided", seconds=20)

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
    wait_for(lambda: stage.exchange.requests, "the exchange is asked", seconds=20)

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
    assert sorted(row["is_alive"] for row in report["clusters"]) == [False, True]

    stop(second)
    code, report = health(stage)
    assert code == 1
    # One that stops properly takes its heartbeat along.
    assert [row["is_alive"] for row in report["clusters"]] == [False]
