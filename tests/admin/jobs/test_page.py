"""Jobs and the queue: read-only, readable, closed where a pickle could hold anything."""

import pickle
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success, Task

from capital.models import JobRun, Stop
from capital.services.jobs.clusters import record_heartbeat
from capital.services.jobs.schedules import sync_schedules
from tests.admin.tenants import allow, allow_everything
from tests.factories import make_user

pytestmark = pytest.mark.django_db

MODELS = (JobRun, Success, Failure, Schedule, OrmQ)


class Bomb:
    """Unpickling it is running it."""

    def __deepcopy__(self, memo: Any) -> "Bomb":
        """Storing one copies it."""
        return self

    def __reduce__(self) -> Any:
        return (_go_off, ())


gone_off: list[bool] = []


def _go_off() -> None:
    # An exception would be swallowed by the field.
    gone_off.append(True)


def address(model: Any, page: str, *arguments: Any) -> str:
    options = model._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_{page}", args=arguments)


@pytest.fixture
def rows() -> dict[Any, Any]:
    """One row of each kind."""
    now = timezone.now()
    sync_schedules()
    tasks = {
        is_success: Task.objects.create(
            id=f"{int(is_success):032}",
            name=f"task-{is_success}",
            func="capital.tasks.sync_balances",
            args=("CANARY-argument",),
            kwargs={"key": "CANARY-keyword"},
            result="CANARY-result",
            started=now - timedelta(minutes=3),
            stopped=now,
            success=is_success,
        )
        for is_success in (True, False)
    }
    return {
        JobRun: JobRun.objects.create(
            name="sync_balances",
            started_at=now - timedelta(minutes=5),
            finished_at=now - timedelta(minutes=4),
            accounts=6,
            outcomes={"live": 7, "exchange_unreachable": 1},
            error="The exchange was out.",
        ),
        Success: tasks[True],
        Failure: tasks[False],
        Schedule: Schedule.objects.get(name="sync_balances"),
        OrmQ: OrmQ.objects.create(
            key="capital", payload="CANARY-payload", lock=now - timedelta(minutes=2)
        ),
    }


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


@pytest.mark.once
@pytest.mark.parametrize("model", MODELS)
def test_a_row_is_shown_and_nothing_of_it_can_be_changed(
    root: Client, rows: dict[Any, Any], model: Any
) -> None:
    key = rows[model].pk
    shown = root.get(address(model, "changelist"))
    page = root.get(address(model, "change", key))

    assert (shown.status_code, page.status_code) == (200, 200)
    for text in (shown.content.decode(), page.content.decode()):
        assert "CANARY" not in text
        assert "resubmit" not in text.lower()
        assert 'name="_save"' not in text
    assert root.get(address(model, "add")).status_code == 403
    assert root.post(address(model, "change", key), {}).status_code == 403
    assert root.post(address(model, "delete", key), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=key).exists()


@pytest.mark.once
@pytest.mark.parametrize("model", MODELS)
def test_no_action_is_offered_or_accepted(root: Client, rows: dict[Any, Any], model: Any) -> None:
    request = root.get(address(model, "changelist")).wsgi_request
    assert admin.site._registry[model].get_actions(request) == {}

    for action in ("resubmit_task", "delete_selected"):
        chosen = {"action": action, "_selected_action": [str(rows[model].pk)]}
        root.post(address(model, "changelist"), chosen)
    assert model.objects.filter(pk=rows[model].pk).exists()
    assert OrmQ.objects.count() == 1


@pytest.mark.once
@pytest.mark.parametrize("is_success", [True, False])
def test_a_pickle_is_never_loaded(root: Client, is_success: bool) -> None:
    now = timezone.now()
    task = Task.objects.create(
        id="9" * 32,
        name="bomb",
        func="capital.tasks.prune",
        args=Bomb(),
        started=now,
        stopped=now,
        success=is_success,
    )
    model = Success if is_success else Failure
    pickle.loads(pickle.dumps(Bomb()))
    assert gone_off
    gone_off.clear()

    str(Task.objects.get(pk=task.pk).args)
    assert root.get(address(model, "changelist")).status_code == 200
    assert root.get(address(model, "change", task.pk)).status_code == 200
    assert not gone_off


