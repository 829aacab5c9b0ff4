"""A cluster that is stuck is ended, so that it is started again; one that works is left alone."""

import signal
from typing import Any

import pytest
from django.db import OperationalError

from capital.management.commands import qcluster
from capital.management.commands.qcluster import WatchedCluster


class Guard:
    """The sentinel's process, which ends by itself after some looks, or when it is killed."""

    pid = 7

    def __init__(self, *, looks: int, exitcode: int) -> None:
        self.looks, self._exitcode = looks, exitcode
        self.killed = False

    def is_alive(self) -> bool:
        return self.looks > 0 and not self.killed

    def join(self, timeout: float | None = None) -> None:
        self.looks -= 1

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
