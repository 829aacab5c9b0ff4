"""What the queue is asked for, on commit. A task that is lost is asked for again by the watch."""

import logging

from django.db import DatabaseError, transaction

logger = logging.getLogger(__name__)

SPREAD_ALERTS = "capital.tasks.spread_alerts"
SEND_ALERT = "capital.tasks.send_alert"
_GROUP = "alerts"


def request_spreading() -> None:
    """Once the current transaction commits, queue that alerts are handed to the targets."""
    transaction.on_commit(lambda: _queue(SPREAD_ALERTS))


def request_sending(delivery_id: int) -> None:
    """Once the current transaction commits, queue that one message is sent."""
    transaction.on_commit(lambda: _queue(SEND_ALERT, delivery_id))


def _queue(task: str, *arguments: int) -> None:
    from django_q.tasks import async_task

    try:
        async_task(task, *arguments, group=_GROUP)
    except DatabaseError:
        # The row is committed; the watch finds it within a minute.
        logger.exception("%s%s could not be queued.", task, arguments)
