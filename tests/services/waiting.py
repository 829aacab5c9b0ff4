"""Work on a connection of its own, which waits for what the test holds. Only PostgreSQL tells."""

import time
from collections.abc import Callable
from threading import Thread
from typing import Any

from django.db import connection

_PATIENCE_SECONDS = 20
_PAUSE_SECONDS = 0.02


class Beside:
    """Does ``work`` beside the test; what it answers or raises is told by ``result``."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._answer: Any = None
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run)
        self._thread.start()

    def wait_for_lock(self) -> None:
        """Until it waits for a row that somebody else holds."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while not _is_somebody_waiting():
            assert self._thread.is_alive(), f"it waited for nothing: {self._error!r}"
            assert time.monotonic() < until, "it never waited"
            time.sleep(_PAUSE_SECONDS)

    def result(self) -> Any:
        """What the work answered, once it is done. Raises what it raised."""
        self._thread.join(_PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "it never ended"
        if self._error is not None:
            raise self._error
        return self._answer

    def _run(self) -> None:
        try:
            self._answer = self._work()
        except BaseException as error:  # noqa: BLE001  # told by ``result``
            self._error = error
        finally:
            connection.close()


def _is_somebody_waiting() -> bool:
    """Whether somebody waits for this connection."""
    with connection.cursor() as cursor:
        # What pg_stat_activity tells stays as it was first asked for in a transaction.
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks "
            "WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])
