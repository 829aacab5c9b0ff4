"""The table of the periodic jobs: their names and tasks, when they run, and how late is late.

What a job does is in ``work``. This module does not import it, so that whoever only asks how the
jobs are doing does not load the way to a decision.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from capital.domain.clock import Clock
from capital.domain.daily import next_time_of_day
from capital.domain.errors import UnknownJob

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Slot:
    """One time at which a job is to run.

    Attributes:
        intended_at: The time in the schedule; None when a person runs the job.
        clock: Says what time it is.
        queued_at: When the task was queued; None where no queue is involved. After the cluster
            was down this is long after the intended time.
    """

    intended_at: datetime | None
    clock: Clock
    queued_at: datetime | None = None

    @classmethod
    def from_text(
        cls, intended: str | None, *, clock: Clock, queued_at: datetime | None = None
    ) -> "Slot":
        """The slot of a task that was queued with this ISO time; None means now."""
        moment = datetime.fromisoformat(intended) if intended else clock()
        return cls(moment.astimezone(UTC), clock, queued_at)

    @property
    def key(self) -> str | None:
        """The run key: the same for every task of this slot, so that a repeat decides nothing."""
        return None if self.intended_at is None else f"schedule:{self.intended_at.isoformat()}"

    @property
    def wait(self) -> timedelta:
        """How long the task has been in the queue by now."""
        return timedelta() if self.queued_at is None else self.clock() - self.queued_at


@dataclass(frozen=True)
class Every:
    """Runs every so many minutes. Not as cron, where ``*/11`` starts over at each full hour.

    Attributes:
        setting: The name of the setting that holds the minutes; where they are 0, never.
    """

    setting: str

    @property
    def minutes(self) -> int:
        """The interval as configured."""
        return int(getattr(settings, self.setting))

    def slot_after(self, moment: datetime) -> datetime:
        """When the next run is expected after one that began at ``moment``."""
        return moment + self.minutes * _MINUTE

    @property
    def expires_after(self) -> timedelta:
        """How long a task may wait in the queue before newer ones have made it pointless."""
        return max(5 * _MINUTE, 2 * self.minutes * _MINUTE)


@dataclass(frozen=True)
class DailyAt:
    """Runs once a day at one time in the project's time zone, daylight saving time or not.

    The queue never sees the zone: it gets the next time in UTC, and another one after each run.

    Attributes:
        setting: The name of the setting that holds the time.
    """

    setting: str

    @property
    def at(self) -> time:
        """The time of day as configured."""
        at: time = getattr(settings, self.setting)
        return at

    def slot_after(self, moment: datetime) -> datetime:
        """The first such time of day after ``moment``, in UTC."""
        return next_time_of_day(moment, self.at, timezone.get_default_timezone())

    @property
    def expires_after(self) -> timedelta:
        """How long a task may wait in the queue: less than until the next day's task."""
        return timedelta(hours=20)


@dataclass(frozen=True)
class Job:
    """One row of the table.

    Attributes:
        task: The function that the queue calls. Schedules and queued tasks store it.
        summary: What the job does.
        timing: When it runs.
        late_after: How long after its expected time a job without success is late.
        chunk_task: The function that does the job for some of the accounts; None for a job that
            is not about accounts, or never handed out in chunks.
        is_bounded: Whether it is about accounts and ends in time, however many there are: what it
            leaves goes first the next time.
    """

    task: str
    summary: Promise
    timing: Every | DailyAt
    late_after: timedelta
    chunk_task: str | None = None
    is_bounded: bool = False

    @property
    def name(self) -> str:
        """The job's name: on its schedule, on its runs, and for ``run_job``."""
        return name_of(self.task)

    @property
    def takes_accounts(self) -> bool:
        """Whether it works through accounts."""
        return self.chunk_task is not None or self.is_bounded

    @property
    def is_off(self) -> bool:
        """Whether a setting switches it off: it runs by hand only."""
        return isinstance(self.timing, Every) and self.timing.minutes == 0


def name_of(task: str) -> str:
    """The name under which runs of a task are recorded: that of its function."""
    return task.rpartition(".")[2]


SYNC_BALANCES = Job(
    "capital.tasks.sync_balances",
    _("Update today's summaries with live balances"),
    Every("CAPITAL_SYNC_MINUTES"),
    late_after=timedelta(minutes=3),
    chunk_task="capital.tasks.sync_balances_chunk",
)
REALLOCATE_DUE = Job(
    "capital.tasks.reallocate_due",
    _("Reallocate the accounts that are due"),
    Every("CAPITAL_REALLOCATE_MINUTES"),
    late_after=timedelta(minutes=6),
    chunk_task="capital.tasks.reallocate_due_chunk",
)
SYNC_FILLS = Job(
    "capital.tasks.sync_fills",
    _("Read fills and flows from the exchanges"),
    Every("CAPITAL_SYNC_FILLS_MINUTES"),
    late_after=timedelta(minutes=15),
    is_bounded=True,
)
CLOSE_DAY = Job(
    "capital.tasks.close_day",
    _("Close yesterday's summaries and open today's"),
    DailyAt("CAPITAL_CLOSE_DAY_AT"),
    late_after=timedelta(minutes=15),
    chunk_task="capital.tasks.close_day_chunk",
)
SYNC_MARKETS = Job(
    "capital.tasks.sync_markets",
    _("Update instrument rules from the exchanges"),
    Every("CAPITAL_SYNC_MARKETS_MINUTES"),
    late_after=timedelta(hours=6),
)
CHECK_KEYS = Job(
    "capital.tasks.check_keys",
    _("Ask exchanges whether API keys can withdraw"),
    DailyAt("CAPITAL_CHECK_KEYS_AT"),
    late_after=timedelta(hours=6),
    chunk_task="capital.tasks.check_keys_chunk",
)
WATCH = Job(
    "capital.tasks.watch",
    _("Tell what is wrong, and what is over"),
    Every("CAPITAL_WATCH_MINUTES"),
    late_after=timedelta(minutes=5),
)
SEND_DIGEST = Job(
    "capital.tasks.send_digest",
    _("Write the daily digests"),
    DailyAt("CAPITAL_DIGEST_AT"),
    late_after=timedelta(hours=1),
)
PRUNE = Job(
    "capital.tasks.prune",
    _("Delete old task and job records"),
    DailyAt("CAPITAL_PRUNE_AT"),
    late_after=timedelta(hours=6),
)

# Answers the signals that a process left without an answer when it died.
FINISH_DELIVERIES = "capital.tasks.finish_deliveries"

# The name of a JobRun that records what the workers refused to run.
REFUSED = "refused_task"

JOBS = (
    SYNC_BALANCES,
    REALLOCATE_DUE,
    SYNC_FILLS,
    CLOSE_DAY,
    SYNC_MARKETS,
    CHECK_KEYS,
    WATCH,
    SEND_DIGEST,
    PRUNE,
)


def scheduled_jobs() -> list[Job]:
    """The jobs that run by themselves."""
    return [job for job in JOBS if not job.is_off]


def get_job(name: str) -> Job:
    """The job of this name.

    Raises:
        UnknownJob: There is none.
    """
    for job in JOBS:
        if job.name == name:
            return job
    raise UnknownJob(name=repr(name), known=", ".join(job.name for job in JOBS))
