"""What the jobs and the clusters have to tell: late jobs, a queue that does not move, silence."""

from collections import Counter
from datetime import timedelta

from capital.domain.clock import Clock
from capital.domain.reasons import Code, Reason
from capital.models import AlertKind
from capital.services.alerts.digest import write_digests
from capital.services.alerts.troubles import About, Seen
from capital.services.alerts.watch import watch
from capital.services.jobs.health import check_health
from capital.services.jobs.table import WATCH


def look(*, clock: Clock) -> Counter[str]:
    """Tell what is wrong now, of jobs, clusters and accounts, and what is over."""
    return watch(_operations(clock=clock), clock=clock)


def tell_day(*, clock: Clock) -> Counter[str]:
    """Write yesterday's digests. Counts them as ``digests``."""
    return Counter(digests=write_digests(clock=clock))


def _operations(*, clock: Clock) -> list[Seen]:
    health, about = check_health(clock=clock), About()
    seen = [
        Seen(
            kind=AlertKind.JOB_LATE,
            about=about,
            reason=Reason(Code.JOB_IS_LATE, {"job": job.name}),
            part=job.name,
        )
        for job in health.jobs
        # Whoever looks is not late.
        if job.is_late and job.name != WATCH.name
    ]
    if health.is_stuck and health.oldest_wait is not None:
        seconds = str(health.oldest_wait // timedelta(seconds=1))
        reason = Reason(Code.QUEUE_STUCK, {"seconds": seconds})
        seen.append(Seen(kind=AlertKind.JOB_LATE, about=about, reason=reason, part="queue"))
    seen += [
        Seen(
            kind=AlertKind.CLUSTER_SILENT,
            about=about,
            reason=Reason(
                Code.CLUSTER_SILENT,
                {
                    "cluster": f"{cluster.host} {cluster.pid}",
                    "since": cluster.beat_at.isoformat(),
                },
            ),
            part=f"{cluster.host}:{cluster.pid}",
        )
        for cluster in health.clusters
        if not cluster.is_alive
    ]
    return seen
