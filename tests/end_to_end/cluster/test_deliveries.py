"""The queue delivers at least once: the same task twice, and at the same time, decides once."""

from tests.end_to_end.cluster.checks import capital_of, check_books
from tests.end_to_end.cluster.databases import Row, as_datetime
from tests.end_to_end.cluster.processes import wait_for
from tests.end_to_end.cluster.stage import Stage

ACCOUNTS = 4
# On a machine that has other things to do.
PATIENCE_SECONDS = 90


def started_while_another_worked(jobs: list[Row]) -> bool:
    """Whether the second of these began before the first one was done."""
    first, second = jobs[0], jobs[1]
    return as_datetime(second["started_at"]) < as_datetime(first["finished_at"])


def check_decided_once(stage: Stage, accounts: list[int], run_key: str) -> None:
    assert [run["account_id"] for run in stage.runs()] == accounts
    assert {run["run_key"] for run in stage.runs()} == {run_key}
    for account in accounts:
        assert capital_of(stage, account) == ["750.00", "250.00", "1000.00"]
    check_books(stage)


def test_slot_delivered_to_two_workers_at_once_is_decided_once(stage: Stage) -> None:
    accounts = stage.open_accounts(ACCOUNTS, latency_seconds=2.0)
    stage.set_balances("1000.00")
    stage.start_cluster()

    run_key = stage.enqueue_slot(copies=2)
    stage.wait_until_queue_is_empty(seconds=PATIENCE_SECONDS)

    jobs = stage.job_runs()
    assert len(jobs) == 2
    assert len({job["pid"] for job in jobs}) == 2
    assert started_while_another_worked(jobs)
    # Both asked the exchange about both pools of every account, and one of them wrote.
    assert len(stage.exchange.requests) == 2 * 2 * ACCOUNTS
    assert [job["outcomes"] for job in jobs] == 2 * [{"applied": ACCOUNTS}]
    check_decided_once(stage, accounts, run_key)


def test_slot_delivered_again_when_it_is_done_asks_nobody(stage: Stage) -> None:
    accounts = stage.open_accounts(ACCOUNTS)
    stage.set_balances("1000.00")
    stage.start_cluster()
    run_key = stage.enqueue_slot()
    stage.wait_until_queue_is_empty(seconds=PATIENCE_SECONDS)
    asked = len(stage.exchange.requests)
    stage.set_balances("2000.00")

    stage.enqueue("capital.tasks.reallocate_due", intended=run_key.removeprefix("schedule:"))
    stage.wait_until_queue_is_empty(seconds=PATIENCE_SECONDS)

    assert len(stage.exchange.requests) == asked
    assert len(stage.job_runs()) == 1
    check_decided_once(stage, accounts, run_key)


def test_event_delivered_to_two_clusters_at_once_is_decided_once(stage: Stage) -> None:
    # Far longer than the second for which an idle cluster does not look at the queue.
    accounts = stage.open_accounts(ACCOUNTS, latency_seconds=4.0)
    stage.set_balances("1000.00")
    stage.settings["Q_WORKERS"] = "1"
    clusters = stage.start_clusters(2)

    # One cluster takes three: one to work on, one to keep ready, one that waits to be kept.
    stage.enqueue("capital.tasks.reallocate_after_event", accounts, "event:the-same", copies=4)
    wait_for(
        lambda: len(stage.job_runs()) >= 2, "two copies are worked on", seconds=PATIENCE_SECONDS
    )
    groups = {row.pid: row.group for cluster in clusters for row in cluster.processes}
    stage.wait_until_queue_is_empty(seconds=PATIENCE_SECONDS)

    jobs = stage.job_runs()
    assert {groups[job["pid"]] for job in jobs[:2]} == {cluster.pid for cluster in clusters}
    assert started_while_another_worked(jobs)
    check_decided_once(stage, accounts, "event:the-same")