@pytest.mark.once
@pytest.mark.parametrize("model", MODELS)
def test_who_does_not_see_everyone_s_accounts_sees_none_of_it(
    client: Client, rows: dict[Any, Any], model: Any
) -> None:
    client.force_login(allow_everything(make_user(is_staff=True)))

    assert client.get(address(model, "changelist")).status_code == 403
    assert client.get(address(model, "change", rows[model].pk)).status_code == 403
    assert client.get("/admin/capital/jobrun/health/").status_code == 403
    assert "jobrun" not in client.get("/admin/").content.decode()


@pytest.mark.once
def test_who_sees_everyone_s_accounts_sees_the_jobs(client: Client, rows: dict[Any, Any]) -> None:
    client.force_login(allow(make_user(is_staff=True), "capital.view_all_accounts"))

    assert client.get(address(JobRun, "changelist")).status_code == 200
    assert client.get("/admin/capital/jobrun/health/").status_code == 200


def test_health_says_what_is_late_who_is_alive_and_what_waits(
    root: Client, rows: dict[Any, Any]
) -> None:
    record_heartbeat(pid=4711, is_first=True)
    page = root.get("/admin/capital/jobrun/health/").content.decode()

    assert "The exchange was out." in page
    assert "4711" in page
    assert "2 min" in page
    Schedule.objects.filter(name="prune").delete()
    assert "Needs attention." in root.get("/admin/capital/jobrun/health/").content.decode()


def test_health_says_what_is_stopped(root: Client, rows: dict[Any, Any]) -> None:
    page = "/admin/capital/jobrun/health/"
    assert 'id="stops-title"' not in root.get(page).content.decode()
    stop = Stop.objects.create(everybody=True, reason="An outage")

    said = root.get(page).content.decode()

    assert "everybody</a>: An outage (command line, " in said
    assert f"/admin/capital/stop/{stop.pk}/lift/" in said


def test_runs_of_jobs_are_found_by_job_and_by_result(root: Client, rows: dict[Any, Any]) -> None:
    JobRun.objects.create(name="prune", started_at=timezone.now())

    def found(**filters: str) -> list[str]:
        cl = root.get(address(JobRun, "changelist"), filters).context["cl"]
        return [run.name for run in cl.result_list]

    assert found() == ["prune", "sync_balances"]
    assert found(name="prune") == ["prune"]
    assert found(result="failed") == ["sync_balances"]
    assert found(result="open") == ["prune"]
    assert found(result="done") == []


@pytest.mark.once
@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("exchange unreachable 1", "live 7")), ("ko", ("거래소 연결 실패 1", "실시간 7"))],
)
def test_outcomes_are_counted_in_words(
    root: Client, rows: dict[Any, Any], language: str, words: tuple[str, ...]
) -> None:
    page = root.get(address(JobRun, "changelist"), headers={"accept-language": language})

    for each in words:
        assert each in page.content.decode()


def test_a_schedule_says_when_its_job_runs(root: Client, rows: dict[Any, Any]) -> None:
    page = root.get(address(Schedule, "changelist")).content.decode()

    assert "every 1 min" in page
    assert "daily at 00:00:30" in page
    assert "daily at 03:30:00" in page

    Schedule.objects.filter(name="prune").update(hook="somebody.elses")
    assert "daily at 03:30:00" not in root.get(address(Schedule, "changelist")).content.decode()


def test_list_of_runs_says_what_each_job_does_and_keeps_those_that_are_gone(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    for name in ("watch", "of_long_ago"):
        JobRun.objects.create(name=name, started_at=timezone.now())

    page = client.get(address(JobRun, "changelist"), headers={"accept-language": "ko"})

    text = page.content.decode()
    assert "문제의 발생과 해소를 알림" in text
    assert "of_long_ago" in text
