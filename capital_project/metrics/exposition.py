"""What ``/metrics`` tells, in Prometheus's words. What is not known is left out, and is no zero."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from prometheus_client.core import GaugeMetricFamily

from capital.services.overview import Metrics

_SECOND = timedelta(seconds=1)
Sample = tuple[Sequence[str], Decimal | int | float]


class Told:
    """A collector of prometheus-client's: the figures of one moment."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Each series with its samples."""
        for name, says, labels, samples in _series(self._metrics):
            family = GaugeMetricFamily(name, says, labels=labels)
            for values, amount in samples:
                family.add_metric(list(values), float(amount))
            yield family


def _series(metrics: Metrics) -> Iterator[tuple[str, str, Sequence[str], Iterable[Sample]]]:
    yield from _of_accounts(metrics)
    yield (
        "capital_strategy_capital",
        "Allocated capital of a strategy over its accounts, in the account currency.",
        ("owner", "strategy", "currency"),
        [
            ((key.owner, key.strategy, key.currency), amount)
            for key, amount in metrics.capital.items()
        ],
    )
    yield from _of_jobs(metrics)
    yield (
        "capital_webhook_deliveries",
        "Webhook signals of the last hour, by what became of them.",
        ("outcome",),
        [((outcome,), number) for outcome, number in metrics.deliveries.items()],
    )
    yield (
        "capital_alerts_waiting",
        "Alerts that are not handed out yet, and their messages that are not sent yet.",
        ("what",),
        [(("alerts",), metrics.alerts_waiting), (("messages",), metrics.messages_waiting)],
    )


def _of_accounts(
    metrics: Metrics,
) -> Iterator[tuple[str, str, Sequence[str], Iterable[Sample]]]:
    yield (
        "capital_balance_age_seconds",
        "Age of the newest accepted balance of a pool; pools that were never read are left out.",
        ("account", "name", "venue", "pool"),
        [
            ((str(each.id), each.name, each.venue, pool.value), age / _SECOND)
            for each in metrics.accounts
            for pool, age in each.ages.items()
        ],
    )
    yield (
        "capital_account_code",
        "1 for why an account could not be read at the last sync, and for its last due check.",
        ("account", "name", "venue", "of", "code"),
        [
            ((str(each.id), each.name, each.venue, of, code), 1)
            for each in metrics.accounts
            for of, code in (("connection", each.connection_code), ("due", each.check_code))
            if code
        ],
    )
    read = metrics.health.accounts
    yield "capital_accounts_active", "Active accounts.", (), [((), read.active)]
    yield (
        "capital_accounts_failing",
        "Active accounts that could not be read at the last sync, by exchange and code.",
        ("venue", "code"),
        [(key, number) for key, number in read.failing.items()],
    )
    yield (
        "capital_accounts_failing_many",
        "1 where half of the active accounts, or more, could not be read at the last sync.",
        (),
        [((), int(read.are_many))],
    )


def _of_jobs(metrics: Metrics) -> Iterator[tuple[str, str, Sequence[str], Iterable[Sample]]]:
    health = metrics.health
    yield (
        "capital_job_late_seconds",
        "How long a success of a job is overdue; 0 where it is not.",
        ("job",),
        [((job.name,), job.lateness / _SECOND) for job in health.jobs],
    )
    yield (
        "capital_job_is_late",
        "1 where a job is overdue by more than it may be, or not scheduled.",
        ("job",),
        [((job.name,), int(job.is_late)) for job in health.jobs],
    )
    yield (
        "capital_clusters_alive",
        "Worker clusters with a recent heartbeat.",
        (),
        [((), sum(cluster.is_alive for cluster in health.clusters))],
    )
    wait = health.oldest_wait
    yield (
        "capital_queue_oldest_task_seconds",
        "How long the oldest task has waited; 0 where none waits.",
        (),
        [((), 0 if wait is None else wait / _SECOND)],
    )
