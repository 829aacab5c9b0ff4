"""Backups in this process: what is refused, and which tools are asked what.

With real processes and databases: tests/end_to_end/test_backups.py.
"""

import sqlite3
from contextlib import closing
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from capital.domain.errors import BackupRefused
from capital.domain.reasons import Code
from capital.services import backups
from capital.services.backups import check_backup, make_backup, restore_backup

DUMP = b"PGDMP and more"


class Stage:
    """A database of one kind, and what is run of tools and of our own commands."""

    def __init__(self, monkeypatch: Any, vendor: str, **values: Any) -> None:
        self.tools: list[tuple[str, ...]] = []
        self.commands: list[list[str]] = []
        self.urls: list[str] = []
        self.ends = {"migrate": 0, "audit_capital": 0}
        self.read: list[bytes] = []
        # Ours is there while it is saved; where to, nothing is.
        self.tables = ["capital_account"]
        monkeypatch.setattr(
            backups,
            "connection",
            SimpleNamespace(
                vendor=vendor,
                settings_dict={"HOST": "", "PORT": "", "USER": "", "PASSWORD": "", **values},
                close=lambda: None,
                introspection=SimpleNamespace(table_names=lambda: self.tables),
            ),
        )
        if vendor == "postgresql":
            monkeypatch.setattr(backups, "_tool", lambda *words: self.tools.append(words))
            monkeypatch.setattr(backups, "_started", self._start)
            monkeypatch.setattr(backups, "_tables_of_ours", lambda: self.tables)
        monkeypatch.setattr(backups.subprocess, "run", self._run)

    def _start(self, *words: str, **streams: int) -> Any:
        """A tool that says one line, and reads all that it is told."""
        self.tools.append(words)
        return Tool(self.read, **streams)

    def _run(self, words: list[str], **options: Any) -> Any:
        self.commands.append(words[2:])
        self.urls.append(options["env"]["DATABASE_URL"])
        return SimpleNamespace(returncode=self.ends[words[2]])


class Tool:
    """A tool of PostgreSQL's at work."""

    returncode = 0

    def __init__(self, read: list[bytes], **streams: int) -> None:
        self.stdin = SimpleNamespace(write=read.append, close=lambda: None)
        self.stdout = BytesIO(b"-- the backup\n")

    def __enter__(self) -> "Tool":
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    def wait(self) -> int:
        return 0


def code_of(act: Any, *arguments: Any, **options: Any) -> Code:
    with pytest.raises(BackupRefused) as refused:
        act(*arguments, **options)
    return refused.value.code


@pytest.fixture
def sqlite(monkeypatch: Any, tmp_path: Path) -> Stage:
    database = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("CREATE TABLE t (n INTEGER)")
        opened.execute("INSERT INTO t VALUES (7)")
    return Stage(monkeypatch, "sqlite", NAME=str(database))


@pytest.fixture
def postgresql(monkeypatch: Any) -> Stage:
    return Stage(
        monkeypatch,
        "postgresql",
        NAME="desk",
        HOST="db.example",
        PORT="5433",
        USER="kim",
        PASSWORD="p:w",
    )


def numbers(file: Path) -> list[int]:
    with closing(sqlite3.connect(file)) as opened:
        return [row[0] for row in opened.execute("SELECT n FROM t")]


def test_a_file_of_sqlite_is_saved_checked_and_put_back(sqlite: Stage, tmp_path: Path) -> None:
    file = tmp_path / "x.backup"
    made = make_backup(file)
    assert (made.file, made.size) == (file, file.stat().st_size)
    assert numbers(file) == [7]

    assert check_backup(file) == 0
    assert [words[0] for words in sqlite.commands] == ["migrate", "audit_capital"]
    assert all(url.startswith("sqlite:///") and str(tmp_path) not in url for url in sqlite.urls)
    sqlite.ends["migrate"] = 3
    assert check_backup(file) == 3

    database = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("UPDATE t SET n = 8")
    sqlite.tables = []
    restore_backup(file)
    assert numbers(database) == [7]


def test_what_would_be_lost_or_is_no_backup_is_refused(
    sqlite: Stage, tmp_path: Path, monkeypatch: Any
) -> None:
    file = tmp_path / "x.backup"
    make_backup(file)
    assert code_of(make_backup, file) is Code.BACKUP_EXISTS
    assert code_of(make_backup, tmp_path / "no" / "x") is Code.BACKUP_UNWRITABLE
    sqlite.tables = ["django_migrations"]
    assert code_of(make_backup, tmp_path / "of nothing") is Code.BACKUP_OF_NOTHING
    assert not (tmp_path / "of nothing").exists()
    sqlite.tables = []

    other = tmp_path / "other"
    for content, code in (
        (b"no backup", Code.BACKUP_UNREADABLE),
        (DUMP, Code.BACKUP_OF_OTHER_KIND),
        (b"SQLite format 3\x00 and nothing", Code.BACKUP_UNREADABLE),
    ):
        other.write_bytes(content)
        assert code_of(check_backup, other) is code
        assert code_of(restore_backup, other) is code
    assert code_of(check_backup, tmp_path / "nowhere") is Code.BACKUP_UNREADABLE

    sqlite.tables = ["capital_clusterheartbeat", "capital_account"]
    monkeypatch.setattr(
        backups, "cluster_health", lambda now: [SimpleNamespace(is_alive=bool(now))]
    )
    assert code_of(restore_backup, file, replaces=True) is Code.BACKUP_WORKERS_ALIVE
    monkeypatch.setattr(backups, "cluster_health", lambda now: [])
    monkeypatch.setattr(backups, "_has_accounts", lambda: True)
    assert code_of(restore_backup, file) is Code.BACKUP_WOULD_REPLACE
    restore_backup(file, replaces=True)


