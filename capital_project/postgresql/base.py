"""The database of ``DATABASE_URL`` on PostgreSQL. Django finds its wrapper by this name."""

import secrets
import select
from collections.abc import Sequence
from datetime import UTC
from functools import lru_cache
from typing import Any

import psycopg
from django.db import DatabaseError, NotSupportedError, ProgrammingError
from django.db.backends.postgresql import base
from psycopg import adapt, errors
from psycopg.types.datetime import TimestamptzLoader

# More statements than any process asks often. They take memory of the server's.
_MOST_KEPT = 200


class DatabaseWrapper(base.DatabaseWrapper):
    """Asks a kept connection whether it works only where something was heard of it.

    Django sends ``SELECT 1`` before the first query of each request: as much work as the query
    itself. A server that restarted or ended the connection has said so by then: what waits at the
    other end of an idle connection can be nothing else. Where something waits, it is asked.

    It also keeps statements in the server: see ``rows_of``. Times are read by psycopg's own loader:
    see ``_with_quick_times``.
    """

    # What Django's stubs do not know of.
    health_check_enabled: Any
    health_check_done: Any
    atomic_blocks: Any
    wrap_database_errors: Any

    keeps_statements = True
    """Off for the rest of a process in which a pooler stands before the server."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._begin_statements()

    def get_connection_params(self) -> dict[str, Any]:
        """Django's, with psycopg's own loader of times."""
        params: dict[str, Any] = super().get_connection_params()
        if self._reads_times_quickly:
            params["context"] = _with_quick_times(params["context"])
        return params

    def create_cursor(self, name: str | None = None) -> Any:
        """Django's, where times are read its way; else it would look for its own loader."""
        if not self._reads_times_quickly:
            return super().create_cursor(name)
        if name is None:
            return self.connection.cursor()
        return base.ServerSideCursor(  # type: ignore[call-arg]  # the stubs have another's
            self.connection, name=name, scrollable=False, withhold=self.connection.autocommit
        )

    @property
    def _reads_times_quickly(self) -> bool:
        """Whether the connection is as ours are: its times in UTC, its values sent in the text."""
        options = self.settings_dict["OPTIONS"]
        return self.timezone is UTC and not options.get("server_side_binding")

    def init_connection_state(self) -> None:
        """Begin without statements: they were the last connection's."""
        self._begin_statements()
        super().init_connection_state()

    def _begin_statements(self) -> None:
        # Drawn, so that a pooler that passes on another client's connection has none of this name.
        self._prefix = f"capital_{secrets.token_hex(8)}"
        self._names: dict[tuple[Any, ...], str | None] = {}
        self._made = 0

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

    def rows_of(
        self, prepared: str, constants: Sequence[Any], values: Sequence[Any]
    ) -> list[tuple[Any, ...]] | None:
        """The rows of a statement that is asked often, which the server plans once a connection.

        The second time it is asked on a connection, it becomes a prepared statement. To parse and
        plan what sizing reads takes the server ten times as long as to answer it.

        In a transaction nothing is asked that way: where the statement is gone after all, the
        transaction would be lost with it.

        Args:
            prepared: The statement, with ``$1`` and so on for what changes, and ``%s`` for what
                never does.
            constants: What stands for each ``%s``.
            values: What stands for ``$1`` and so on now.

        Returns:
            The rows; None where it has to be asked in the usual way.
        """
        if not self.keeps_statements or self._is_in_transaction():
            return None
        name = self._name_of(prepared, constants)
        if name is None:
            return None
        marks = f"({', '.join(['%s'] * len(values))})" if values else ""
        try:
            with self.cursor() as cursor:
                cursor.execute(f"EXECUTE {name} {marks}", values)
                return list(cursor.fetchall())
        except DatabaseError as error:
            if isinstance(error.__cause__, errors.InvalidSqlStatementName):
                # A pooler gave us another connection.
                type(self).keeps_statements = False
            elif not isinstance(error, NotSupportedError | ProgrammingError):
                raise
            # Or the schema changed since, so that it means something else.
            self._begin_statements()
            return None

    def _name_of(self, prepared: str, constants: Sequence[Any]) -> str | None:
        """The name by which the server knows the statement; None the first time it is asked."""
        # Another connection knows none of them.
        self.close_if_health_check_failed()
        self.ensure_connection()
        key = (prepared, *constants)
        name = self._names.get(key)
        if name is not None:
            return name
        if key not in self._names:
            if len(self._names) >= _MOST_KEPT:
                self._give_up_statements()
            self._names[key] = None
            return None
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        with self.wrap_database_errors:
            self.connection.execute(f"PREPARE {name} AS {prepared}", constants)
        self._names[key] = name
        return name

    def _give_up_statements(self) -> None:
        with self.wrap_database_errors:
            for name in filter(None, self._names.values()):
                self.connection.execute(f"DEALLOCATE {name}")
        self._names = {}

    def _is_in_transaction(self) -> bool:
        """Whether the present code opened one. The one that a test case is wrapped in is none."""
        return bool(self.atomic_blocks) and not self.atomic_blocks[-1]._from_testcase


@lru_cache
def _with_quick_times(adapters: adapt.AdaptersMap) -> adapt.AdaptersMap:
    """These adapters, with psycopg's loader of times, which is compiled.

    Django's is written in Python and takes fifteen times as long: of a page that shows every
    account, as long as a query. All that it adds is the time zone, which psycopg takes from the
    connection.
    """
    quick = adapt.AdaptersMap(adapters)
    quick.register_loader("timestamptz", TimestamptzLoader)
    return quick
