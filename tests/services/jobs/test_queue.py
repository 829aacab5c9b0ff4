"""The broker: what it pulls, and that it says so."""

import os
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from capital import queue
from capital.models import ClusterHeartbeat
from capital.queue import HeartbeatBroker

pytestmark = pytest.mark.django_db


def packed(group: str = "") -> str:
    """A task of ours as it is queued."""
    task = {"id": "1", "name": "1", "func": "capital.tasks.prune", "args": (), "kwargs": {}}
    return SignedPackage.dumps({**task, "group": group})


def group_of(payload: str) -> str:
    return str(SignedPackage.loads(payload)["group"])


@pytest.fixture
def seconds(monkeypatch: Any) -> list[float]:
    """The monotonic clock; set ``seconds[0]``."""
    now = [1000.0]
    monkeypatch.setattr(queue.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def broker(seconds: list[float], monkeypatch: Any) -> HeartbeatBroker:
    monkeypatch.setattr("django_q.brokers.orm.sleep", lambda _: None)
    broker = get_broker()
    assert isinstance(broker, HeartbeatBroker)
    return broker


def test_pulling_says_that_the_sentinel_is_alive(broker: HeartbeatBroker) -> None:
    broker.dequeue()

    assert ClusterHeartbeat.objects.get().pid == os.getppid()


def test_only_pulling_says_so(broker: HeartbeatBroker) -> None:
    broker.enqueue(packed("payload"))
    broker.queue_size()
    broker.acknowledge(1)

    assert not ClusterHeartbeat.objects.exists()


def test_it_is_said_at_most_every_five_seconds(
    broker: HeartbeatBroker, seconds: list[float], monkeypatch: Any
) -> None:
    said: list[bool] = []
    monkeypatch.setattr(queue, "record_heartbeat", lambda *, pid, is_first: said.append(is_first))

    for at in (1000.0, 1001.0, 1004.9, 1005.0, 1009.0, 1010.0):
        seconds[0] = at
        broker.dequeue()

    assert said == [True, False, False]


def test_a_heartbeat_that_cannot_be_written_keeps_nobody_from_work(
    broker: HeartbeatBroker, monkeypatch: Any, caplog: Any
) -> None:
    def refuse(**_: Any) -> None:
        raise OperationalError("CANARY")

    monkeypatch.setattr(queue, "record_heartbeat", refuse)
    broker.enqueue(packed("payload"))

    assert [group_of(payload) for _, payload in broker.dequeue()] == ["payload"]
    assert "(OperationalError)" in caplog.text
    assert "CANARY" not in caplog.text


def test_the_oldest_task_is_pulled_first(broker: HeartbeatBroker) -> None:
    now = timezone.now()
    for name, minutes in (("b", 2), ("c", 1), ("a", 3)):
        OrmQ.objects.create(
            key="capital", payload=packed(name), lock=now - timedelta(minutes=minutes)
        )

    pulled = [group_of(broker.dequeue()[0][1]) for _ in range(3)]

    assert pulled == ["a", "b", "c"]


def test_a_task_that_was_pulled_is_locked_until_it_is_given_out_again(
    broker: HeartbeatBroker, settings: Any
) -> None:
    broker.enqueue(packed("payload"))
    before = timezone.now()

    broker.dequeue()

    lock = OrmQ.objects.get().lock
    assert lock >= before + timedelta(seconds=settings.Q_CLUSTER["retry"])
    assert not broker.dequeue()


def test_one_task_is_pulled_at_a_time(broker: HeartbeatBroker) -> None:
    for _ in range(3):
        broker.enqueue(packed("payload"))

    assert len(broker.dequeue()) == 1


def test_a_cluster_whose_clock_is_off_takes_no_tasks_and_says_so_once(
    broker: HeartbeatBroker, seconds: list[float], monkeypatch: Any, caplog: Any
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(queue.time, "sleep", waited.append)
    broker.enqueue(packed("waiting"))
    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))
    is_wrong = [True, True, False]
    monkeypatch.setattr(queue, "record_heartbeat", lambda **_: is_wrong.pop(0))

    taken = []
    for at in (1000.0, 1001.0, 1005.0, 1009.0):
        seconds[0] = at
        taken.append(broker.dequeue())
    seconds[0] = 1010.0
    [(_, payload)] = broker.dequeue()

    assert taken == [[], [], [], []]
    assert group_of(payload) == "waiting"
    # It does not keep the processor busy meanwhile.
    assert waited == [1, 1, 1, 1]
    said = [record.getMessage() for record in caplog.records if record.name == "capital.queue"]
    assert len(said) == 2
    assert said[0] == (
        "The clock of this machine is more than 60 s off the database's. This cluster takes no "
        "tasks until it is right."
    )
    assert said[1] == "The clock of this machine is right again. This cluster takes tasks."
