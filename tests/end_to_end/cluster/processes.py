"""Real ``manage.py qcluster`` processes: started, looked into, killed, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.paths import ROOT

_LOOK_SECONDS = 0.1

T = TypeVar("T")


def wait_for(condition: Callable[[], T], what: str, *, seconds: float) -> T:
    """Ask until the answer is true, and give it back.

    Raises:
        AssertionError: ``what`` did not come true in time.
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {seconds} s in vain: {what}.")
        time.sleep(_LOOK_SECONDS)
    return answer


@dataclass(frozen=True)
class ProcessRow:
    """One process that lives (a zombie does not)."""

    pid: int
    parent: int
    group: int


def living_processes() -> list[ProcessRow]:
    """Every process of this machine. Read here: ``ps`` is one more, whenever it is asked."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent, group = path.read_text().rpartition(")")[2].split()[:3]
            if state != "Z":
                found.append(ProcessRow(int(path.parent.name), int(parent), int(group)))
    return found


class Cluster:
    """One cluster: a process group that a test may do anything to.

    The group's leader is ``manage.py qcluster``; its child is the sentinel; the sentinel's
    children are the workers, the monitor and the pusher.
    """

    def __init__(self, environment: Mapping[str, str], log: Path, module: str) -> None:
        self.log = log
        self._workers = int(environment["Q_WORKERS"])
        with log.open("wb") as stderr:
            self._leader = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of the leader, which is the group's number too."""
        return self._leader.pid

    @property
    def processes(self) -> list[ProcessRow]:
        """Those of its group that live."""
        return [row for row in living_processes() if row.group == self.pid]

    @property
    def sentinel(self) -> int:
        """The pid of the one that guards the others."""
        [pid] = [row.pid for row in self.processes if row.parent == self.pid]
        return pid

    @property
    def exit_code(self) -> int | None:
        """Of the leader; None while it runs."""
        return self._leader.poll()

    @property
    def is_complete(self) -> bool:
        """The leader, the sentinel, the monitor, the pusher and the workers live.

        Raises:
            AssertionError: It ended by itself.
        """
        assert self.exit_code is None, f"The cluster ended by itself.\n{self.log_text}"
        return len(self.processes) == 4 + self._workers

    def stop(self, *, seconds: float) -> int:
        """Ask it to end, as an init system does; says how the leader ended."""
        self._leader.send_signal(signal.SIGTERM)
        return self._leader.wait(timeout=seconds)

    def kill(self) -> None:
        """``kill -9`` of the whole group; returns when nobody of it lives."""
        # Nobody may be left of it; some systems refuse to signal a group of zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._leader.wait(timeout=20)
        wait_for(lambda: not self.processes, "a killed group is gone", seconds=20)

    @property
    def log_text(self) -> str:
        """What it said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")
