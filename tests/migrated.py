"""The migrated schema, made once for a run: its processes copy it.

All migrations take twelve seconds of a processor, and they leave hundreds of models of the past
in the process that ran them, which hear of every setting that a test changes. So a process of
its own makes the schema: beside pytest-xdist's workers while these collect their tests, or when
it is asked for first.

On SQLite it is kept for the runs of the same day, as long as nothing changes that it is made of.

``python -m tests.migrated FOLDER`` makes it, on the server that ``DATABASE_URL`` names.
"""

import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from tests.paths import ROOT

if TYPE_CHECKING:
    from tests.end_to_end.cluster.databases import OwnDatabase

# What the schema and its first rows are made of.
_MADE_OF = (
    "capital/migrations",
    "capital/models",
    "capital/services/jobs",
    "capital/apps.py",
    "capital/signals.py",
    "capital_project/apps.py",
    "capital_project/environment.py",
    "capital_project/settings.py",
    "capital_project/settings_test.py",
    "requirements.lock",
    "strategies",
)
# By this name pytest-xdist's workers are told the folder.
_FOLDER = "migrated"
# What is in it: the database, or its name, once it is whole.
_MADE = "made"
_LOCK = "lock"


class Schema:
    """The migrated database of this run, which nobody writes to."""

    def __init__(self) -> None:
        self._folder = Path()
        self._is_ours = False
        self._template: OwnDatabase | None = None
        self._maker: subprocess.Popen[bytes] | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        """Agree on the folder: of a run of several processes the first one makes it."""
        given = getattr(config, "workerinput", {}).get(_FOLDER)
        self._is_ours = given is None
        self._folder = Path(given or tempfile.mkdtemp(prefix="migrated-"))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker the folder; and begin, because it will ask."""
        node.workerinput[_FOLDER] = str(self._folder)
        if self._maker is None and not node.config.option.collectonly:
            with self._locked() as lock:
                # The lock is the maker's until it ends, however it ends.
                self._maker = subprocess.Popen(self._command, cwd=ROOT, pass_fds=[lock])

    def pytest_unconfigure(self) -> None:
        """Leave nothing behind."""
        if not self._is_ours:
            return
        if self._maker:
            self._maker.wait()
        if self._is_made:
            self.template().drop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def template(self) -> "OwnDatabase":
        """The database; whoever asks first makes it, and the others wait."""
        if self._template is None:
            # Not above: its assertions are rewritten.
            from tests.end_to_end.cluster.databases import database_named

            with self._locked():
                if not self._is_made:
                    subprocess.run(self._command, cwd=ROOT, check=True)
            self._template = database_named((self._folder / _MADE).read_text())
        return self._template

    @property
    def _is_made(self) -> bool:
        return (self._folder / _MADE).exists()

    @property
    def _command(self) -> list[str]:
        return [sys.executable, "-m", "tests.migrated", str(self._folder)]

    @contextmanager
    def _locked(self) -> Iterator[int]:
        with (self._folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock.fileno()


def set_up_databases(template: "OwnDatabase") -> list[Any]:
    """What Django's function of this name does, with a copy in the place of the migrations."""
    from django.core import management
    from django.db import connection
    from django.test.utils import setup_databases

    if connection.vendor == "postgresql":
        connection.settings_dict["TEST"]["TEMPLATE"] = template.name
    # It would migrate, and make the tables of caches, of which there is none.
    with patch.object(management, "call_command"):
        made = setup_databases(0, interactive=False, serialized_aliases=())
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with closing(sqlite3.connect(template.name)) as source:
            source.backup(connection.connection)
    return made


def _make(folder: Path) -> None:
    """Make the database, and say its name once it is whole."""
    import django

    django.setup()

    from django.core.management import call_command
    from django.db import connection

    from tests import clock
    from tests.end_to_end.cluster.databases import new_database

    clock.travel()
    database = new_database(folder)
    kept = _kept()
    try:
        connection.settings_dict["NAME"] = database.name
        is_copy = connection.vendor == "sqlite" and _copied(kept, Path(database.name))
        if not is_copy:
            call_command("migrate", verbosity=0, interactive=False)
        if connection.vendor == "sqlite":
            # What is copied into memory cannot have its log in a file of its own.
            connection.cursor().execute("PRAGMA journal_mode = DELETE")
        connection.close()
        if connection.vendor == "sqlite" and not is_copy:
            _keep(Path(database.name), kept)
    except BaseException:
        connection.close()
        database.drop()
        raise
    unfinished = folder / "unfinished"
    unfinished.write_text(database.name)
    unfinished.rename(folder / _MADE)


def _kept() -> Path:
    """Where the schema of the present files is kept. Its jobs are due on the day it was made."""
    digest = hashlib.sha256(f"{datetime.now(UTC):%F} {os.environ.get('TESTS_NOW', '')}".encode())
    for name in _MADE_OF:
        place = ROOT / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return ROOT / ".pytest_cache" / "schemas" / f"{digest.hexdigest()}.sqlite3"


def _copied(kept: Path, to: Path) -> bool:
    """Copy what was kept; False where nothing was, or another run removes it now."""
    try:
        shutil.copyfile(kept, to)
    except FileNotFoundError:
        return False
    return True


def _keep(made: Path, kept: Path) -> None:
    """Keep a schema in the place of those before it."""
    shutil.rmtree(kept.parent, ignore_errors=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as unfinished:
        unfinished.write(made.read_bytes())
    Path(unfinished.name).rename(kept)


# One for the process: conftest.py registers it with pytest.
SCHEMA = Schema()


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "capital_project.settings_test"
    _make(Path(sys.argv[1]))
