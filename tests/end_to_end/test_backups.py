"""A backup is made, checked and restored, on either database."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capital.domain.errors import BackupRefused
from capital.domain.reasons import Code
from capital.services import backups
from capital.services.backups import make_backup
from tests.end_to_end.cluster.databases import OwnDatabase
from tests.paths import ROOT

pytestmark = pytest.mark.cluster
_MIGRATED = "INSERT INTO django_migrations (app, name, applied) VALUES (%s, '0001', '2026-01-01')"
_CHANGED = "SELECT COUNT(*) AS n FROM capital_account WHERE name LIKE %s"


@pytest.fixture
def desk(tmp_path: Path, template: OwnDatabase) -> Iterator[OwnDatabase]:
    """A migrated database with the demo's accounts."""
    made = template.copy(tmp_path)
    assert manage(made, "load_demo") == (0, "")
    yield made
    made.drop()


def manage(database: OwnDatabase, *arguments: str) -> tuple[int, str]:
    """Exit status, and what was complained."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database.url, "DEBUG": "1", "LANGUAGE_CODE": "en"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.strip()


def accounts(database: OwnDatabase) -> int:
    return int(database.value("SELECT COUNT(*) AS n FROM capital_account"))


def test_what_was_saved_is_checked_and_comes_back(desk: OwnDatabase, tmp_path: Path) -> None:
    file = tmp_path / "capital.backup"
    assert manage(desk, "backup", str(file)) == (0, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = accounts(desk)

    assert manage(desk, "restore", str(file), "--check") == (0, "")
    desk.execute("UPDATE capital_account SET name = name || %s", " changed")
    status, said = manage(desk, "restore", str(file))
    assert (status, "add --replace" in said) == (2, True)
    assert desk.value(_CHANGED, "% changed") == before

    assert manage(desk, "restore", str(file), "--replace") == (0, "")
    assert desk.value(_CHANGED, "% changed") == 0
    assert accounts(desk) == before
    # No second database is left of the check.
    assert [each.name for each in tmp_path.iterdir() if "restore" in each.name] == []


def test_what_an_upgrade_made_does_not_stand_in_the_way_of_the_backup_from_before(
    desk: OwnDatabase, tmp_path: Path
) -> None:
    """A newer version's table points at one of the backup's, and its migration is on record."""
    file = tmp_path / "capital.backup"
    assert manage(desk, "backup", str(file)) == (0, "")
    points = "CREATE TABLE capital_newer (account_id BIGINT REFERENCES capital_account (id))"
    desk.execute(points)
    desk.execute("CREATE TABLE newapp_row (id BIGINT)")
    desk.execute(_MIGRATED, "newapp")
    before = accounts(desk)

    assert manage(desk, "restore", str(file), "--replace") == (0, "")

    assert accounts(desk) == before
    # Its next migration makes them again.
    desk.execute(points)
    desk.execute("CREATE TABLE newapp_row (id BIGINT)")


def test_a_backup_that_is_cut_off_leaves_the_database_as_it_was(
    desk: OwnDatabase, tmp_path: Path
) -> None:
    file = tmp_path / "capital.backup"
    assert manage(desk, "backup", str(file)) == (0, "")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * 9 // 10])
    desk.execute("UPDATE capital_account SET name = name || %s", " changed")
    before = desk.value(_CHANGED, "% changed")

    assert manage(desk, "restore", str(file), "--replace")[0] == 2

    assert desk.value(_CHANGED, "% changed") == before == accounts(desk)


def test_a_backup_that_is_not_sound_is_told(desk: OwnDatabase, tmp_path: Path) -> None:
    """Capital was changed behind the product's back."""
    assert desk.execute("UPDATE capital_strategycapital SET allocated_capital = %s", "999999")
    file = tmp_path / "capital.backup"
    assert manage(desk, "backup", str(file)) == (0, "")

    status, said = manage(desk, "restore", str(file), "--check")

    assert (status, "it is not sound" in said) == (1, True)


def refused(*arguments: Any) -> Code:
    with pytest.raises(BackupRefused) as error:
        make_backup(*arguments)
    return error.value.code


@pytest.mark.django_db(transaction=True)
def test_no_backup_is_overwritten_and_none_is_written_nowhere(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    assert refused(there) is Code.BACKUP_EXISTS
    assert there.read_text() == "mine"
    assert refused(tmp_path / "nowhere" / "x") is Code.BACKUP_UNWRITABLE


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"this is no backup", Code.BACKUP_UNREADABLE),
        (None, Code.BACKUP_UNREADABLE),
        (b"other", Code.BACKUP_OF_OTHER_KIND),
    ],
)
def test_what_is_no_backup_of_this_database_is_refused(
    tmp_path: Path, content: bytes | None, code: Code
) -> None:
    from django.db import connection

    file = tmp_path / "x"
    if content == b"other":
        is_sqlite = connection.vendor == "sqlite"
        content = b"PGDMP and more" if is_sqlite else b"SQLite format 3\x00 and more"
    if content is not None:
        file.write_bytes(content)
    for act in (backups.check_backup, backups.restore_backup):
        with pytest.raises(BackupRefused) as error:
            act(file)
        assert error.value.code is code


@pytest.mark.django_db(transaction=True)
def test_nothing_is_restored_under_workers(tmp_path: Path, monkeypatch: Any) -> None:
    from django.db import connection

    file = tmp_path / "x"
    mark = b"SQLite format 3\x00" if connection.vendor == "sqlite" else b"PGDMP"
    file.write_bytes(mark + b"damaged")
    monkeypatch.setattr(backups, "_is_in_use", lambda: True)
    with pytest.raises(BackupRefused) as error:
        backups.restore_backup(file, replaces=True)
    assert error.value.code is Code.BACKUP_WORKERS_ALIVE


@pytest.mark.django_db(transaction=True)
def test_a_tool_that_is_missing_or_fails_is_named_and_says_no_more() -> None:
    with pytest.raises(BackupRefused) as missing:
        backups._tool("no_such_tool_of_postgresql")
    assert missing.value.code is Code.BACKUP_TOOL_MISSING
    with pytest.raises(BackupRefused) as failed:
        backups._tool("false")
    assert failed.value.code is Code.BACKUP_TOOL_FAILED
    assert failed.value.reason.figures == {"command": "false", "status": "1"}
