"""The database of ``DATABASE_URL`` on PostgreSQL. Django finds its wrapper by this name."""

import select
from typing import Any

import psycopg
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Asks a kept connection whether it works only where something was heard of it.

    Django sends ``SELECT 1`` before the first query of each request: as much work as the query
    itself. A server that restarted or ended the connection has said so by then: what waits at the
    other end of an idle connection can be nothing else. Where something waits, it is asked.
    """

    # What Django's stubs do not know of.
    health_check_enabled: Any
    health_check_done: Any

    def close_if_health_check_failed(self) -> None:
        """Close the connection if it no longer works."""
        is_due = self.health_check_enabled and not self.health_check_done
        if is_due and self.connection is not None and not self._has_heard():
            self.health_check_done = True
            return
        super().close_if_health_check_failed()

    def _has_heard(self) -> bool:
        """Whether the server sent something, such as its farewell; True where that is not known."""
        try:
            socket = self.connection.pgconn.socket
        except psycopg.Error:
            return True
        poll = select.poll()
        poll.register(socket, select.POLLIN)
        return bool(poll.poll(0))
