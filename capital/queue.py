"""The queue: django-q2's ORM broker, oldest task first, with a heartbeat of its cluster.

What is not one of our tasks never leaves it: see ``services.jobs.allowed``.
"""

import logging
import os
import time
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.signing import SignedPackage

from capital.domain.reasons import Reason
from capital.services.jobs import note_pull, record_heartbeat, record_refusal, refusal_of

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5


class HeartbeatBroker(ORM):  # type: ignore[misc]  # django-q2 has no types
    """Records a heartbeat where tasks are pulled: a cluster that pulls none falls silent."""

    _beat_at: float | None = None
    _is_clock_wrong = False

    @staticmethod
    def get_connection(list_key: str | None = None) -> Any:
        """The queued tasks, oldest first. Without an order PostgreSQL might never pick some."""
        return ORM.get_connection(list_key).order_by("lock", "pk")

    def dequeue(self) -> Any:
        """Pull the next tasks, with a heartbeat every five seconds at most."""
        note_pull(pid=os.getppid())
        if self._beat_at is None or time.monotonic() - self._beat_at >= BEAT_SECONDS:
            self._beat()
        if self._is_clock_wrong:
            # By its clock, tasks of others would be due that are not.
            time.sleep(Conf.POLL)
            return []
        return [task for task in super().dequeue() or [] if self._is_ours(*task)]

    def _is_ours(self, key: Any, payload: str) -> bool:
        """Whether the workers may have this task. Another one is removed and recorded."""
        refusal = _refusal_of(payload)
        if refusal is not None:
            self.fail(key)
            record_refusal(refusal)
        return refusal is None

    def _beat(self) -> None:
        is_first, self._beat_at = self._beat_at is None, time.monotonic()
        try:
            # The cluster is known by its guard, which is this process's parent.
            self._heed_clock(is_wrong=record_heartbeat(pid=os.getppid(), is_first=is_first))
        except DatabaseError as error:
            logger.warning("The heartbeat was not recorded (%s).", type(error).__name__)

    def _heed_clock(self, *, is_wrong: bool) -> None:
        """Take no tasks while this machine's clock is too far off, and say so once."""
        if is_wrong and not self._is_clock_wrong:
            logger.error(
                "The clock of this machine is more than %s s off the database's. This cluster "
                "takes no tasks until it is right.",
                settings.CAPITAL_CLOCK_TOLERANCE_SECONDS,
            )
        elif self._is_clock_wrong and not is_wrong:
            logger.warning("The clock of this machine is right again. This cluster takes tasks.")
        self._is_clock_wrong = is_wrong


def _refusal_of(payload: str) -> Reason | None:
    try:
        task = SignedPackage.loads(payload)
    except Exception:  # noqa: BLE001  # whatever it is, it is no task of ours
        task = None
    return refusal_of(task)
