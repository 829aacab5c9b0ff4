"""What is known of old tasks and jobs is removed. What was decided is kept for ever."""

from collections import Counter
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django_q.models import Task

from capital.exchange.gateway import Clock
from capital.models import ClusterHeartbeat, JobRun

# A cluster that was stopped is still worth a look on the same day.
_HEARTBEATS_KEPT = timedelta(days=1)


def prune(*, clock: Clock = timezone.now) -> Counter[str]:
    """Remove rows about tasks and jobs beyond the kept span, and heartbeats of dead clusters.

    Returns:
        How many ``tasks``, ``job_runs`` and ``heartbeats`` went.
    """
    now = clock()
    before = now - timedelta(days=settings.CAPITAL_KEEP_JOB_DAYS)
    gone = {
        "tasks": Task.objects.filter(stopped__lt=before),
        "job_runs": JobRun.objects.filter(started_at__lt=before),
        "heartbeats": ClusterHeartbeat.objects.filter(beat_at__lt=now - _HEARTBEATS_KEPT),
    }
    return Counter({name: rows.delete()[0] for name, rows in gone.items()})
