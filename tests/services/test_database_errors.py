"""What an error of the database means, by what the drivers really say."""

import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management.base import CommandError
from django.db import DatabaseError, OperationalError, ProgrammingError
from django.utils import translation

from capital.management.arguments import errors_translated
from capital.services.database_errors import meaning_of, told


def of(cause: Exception) -> DatabaseError:
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return error


CONNECTING = 'connection failed: connection to server at "10.0.0.7", port 5432 failed: '
CASES: list[tuple[Exception, str]] = [
    (sqlite3.OperationalError("no such table: capital_account"), "migrations are missing"),
    (psycopg.errors.UndefinedTable('relation "capital_account" does not exist'), "migrat"),
    (psycopg.errors.UndefinedColumn('column "x" does not exist'), "migrations are missing"),
    (sqlite3.OperationalError("database is locked"), "locked by another process"),
    (psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"), "locked"),
    (sqlite3.OperationalError("database or disk is full"), "disk of the database is full"),
    (psycopg.errors.DiskFull("could not extend file"), "disk of the database is full"),
    (sqlite3.OperationalError("unable to open database file"), "cannot be opened"),
    (sqlite3.OperationalError("attempt to write a readonly database"), "read only"),
    (
        psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction"),
        "read only",
    ),
    (sqlite3.DatabaseError("file is not a database"), "damaged, or is no database"),
    (
        psycopg.OperationalError(
            f'{CONNECTING}FATAL:  password authentication failed for user "capital"'
        ),
        "refused the user or the password",
    ),
    (
        psycopg.OperationalError(f"{CONNECTING}fe_sendauth: no password supplied"),
        "refused the user or the password",
    ),
    (
        psycopg.OperationalError(f'{CONNECTING}FATAL:  role "capital" does not exist'),
        "no such user",
    ),
    (
        psycopg.OperationalError(f'{CONNECTING}FATAL:  database "capital" does not exist'),
        "no database of this name",
    ),
    (
        psycopg.OperationalError(f"{CONNECTING}FATAL:  sorry, too many clients already"),
        "no more connections",
    ),
    (psycopg.OperationalError(f"{CONNECTING}Connection refused"), "cannot be reached"),
    (
        psycopg.OperationalError("failed to resolve host 'db.example': Name or service not known"),
        "cannot be reached",
    ),
    (psycopg.OperationalError("connection timeout expired"), "cannot be reached"),
    (psycopg.OperationalError("the connection is lost"), "cannot be reached"),
    (
        psycopg.errors.InsufficientPrivilege("permission denied for schema public"),
        "lacks a right",
    ),
]


@pytest.mark.parametrize(("cause", "english"), CASES, ids=[str(case[0])[-40:] for case in CASES])
def test_it_says_what_happened_and_what_to_do_and_nothing_of_what_the_driver_said(
    cause: Exception, english: str
) -> None:
    text = meaning_of(of(cause))
    assert text is not None
    assert english in text
    assert text.endswith(".")
    assert "10.0.0.7" not in text
    with translation.override("ko"):
        assert meaning_of(of(cause)) != text


def test_what_is_not_known_is_told_by_its_kind_alone() -> None:
    error = of(psycopg.errors.DivisionByZero("division by CANARY"))
    assert meaning_of(error) is None
    assert told(error) == "The database reported an error (DivisionByZero)."
    assert told(ProgrammingError("CANARY")) == "The database reported an error (ProgrammingError)."


def test_an_error_of_a_real_file_is_understood(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x")
    with pytest.raises(sqlite3.OperationalError) as missing:
        connection.execute("SELECT * FROM capital_account")
    assert "migrations are missing" in (meaning_of(of(missing.value)) or "")
    (tmp_path / "y").write_text("this is no database, but it is long enough to be looked at" * 9)
    with pytest.raises(sqlite3.DatabaseError) as damaged:
        sqlite3.connect(tmp_path / "y").execute("SELECT * FROM x")
    assert "damaged" in (meaning_of(of(damaged.value)) or "")
    connection.close()


@pytest.mark.parametrize("kind", [OperationalError, ProgrammingError])
def test_a_command_ends_with_the_sentence(kind: Any) -> None:
    error = kind("no such table: x")
    with pytest.raises(CommandError, match="migrations are missing"), errors_translated():
        raise error
