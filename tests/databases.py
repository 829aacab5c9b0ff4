"""Which tests meet a database: only these run on the second one (``-m "django_db or cluster"``).

``django_db`` is given to every test that asks for a fixture of the database. A test that starts
processes on the database of the run is marked ``cluster`` by hand; one that forgets it fails,
because it would silently run on one database only.
"""

import os
import sys
from collections.abc import Generator, Mapping
from typing import Any

import pytest
from django.db import connection

_FIXTURES = {"_django_db_helper", "django_db_setup"}
_FLUSHING = {"transactional_db", "live_server"}
_NEEDS_POSTGRESQL = pytest.mark.skip(reason="needs PostgreSQL: set DATABASE_URL=postgres://…")


def mark(item: pytest.Item) -> None:
    """Say that the test meets a database, where its fixtures show it, and whether it can run."""
    if not meets_database(item) and _FIXTURES & set(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.django_db)
    if item.get_closest_marker("postgresql"):
        if not meets_database(item):
            raise pytest.UsageError(f"{item.nodeid} needs PostgreSQL, so it is to be django_db.")
        if connection.vendor != "postgresql":
            item.add_marker(_NEEDS_POSTGRESQL)


def meets_database(item: pytest.Item) -> bool:
    """Whether it runs on the second database too."""
    return any(map(item.get_closest_marker, ("django_db", "cluster")))


class FlushingTestsLast:
    """Keeps Django's order, however else the tests were ordered.

    A test with real transactions empties the tables when it is done: what the migrations put
    there, such as the groups, is gone for the tests behind it.
    """

    @pytest.hookimpl(wrapper=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, Any, Any]:
        result = yield
        items.sort(key=_flushes)
        return result


def _flushes(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("django_db")
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(mark and mark.kwargs.get("transaction")) or bool(_FLUSHING & fixtures)


class ProcessGuard:
    """Fails a test that starts Python on the database of the run, and is not marked so."""

    def __init__(self) -> None:
        self.item: pytest.Item | None = None
        sys.addaudithook(self._on_event)

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "subprocess.Popen" or self.item is None or meets_database(self.item):
            return
        _, command, _, environment = arguments
        if _runs_python(command) and uses_database_of_the_run(environment):
            pytest.fail(
                f"{self.item.nodeid} starts a process on the database of the run. Mark the test"
                " `cluster`, so that it runs on every database, or give the process a"
                " DATABASE_URL of its own."
            )


def uses_database_of_the_run(environment: Mapping[str, str] | None) -> bool:
    """Whether a process with this environment (None: ours) opens the database that ours names."""
    given = os.environ if environment is None else environment
    return given.get("DATABASE_URL") == os.environ.get("DATABASE_URL")


def _runs_python(command: Any) -> bool:
    return not isinstance(command, str) and os.fspath(command[0]) == sys.executable
