"""Backups of the whole database: made while the desk runs, and restored to see that they hold."""

import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from capital.domain.errors import BackupRefused
from capital.domain.reasons import Code
from capital.models import Account
from capital.services.jobs import cluster_health
from capital.services.transactions import outside_transaction

_SQLITE = b"SQLite format 3\x00"
_POSTGRESQL = b"PGDMP"
_PROJECT = Path(__file__).resolve().parents[2]
_KINDS = {_SQLITE: "sqlite", _POSTGRESQL: "postgresql"}


@dataclass(frozen=True)
class Backup:
    """A backup that was made.

    Attributes:
        file: Where it is.
        size: In bytes.
    """

    file: Path
    size: int


@outside_transaction
def make_backup(file: Path) -> Backup:
    """Write the whole database to a file, as of one moment, while others go on writing.

    The file appears once it is whole, readable by its owner only. Stored API keys are encrypted in
    it as they are in the database: without FIELD_ENCRYPTION_KEYS nobody can read them. Call it
    outside a transaction.

    Args:
        file: Where to. It must not exist.

    Raises:
        BackupRefused: The file exists or its folder does not, the database is not ours, or its tool
            failed.
    """
    if file.exists():
        raise BackupRefused(Code.BACKUP_EXISTS, file=file.name)
    if not file.parent.is_dir():
        raise BackupRefused(Code.BACKUP_UNWRITABLE, file=file.name)
    # SQLite makes an empty database of a name that is wrong.
    if Account._meta.db_table not in connection.introspection.table_names():
        raise BackupRefused(Code.BACKUP_OF_NOTHING)
    partial = file.with_name(f".{file.name}.partial")
    try:
        partial.touch(mode=0o600)
        if connection.vendor == "sqlite":
            _copy_sqlite(str(connection.settings_dict["NAME"]), str(partial))
        else:
            _tool("pg_dump", "--format=custom", f"--file={partial}", *_where(_database()))
        partial.replace(file)
    except OSError as error:
        raise BackupRefused(Code.BACKUP_UNWRITABLE, file=file.name) from error
    finally:
        partial.unlink(missing_ok=True)
    return Backup(file, file.stat().st_size)


@outside_transaction
def check_backup(file: Path) -> int:
    """Restore a backup beside the database, migrate and audit it there, and remove it again.

    The desk's own database is not touched. Call it outside a transaction.

    Args:
        file: Of ``make_backup``.

    Returns:
        The exit status of ``audit_capital``, which says on its own what it found: 0 is sound.

    Raises:
        BackupRefused: The file is no backup for this kind of database, is damaged, or another
            database could not be made for it.
    """
    _require_kind(file)
    with _scratch(file) as url:
        for command in (["migrate", "--verbosity", "0"], ["audit_capital", "--full"]):
            done = subprocess.run(  # noqa: S603  # our own commands
                [sys.executable, "manage.py", *command],
                cwd=_PROJECT,
                env={**os.environ, "DATABASE_URL": url},
                check=False,
            )
            if done.returncode:
                return done.returncode
    return 0


@outside_transaction
def restore_backup(file: Path, *, replaces: bool = False) -> None:
    """Put the database back to what a backup holds. Call it outside a transaction.

    Args:
        file: Of ``make_backup``.
        replaces: Whether a database with accounts in it may be replaced.

    Raises:
        BackupRefused: The file is no backup for this kind of database, workers are alive, the
            database holds accounts and may not be replaced, or the database's tool failed: then it
            is as it was.
    """
    _require_kind(file)
    if _is_in_use():
        raise BackupRefused(Code.BACKUP_WORKERS_ALIVE)
    if not replaces and _has_accounts():
        raise BackupRefused(Code.BACKUP_WOULD_REPLACE)
    if connection.vendor == "sqlite":
        connection.close()
        _require_sound(file)
        _copy_sqlite(str(file), str(connection.settings_dict["NAME"]))
        return
    tables = _tables_of_ours()
    connection.close()
    _replace_tables(file, tables)


def _tables_of_ours() -> list[str]:
    """The database's tables of all that was ever migrated in it, by name.

    A newer version may have made some that the backup does not know, and neither does the code
    that runs now.
    """
    there = connection.introspection.table_names()
    known = {MigrationRecorder.Migration._meta.db_table}
    known |= set(connection.introspection.django_table_names())
    labels = {config.label for config in apps.get_app_configs()}
    labels |= {app for app, _name in MigrationRecorder(connection).applied_migrations()}
    return sorted(
        name
        for name in there
        if name in known or any(name.startswith(f"{label}_") for label in labels)
    )


