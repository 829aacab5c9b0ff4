"""The table of the periodic jobs: what each does, when, and how late is late."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from capital.domain.allocation.decision import Outcome
from capital.domain.clock import Clock
from capital.domain.errors import UnknownJob
from capital.domain.reasons import Code
from capital.services.balances import sync
from capital.services.jobs.work import (
    _close_day,
    _prune,
    _reallocate_due,
    _sync_balances,
    _sync_markets,
)
from capital.services.markets import rules as markets

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Slot:
    """One time at which a job is to run.

    Attributes:
        intended_at: The time that the schedule meant; None when a person runs the job.
        clock: Says what time it is.
        queued_at: When the task was queued; None where no queue is involved. After a pause that
            is long after the intended time.
    """

    intended_at: datetime | None
    clock: Clock
    queued_at: datetime | None = None

    @classmethod
    def from_text(
        cls, intended: str | None, *, clock: Clock, queued_at: datetime | None = None
    ) -> "Slot":
        """The slot of a task, of whose arguments this is the ISO time; none means now."""
        moment = datetime.fromisoformat(intended) if intended else clock()
        return cls(moment.astimezone(UTC), clock, queued_at)

    @property
    def key(self) -> str | None:
        """The same for every task of the slot, so that what is delivered twice decides once."""
        return None if self.intended_at is None else f"schedule:{self.intended_at.isoformat()}"

    @property
    def wait(self) -> timedelta:
        """How long the task has been in the queue by now."""
        return timedelta() if self.queued_at is None else self.clock() - self.queued_at


@dataclass(frozen=True)
class Every:
    """Each so many minutes; minutes, not cron, whose ``*/11`` starts over at every hour."""

    setting: str

    @property
    def minutes(self) -> int:
        """As configured."""
        return int(getattr(settings, self.setting))

    def slot_after(self, moment: datetime) -> datetime:
        """When the next run is expected once one began at ``moment``."""
        return moment + self.minutes * _MINUTE

    @property
    def expires_after(self) -> timedelta:
        """How long a task may wait until it is no longer worth it: newer ones do the same."""
        return max(5 * _MINUTE, 2 * self.minutes * _MINUTE)


@dataclass(frozen=True)
class DailyAt:
    """Once a day, at this time in the project's time zone, also where clocks are put back."""

    setting: str

    @property
    def at(self) -> time:
        """As configured."""
        at: time = getattr(settings, self.setting)
        return at

    @property
    def cron(self) -> str:
        """Seconds are the sixth field."""
        return f"{self.at.minute} {self.at.hour} * * * {self.at.second}"

    def slot_after(self, moment: datetime) -> datetime:
        """The first such time of day after ``moment``."""
        zone = timezone.get_default_timezone()
        today = timezone.localdate(moment, zone)
        first = datetime.combine(today, self.at, tzinfo=zone)
        return first if first > moment else datetime.combine(today + _DAY, self.at, tzinfo=zone)

    @property
    def expires_after(self) -> timedelta:
        """Before the next day's task."""
        return timedelta(hours=20)


@dataclass(frozen=True)
class Job:
    """One row of the table.

    Attributes:
        name: Stable: of the schedule, of the task in ``capital.tasks``, and on ``run_job``.
        summary: What it does.
        timing: When.
        late_after: How long after its expected time a job without success is late.
        work: Does it for some accounts; how many of each outcome.
        failures: Tells the outcomes that mean that something failed.
        takes_accounts: Whether it works on accounts, and may be handed out in chunks.
    """

    name: str
    summary: Promise
    timing: Every | DailyAt
    late_after: timedelta
    work: Callable[[Sequence[int], Slot], Counter[str]]
    failures: Callable[[str], bool]
    takes_accounts: bool = True


JOBS = (
    Job(
        "sync_balances",
        _("Live readings into today's summary"),
        Every("CAPITAL_SYNC_MINUTES"),
        late_after=timedelta(minutes=3),
        work=_sync_balances,
        failures=lambda outcome: outcome not in (sync.LIVE, sync.SUSPECT),
    ),
    Job(
        "reallocate_due",
        _("Ask the gate, and reallocate where it is due"),
        Every("CAPITAL_REALLOCATE_MINUTES"),
        late_after=timedelta(minutes=6),
        work=_reallocate_due,
        failures=lambda outcome: outcome in (Outcome.FAILED.value, Code.NO_BALANCE.value),
    ),
    Job(
        "close_day",
        _("Close yesterday's summary and open today's"),
        DailyAt("CAPITAL_CLOSE_DAY_AT"),
        late_after=timedelta(minutes=15),
        work=_close_day,
        failures=lambda _outcome: False,
    ),
    Job(
        "sync_markets",
        _("Market rules from the venues"),
        Every("CAPITAL_SYNC_MARKETS_MINUTES"),
        late_after=timedelta(hours=6),
        work=_sync_markets,
        failures=lambda outcome: outcome != markets.SYNCED,
        takes_accounts=False,
    ),
    Job(
        "prune",
        _("Remove old rows about tasks and jobs"),
        DailyAt("CAPITAL_PRUNE_AT"),
        late_after=timedelta(hours=6),
        work=_prune,
        failures=lambda _outcome: False,
        takes_accounts=False,
    ),
)


def get_job(name: str) -> Job:
    """The job of this name.

    Raises:
        UnknownJob: There is none.
    """
    for job in JOBS:
        if job.name == name:
            return job
    raise UnknownJob(name=repr(name), known=", ".join(job.name for job in JOBS))
