"""What an upgrade would do, and who is still connected with another version."""

import subprocess
import sys
import tomllib
from typing import Any

import psycopg
import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from capital.services import schema
from capital.services.upgrades import UpgradeCheck, check_upgrade
from capital_project import __version__
from tests.interpreter import NO_DATABASE
from tests.paths import ROOT

COMMAND = "capital_project.management.commands.upgrade_check.check_upgrade"


@pytest.mark.django_db
def test_a_migrated_database_of_one_version_is_clear() -> None:
    others = {} if connection.vendor == "postgresql" else None
    assert check_upgrade(__version__) == UpgradeCheck((), is_older=False, others=others)


@pytest.mark.django_db
def test_what_is_missing_is_named_and_what_is_newer_is_told() -> None:
    recorder = MigrationRecorder(connection)
    graph = MigrationExecutor(connection).loader.graph
    [(app, newest)] = [leaf for leaf in graph.leaf_nodes() if leaf[0] == "capital"]
    recorder.record_unapplied(app, newest)
    assert check_upgrade(__version__).migrations == (f"capital.{newest}",)
    recorder.record_applied(app, newest)

    recorder.record_applied("gone_app", "0001_initial")
    assert not check_upgrade(__version__).is_older, "an app that was removed is no newer version"
    recorder.record_applied("capital", "9999_of_tomorrow")
    found = check_upgrade(__version__)
    assert (found.is_older, found.is_clear) == (True, False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    "sqlite" in settings.DATABASES["default"]["ENGINE"],
    reason="needs PostgreSQL: set DATABASE_URL=postgres://…",
)
def test_connections_of_another_version_are_counted_and_no_others() -> None:
    server = connection.settings_dict
    given = {
        "host": server["HOST"] or None,
        "port": server["PORT"] or None,
        "user": server["USER"] or None,
        "password": server["PASSWORD"] or None,
        "dbname": server["NAME"],
    }
    assert server["OPTIONS"]["application_name"] == f"capital {__version__}"
    with (
        psycopg.connect(**given, application_name="capital 0.0.9"),
        psycopg.connect(**given, application_name="capital 0.0.9"),
        psycopg.connect(**given, application_name=f"capital {__version__}"),
        psycopg.connect(**given, application_name="psql"),
    ):
        found = check_upgrade(__version__)
    assert (found.others, found.is_clear) == ({"0.0.9": 2}, False)


def test_the_command_says_it_and_ends_with_one_where_something_is_to_be_done(
    monkeypatch: Any, capsys: Any
) -> None:
    found = UpgradeCheck(("capital.0002_x",), is_older=True, others={"0.0.9": 2})
    monkeypatch.setattr(COMMAND, lambda _version: found)
    with pytest.raises(SystemExit) as ended:
        call_command("upgrade_check")
    assert ended.value.code == 1
    assert capsys.readouterr().out.splitlines() == [
        f"This is version {__version__}.",
        "The database is of a newer version: do not start this one on it.",
        "`migrate` would apply 1 migration:",
        "  capital.0002_x",
        "CHANGELOG.md says under “When upgrading” what else is to be done.",
        "2 connections of version 0.0.9 are open. Restart the site and the workers.",
    ]

    monkeypatch.setattr(COMMAND, lambda _version: UpgradeCheck((), is_older=False, others=None))
    call_command("upgrade_check")
    assert "SQLite cannot say" in capsys.readouterr().out
    call_command("upgrade_check", "--json")
    assert '"is_clear": true' in capsys.readouterr().out


def test_a_database_that_does_not_answer_is_one_sentence(monkeypatch: Any) -> None:
    class Away:
        def __init__(self, _connection: Any) -> None:
            raise OperationalError("connection refused")

    monkeypatch.setattr(schema, "MigrationExecutor", Away)
    with pytest.raises(CommandError, match="cannot be reached"):
        call_command("upgrade_check")


def test_there_is_one_version_wherever_it_is_said() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    described = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())["info"]
    assert project["version"] == described["version"] == __version__
    assert settings.UNFOLD["SITE_SUBHEADER"] == __version__
    done = subprocess.run(
        [sys.executable, "manage.py", "--version"],
        cwd=ROOT,
        env=NO_DATABASE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"Capital {__version__}\n"


def test_each_release_says_what_is_to_be_done_when_upgrading() -> None:
    releases = (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1:]
    assert releases
    for release in releases:
        notes = release.partition("### When upgrading\n")[2].partition("\n### ")[0]
        assert "- " in notes, release.splitlines()[0]
