"""``export_desk`` and ``import_desk``: files, passphrases, and what is said of each row."""

import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from capital.management import output, passphrases
from capital.models import StrategyAccount
from tests.commands.running import run
from tests.factories import make_account, make_link, make_strategy, make_user

pytestmark = pytest.mark.django_db

PASSPHRASE = "correct horse battery"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    owner = make_user(username="minsu")
    account = make_account(owner=owner, name="Main", api_key="canary-key")
    make_link(account=account, strategy=make_strategy(owner=owner, key="grid"))
    return tmp_path / "desk.yaml"


def test_the_file_is_its_owners_and_no_other_is_overwritten(file: Path) -> None:
    code, told = run("export_desk", str(file))

    assert code == 0
    assert "Users: 1, groups: 3" in told
    assert "canary" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    written = file.read_text()
    with pytest.raises(CommandError, match="exists already") as caught:
        call_command("export_desk", str(file))
    assert caught.value.returncode == 2
    assert file.read_text() == written


def test_a_changed_row_is_told_with_its_values_and_a_dry_run_leaves_it(file: Path) -> None:
    run("export_desk", str(file))
    file.write_text(file.read_text().replace("weight: '1'", "weight: '0.5'"))

    code, told = run("import_desk", str(file), "--dry-run")
    assert code == 0
    assert "changed  strategy link Main/grid: weight 1.00000000 → 0.5" in told
    assert "change 1" in told
    assert "Nothing was done." in told
    assert StrategyAccount.objects.get().weight == 1

    run("import_desk", str(file))
    assert str(StrategyAccount.objects.get().weight) == "0.50000000"


def test_numbers_are_told_without_exponents(file: Path) -> None:
    run("export_desk", str(file))
    written = file.read_text()
    assert "reserve_percent: '0'" in written
    file.write_text(written.replace("reserve_percent: '0'", "reserve_percent: '1e1'"))

    _, told = run("import_desk", str(file))

    assert "changed  account minsu/Main: reserve_percent 0.00000000 → 10\n" in told


def test_a_passphrase_comes_from_a_file_or_is_typed_twice(
    file: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    kept = tmp_path / "passphrase"
    kept.write_text(f"{PASSPHRASE}\n")

    run("export_desk", str(file), "--passphrase-file", str(kept))
    assert "credentials" in file.read_text()

    typed = iter([PASSPHRASE, PASSPHRASE, "another passphrase", PASSPHRASE])
    monkeypatch.setattr(passphrases.getpass, "getpass", lambda _asked: next(typed))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    code, told = run("import_desk", str(file))
    assert (code, "Made 0, changed 0" in told) == (0, True)

    with pytest.raises(CommandError, match="differ"):
        call_command("export_desk", str(tmp_path / "b.yaml"), "--with-secrets")
    # The first one was taken by import_desk, the next two differ.
    assert next(typed) == PASSPHRASE


def test_a_refused_line_ends_with_two(file: Path) -> None:
    file.write_text("format: capital-desk\nversion: 1\nacounts: []\n")

    with pytest.raises(CommandError, match="Line 3: acounts is not known") as caught:
        call_command("import_desk", str(file))
    assert caught.value.returncode == 2


def test_a_file_that_cannot_be_written_or_read_is_named(file: Path, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    told = (
        (("export_desk", str(missing / "desk.yaml")), "desk.yaml cannot be written"),
        (("import_desk", str(missing)), "nowhere cannot be read"),
        (("export_desk", str(file), "--passphrase-file", str(missing)), "nowhere cannot be read"),
    )
    for asked, sentence in told:
        with pytest.raises(CommandError, match=sentence) as caught:
            call_command(*asked)
        assert caught.value.returncode == 2
    assert not file.exists()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_is_drawn_on_stderr_where_somebody_looks(
    file: Path, monkeypatch: Any, capsys: Any, is_terminal: bool
) -> None:
    file.write_text(
        "format: capital-desk\nversion: 1\ngroups:\n"
        + "".join(f"  - name: group {number}\n" for number in range(25))
    )
    monkeypatch.setattr(output, "is_terminal", lambda: is_terminal)
    monkeypatch.setenv("FORCE_COLOR", "1")

    code, told = run("import_desk", str(file))

    assert code == 0
    assert "Importing" not in told
    assert "Made 25" in told
    drawn = capsys.readouterr().err
    assert ("Importing" in drawn) == is_terminal
    assert ("100%" in drawn) == is_terminal


def test_a_short_file_needs_no_progress(file: Path, monkeypatch: Any, capsys: Any) -> None:
    run("export_desk", str(file))
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert run("import_desk", str(file))[0] == 0

    assert "Importing" not in capsys.readouterr().err
