"""Which tests meet a database: only these run on the second one (``make test-database``).

``django_db`` is given to every test that asks for a fixture of the database. A test that starts
processes on the database of the run is marked ``cluster`` by hand; one that forgets it fails,
because it would silently run on one database only.

What a test asserts of words, markup or permissions does not depend on the database, although it
needs rows for it; nor does what a page, an endpoint or a command makes of a service's answer, or of
what was typed: the service has tests of its own, on both. Such a test is marked ``once`` and left
out on the second one. What concerns queries (lists, filters, searches, exports, keys that are sent,
how much they cost), constraints, deletions, locks, transactions or what happens at the same time
never is; so each page of the admin is still opened on both, by the crawl.
"""

import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeVar

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.db.backends.postgresql.operations import DatabaseOperations

T = TypeVar("T")

_FIXTURES = {"_django_db_helper", "django_db_setup"}
_MEETING = ("django_db", "cluster")
_FLUSHING = {"transactional_db", "live_server"}
_NEEDS_POSTGRESQL = pytest.mark.skip(reason="needs PostgreSQL: set DATABASE_URL=postgres://…")


def mark(item: pytest.Item) -> None:
    """Say that the test meets a database, where its fixtures show it, and whether it can run."""
    # Asked once: there are ten thousand tests, and each process of a run looks at all of them.
    marks = {found.name for found in item.iter_markers()}
    if marks.isdisjoint(_MEETING) and not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.django_db)
        marks.add("django_db")
    if "once" in marks and "django_db" not in marks:
        raise pytest.UsageError(
            f"{item.nodeid} is not django_db: it runs once without a mark, or is to run twice."
        )
    if "postgresql" in marks:
        if marks.isdisjoint(_MEETING):
            raise pytest.UsageError(f"{item.nodeid} needs PostgreSQL, so it is to be django_db.")
        if connection.vendor != "postgresql":
            item.add_marker(_NEEDS_POSTGRESQL)


def meets_database(item: pytest.Item) -> bool:
    """Whether it meets the database of the run; if it is not `once`, it runs on the second too."""
    return any(map(item.get_closest_marker, _MEETING))


class Groups:
    """Gives back the groups that migrations made, when a test with real transactions is done.

    Such a test empties the tables. Django makes permissions and content types again, and the tests
    behind it would miss the groups; so it can stand anywhere in the suite.
    """

    def __init__(self) -> None:
        self._permissions: dict[str, list[tuple[str, str]]] = {}
        self._blocker: Any = None

    def remember(self, blocker: Any) -> None:
        """Read the groups of a database that was just made."""
        self._blocker = blocker
        with blocker.unblock():
            for group in Group.objects.prefetch_related("permissions__content_type"):
                self._permissions[group.name] = [
                    (permission.content_type.app_label, permission.codename)
                    for permission in group.permissions.all()
                ]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, Any, Any]:
        result = yield
        # Behind the last one the database itself is gone.
        if self._blocker and nextitem and _flushes(item):
            with self._blocker.unblock():
                self.give_back()
        return result

    @transaction.atomic
    def give_back(self) -> None:
        found = {
            (permission.content_type.app_label, permission.codename): permission
            for permission in Permission.objects.select_related("content_type")
        }
        for name, permissions in self._permissions.items():
            group, _ = Group.objects.get_or_create(name=name)
            group.permissions.set([found[each] for each in permissions])


GROUPS = Groups()


def empty_row_by_row() -> None:
    """From now on a test's rows are deleted from PostgreSQL, and its tables stay as they are.

    ``TRUNCATE`` makes new files for each table and each index, some hundreds, however little is in
    them: it took longer than most tests with real transactions. Who may not pass over triggers,
    which refuse to delete what is only added to, truncates all the same.
    """
    truncate = DatabaseOperations.sql_flush

    def statements(
        operations: DatabaseOperations, style: Any, tables: Sequence[str], **how: Any
    ) -> list[str]:
        with operations.connection.cursor() as cursor:
            cursor.execute("SHOW is_superuser")
            if cursor.fetchone() != ("on",):
                return truncate(operations, style, tables, **how)
        return [
            "SET LOCAL session_replication_role = replica",
            *(f"DELETE FROM {operations.quote_name(table)}" for table in _emptied(tables)),
        ]

    DatabaseOperations.sql_flush = statements


def _emptied(tables: Sequence[str]) -> list[str]:
    """All but what tells of models: Django would only make the same rows again."""
    return [each for each in tables if each not in ("django_content_type", "auth_permission")]


class WaitingTestsSpread:
    """Puts tests that mostly wait, for processes, between those that compute.

    Where they stand together, all workers wait at once and the machine is idle.
    """

    @pytest.hookimpl(wrapper=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, Any, Any]:
        result = yield
        waiting: list[pytest.Item] = []
        computing: list[pytest.Item] = []
        for item in items:
            (waiting if _waits(item) else computing).append(item)
        # A module's tests stay together: what they share is made once.
        blocks = [list(block) for _, block in groupby(waiting, lambda item: item.path)]
        items[:] = spread(computing, blocks)
        return result


def spread(items: Sequence[T], blocks: Sequence[Sequence[T]]) -> list[T]:
    """All of them, the blocks at equal distances.

    The last fifth has none: the worker that got it last would be waited for.
    """
    distance = len(items) * 0.8 / max(len(blocks), 1)
    ordered = list(items)
    for index in reversed(range(len(blocks))):
        place = round(index * distance)
        ordered[place:place] = blocks[index]
    return ordered


def _flushes(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("django_db")
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(mark and mark.kwargs.get("transaction")) or bool(_FLUSHING & fixtures)


def _waits(item: pytest.Item) -> bool:
    return any(found.name in ("cluster", "waits") for found in item.iter_markers())


class ProcessGuard:
    """Fails a test that starts Python on the database of the run, and is not marked so."""

    def __init__(self) -> None:
        self.item: pytest.Item | None = None
        start = subprocess.Popen.__init__

        # Not an audit hook: Python calls that for each import, file and frame that is looked at,
        # a fortieth of the whole run.
        def look_and_start(process: Any, args: Any, *rest: Any, **options: Any) -> None:
            self._look(args, rest[9] if len(rest) > 9 else options.get("env"))
            start(process, args, *rest, **options)

        subprocess.Popen.__init__ = look_and_start  # type: ignore[method-assign]

    def _look(self, command: Any, environment: Mapping[str, str] | None) -> None:
        if self.item is None or meets_database(self.item):
            return
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
    first = command if isinstance(command, str | bytes | os.PathLike) else command[0]
    return os.fspath(first) == sys.executable