def test_an_index_that_does_not_fit_its_table_is_no_sound_backup(
    sqlite: Stage, tmp_path: Path, monkeypatch: Any
) -> None:
    file = tmp_path / "x.backup"
    make_backup(file)

    class Unsound:
        def execute(self, _statement: str) -> Any:
            return SimpleNamespace(fetchone=lambda: ("row 1 missing from index",))

        def close(self) -> None: ...

    monkeypatch.setattr(backups.sqlite3, "connect", lambda *_args, **_options: Unsound())
    assert code_of(check_backup, file) is Code.BACKUP_UNREADABLE


def test_postgresqls_tools_are_told_where_and_never_the_password(
    postgresql: Stage, tmp_path: Path
) -> None:
    where = ("--host=db.example", "--port=5433", "--username=kim")
    make_backup(tmp_path / "made")
    [dump] = postgresql.tools
    assert dump[:2] == ("pg_dump", "--format=custom")
    assert dump[3:] == (*where, "--dbname=desk")

    postgresql.tools.clear()
    postgresql.tables = []
    file = tmp_path / "x.backup"
    file.write_bytes(DUMP)
    assert check_backup(file) == 0
    created, restored, dropped = postgresql.tools
    name = created[-1]
    assert created == ("createdb", *where, name)
    assert restored[0] == "pg_restore"
    assert restored[-2:] == (f"--dbname={name}", str(file))
    assert dropped == ("dropdb", "--force", "--if-exists", *where, name)
    assert postgresql.urls[0] == f"postgres://kim:p%3Aw@db.example:5433/{name}"

    postgresql.tools.clear()
    restore_backup(file)
    into, again = postgresql.tools
    assert into[0] == "psql"
    assert into[-4:] == (*where, "--dbname=desk")
    assert again[:2] == ("pg_restore", "--clean")
    assert b"".join(postgresql.read) == b"BEGIN;\n-- the backup\nCOMMIT;\n"
    assert not any("p:w" in word for words in postgresql.tools for word in words)


def test_a_server_of_this_machine_needs_neither_password_nor_port(
    monkeypatch: Any, tmp_path: Path
) -> None:
    stage = Stage(monkeypatch, "postgresql", NAME="desk", USER="kim")
    file = tmp_path / "x.backup"
    file.write_bytes(DUMP)
    check_backup(file)
    assert stage.urls[0].startswith("postgres://kim@/capital_restore_")


def test_what_the_url_asks_of_connections_is_asked_of_the_tools_too(
    monkeypatch: Any, tmp_path: Path
) -> None:
    """Or the password would go where no certificate is looked at."""
    asked = {"sslmode": "verify-full", "sslrootcert": "/etc/a b.pem", "application_name": "capital"}
    stage = Stage(monkeypatch, "postgresql", NAME="desk", PASSWORD="p:w", OPTIONS=asked)
    file = tmp_path / "x.backup"
    file.write_bytes(DUMP)
    check_backup(file)
    assert stage.urls[0].endswith("?sslmode=verify-full&sslrootcert=%2Fetc%2Fa+b.pem")

    monkeypatch.undo()
    monkeypatch.setattr(backups, "_database", lambda: {"PASSWORD": "p:w", "OPTIONS": asked})
    seen: list[Any] = []
    monkeypatch.setattr(backups.subprocess, "Popen", lambda *_words, env, **_more: seen.append(env))
    backups._started("psql")
    [environment] = seen
    assert environment["PGSSLMODE"] == "verify-full"
    assert environment["PGSSLROOTCERT"] == "/etc/a b.pem"
    assert environment["PGPASSWORD"] == "p:w"


def test_a_tool_that_fails_is_named_and_says_no_more(monkeypatch: Any) -> None:
    monkeypatch.setattr(backups, "_database", dict)

    backups._tool("true")
    with pytest.raises(BackupRefused) as failed:
        backups._tool("false")
    assert failed.value.code is Code.BACKUP_TOOL_FAILED
    assert failed.value.reason.figures == {"command": "false", "status": "1"}
