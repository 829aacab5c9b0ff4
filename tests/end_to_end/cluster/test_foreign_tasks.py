"""A real cluster, and rows in the queue's tables by somebody who may write them."""

import base64
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.end_to_end.cluster.processes import wait_for
from tests.end_to_end.cluster.stage import Stage

# The scheduler looks every 30 seconds.
SCHEDULER_SECONDS = 75


class Bomb:
    """Runs a command of the system where it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        import os

        return (os.system, (self.command,))


def test_rows_that_name_other_functions_run_nothing(stage: Stage, tmp_path: Path) -> None:
    [account] = stage.open_accounts(1)
    stage.set_balances("1000.00")
    marks = [tmp_path / name for name in ("task", "schedule", "hook", "row")]
    task, schedule, hook, row = (f"touch {mark}" for mark in marks)
    now = datetime.now(UTC)
    stage.enqueue("os.system", task)
    for name, function, arguments, its_hook in (
        ("one", "os.system", repr(schedule), None),
        ("two", "capital.tasks.prune", None, "os.system"),
        ("three", "os.system", repr(hook), "os.system"),
    ):
        stage.database.execute(
            "INSERT INTO django_q_schedule (name, func, args, hook, schedule_type, minutes,"
            " repeats, next_run) VALUES (%s, %s, %s, %s, 'I', 1, -1, %s)",
            name, function, arguments, its_hook, now - timedelta(seconds=5),
        )  # fmt: skip
    stage.database.execute(
        "INSERT INTO django_q_task (id, name, func, result, started, stopped, success,"
        " attempt_count) VALUES (%s, 'x', 'x', %s, %s, %s, %s, 1)",
        "a" * 32, base64.b64encode(pickle.dumps(Bomb(row))).decode(), now, now, True,
    )  # fmt: skip

    cluster = stage.start_cluster()
    run_key = stage.enqueue_slot()
    wait_for(
        lambda: len([run for run in stage.job_runs() if run["name"] == "refused_task"]) == 3,
        "the task and the schedules are refused",
        seconds=SCHEDULER_SECONDS,
    )
    wait_for(lambda: stage.runs(run_key), "our own task is done", seconds=SCHEDULER_SECONDS)
    stage.wait_until_queue_is_empty(seconds=SCHEDULER_SECONDS)

    assert [mark.name for mark in marks if mark.exists()] == []
    assert [run["account_id"] for run in stage.runs(run_key)] == [account]
    assert "not one of this product's tasks" in cluster.log_text
    repeats = stage.database.rows("SELECT name, repeats FROM django_q_schedule WHERE repeats = 0")
    # The second names a job of ours: its schedule was put right when the cluster started.
    assert sorted(each["name"] for each in repeats) == ["one", "three"]
