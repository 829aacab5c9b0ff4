"""Each task makes one service call, with the right arguments."""

from typing import Any

import pytest
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.tasks import async_task

from capital import tasks
from capital.services.allocation.events import REALLOCATE_AFTER_EVENT, SYNC_MARKETS_OF_VENUE
from capital.services.jobs.schedules import TASKS
from capital.services.jobs.table import JOBS
from capital.services.jobs.work import WORK

AT = "2026-03-05T03:11:00+00:00"


@pytest.fixture
def calls(monkeypatch: Any) -> list[tuple[Any, ...]]:
    """What the services were asked for."""
    asked: list[tuple[Any, ...]] = []
    for name in ("perform_job", "perform_chunk", "perform_after_event"):

        def ask(*arguments: Any, _name: str = name, **options: Any) -> dict[str, int]:
            asked.append((_name, *arguments, options))
            return {"done": 1}

        monkeypatch.setattr(tasks, name, ask)
    return asked


@pytest.mark.parametrize(
    "name", ["sync_balances", "reallocate_due", "sync_fills", "close_day", "sync_markets", "prune"]
)
def test_a_job_is_performed_for_its_slot(name: str, calls: list[tuple[Any, ...]]) -> None:
    assert getattr(tasks, name)(intended=AT) == {"done": 1}
    assert getattr(tasks, name)() == {"done": 1}

    assert calls == [
        ("perform_job", name, {"intended": AT, "queued_at": None}),
        ("perform_job", name, {"intended": None, "queued_at": None}),
    ]


@pytest.mark.parametrize("name", ["sync_balances", "reallocate_due", "close_day"])
def test_a_chunk_is_performed_for_its_slot(name: str, calls: list[tuple[Any, ...]]) -> None:
    assert getattr(tasks, f"{name}_chunk")([1, 2], 3, AT) == {"done": 1}

    options = {"chunk": 3, "intended": AT, "queued_at": None}
    assert calls == [("perform_chunk", name, [1, 2], options)]


def test_an_event_is_performed_under_its_key(calls: list[tuple[Any, ...]]) -> None:
    assert tasks.reallocate_after_event([1, 2], "event:1") == {"done": 1}

    assert calls == [("perform_after_event", [1, 2], "event:1", {})]


@pytest.mark.django_db
def test_a_worker_tells_when_its_task_was_queued(calls: list[tuple[Any, ...]]) -> None:
    before = timezone.now()

    async_task("capital.tasks.prune", intended=AT, sync=True)
    tasks.prune(intended=AT)

    (*_, in_worker), (*_, outside) = calls
    assert before <= in_worker["queued_at"] <= timezone.now()
    assert outside["queued_at"] is None


def test_every_job_of_the_table_has_its_tasks() -> None:
    assert tasks.__name__ == TASKS
    for job in JOBS:
        assert callable(getattr(tasks, job.name))
        assert import_string(job.task) is getattr(tasks, job.name)
        assert hasattr(tasks, f"{job.name}_chunk") is (job.takes_accounts and not job.is_bounded)
        if job.chunk_task:
            assert import_string(job.chunk_task) is getattr(tasks, f"{job.name}_chunk")


def test_every_job_of_the_table_has_its_work() -> None:
    assert list(WORK) == [job.name for job in JOBS]


def test_what_a_change_queues_are_tasks() -> None:
    assert import_string(REALLOCATE_AFTER_EVENT) is tasks.reallocate_after_event
    assert import_string(SYNC_MARKETS_OF_VENUE) is tasks.sync_markets_of_venue
