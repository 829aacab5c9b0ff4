"""A cluster in the night in which clocks go back, over both of the times that look alike.

The clock of the cluster's processes is moved by libfaketime; the hour between is left out.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.end_to_end.cluster.clocks.moved import clock_moved_by, find_libfaketime
from tests.end_to_end.cluster.databases import as_datetime
from tests.end_to_end.cluster.processes import Cluster, wait_for
from tests.end_to_end.cluster.stage import Stage

# The scheduler looks every 30 seconds.
SCHEDULER_SECONDS = 90
BEFORE = timedelta(seconds=20)


class MovedClock:
    """The clock of a cluster that runs: libfaketime reads from a file by how much it is moved."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._moved_by = timedelta()

    def set(self, moment: datetime) -> None:
        """From now on, within a second, it shows this moment and goes on from there."""
        self._moved_by = moment - datetime.now(UTC)
        self.file.write_text(f"{self._moved_by.total_seconds():+.0f}s\n", encoding="ascii")

    @property
    def now(self) -> datetime:
        """What it shows."""
        return datetime.now(UTC) + self._moved_by


def done_since(stage: Stage, name: str, moment: datetime) -> list[datetime]:
    """The slots of the job that were begun at ``moment`` or later, and ended well."""
    return [
        as_datetime(job["intended_at"])
        for job in stage.job_runs()
        if job["name"] == name
        and as_datetime(job["started_at"]) >= moment
        and job["finished_at"] is not None
        and not job["error"]
    ]


def check_it_works(stage: Stage, cluster: Cluster, moment: datetime) -> None:
    """The jobs of every few minutes are queued and done from ``moment`` on."""
    for name in ("sync_balances", "reallocate_due"):
        wait_for(
            lambda name=name: done_since(stage, name, moment),  # type: ignore[misc]
            f"{name} runs after {moment}",
            seconds=SCHEDULER_SECONDS,
        )
    stage.wait_until_queue_is_empty(seconds=SCHEDULER_SECONDS)
    assert cluster.is_complete


@pytest.mark.parametrize(
    ("zone", "setting", "job", "wall", "twice", "next_day"),
    [
        # 04:00 is 03:00 again.
        ("Europe/Helsinki", "CAPITAL_PRUNE_AT", "prune", "03:30:00", "2026-10-25T00:30", "01:30"),
        # 03:00 is 02:00 again.
        ("Europe/Berlin", "CAPITAL_CLOSE_DAY_AT", "close_day", "02:30:00", "2026-10-25T00:30",
         "01:30"),
    ],
    ids=["Helsinki", "Berlin"],
)  # fmt: skip
def test_where_clocks_go_back_a_daily_job_runs_once_and_the_cluster_works_on(
    stage: Stage, chaos: bool, tmp_path: Path,
    zone: str, setting: str, job: str, wall: str, twice: str, next_day: str,
) -> None:  # fmt: skip
    if not chaos:
        pytest.skip("waits minutes for the scheduler: make chaos")
    library = find_libfaketime()
    if library is None:
        pytest.skip("libfaketime is not installed: apt install libfaketime")
    first = datetime.fromisoformat(twice).replace(tzinfo=UTC)
    second = first + timedelta(hours=1)
    clock = MovedClock(tmp_path / "moved")
    clock.set(first - BEFORE)
    stage.open_accounts(1)
    # The exchange of this test has the clock of this process.
    stage.settings |= {"TIME_ZONE": zone, setting: wall, "CAPITAL_LIVE_BALANCES": "0"}
    stage.settings |= clock_moved_by(clock.file, library)
    cluster = stage.start_cluster(module="tests.end_to_end.cluster.clocks.moved")

    wait_for(lambda: done_since(stage, job, first), f"{job} runs", seconds=SCHEDULER_SECONDS)
    check_it_works(stage, cluster, first)
    clock.set(second - BEFORE)
    wait_for(lambda: clock.now > second, "the time comes again", seconds=SCHEDULER_SECONDS)
    check_it_works(stage, cluster, second)

    assert done_since(stage, job, datetime.min.replace(tzinfo=UTC)) == [first]
    next_run = stage.database.value("SELECT next_run FROM django_q_schedule WHERE name = %s", job)
    tomorrow = first.date() + timedelta(days=1)
    assert as_datetime(next_run).isoformat() == f"{tomorrow}T{next_day}:00+00:00"
    assert cluster.stop(seconds=60) == 0
