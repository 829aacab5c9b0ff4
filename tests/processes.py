"""Processes of ours on a database of a test's own."""

import os
import subprocess
import sys

from tests.paths import ROOT

COMMAND_SECONDS = 120
# Every variable that a developer's shell may hold and that decides something here.
_FOREIGN = ("CAPITAL_", "Q_", "DJANGO_", "DATABASE_", "LANGUAGE_CODE", "LOG_", "TIME_ZONE")


def environment_for(url: str, **settings: str) -> dict[str, str]:
    """Of a process of ours: this database, throw-away secrets, nothing of the developer's."""
    system = {name: text for name, text in os.environ.items() if not name.startswith(_FOREIGN)}
    return system | {
        "DEBUG": "1",
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "capital_project.settings",
        "SECRET_KEY": "",
        "FIELD_ENCRYPTION_KEYS": "",
        "Q_WORKERS": "2",
        **settings,
    }


def migrate(url: str) -> None:
    """Make the schema, and with it the schedules."""
    run_python(["manage.py", "migrate", "--verbosity", "0"], environment_for(url), check=True)


def run_python(
    arguments: tuple[str, ...] | list[str], environment: dict[str, str], *, check: bool
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    if check:
        assert done.returncode == 0, f"{' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
    return done
