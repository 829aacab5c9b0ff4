"""Removing old rows about tasks, jobs and requests. What was decided is kept for ever."""

from collections import Counter
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django_q.models import Task

from capital.domain.clock import Clock
from capital.models import AllocationPlan, ClusterHeartbeat, JobRun, PlanRequest, TradeUpload
from capital.services.access.idempotency import prune_requests
from capital.services.balances.turns.paces import prune_paces
from capital.services.transactions import outside_transaction
from capital.services.webhooks.secrets import prune_nonces

# On the same day somebody may still want to see a cluster that has stopped.
_HEARTBEATS_KEPT = timedelta(days=1)
# A plan can be applied for minutes only, and what was applied is in the runs. What was uploaded and
# is still not imported was left.
_PREVIEWS_KEPT = timedelta(days=1)


@outside_transaction
def prune(*, clock: Clock = timezone.now) -> Counter[str]:
    """Remove old rows about tasks and jobs, heartbeats of dead clusters, and yesterday's previews.

    Call it outside a transaction: what is gone is gone, kind by kind, and nothing waits for all.

    Returns:
        How many ``tasks``, ``job_runs``, ``heartbeats``, ``plans``, ``trade_uploads``,
        ``idempotent_requests`` and ``webhook_nonces`` were removed.
    """
    now = clock()
    before = now - timedelta(days=settings.CAPITAL_KEEP_JOB_DAYS)
    gone = {
        "tasks": Task.objects.filter(stopped__lt=before),
        "job_runs": JobRun.objects.filter(started_at__lt=before),
        "plans": AllocationPlan.objects.filter(created_at__lt=now - _PREVIEWS_KEPT),
        "trade_uploads": TradeUpload.objects.filter(created_at__lt=now - _PREVIEWS_KEPT),
        "heartbeats": ClusterHeartbeat.objects.filter(beat_at__lt=now - _HEARTBEATS_KEPT),
    }
    # What was asked for and never made: its process was ended. The others go with their plan.
    PlanRequest.objects.filter(started_at__lt=now - _PREVIEWS_KEPT).delete()
    # The accounts of a plan are removed with it, and are not counted.
    counts = Counter(
        {name: rows.delete()[1].get(rows.model._meta.label, 0) for name, rows in gone.items()}
    )
    counts["idempotent_requests"] = prune_requests(now=now)
    prune_paces(now=now)
    counts["webhook_nonces"] = prune_nonces(now=now)
    return counts
