"""Databases of a test's own, on the kind of server that ``DATABASE_URL`` names.

Real clusters need rows that are committed, so they cannot share pytest-django's database. The
run's migrated one (``tests/migrated.py``) is copied for each test. A test reads and writes through
plain connections: no model, no cache, no code of the product stands in between.
"""

import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from django.db import connection
from psycopg import sql
from psycopg.rows import dict_row

Row = dict[str, Any]

_number = count()


class OwnDatabase(ABC):
    """One database: its URL for processes, plain SQL for the test."""

    # On a server; of SQLite the file.
    name: str
    url: str

    @abstractmethod
    def rows(self, statement: str, *parameters: Any) -> list[Row]:
        """What a SELECT with ``%s`` placeholders answers, committed data only."""

    @abstractmethod
    def execute(self, statement: str, *parameters: Any) -> int:
        """Run one statement in a transaction of its own; says how many rows it touched."""

    @abstractmethod
    def copy(self, directory: Path) -> "OwnDatabase":
        """A new database with the same content; nobody may be connected to this one."""

    @abstractmethod
    def drop(self) -> None:
        """Leave nothing behind, whoever is still connected."""

    def value(self, statement: str, *parameters: Any) -> Any:
        """The only value of the only row."""
        [row] = self.rows(statement, *parameters)
        [value] = row.values()
        return value


class OwnSQLite(OwnDatabase):
    """A file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        self.url = f"sqlite:///{path}"

    def rows(self, statement: str, *parameters: Any) -> list[Row]:
        with closing(self._connect()) as database:
            cursor = database.execute(statement.replace("%s", "?"), _as_text(parameters))
            return [dict(row) for row in cursor.fetchall()]

    def execute(self, statement: str, *parameters: Any) -> int:
        with closing(self._connect()) as database, database:
            return database.execute(statement.replace("%s", "?"), _as_text(parameters)).rowcount

    def copy(self, directory: Path) -> "OwnSQLite":
        copied = directory / f"cluster_{next(_number)}.sqlite3"
        with closing(self._connect()) as source, closing(sqlite3.connect(copied)) as target:
            source.backup(target)
        return OwnSQLite(copied)

    def drop(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=20)
        database.row_factory = sqlite3.Row
        return database


class OwnPostgreSQL(OwnDatabase):
    """A database of its own on the server of the test run."""

    def __init__(self, name: str) -> None:
        """The one of this name, which may have to be made yet."""
        server = connection.settings_dict
        self._server = {
            "host": server["HOST"] or None,
            "port": server["PORT"] or None,
            "user": server["USER"] or None,
            "password": server["PASSWORD"] or None,
        }
        self.name = name
        self.url = (
            f"postgres://{quote(server['USER'])}:{quote(server['PASSWORD'])}"
            f"@{quote(server['HOST'], safe='')}:{server['PORT'] or 5432}/{self.name}"
        )

    def make(self, template: str) -> None:
        """Make it, as a copy of that one."""
        names = sql.Identifier(self.name), sql.Identifier(template)
        self._administer(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))

    def rows(self, statement: str, *parameters: Any) -> list[Row]:
        with self._connect() as database:
            return database.execute(statement, parameters).fetchall()

    def execute(self, statement: str, *parameters: Any) -> int:
        with self._connect() as database:
            return database.execute(statement, parameters).rowcount

    def copy(self, directory: Path) -> "OwnPostgreSQL":
        copied = OwnPostgreSQL(f"cluster_{os.getpid()}_{next(_number)}")
        copied.make(template=self.name)
        return copied

    def drop(self) -> None:
        self._administer(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name))
        )

    def _connect(self) -> psycopg.Connection[Row]:
        return psycopg.connect(**self._server, dbname=self.name, row_factory=dict_row)

    def _administer(self, statement: sql.Composable) -> None:
        with psycopg.connect(**self._server, dbname="postgres", autocommit=True) as server:
            server.execute(statement)


def database_named(name: str) -> OwnDatabase:
    """The database of this name, on the kind of server of the run."""
    if connection.vendor == "postgresql":
        return OwnPostgreSQL(name)
    return OwnSQLite(Path(name))


def new_database(directory: Path) -> OwnDatabase:
    """An empty one: a file in this directory, or on the server of the run."""
    if connection.vendor == "postgresql":
        made = OwnPostgreSQL(f"migrated_{os.getpid()}")
        made.make(template="template1")
        return made
    return OwnSQLite(directory / "migrated.sqlite3")


def as_datetime(value: Any) -> datetime:
    """A time as either database answers it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def _as_text(parameters: Sequence[Any]) -> list[Any]:
    """Times as Django keeps them in SQLite."""
    return [
        f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value
        for value in parameters
    ]
