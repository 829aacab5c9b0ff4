"""Backups of the whole database: made while the desk runs, and restored to see that they hold."""

import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db import connection

from capital.domain.errors import BackupRefused
from capital.domain.reasons import Code
from capital.models import Account
from capital.services.jobs import check_health
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
    connection.close()
    if connection.vendor == "sqlite":
        _require_sound(file)
        _copy_sqlite(str(file), str(connection.settings_dict["NAME"]))
        return
    database = _database()
    arguments = ("--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error")
    _tool("pg_restore", *arguments, *_where(database), str(file))


def _is_in_use() -> bool:
    tables = connection.introspection.table_names()
    if "capital_clusterheartbeat" not in tables:
        return False
    return any(cluster.is_alive for cluster in check_health().clusters)


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
    return f"postgres://{who}{'@' if who else ''}{database.get('HOST') or ''}{port}/{name}"


def _tool(name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's tools. What it says may quote rows, so it is not passed on."""
    password = str(_database().get("PASSWORD") or "")
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    try:
        subprocess.run(  # noqa: S603  # PostgreSQL's own, by a fixed name
            [name, "--no-password", *arguments],
            env=environment,
            check=True,
            capture_output=True,
        )
    except FileNotFoundError as error:
        raise BackupRefused(Code.BACKUP_TOOL_MISSING, command=name) from error
    except subprocess.CalledProcessError as error:
        raise BackupRefused(
            Code.BACKUP_TOOL_FAILED, command=name, status=str(error.returncode)
        ) from error
