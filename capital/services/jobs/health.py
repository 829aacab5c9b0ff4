"""Whether the jobs run on time, whether clusters are alive, and whether the site is ready."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import Error
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django_q.models import Schedule

from capital.domain.clock import Clock
from capital.domain.reasons import Code, Reason
from capital.models import Account, JobRun
from capital.models.queries.prepared import PreparedQuery
from capital.services.jobs.clusters import ClusterHealth, cluster_health, longest_wait, oldest_wait
from capital.services.jobs.errors import error_of
from capital.services.jobs.table import REFUSED, Job, scheduled_jobs
from capital.services.schema import read_schema

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
class ReadAccounts:
    """Of how many accounts the exchange could not be read at the last sync.

    Attributes:
        active: How many accounts are active.
        failing: How many of them could not be read, by exchange and the code of why. That live
            balances are switched off is no failure.
    """

    active: int
    failing: Mapping[tuple[str, str], int]

    @property
    def count(self) -> int:
        """How many could not be read."""
        return sum(self.failing.values())

    @property
    def by_venue(self) -> dict[str, int]:
        """The same by exchange, the one with most of them first."""
        counts: Counter[str] = Counter()
        for (venue, _code), number in self.failing.items():
            counts[venue] += number
        return dict(counts.most_common())

    @property
    def are_many(self) -> bool:
        """Whether it is half of the accounts or more: no matter of one key."""
        return 0 < self.active <= 2 * self.count

    @property
    def reason(self) -> Reason | None:
        """How many they are, and where; None where every account could be read."""
        if not self.failing:
            return None
        venues = ", ".join(f"{venue} {number}" for venue, number in self.by_venue.items())
        figures = {"count": str(self.count), "all": str(self.active), "venues": venues}
        return Reason(Code.ACCOUNTS_UNREADABLE, figures)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "active": self.active,
            "failing": self.count,
            "are_many": self.are_many,
            "exchanges": [
                {"exchange": venue, "code": code, "accounts": number}
                for (venue, code), number in sorted(self.failing.items())
            ],
        }


@dataclass(frozen=True)
class Health:
    """How the jobs, the clusters and the queue are doing, and whether exchanges can be read.

    Attributes:
        jobs: In the order of the table, without those that are switched off.
        clusters: Every cluster with a heartbeat.
        oldest_wait: How long the oldest task has waited; None for an empty queue.
        is_stuck: Whether that is too long.
        accounts: Of how many the exchange could not be read.
    """

    jobs: list[JobHealth]
    clusters: list[ClusterHealth]
    oldest_wait: timedelta | None
    is_stuck: bool
    accounts: ReadAccounts

    @property
    def is_healthy(self) -> bool:
        """Whether no job is late, a cluster is alive, no task waits too long, few accounts fail."""
        return (
            not self.is_stuck
            and not self.accounts.are_many
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
            "accounts": self.accounts.as_json(),
            "is_healthy": self.is_healthy,
        }


@dataclass(frozen=True)
class Readiness:
    """Whether the site is ready to serve.

    Attributes:
        database: Whether the database answers.
        migrations: Whether it is migrated.
    """

    database: bool
    migrations: bool

    @property
    def is_ready(self) -> bool:
        """Whether all of it is."""
        return self.database and self.migrations

    def as_json(self) -> dict[str, bool]:
        """For programs: yes or no only, since anybody may ask."""
        return {
            "is_ready": self.is_ready,
            "database": self.database,
            "migrations": self.migrations,
        }


@dataclass(frozen=True)
class WorkersReadiness:
    """Whether the jobs are worked on.

    Attributes:
        cluster: Whether a cluster takes tasks; False also where the database does not answer.
        queue: Whether no task waits too long.
    """

    cluster: bool
    queue: bool

    @property
    def is_ready(self) -> bool:
        """Whether both hold."""
        return self.cluster and self.queue

    def as_json(self) -> dict[str, bool]:
        """For programs: yes or no only, since anybody may ask."""
        return {"is_ready": self.is_ready, "cluster": self.cluster, "queue": self.queue}


def check_health(*, clock: Clock = timezone.now) -> Health:
    """How the jobs, the clusters and the queue are doing now."""
    now = clock()
    wait = oldest_wait(now=now)
    return Health(
        jobs=_jobs_health(now=now),
        clusters=cluster_health(now=now),
        oldest_wait=wait,
        is_stuck=wait is not None and wait > longest_wait(),
        accounts=_read_accounts(),
    )


def check_readiness() -> Readiness:
    """Whether the database answers and is migrated: that a site needs to serve.

    Workers and exchanges are no matter of the site's: it would be taken out of service for them.
    """
    try:
        schema = read_schema()
    except Error:
        return Readiness(database=False, migrations=False)
    return Readiness(database=True, migrations=not schema.pending)


def _read_accounts() -> ReadAccounts:
    """Two queries; the second finds nothing where all is well."""
    active = Account.objects.filter(is_active=True).order_by()
    failing = active.exclude(connection_code__in=("", Code.LIVE_DISABLED.value))
    return ReadAccounts(active.count(), Counter(failing.values_list("venue", "connection_code")))


def check_workers(*, clock: Clock = timezone.now) -> WorkersReadiness:
    """Whether a cluster takes tasks, and no task waits too long. Two queries."""
    now = clock()
    try:
        alive = any(cluster.is_alive for cluster in cluster_health(now=now))
        wait = oldest_wait(now=now)
    except Error:
        return WorkersReadiness(cluster=False, queue=False)
    return WorkersReadiness(cluster=alive, queue=wait is None or wait <= longest_wait())


class _Runs(NamedTuple):
    """What a job's schedule and its runs tell, each by the newest of its kind.

    Attributes:
        next_at: The next time in its schedule; None where it has none.
        first_at: When its very first run began.
        failed: The key of the last run that failed.
    """

    next_at: datetime | None = None
    last_at: datetime | None = None
    success_at: datetime | None = None
    first_at: datetime | None = None
    failed: int | None = None
    failed_at: datetime | None = None

    @property
    def has_failed(self) -> bool:
        """Whether it failed since it last succeeded, or never did."""
        if self.failed_at is None:
            return False
        return self.success_at is None or self.failed_at > self.success_at


def _one(column: str, *, newest: bool = True, **conditions: Any) -> Subquery:
    """That column of the newest such run of a schedule's job, or of the oldest."""
    rows = JobRun.objects.filter(name=OuterRef("name"), **conditions)
    order = ("-started_at", "-pk") if newest else ("started_at", "pk")
    return Subquery(rows.order_by(*order).values(column)[:1])