def _replace_tables(file: Path, tables: Sequence[str]) -> None:
    """Drop these tables and restore the backup, in one transaction: all of it, or nothing.

    ``pg_restore --clean`` drops only what the backup holds, and is refused by what depends on it.
    Nothing is dropped that depends on the tables from outside, such as a view of somebody's own:
    that refuses it still.
    """
    named = ", ".join(connection.ops.quote_name(name) for name in tables)
    begin = f"BEGIN;\nDROP TABLE {named};\n" if tables else "BEGIN;\n"
    restore = ("--clean", "--if-exists", "--no-owner", "--file=-", str(file))
    run = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *_where(_database()))
    # What ends early says so by its status.
    with (
        suppress(BrokenPipeError),
        _started("psql", *run, stdin=subprocess.PIPE) as psql,
        _started("pg_restore", *restore, stdout=subprocess.PIPE) as told,
    ):
        assert psql.stdin is not None
        assert told.stdout is not None
        psql.stdin.write(begin.encode())
        shutil.copyfileobj(told.stdout, psql.stdin)
        # Without its end it is never committed.
        if told.wait() == 0:
            psql.stdin.write(b"COMMIT;\n")
        psql.stdin.close()
    for name, ended in (("psql", psql), ("pg_restore", told)):
        if ended.returncode:
            status = str(ended.returncode)
            raise BackupRefused(Code.BACKUP_TOOL_FAILED, command=name, status=status)


def _is_in_use() -> bool:
    tables = connection.introspection.table_names()
    if "capital_clusterheartbeat" not in tables:
        return False
    # Nothing more is asked: a migration may have failed half-way.
    return any(cluster.is_alive for cluster in cluster_health(now=timezone.now()))


def _has_accounts() -> bool:
    tables = connection.introspection.table_names()
    return Account._meta.db_table in tables and Account.objects.exists()


def _require_kind(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            begins = opened.read(len(_SQLITE))
    except OSError as error:
        raise BackupRefused(Code.BACKUP_UNREADABLE, file=file.name) from error
    kind = next((kind for mark, kind in _KINDS.items() if begins.startswith(mark)), None)
    if kind is None:
        raise BackupRefused(Code.BACKUP_UNREADABLE, file=file.name)
    if kind != connection.vendor:
        raise BackupRefused(Code.BACKUP_OF_OTHER_KIND, file=file.name, kind=kind)


def _require_sound(file: Path) -> None:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as opened:
            sound = opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    except sqlite3.DatabaseError:
        sound = False
    if not sound:
        raise BackupRefused(Code.BACKUP_UNREADABLE, file=file.name)


def _copy_sqlite(source: str, target: str) -> None:
    """By SQLite's own backup: as of one moment, whatever is written meanwhile."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


@contextmanager
def _scratch(file: Path) -> Iterator[str]:
    """A database of its own with what the backup holds; the URL of it."""
    if connection.vendor == "sqlite":
        _require_sound(file)
        with tempfile.TemporaryDirectory(prefix="capital-restore-") as folder:
            copy = Path(folder) / "restored.sqlite3"
            shutil.copyfile(file, copy)
            yield f"sqlite:///{copy}"
        return
    database = _database()
    name = f"capital_restore_{secrets.token_hex(4)}"
    _tool("createdb", *_where(database, name=None), name)
    try:
        _tool(
            "pg_restore", "--no-owner", "--exit-on-error", *_where(database, name=name), str(file)
        )
        yield _url(database, name)
    finally:
        _tool("dropdb", "--force", "--if-exists", *_where(database, name=None), name)


def _database() -> Mapping[str, Any]:
    return connection.settings_dict


_SAME: Any = object()


def _where(database: Mapping[str, Any], *, name: str | None = _SAME) -> list[str]:
    """How PostgreSQL's tools are told which database; the password goes another way."""
    wanted = [("--host", "HOST"), ("--port", "PORT"), ("--username", "USER")]
    found = [f"{option}={database[key]}" for option, key in wanted if database.get(key)]
    chosen = database["NAME"] if name is _SAME else name
    return found if chosen is None else [*found, f"--dbname={chosen}"]


def _url(database: Mapping[str, Any], name: str) -> str:
    who = quote(str(database.get("USER") or ""), safe="")
    if database.get("PASSWORD"):
        who += ":" + quote(str(database["PASSWORD"]), safe="")
    port = f":{database['PORT']}" if database.get("PORT") else ""
    where = f"postgres://{who}{'@' if who else ''}{database.get('HOST') or ''}{port}/{name}"
    asked = urlencode(_options(database))
    return f"{where}?{asked}" if asked else where


def _options(database: Mapping[str, Any]) -> dict[str, str]:
    """What ``DATABASE_URL`` asks of connections, such as ``sslmode``; without our own name."""
    options = database.get("OPTIONS") or {}
    return {name: str(value) for name, value in options.items() if name != "application_name"}


def _tool(name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's tools. What it says may quote rows, so it is not passed on."""
    with _started(name, *arguments) as tool:
        status = tool.wait()
    if status:
        raise BackupRefused(Code.BACKUP_TOOL_FAILED, command=name, status=str(status))


def _started(
    name: str,
    *arguments: str,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> "subprocess.Popen[bytes]":
    """One of PostgreSQL's tools, at work. It asks nobody for a password, and says nothing."""
    database = _database()
    # As libpq calls them: PGSSLMODE, PGSSLROOTCERT, PGOPTIONS.
    asked = {f"PG{option.upper()}": value for option, value in _options(database).items()}
    password = str(database.get("PASSWORD") or "")
    environment = {**os.environ, **asked, **({"PGPASSWORD": password} if password else {})}
    try:
        return subprocess.Popen(  # noqa: S603  # PostgreSQL's own, by a fixed name
            [name, "--no-password", *arguments],
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise BackupRefused(Code.BACKUP_TOOL_MISSING, command=name) from error
