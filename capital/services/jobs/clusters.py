"""The clusters that pull tasks from the queue, and how long tasks wait for them."""

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone
from django_q.models import OrmQ

from capital.domain.clock import Clock
from capital.models import ClusterHeartbeat
from capital.models.queries.clock import ahead_of_database
from capital.services.clocks import is_too_far


@dataclass(frozen=True)
class ClusterHealth:
    """One cluster process and its last heartbeat.

    Attributes:
        host: Its machine.
        pid: Its guard's process.
        beat_at: When it last pulled tasks, by its machine's clock.
        age: How long ago that was.
        is_alive: Whether it pulls tasks and takes them.
        clock_ahead: How far its clock is ahead of the database's, where that is too far to take
            any; else zero.
    """

    host: str
    pid: int
    beat_at: datetime
    age: timedelta
    is_alive: bool
    clock_ahead: timedelta = timedelta()


def longest_silence() -> timedelta:
    """How long a cluster may go without a heartbeat.

    It pulls nothing while all its workers are busy, which may last as long as a task may take.
    """
    return timedelta(seconds=settings.Q_CLUSTER["timeout"]) + timedelta(seconds=30)


def longest_wait() -> timedelta:
    """How long a task may wait in the queue; longer means that something is wrong."""
    return timedelta(seconds=settings.Q_CLUSTER["retry"])


def record_heartbeat(*, pid: int, is_first: bool, clock: Clock = timezone.now) -> bool:
    """Record that the cluster with this process id on this machine pulls tasks.

    With its first heartbeat it takes the place of one that was killed here: whatever starts
    clusters again started it for that one, of which nobody needs to be told any longer.

    Returns:
        Whether this machine's clock is too far off the database's to take any.
    """
    host, ahead = socket.gethostname(), ahead_of_database(clock=clock)
    now = clock()
    values = {"beat_at": now, "clock_ahead_seconds": _whole_seconds(ahead)}
    row = ClusterHeartbeat.objects.filter(host=host, pid=pid)
    # Process ids are used again: the first heartbeat is that of a new cluster.
    if not row.update(**values, **({"started_at": now} if is_first else {})):
        try:
            ClusterHeartbeat.objects.create(host=host, pid=pid, started_at=now, **values)
        except IntegrityError:
            row.update(**values)
    if is_first:
        _take_a_place(host, of=pid)
    return is_too_far(ahead)


def _take_a_place(host: str, *, of: int) -> None:
    """Forget the cluster of this machine that was heard last of those that are no process now."""
    others = ClusterHeartbeat.objects.filter(host=host).exclude(pid=of)
    for row in others.order_by("-beat_at", "-pk"):
        if not is_process(row.pid):
            row.delete()
            return


def is_process(pid: int) -> bool:
    """Whether there is such a process on this machine, and it has not ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        # Somebody else's.
        return True
    return not _has_ended(pid)


def _has_ended(pid: int) -> bool:
    """Whether all that is left of it is its number, for which its parent has yet to ask."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    # Behind its name in parentheses, which may hold anything.
    return told.rpartition(")")[2].split()[:1] in (["Z"], ["X"])


def _whole_seconds(span: timedelta) -> int:
    """Rounded away from zero, so that what is too far stays so."""
    size = -(-abs(span) // timedelta(seconds=1))
    return size if span > timedelta() else -size


def is_clock_wrong(*, clock: Clock = timezone.now) -> bool:
    """Whether this machine's clock is too far off the database's to work by it."""
    return is_too_far(ahead_of_database(clock=clock))


def forget_heartbeat(*, pid: int) -> None:
    """Remove the heartbeat of a cluster of this machine that was stopped on purpose."""
    ClusterHeartbeat.objects.filter(host=socket.gethostname(), pid=pid).delete()


def is_silent(*, pid: int, clock: Clock = timezone.now) -> bool:
    """Whether this machine's cluster ``pid`` once pulled tasks and does so no longer."""
    before = clock() - longest_silence()
    rows = ClusterHeartbeat.objects.filter(host=socket.gethostname(), pid=pid, beat_at__lt=before)
    return rows.exists()


def cluster_health(*, now: datetime) -> list[ClusterHealth]:
    """Every cluster with a heartbeat, by host and process id."""
    limit = longest_silence()
    found = []
    for row in ClusterHeartbeat.objects.order_by("host", "pid"):
        ahead = timedelta(seconds=row.clock_ahead_seconds)
        is_wrong = is_too_far(ahead)
        # What is less may be the clock of whoever asks.
        age = now - row.beat_at + (ahead if is_wrong else timedelta())
        alive = age <= limit and not is_wrong
        shown = ahead if is_wrong else timedelta()
        found.append(ClusterHealth(row.host, row.pid, row.beat_at, age, alive, shown))
    return found


def oldest_wait(*, now: datetime) -> timedelta | None:
    """How long the oldest task has waited in the queue; None for an empty queue.

    A task that a cluster has pulled is locked until it is done or given up. It does not wait.
    """
    waiting = OrmQ.objects.filter(key=settings.Q_CLUSTER["name"], lock__lte=now)
    lock = waiting.order_by("lock").values_list("lock", flat=True).first()
    return None if lock is None else now - lock
