"""A cluster that is stuck is ended, so that it is started again; one that works is left alone."""

import signal
import time
from datetime import timedelta
from multiprocessing import Queue
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError

from capital.management.commands import qcluster
from capital.management.commands.qcluster import WatchedCluster, WatchedSentinel
from capital.services.jobs import has_pulled, note_pull


class Guard:
    """The sentinel's process, which ends by itself after some looks, or when it is killed."""

    pid = 7

    def __init__(self, *, looks: int, exitcode: int, silence_seconds: int = 0) -> None:
        self.looks, self._exitcode = looks, exitcode
        self.silence_seconds = silence_seconds
        self.killed = False

    def is_alive(self) -> bool:
        return self.looks > 0 and not self.killed

    def join(self, timeout: float | None = None) -> None:
        self.looks -= 1
        WatchedSentinel.seen_at.value = time.monotonic() - self.silence_seconds

    def kill(self) -> None:
        self.killed = True

    @property
    def exitcode(self) -> int:
        return -signal.SIGKILL if self.killed else self._exitcode


@pytest.fixture
def silences(monkeypatch: Any) -> list[Any]:
    """What is heard of the cluster, look for look: silent, or an error; then all is well."""
    answers: list[Any] = []

    def is_silent(*, pid: int) -> bool:
        answer = answers.pop(0) if answers else False
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    monkeypatch.setattr(qcluster, "_LOOK_SECONDS", 0)
    monkeypatch.setattr(qcluster, "is_silent", is_silent)
    monkeypatch.setattr(qcluster.connections, "close_all", lambda: None)
    return answers


def watch(guard: Guard, *, asked: bool = False) -> bool:
    cluster = WatchedCluster.__new__(WatchedCluster)
    cluster.sentinel, cluster.is_asked_to_stop = guard, asked
    return cluster.watch()


def test_a_cluster_that_stays_silent_is_ended(silences: list[Any]) -> None:
    silences += [True] * 3
    guard = Guard(looks=10, exitcode=0)

    assert watch(guard) is False
    assert guard.killed


def test_a_cluster_that_speaks_again_is_left_alone(silences: list[Any]) -> None:
    silences += [True, True, False, True, True, OperationalError(), True, True]
    guard = Guard(looks=10, exitcode=0)

    assert watch(guard) is True
    assert not guard.killed


@pytest.mark.parametrize(
    ("exitcode", "asked", "well"),
    [(0, True, True), (0, False, True), (-15, True, True), (-15, False, False), (-9, True, False)],
)
@pytest.mark.usefixtures("silences")
def test_a_guard_that_ends_otherwise_than_asked_is_a_failure(
    exitcode: int, asked: bool, well: bool
) -> None:
    assert watch(Guard(looks=1, exitcode=exitcode), asked=asked) is well


# A cluster may be silent for 120 seconds.


@pytest.mark.parametrize(
    ("silence_seconds", "asked", "killed"),
    [(119, False, False), (121, False, True), (121, True, False)],
)
@pytest.mark.usefixtures("silences")
def test_a_guard_that_is_not_seen_at_work_is_ended_unless_it_stops(
    silence_seconds: int, asked: bool, killed: bool
) -> None:
    guard = Guard(looks=3, exitcode=0, silence_seconds=silence_seconds)

    assert watch(guard, asked=asked) is not killed
    assert guard.killed is killed


@pytest.fixture
def sentinel(monkeypatch: Any) -> WatchedSentinel:
    """A guard before its first round."""
    monkeypatch.setattr(qcluster.Sentinel, "status", lambda self: "Idle")
    sentinel = WatchedSentinel.__new__(WatchedSentinel)
    sentinel.result_queue = Queue()
    return sentinel


def test_a_guard_tells_at_every_step_that_it_goes_on(sentinel: WatchedSentinel) -> None:
    WatchedSentinel.seen_at.value = 0.0

    assert sentinel.status() == "Idle"
    assert time.monotonic() - WatchedSentinel.seen_at.value < 5


def test_a_guard_whose_results_are_blocked_for_good_ends(
    sentinel: WatchedSentinel, monkeypatch: Any
) -> None:
    sentinel.result_queue._wlock.acquire()
    for now in (100, 101, 110):
        monkeypatch.setattr(qcluster, "time", SimpleNamespace(monotonic=lambda now=now: now))
        assert sentinel.status() == "Idle"

    monkeypatch.setattr(qcluster, "time", SimpleNamespace(monotonic=lambda: 111))
    with pytest.raises(SystemExit, match="1"):
        sentinel.status()


def test_a_guard_whose_results_are_written_slowly_goes_on(
    sentinel: WatchedSentinel, monkeypatch: Any
) -> None:
    lock = sentinel.result_queue._wlock
    for now in (100, 110, 120):
        monkeypatch.setattr(qcluster, "time", SimpleNamespace(monotonic=lambda now=now: now))
        lock.acquire()
        assert sentinel.status() == "Idle"
        lock.release()
        assert sentinel.status() == "Idle"


@pytest.mark.parametrize(("pid", "is_ended"), [(Guard.pid, False), (Guard.pid + 1, True)])
def test_a_clock_that_is_set_forward_ends_no_cluster_that_pulls_tasks(
    silences: list[Any], pid: int, is_ended: bool
) -> None:
    """Its heartbeat looks old; another cluster's pulls say nothing of it."""
    silences += [True] * 3
    guard = Guard(looks=10, exitcode=0)
    note_pull(pid=pid)

    assert watch(guard) is not is_ended
    assert guard.killed is is_ended


def test_a_cluster_that_pulled_long_ago_does_not_pull(monkeypatch: Any) -> None:
    note_pull(pid=Guard.pid)
    assert has_pulled(pid=Guard.pid, within=timedelta(minutes=2))
    later = time.monotonic_ns() + 121 * 10**9
    monkeypatch.setattr(time, "monotonic_ns", lambda: later)

    assert not has_pulled(pid=Guard.pid, within=timedelta(minutes=2))


@pytest.mark.parametrize("is_wrong", [True, False])
def test_a_guard_whose_clock_is_off_schedules_nothing(monkeypatch: Any, is_wrong: bool) -> None:
    done: list[str] = []
    for name in ("refuse_foreign_schedules", "bring_back", "_sweep"):
        monkeypatch.setattr(qcluster, name, lambda name=name: done.append(name))
    monkeypatch.setattr(qcluster, "scheduler", lambda **_: done.append("scheduler"))
    monkeypatch.setattr(qcluster, "close_old_connections", lambda: None)
    monkeypatch.setattr(qcluster, "is_clock_wrong", lambda: is_wrong)

    qcluster.own_scheduler()

    expected = ["refuse_foreign_schedules", "bring_back", "scheduler", "_sweep"]
    assert done == ([] if is_wrong else expected)


def test_a_guard_looks_further_back_until_it_has_looked_once(monkeypatch: Any, caplog: Any) -> None:
    looks: list[bool] = []

    def sweep(*, is_first: bool) -> None:
        looks.append(is_first)
        if len(looks) == 1:
            raise OperationalError("CANARY")

    monkeypatch.setattr(qcluster, "_has_swept", False)
    monkeypatch.setattr(qcluster, "sweep", sweep)
    alerts: list[int] = []
    monkeypatch.setattr(qcluster, "sweep_alerts", lambda: alerts.append(len(looks)))
    for _ in range(3):
        qcluster._sweep()

    assert looks == [True, True, False]
    assert alerts == [2, 3]
    assert "was not closed (OperationalError)" in caplog.text
    assert "CANARY" not in caplog.text
