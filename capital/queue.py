"""The queue: django-q2's ORM broker, oldest task first, which tells that its cluster is alive."""

import logging
import os
import time
from typing import Any

from django.db import DatabaseError
from django_q.brokers.orm import ORM

from capital.services.jobs.clusters import record_heartbeat

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5


class HeartbeatBroker(ORM):  # type: ignore[misc]  # django-q2 has no types
    """Only the process that pulls tasks asks for one, so one that is stuck falls silent."""

    _beat_at: float | None = None

    @staticmethod
    def get_connection(list_key: str | None = None) -> Any:
        """The queued tasks. Without an order PostgreSQL may leave the oldest for ever."""
        return ORM.get_connection(list_key).order_by("lock", "pk")

    def dequeue(self) -> Any:
        """Pull the next tasks, and say so at most every five seconds."""
        if self._beat_at is None or time.monotonic() - self._beat_at >= BEAT_SECONDS:
            self._beat()
        return super().dequeue()

    def _beat(self) -> None:
        is_first, self._beat_at = self._beat_at is None, time.monotonic()
        try:
            # The cluster's process is the sentinel, which started this one.
            record_heartbeat(pid=os.getppid(), is_first=is_first)
        except DatabaseError as error:
            logger.warning("The heartbeat was not recorded (%s).", type(error).__name__)
