"""``manage.py init``: from a clone to a site, whatever is there already."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from capital_project.management import beginning
from capital_project.management.beginning import begin
from tests.paths import ROOT

NAMES = {
    "ALLOWED_HOSTS",
    "CAPITAL_HTTPS",
    "DATABASE_URL",
    "FIELD_ENCRYPTION_KEYS",
    "LANGUAGE_CODE",
    "SECRET_KEY",
    "TIME_ZONE",
}


class Commands:
    """What is run of our own commands, and how each ends."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, ...]] = []
        self.passwords: list[str] = []
        self.ends: dict[str, int] = {"first_user --exists": 1}

    def __call__(self, root: Path, *arguments: str, **environment: str) -> int:
        self.ran.append(arguments)
        self.passwords += environment.values()
        return self.ends.get(" ".join(arguments), self.ends.get(arguments[0], 0))


@pytest.fixture
def commands(monkeypatch: Any) -> Commands:
    made = Commands()
    monkeypatch.setattr(beginning, "_manage", made)
    for name in (*NAMES, "DJANGO_SUPERUSER_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return made


def values(root: Path) -> dict[str, str]:
    lines = (root / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def answering(*answers: str) -> Callable[[str, str], str]:
    left = list(answers)
    return lambda _question, usual: left.pop(0) or usual


def test_without_questions_everything_has_a_usual_value_and_keys_of_its_own(
    tmp_path: Path, commands: Commands, capsys: Any
) -> None:
    other = tmp_path / "other"
    other.mkdir()

    assert begin(["--no-input"], root=tmp_path) == 0
    assert begin(["--no-input"], root=other) == 0

    written = values(tmp_path)
    assert written.keys() == NAMES
    assert (written["CAPITAL_HTTPS"], written["TIME_ZONE"]) == ("0", "Asia/Seoul")
    assert written["DATABASE_URL"] == f"sqlite:///{tmp_path / 'db.sqlite3'}"
    Fernet(written["FIELD_ENCRYPTION_KEYS"])
    assert len(written["SECRET_KEY"]) > 50
    for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS"):
        assert written[name] != values(other)[name]
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert commands.ran[:2] == [("migrate", "--verbosity", "0"), ("first_user", "--exists")]
    said = capsys.readouterr().out
    assert "Keep a copy of FIELD_ENCRYPTION_KEYS" in said
    assert "There is no user yet." in said
    assert written["SECRET_KEY"] not in said


def test_what_is_answered_is_written(tmp_path: Path, commands: Commands) -> None:
    ask = answering("desk.example", "postgres://trader@db/desk", "", "ko", "")

    assert begin([], root=tmp_path, ask=ask, ask_secret=lambda _: "a-Long-passw0rd") == 0

    written = values(tmp_path)
    assert (written["ALLOWED_HOSTS"], written["DATABASE_URL"]) == (
        "desk.example",
        "postgres://trader@db/desk",
    )
    assert (written["LANGUAGE_CODE"], written["CAPITAL_HTTPS"]) == ("ko", "1")
    assert commands.ran[-1] == ("first_user", "admin")
    assert commands.passwords == ["a-Long-passw0rd"]
    assert "a-Long-passw0rd" not in (tmp_path / ".env").read_text()


def test_keys_that_are_there_are_kept_and_so_is_all_else(
    tmp_path: Path, commands: Commands, capsys: Any
) -> None:
    """Another key would make what is stored unreadable."""
    key = Fernet.generate_key().decode()
    before = f"# mine\nFIELD_ENCRYPTION_KEYS={key}\nCAPITAL_SYNC_MINUTES=2"
    (tmp_path / ".env").write_text(before)

    assert begin(["--no-input"], root=tmp_path) == 0
    first = (tmp_path / ".env").read_text()
    assert first.startswith(before + "\n")
    assert values(tmp_path)["FIELD_ENCRYPTION_KEYS"] == key
    assert "Keep a copy" not in capsys.readouterr().out

    assert begin(["--no-input"], root=tmp_path) == 0
    assert (tmp_path / ".env").read_text() == first
    assert "has everything already" in capsys.readouterr().out


def test_what_the_environment_sets_is_not_written(
    tmp_path: Path, commands: Commands, monkeypatch: Any
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://trader:canary@db/desk")

    assert begin(["--no-input"], root=tmp_path) == 0

    assert "DATABASE_URL" not in values(tmp_path)
    assert "canary" not in (tmp_path / ".env").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--database-url", "mysql://db/x"], "must begin with sqlite:///"),
        (["--database-url", "sqlite://x.db"], "must begin with sqlite:///"),
        (["--host", "other.example"], "ALLOWED_HOSTS is set already"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_written(
    tmp_path: Path, commands: Commands, capsys: Any, arguments: list[str], said: str
) -> None:
    (tmp_path / ".env").write_text("ALLOWED_HOSTS=desk.example\n")

    assert begin(["--no-input", *arguments], root=tmp_path) == 2

    assert said in capsys.readouterr().err
    assert (tmp_path / ".env").read_text() == "ALLOWED_HOSTS=desk.example\n"
    assert commands.ran == []


def test_a_database_that_does_not_answer_ends_it_and_keys_are_not_made_again(
    tmp_path: Path, commands: Commands, capsys: Any
) -> None:
    commands.ends["migrate"] = 1

    assert begin(["--no-input"], root=tmp_path) == 1
    first = values(tmp_path)
    assert "Correct it in .env" in capsys.readouterr().err
    assert len(commands.ran) == 1

    commands.ends["migrate"] = 0
    commands.ends["first_user --exists"] = 0
    assert begin(["--no-input"], root=tmp_path) == 0
    assert values(tmp_path) == first
    assert "There is a user already." in capsys.readouterr().out


@pytest.mark.cluster
def test_it_runs_before_there_are_settings(tmp_path: Path) -> None:
    """In both languages, and without a secret in the environment."""
    environment = {name: text for name, text in os.environ.items() if name not in (*NAMES, "DEBUG")}
    for language, words in (("en", "Set up a site of your own"), ("ko", "사이트")):
        done = subprocess.run(
            [sys.executable, "manage.py", "init", "--help"],
            cwd=ROOT,
            env={**environment, "LANGUAGE_CODE": language},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, words in done.stdout) == (0, True), done.stderr
