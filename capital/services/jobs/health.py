"""Whether the jobs run on time, whether clusters are alive, and whether the site is ready."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django_q.models import Schedule

from capital.domain.clock import Clock
from capital.models import JobRun
from capital.services.jobs.clusters import ClusterHealth, cluster_health, longest_wait, oldest_wait
from capital.services.jobs.errors import error_of
from capital.services.jobs.table import REFUSED, Job, scheduled_jobs

_SECOND = timedelta(seconds=1)
# How long, and how many of them at most, refused tasks are told of.
_REFUSALS_TOLD = timedelta(days=7)
_MOST_REFUSALS = 10


@dataclass(frozen=True)
class JobHealth:
    """How one job is doing.

    Attributes:
        name: The job's name.
        last_success_at: When the last run began that did all of its work without an error.
        last_run_at: When the last run of the job, or of one of its chunks, began.
        next_run_at: The next time in its schedule; None where it is not scheduled.
        lateness: How long a success is overdue; zero where it is not.
        is_late: Whether it is overdue by more than it may be, or not scheduled at all.
        last_error: The latest error since the last success, as it was recorded; empty for none.
        shown_error: The same as a sentence in the reader's language.
    """

    name: str
    last_success_at: datetime | None
    last_run_at: datetime | None
    next_run_at: datetime | None
    lateness: timedelta
    is_late: bool
    last_error: str
    shown_error: str

    def as_json(self) -> dict[str, Any]:
        """For programs: ISO times in the project's time zone, the lateness in whole seconds."""
        return {
            "name": self.name,
            "last_success_at": _iso(self.last_success_at),
            "last_run_at": _iso(self.last_run_at),
            "next_run_at": _iso(self.next_run_at),
            "late_seconds": self.lateness // _SECOND,
            "is_late": self.is_late,
            "last_error": self.last_error,
        }


@dataclass(frozen=True)
class RefusedTask:
    """Something that the queue was asked for and that is not one of our tasks.

    Attributes:
        at: When it was refused.
        reason: What it was, as it was recorded.
        shown_reason: The same as a sentence in the reader's language.
    """

    at: datetime
    reason: str
    shown_reason: str


@dataclass(frozen=True)
class Health:
    """How the jobs, the clusters and the queue are doing.

    Attributes:
        jobs: In the order of the table, without those that are switched off.
        clusters: Every cluster with a heartbeat.
        oldest_wait: How long the oldest task has waited; None for an empty queue.
        is_stuck: Whether that is too long.
    """

    jobs: list[JobHealth]
    clusters: list[ClusterHealth]
    oldest_wait: timedelta | None
    is_stuck: bool

    @property
    def is_healthy(self) -> bool:
        """Whether no job is late, a cluster is alive and no task waits too long."""
        return (
            not self.is_stuck
            and not any(job.is_late for job in self.jobs)
            and any(cluster.is_alive for cluster in self.clusters)
        )

    @property
    def is_a_clock_wrong(self) -> bool:
        """Whether a cluster takes no tasks because of its machine's clock."""
        return any(cluster.clock_ahead for cluster in self.clusters)

    def as_json(self) -> dict[str, Any]:
        """For programs: durations in whole seconds."""
        wait = self.oldest_wait
        return {
            "jobs": [job.as_json() for job in self.jobs],
            "clusters": [
                {
                    "host": cluster.host,
                    "pid": cluster.pid,
                    "beat_at": _iso(cluster.beat_at),
                    "age_seconds": cluster.age // _SECOND,
                    "is_alive": cluster.is_alive,
                    **_clock_of(cluster),
                }
                for cluster in self.clusters
            ],
            "oldest_task_seconds": None if wait is None else wait // _SECOND,
            "is_healthy": self.is_healthy,
        }


@dataclass(frozen=True)
class Readiness:
    """Whether the site is ready to serve.

    Attributes:
        database: Whether the database answers.
        migrations: Whether it is migrated.
        cluster: Whether a cluster is alive.
    """

    database: bool
    migrations: bool
    cluster: bool

    @property
    def is_ready(self) -> bool:
        """Whether all of it is."""
        return self.database and self.migrations and self.cluster

    def as_json(self) -> dict[str, bool]:
        """For programs: yes or no only, since anybody may ask."""
        return {
            "is_ready": self.is_ready,
            "database": self.database,
            "migrations": self.migrations,
            "cluster": self.cluster,
        }


def check_health(*, clock: Clock = timezone.now) -> Health:
    """How the jobs, the clusters and the queue are doing now."""
    now = clock()
    schedules = {row.name: row for row in Schedule.objects.order_by("-pk")}
    wait = oldest_wait(now=now)
    return Health(
        jobs=[_job_health(job, schedules.get(job.name), now=now) for job in scheduled_jobs()],
        clusters=cluster_health(now=now),
        oldest_wait=wait,
        is_stuck=wait is not None and wait > longest_wait(),
    )


def check_readiness(*, clock: Clock = timezone.now) -> Readiness:
    """Whether the database answers and is migrated, and a cluster is alive."""
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return Readiness(database=True, migrations=False, cluster=False)
        alive = any(cluster.is_alive for cluster in cluster_health(now=clock()))
    except Error:
        return Readiness(database=False, migrations=False, cluster=False)
    return Readiness(database=True, migrations=True, cluster=alive)


def _job_health(job: Job, schedule: Schedule | None, *, now: datetime) -> JobHealth:
    runs = JobRun.objects.filter(name=job.name).order_by("-started_at", "-pk")
    last = runs.first()
    success = runs.filter(chunk=0, finished_at__isnull=False, error="").first()
    failed = runs.exclude(error="")
    if success is not None:
        failed = failed.filter(started_at__gt=success.started_at)
    failure = failed.first()
    expected = _expected_at(job, success, schedule)
    lateness = max(now - expected, timedelta()) if expected is not None else timedelta()
    return JobHealth(
        name=job.name,
        last_success_at=success.started_at if success else None,
        last_run_at=last.started_at if last else None,
        next_run_at=schedule.next_run if schedule else None,
        lateness=lateness,
        is_late=schedule is None or lateness > job.late_after,
        last_error=failure.error if failure else "",
        shown_error=error_of(failure) if failure else "",
    )


def refused_tasks(*, clock: Clock = timezone.now) -> list[RefusedTask]:
    """What the workers refused to run in the last seven days, newest first."""
    now = clock()
    runs = JobRun.objects.filter(name=REFUSED, started_at__gt=now - _REFUSALS_TOLD)
    newest = runs.order_by("-started_at", "-pk")[:_MOST_REFUSALS]
    return [RefusedTask(run.started_at, run.error, error_of(run)) for run in newest]


def _expected_at(job: Job, success: JobRun | None, schedule: Schedule | None) -> datetime | None:
    """When the next success is due; None where nothing tells."""
    if success is not None:
        return job.timing.slot_after(success.started_at)
    first = JobRun.objects.filter(name=job.name).order_by("started_at").first()
    moments = [schedule.next_run if schedule else None, first.started_at if first else None]
    return min((moment for moment in moments if moment is not None), default=None)


def _clock_of(cluster: ClusterHealth) -> dict[str, int]:
    """How far its clock is ahead, only where that is why it takes no tasks."""
    ahead = int(cluster.clock_ahead.total_seconds())
    return {"clock_ahead_seconds": ahead} if ahead else {}


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else timezone.localtime(moment).isoformat()
