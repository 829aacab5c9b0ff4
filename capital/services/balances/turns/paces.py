"""Where the processes of one address share their pace: the database, or Redis."""

import json
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection, transaction

from capital.exchange.politeness import LONGEST_RETRY_AFTER
from capital.exchange.sharing.pace import SHARED_PACE
from capital.exchange.sharing.slices import (
    WINDOW_SECONDS,
    Lease,
    LeaseRequest,
    PaceStore,
    State,
    granted,
    with_refusal,
)
from capital.models import EndpointPace
from capital.models.queries.clock import database_now

_Answer = TypeVar("_Answer")
_Change = Callable[[State, datetime], tuple[State, _Answer]]

_REDIS_SECONDS = 1
_KEPT_SECONDS = int(LONGEST_RETRY_AFTER.total_seconds()) + WINDOW_SECONDS


def share_pace() -> None:
    """Share the pace of this process, as the settings say. Called once, when the project starts."""
    if not settings.CAPITAL_EGRESS:
        SHARED_PACE.share_through(None)
        return
    SHARED_PACE.share_through(_store(), egress=settings.CAPITAL_EGRESS, holder=_this_process())
    os.register_at_fork(after_in_child=share_pace_of_child)


def share_pace_of_child() -> None:
    """After a fork: another process, which holds nothing."""
    if SHARED_PACE.store is not None:
        SHARED_PACE.share_through(_store(), egress=SHARED_PACE.egress, holder=_this_process())


def prune_paces(*, now: datetime) -> int:
    """Delete what nobody has asked for since yesterday. Returns how many rows."""
    return EndpointPace.objects.filter(changed_at__lt=now - timedelta(days=1)).delete()[0]


class DatabasePace:
    """Keeps the pace in the database, by its clock. It uses a connection of its thread's own."""

    def lease(self, name: str, request: LeaseRequest) -> Lease:
        """See ``PaceStore.lease``: two statements in one transaction."""

        return self._changed(name, lambda state, now: granted(state, request, now))

    def refuse(self, name: str, scope: str, span: timedelta) -> None:
        """See ``PaceStore.refuse``."""
        self._changed(name, lambda state, now: (with_refusal(state, scope, span, now), None))

    @staticmethod
    def _changed(name: str, change: _Change[_Answer]) -> _Answer:
        is_inside = connection.in_atomic_block
        try:
            with transaction.atomic():
                locked = EndpointPace.objects.select_for_update(no_key=True)
                row = locked.filter(name=name).first()
                if row is None:
                    EndpointPace.objects.bulk_create(
                        [EndpointPace(name=name, changed_at=database_now())], ignore_conflicts=True
                    )
                    row = locked.get(name=name)
                now = database_now()
                row.state, answer = change(row.state, now)
                row.changed_at = now
                row.save(update_fields=["state", "changed_at"])
            return answer
        finally:
            if not is_inside:
                connection.close()


class RedisPace:
    """Keeps the pace in Redis, by its clock."""

    def __init__(self, url: str) -> None:
        import redis

        self._client = redis.Redis.from_url(
            url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS
        )

    def lease(self, name: str, request: LeaseRequest) -> Lease:
        """See ``PaceStore.lease``."""
        return self._changed(name, lambda state, now: granted(state, request, now))

    def refuse(self, name: str, scope: str, span: timedelta) -> None:
        """See ``PaceStore.refuse``."""
        self._changed(name, lambda state, now: (with_refusal(state, scope, span, now), None))

    def _changed(self, name: str, change: _Change[_Answer]) -> _Answer:
        key = f"capital:pace:{name}"

        answers: list[_Answer] = []

        def work(pipe: Any) -> None:
            seconds, microseconds = pipe.time()
            now = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
            state, answer = change(json.loads(pipe.get(key) or "{}"), now)
            answers[:] = [answer]
            pipe.multi()
            pipe.set(key, json.dumps(state), ex=_KEPT_SECONDS)

        # Until nobody else changed it meanwhile.
        self._client.transaction(work, key)
        return answers[0]


def _store() -> PaceStore:
    url = settings.CAPITAL_REDIS_URL
    return RedisPace(url) if url else DatabasePace()


def _this_process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
