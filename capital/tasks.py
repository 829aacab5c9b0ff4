"""What the queue runs: one service call each. Arguments are primary keys, keys and ISO times.

Their names are stored in schedules and in queued tasks.
"""

from datetime import datetime
from typing import Any

from django.dispatch import receiver
from django_q.signals import post_execute_in_worker, pre_execute

from capital import traces
from capital.services.alerts import send_delivery
from capital.services.alerts import spread_alerts as spread
from capital.services.jobs import (
    CHECK_KEYS,
    CLOSE_DAY,
    PRUNE,
    REALLOCATE_DUE,
    SEND_DIGEST,
    SYNC_BALANCES,
    SYNC_FILLS,
    SYNC_MARKETS,
    WATCH,
    perform_after_event,
    perform_chunk,
    perform_for_venue,
    perform_job,
    perform_sweep,
    ping_after,
)

# How many of each outcome.
Outcomes = dict[str, int]

# When the task that this worker runs was queued: django-q2 tells listeners, not the task.
_queued_at: datetime | None = None


@receiver(pre_execute)
def begin(task: dict[str, Any], **_kwargs: Any) -> None:
    """Remember when the task was queued, which django-q2 calls "started", and for which request.

    What no request asked for has the id of the task.
    """
    global _queued_at
    _queued_at = task.get("started")
    traces.begin_trace(task.get(traces.CARRIED) or task.get("id"))


@receiver(post_execute_in_worker)
def end(task: dict[str, Any], **_kwargs: Any) -> None:
    """Forget it: the task has ended. Behind one of a periodic job, somebody is told of that."""
    global _queued_at
    _queued_at = None
    ping_after(str(task.get("func", "")))
    traces.end_trace()


def sync_balances(intended: str | None = None) -> Outcomes:
    """Live readings into today's summary, all active accounts."""
    return perform_job(SYNC_BALANCES.name, intended=intended, queued_at=_queued_at)


def sync_balances_chunk(account_ids: list[int], chunk: int, intended: str) -> Outcomes:
    """The same for one chunk of the accounts."""
    return perform_chunk(
        SYNC_BALANCES.name, account_ids, chunk=chunk, intended=intended, queued_at=_queued_at
    )


def reallocate_due(intended: str | None = None) -> Outcomes:
    """Ask the gate for every active account, and reallocate where it is due."""
    return perform_job(REALLOCATE_DUE.name, intended=intended, queued_at=_queued_at)


def reallocate_due_chunk(account_ids: list[int], chunk: int, intended: str) -> Outcomes:
    """The same for one chunk of the accounts."""
    return perform_chunk(
        REALLOCATE_DUE.name, account_ids, chunk=chunk, intended=intended, queued_at=_queued_at
    )


def reallocate_after_event(account_ids: list[int], run_key: str) -> Outcomes:
    """Ask the gate for accounts of which something changed, and reallocate where it is due."""
    return perform_after_event(account_ids, run_key)


def sync_fills(intended: str | None = None) -> Outcomes:
    """Fills and flows from the exchanges, all active accounts, as many as there is time for."""
    return perform_job(SYNC_FILLS.name, intended=intended, queued_at=_queued_at)


def close_day(intended: str | None = None) -> Outcomes:
    """Close yesterday's summary and open today's."""
    return perform_job(CLOSE_DAY.name, intended=intended, queued_at=_queued_at)


def close_day_chunk(account_ids: list[int], chunk: int, intended: str) -> Outcomes:
    """The same for one chunk of the accounts."""
    return perform_chunk(
        CLOSE_DAY.name, account_ids, chunk=chunk, intended=intended, queued_at=_queued_at
    )


def sync_markets(intended: str | None = None) -> Outcomes:
    """Market rules from the venues of active accounts."""
    return perform_job(SYNC_MARKETS.name, intended=intended, queued_at=_queued_at)


def sync_markets_of_venue(venue: str) -> Outcomes:
    """Market rules from a venue that got its first account."""
    return perform_for_venue(venue)


def check_keys(intended: str | None = None) -> Outcomes:
    """What keys may do, as the exchanges say, all active accounts."""
    return perform_job(CHECK_KEYS.name, intended=intended, queued_at=_queued_at)


def check_keys_chunk(account_ids: list[int], chunk: int, intended: str) -> Outcomes:
    """The same for one chunk of the accounts."""
    return perform_chunk(
        CHECK_KEYS.name, account_ids, chunk=chunk, intended=intended, queued_at=_queued_at
    )


def watch(intended: str | None = None) -> Outcomes:
    """Tell what is wrong now, and what is over."""
    return perform_job(WATCH.name, intended=intended, queued_at=_queued_at)


def send_digest(intended: str | None = None) -> Outcomes:
    """Write the daily digests."""
    return perform_job(SEND_DIGEST.name, intended=intended, queued_at=_queued_at)


def prune(intended: str | None = None) -> Outcomes:
    """Remove old rows about tasks and jobs."""
    return perform_job(PRUNE.name, intended=intended, queued_at=_queued_at)


def finish_deliveries(within_seconds: int) -> Outcomes:
    """The signals that a process left without an answer when it died."""
    return perform_sweep(within_seconds)


def spread_alerts() -> int:
    """Hand the alerts that wait to the targets of whoever may hear of them."""
    return spread()


def send_alert(delivery_id: int) -> str:
    """Send one message to one target."""
    delivery = send_delivery(delivery_id)
    return "" if delivery is None else delivery.state.value