_OF_RUNS = _Runs._fields[1:]


def _with_runs(rows: "QuerySet[Any, Any]") -> Any:
    """These rows, which have a job's name, with what its runs tell."""
    return rows.annotate(
        last_at=_one("started_at"),
        success_at=_one("started_at", chunk=0, finished_at__isnull=False, error=""),
        first_at=_one("started_at", newest=False),
        failed=_one("pk", error__gt=""),
        failed_at=_one("started_at", error__gt=""),
    )


# Every page that tells how the jobs are asks this. Of two schedules of a job the first counts.
_SCHEDULED = PreparedQuery(
    lambda names: (
        _with_runs(Schedule.objects.filter(name__in=names))
        .order_by("-pk")
        .values_list("name", "next_run", *_OF_RUNS)
    )
)


def _unscheduled(job: Job) -> _Runs:
    """What the runs alone tell of a job that has no schedule."""
    runs = _with_runs(JobRun.objects.filter(name=job.name)).order_by("-started_at", "-pk")
    told = runs.values_list(*_OF_RUNS).first()
    return _Runs() if told is None else _Runs(None, *told)


def _jobs_health(*, now: datetime) -> list[JobHealth]:
    """Of all jobs, in one query; one more for each without a schedule, and one if any failed."""
    jobs = scheduled_jobs()
    runs = {name: _Runs(*told) for name, *told in _SCHEDULED.rows([job.name for job in jobs])}
    runs |= {job.name: _unscheduled(job) for job in jobs if job.name not in runs}
    failed = [each.failed for each in runs.values() if each.has_failed]
    failures = JobRun.objects.in_bulk(failed) if failed else {}
    return [_job_health(job, runs[job.name], failures, now=now) for job in jobs]


def _job_health(
    job: Job, runs: _Runs, failures: Mapping[int, JobRun], *, now: datetime
) -> JobHealth:
    failure = failures.get(runs.failed or 0)
    expected = _expected_at(job, runs)
    lateness = max(now - expected, timedelta()) if expected is not None else timedelta()
    return JobHealth(
        name=job.name,
        last_success_at=runs.success_at,
        last_run_at=runs.last_at,
        next_run_at=runs.next_at,
        lateness=lateness,
        is_late=runs.next_at is None or lateness > job.late_after,
        last_error=failure.error if failure else "",
        shown_error=error_of(failure) if failure else "",
    )


def refused_tasks(*, clock: Clock = timezone.now) -> list[RefusedTask]:
    """What the workers refused to run in the last seven days, newest first."""
    now = clock()
    runs = JobRun.objects.filter(name=REFUSED, started_at__gt=now - _REFUSALS_TOLD)
    newest = runs.order_by("-started_at", "-pk")[:_MOST_REFUSALS]
    return [RefusedTask(run.started_at, run.error, error_of(run)) for run in newest]


def _expected_at(job: Job, runs: _Runs) -> datetime | None:
    """When the next success is due; None where nothing tells."""
    if runs.success_at is not None:
        return job.timing.slot_after(runs.success_at)
    return min((at for at in (runs.next_at, runs.first_at) if at is not None), default=None)


def _clock_of(cluster: ClusterHealth) -> dict[str, int]:
    """How far its clock is ahead, only where that is why it takes no tasks."""
    ahead = int(cluster.clock_ahead.total_seconds())
    return {"clock_ahead_seconds": ahead} if ahead else {}


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else timezone.localtime(moment).isoformat()
