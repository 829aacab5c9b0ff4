"""Whether the jobs are done in time, by whom, and whether this process can serve."""

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
from capital.services.jobs.table import JOBS, Job

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class JobHealth:
    """One job.

    Attributes:
        name: Which.
        last_success_at: When the last run began that did all of its work without an error.
        last_run_at: When the last run of the job, or of a chunk of it, began.
        next_run_at: None where it is not scheduled.
        lateness: How long after its expected time it is; zero where it is not.
        is_late: By more than it may be, or it is not scheduled at all.
        last_error: Of the runs since the last success; empty where there was none.
    """

    name: str
    last_success_at: datetime | None
    last_run_at: datetime | None
    next_run_at: datetime | None
    lateness: timedelta
    is_late: bool
    last_error: str

    def as_json(self) -> dict[str, Any]:
        """Times in the project's time zone, ISO; the lateness in whole seconds."""
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
class Health:
    """The jobs, the clusters that do them, and the queue between them."""

    jobs: list[JobHealth]
    clusters: list[ClusterHealth]
    oldest_wait: timedelta | None
    is_stuck: bool

    @property
    def is_healthy(self) -> bool:
        """Nothing is late, tasks are pulled in time, and somebody pulls them."""
        return (
            not self.is_stuck
            and not any(job.is_late for job in self.jobs)
            and any(cluster.is_alive for cluster in self.clusters)
        )

    def as_json(self) -> dict[str, Any]:
        """For programs; spans in whole seconds."""
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
                }
                for cluster in self.clusters
            ],
            "oldest_task_seconds": None if wait is None else wait // _SECOND,
            "is_healthy": self.is_healthy,
        }


@dataclass(frozen=True)
class Readiness:
    """Whether this process can do its work: what answers, and what does not."""

    database: bool
    migrations: bool
    cluster: bool

    @property
    def is_ready(self) -> bool:
        """All of it."""
        return self.database and self.migrations and self.cluster

    def as_json(self) -> dict[str, bool]:
        """What is ready and what is not; no names, no texts."""
        return {
            "is_ready": self.is_ready,
            "database": self.database,
            "migrations": self.migrations,
            "cluster": self.cluster,
        }


def check_health(*, clock: Clock = timezone.now) -> Health:
    """How the jobs are doing."""
    now = clock()
    schedules = {row.name: row for row in Schedule.objects.order_by("-pk")}
    wait = oldest_wait(now=now)
    return Health(
        jobs=[_job_health(job, schedules.get(job.name), now=now) for job in JOBS],
        clusters=cluster_health(now=now),
        oldest_wait=wait,
        is_stuck=wait is not None and wait > longest_wait(),
    )


def check_readiness(*, clock: Clock = timezone.now) -> Readiness:
    """Whether the database answers, is migrated, and a cluster pulls its tasks."""
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
    )


def _expected_at(job: Job, success: JobRun | None, schedule: Schedule | None) -> datetime | None:
    """When the next success was, or is, to be expected."""
    if success is not None:
        return job.timing.slot_after(success.started_at)
    first = JobRun.objects.filter(name=job.name).order_by("started_at").first()
    moments = [schedule.next_run if schedule else None, first.started_at if first else None]
    return min((moment for moment in moments if moment is not None), default=None)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else timezone.localtime(moment).isoformat()
