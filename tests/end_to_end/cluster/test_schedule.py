"""A slot that comes: the scheduler queues it, a worker decides it, capital changes."""

from datetime import UTC, datetime, timedelta

from tests.end_to_end.cluster.checks import capital_of, check_books
from tests.end_to_end.cluster.databases import as_datetime
from tests.end_to_end.cluster.processes import wait_for
from tests.end_to_end.cluster.stage import Stage

# The scheduler looks every 30 seconds.
SCHEDULER_SECONDS = 75


def test_scheduled_reallocation_changes_capital(stage: Stage) -> None:
    [account] = stage.open_accounts(1)
    stage.set_balances("1000.00")
    intended = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
    stage.database.execute(
        "UPDATE django_q_schedule SET next_run = %s WHERE name = 'reallocate_due'", intended
    )
    stage.start_cluster()

    wait_for(stage.runs, "the slot is decided", seconds=SCHEDULER_SECONDS)
    stage.wait_until_queue_is_empty(seconds=SCHEDULER_SECONDS)

    [run] = stage.runs()
    assert run["run_key"] == f"schedule:{intended.isoformat()}"
    assert (run["account_id"], run["trigger"], run["outcome"]) == (account, "schedule", "applied")
    assert capital_of(stage, account) == ["750.00", "250.00", "1000.00"]
    # On a slow machine another job has come due by now.
    [job] = [each for each in stage.job_runs() if each["name"] == "reallocate_due"]
    assert (job["accounts"], job["error"]) == (1, "")
    assert as_datetime(job["intended_at"]) == intended
    assert job["finished_at"] is not None
    [next_run] = stage.database.rows(
        "SELECT next_run FROM django_q_schedule WHERE name = 'reallocate_due'"
    )
    assert as_datetime(next_run["next_run"]) == intended + timedelta(minutes=11)
    check_books(stage)
