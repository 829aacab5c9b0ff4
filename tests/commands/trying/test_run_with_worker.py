"""The site and its worker start and stop together, and leave nobody behind."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from capital_project.management.commands.run_with_worker import _WORTH_A_RESTART_SECONDS
from tests.end_to_end.cluster.processes import living_processes
from tests.paths import ROOT

MANAGE = ROOT / "manage.py"
PATIENCE_SECONDS = 40

pytestmark = [
    pytest.mark.waits,
    pytest.mark.skipif(
        not Path("/proc/self/stat").exists(), reason="finds processes in /proc, as on Linux"
    ),
]


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def parents() -> dict[int, int]:
    """Every process that lives, and its parent."""
    return {row.pid: row.parent for row in living_processes()}


def age_seconds(pid: int) -> float:
    """For how long the process has been running."""
    started = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    since_boot = float(Path("/proc/uptime").read_text().split()[0])
    return since_boot - started / os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> set[int]:
    living = parents()
    found = {pid}
    while more := {child for child, parent in living.items() if parent in found} - found:
        found |= more
    return found - {pid}


class Running:
    """``run_with_worker`` on a database of its own."""

    def __init__(self, directory: Path, migrated: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.environment = {
            **os.environ,
            "DEBUG": "1",
            "DATABASE_URL": f"sqlite:///{directory / 'db.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "capital_project.settings_test",
            "CAPITAL_LIVE_BALANCES": "0",
        }
        self.log = directory / "log"
        shutil.copyfile(migrated, directory / "db.sqlite3")
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(MANAGE), "run_with_worker", f"127.0.0.1:{self.port}"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [sys.executable, str(MANAGE), *arguments],
            env=self.environment,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def is_ready(self) -> bool:
        return self.status("/readyz") == 200 and "pulls tasks" in self.text

    @property
    def cluster_pid(self) -> int:
        """Of the newest one."""
        return int(re.findall(r"The cluster of process (\d+) pulls tasks", self.text)[-1])


@pytest.fixture
def running(tmp_path: Path, migrated: Path) -> Iterator[Running]:
    running = Running(tmp_path, migrated)
    everyone: set[int] = set()
    try:
        assert wait_until(running.is_ready), running.text
        assert wait_until(lambda: "pulls tasks" in running.text), running.text
        everyone = descendants(running.process.pid)
        # The site; the cluster, its guard, two workers, and the two that feed and record.
        assert len(everyone) == 7, running.text
        yield running
        gone = wait_until(lambda: not everyone & parents().keys())
        assert gone, f"left behind: {everyone & parents().keys()}\n{running.text}"
    finally:
        for pid in {running.process.pid, *everyone} & parents().keys():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        running.process.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_both_stop_when_they_are_told_to(running: Running, signum: int) -> None:
    running.process.send_signal(signum)

    assert running.process.wait(PATIENCE_SECONDS) == 0
    assert "The cluster has stopped." in running.text
    assert b'"clusters": []' in running.manage("jobs", "--json").stdout


def test_a_killed_parent_takes_both_along(running: Running) -> None:
    running.process.kill()

    assert running.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL


def test_a_killed_guard_takes_its_workers_along_and_the_cluster_is_started_again(
    running: Running,
) -> None:
    first = running.cluster_pid
    cluster = parents()[first]
    # A second more than the command asks for, which looks at its own clock.
    assert wait_until(lambda: age_seconds(cluster) > _WORTH_A_RESTART_SECONDS + 1)
    os.kill(first, signal.SIGKILL)

    assert wait_until(lambda: running.cluster_pid != first), running.text
    assert (
        "The cluster's guard process ended unexpectedly. Start the cluster again." in running.text
    )
    assert wait_until(running.is_ready)
    assert wait_until(lambda: len(descendants(running.process.pid)) == 7), running.text
    others = descendants(running.process.pid)
    running.process.terminate()
    assert running.process.wait(PATIENCE_SECONDS) == 0
    assert wait_until(lambda: not others & parents().keys()), running.text


def test_a_site_that_ends_takes_the_cluster_along(running: Running) -> None:
    [site] = [
        pid
        for pid in descendants(running.process.pid)
        if b"runserver" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(site, signal.SIGKILL)

    assert running.process.wait(PATIENCE_SECONDS) == 1


def test_a_signal_to_every_process_at_once_stops_it_too(running: Running) -> None:
    """As a machine does that is switched off."""
    for pid in descendants(running.process.pid):
        os.kill(pid, signal.SIGTERM)
    running.process.terminate()

    assert running.process.wait(PATIENCE_SECONDS) == 0


@pytest.mark.cluster
def test_a_port_that_is_in_use_is_named_before_anything_is_started() -> None:
    def check(address: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, MANAGE, "run_with_worker", "--check-port", address],
            env={**os.environ, "DEBUG": "1", "LANGUAGE_CODE": "en"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code, said = check(f"127.0.0.1:{port}")
    assert code == 1
    assert f"Port {port} is in use by another program." in said
    assert check(f"127.0.0.1:{port}") == (0, "")
    code, said = check("127.0.0.1")
    assert (code, "Write it as 127.0.0.1:8000" in said) == (2, True)
