"""Whoever stops a command, or reads no more of what it says, gets no traceback."""

import subprocess
import sys
from pathlib import Path

from tests.paths import ROOT
from tests.processes import COMMAND_SECONDS, environment_for

TALKS = "for n in range(100_000): print(n)"


def shell(folder: Path, code: str, behind: str = "cat") -> tuple[int, str, str]:
    """Exit status, and what is told, of ``manage.py shell`` with somebody behind it in a pipe."""
    words = [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", code]
    options = {"cwd": ROOT, "env": environment_for(f"sqlite:///{folder}/db.sqlite3"), "text": True}
    with (
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as ours,
        subprocess.Popen(
            ["sh", "-c", behind], stdin=ours.stdout, stdout=subprocess.PIPE, **options
        ) as reader,
    ):
        assert ours.stdout is not None
        ours.stdout.close()
        told, _ = reader.communicate(timeout=COMMAND_SECONDS)
        assert ours.stderr is not None
        complained = ours.stderr.read()
        return ours.wait(COMMAND_SECONDS), told, complained


def test_an_interrupted_command_ends_without_a_traceback(tmp_path: Path) -> None:
    assert shell(tmp_path, "print('begun'); raise KeyboardInterrupt") == (130, "begun\n", "")


def test_a_command_whose_output_nobody_reads_ends_without_a_traceback(tmp_path: Path) -> None:
    assert shell(tmp_path, TALKS, behind="head -n 1") == (141, "0\n", "")


def test_another_broken_pipe_is_told(tmp_path: Path) -> None:
    status, _, complained = shell(tmp_path, "raise BrokenPipeError('a socket')")

    assert (status, "a socket" in complained) == (1, True)
