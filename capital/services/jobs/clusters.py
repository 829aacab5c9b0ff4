"""The clusters that pull tasks from the queue, and how long tasks wait for them."""

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone
from django_q.models import OrmQ

from capital.domain.clock import Clock
from capital.models import ClusterHeartbeat


@dataclass(frozen=True)
class ClusterHealth:
    """One cluster process and its last heartbeat."""

    host: str
    pid: int
    beat_at: datetime
    age: timedelta
    is_alive: bool


def longest_silence() -> timedelta:
    """How long a cluster may go without a heartbeat.

    It pulls nothing while all its workers are busy, which may last as long as a task may take.
    """
    return timedelta(seconds=settings.Q_CLUSTER["timeout"]) + timedelta(seconds=30)


def longest_wait() -> timedelta:
    """How long a task may wait in the queue; longer means that something is wrong."""
    return timedelta(seconds=settings.Q_CLUSTER["retry"])


def record_heartbeat(*, pid: int, is_first: bool, clock: Clock = timezone.now) -> None:
    """Record that the cluster with this process id on this machine pulls tasks."""
    host, now = socket.gethostname(), clock()
    row = ClusterHeartbeat.objects.filter(host=host, pid=pid)
    # Process ids are used again: the first heartbeat is that of a new cluster.
    renewed = row.update(beat_at=now, started_at=now) if is_first else row.update(beat_at=now)
    if not renewed:
        try:
            ClusterHeartbeat.objects.create(host=host, pid=pid, started_at=now, beat_at=now)
        except IntegrityError:
            row.update(beat_at=now)


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
    return [
        ClusterHealth(row.host, row.pid, row.beat_at, now - row.beat_at, now - row.beat_at <= limit)
        for row in ClusterHeartbeat.objects.order_by("host", "pid")
    ]


def oldest_wait(*, now: datetime) -> timedelta | None:
    """How long the oldest task has waited in the queue; None for an empty queue.

    A task that a cluster has pulled is locked until it is done or given up. It does not wait.
    """
    waiting = OrmQ.objects.filter(key=settings.Q_CLUSTER["name"], lock__lte=now)
    lock = waiting.order_by("lock").values_list("lock", flat=True).first()
    return None if lock is None else now - lock
