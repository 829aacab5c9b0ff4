"""The workers run our own tasks and nothing else, whatever the queue's tables say."""

import inspect
import os
import pickle
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule, Success, Task
from django_q.monitor import save_task
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from capital import tasks
from capital.domain.errors import TaskRefused
from capital.management.commands.qcluster import own_scheduler
from capital.models import JobRun
from capital.pickles import load_plain
from capital.services.jobs.allowed import ALLOWED, refusal_of
from capital.services.jobs.health import refused_tasks
from capital.services.jobs.schedules import sync_schedules
from tests.commands.running import run
from tests.factories import make_user

pytestmark = pytest.mark.django_db

ran: list[str] = []


@pytest.fixture(autouse=True)
def _connection_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are closed between two rounds; here, the test's transaction is in one."""
    for module in ("scheduler", "monitor"):
        monkeypatch.setattr(f"django_q.{module}.close_old_django_connections", lambda: None)
    scheduler = "capital.management.commands.qcluster.close_old_connections"
    monkeypatch.setattr(scheduler, lambda: None)


def attack(*_arguments: Any, **_keywords: Any) -> None:
    """What somebody would like the workers to run."""
    ran.append("attack")


HERE = f"{__name__}.attack"


@pytest.fixture(autouse=True)
def nothing_ran() -> Any:
    ran.clear()
    yield
    assert ran == []


class Bomb:
    """Unpickling it is running it."""

    def __deepcopy__(self, memo: Any) -> "Bomb":
        """Storing one copies it."""
        return self

    def __reduce__(self) -> Any:
        return (attack, ())


def task(func: Any = "capital.tasks.prune", **extra: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    given = {"id": "a" * 32, "name": "one", "func": func, "args": (), "kwargs": {}, "started": now}
    return {**given, **extra}


def refusals() -> list[str]:
    return list(JobRun.objects.filter(name="refused_task").values_list("error", flat=True))


def pull() -> list[Any]:
    return list(get_broker().dequeue() or [])


def test_every_task_of_ours_is_allowed_and_nothing_else_is() -> None:
    receivers = {"begin", "end"}
    ours = {
        f"capital.tasks.{name}"
        for name, function in inspect.getmembers(tasks, inspect.isfunction)
        if function.__module__ == "capital.tasks" and name not in receivers
    }
    assert ours == ALLOWED


@pytest.mark.parametrize(
    "func",
    [
        "os.system",
        "capital.tasks.begin",
        "capital.tasks.sync_balances.__globals__",
        "capital.services.access.create_token",
        "builtins.exec",
        HERE,
        "",
        None,
        7,
        attack,
        os.system,
    ],
)
def test_another_function_is_refused_where_it_is_pulled_and_told_of(
    func: Any, caplog: pytest.LogCaptureFixture
) -> None:
    pack = SignedPackage.dumps(task(func))
    OrmQ.objects.create(key="capital", payload=pack, lock=timezone.now() - timedelta(seconds=1))

    assert pull() == []

    assert not OrmQ.objects.exists()
    [error] = refusals()
    assert error.startswith(("task_refused: ", "task_unreadable: "))
    assert "refused" in caplog.text
    assert [each.reason for each in refused_tasks()] == [error]
    with translation.override("ko"):
        [told] = refused_tasks()
    assert re.search("[가-힣]", told.shown_reason)


@pytest.mark.parametrize("extra", ["hook", "chain"])
def test_a_task_of_ours_that_would_call_another_function_is_refused(extra: str) -> None:
    get_broker().enqueue(SignedPackage.dumps(task(**{extra: HERE})))

    assert pull() == []
    assert extra in refusals()[0]


def test_a_task_of_ours_is_pulled() -> None:
    get_broker().enqueue(SignedPackage.dumps(task()))

    [(_, payload)] = pull()
    assert SignedPackage.loads(payload)["func"] == "capital.tasks.prune"
    assert refusals() == []


def test_a_payload_that_runs_code_is_not_loaded_even_if_it_was_signed() -> None:
    signed = signing.dumps(
        task(args=(Bomb(),)), key=Conf.SECRET_KEY, salt=Conf.PREFIX, serializer=_Pickles
    )
    for payload in (signed, "not signed", ""):
        get_broker().enqueue(payload)
        assert pull() == []

    assert len(refusals()) == 3
    assert not OrmQ.objects.exists()


class _Pickles:
    dumps = staticmethod(pickle.dumps)


def test_nothing_else_is_queued_either() -> None:
    for arguments in ({"func": HERE}, {"func": "capital.tasks.prune", "hook": HERE}):
        with pytest.raises(TaskRefused):
            async_task(arguments.pop("func"), **arguments)
    assert not OrmQ.objects.exists()


# Schedules


def due(**fields: Any) -> Schedule:
    usual = {"name": "theirs", "func": HERE, "schedule_type": Schedule.MINUTES, "minutes": 1}
    at = timezone.now() - timedelta(seconds=5)
    row: Schedule = Schedule.objects.create(**{**usual, "next_run": at, **fields})
    return row


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"func": "os.system", "args": "'touch /tmp/owned'"},
        {"func": "capital.tasks.prune", "hook": HERE},
        {
            "func": "capital.tasks.prune",
            "kwargs": f"{{'q_options': {{'chain': [('{HERE}', ())]}}}}",
        },
        {"func": "capital.tasks.prune", "kwargs": "{'q_options': {'sync': True}}"},
        {"func": HERE, "kwargs": "{'q_options': {'sync': True}}"},
        {"func": "capital.tasks.prune", "args": "'2026-01-01'"},
        {"func": "capital.tasks.prune", "args": "not a literal("},
        {"func": "capital.tasks.prune", "intended_date_kwarg": "q_options"},
        {"name": "sync_balances", "func": HERE},
        {"schedule_type": Schedule.ONCE},
        {"cluster": "another"},
    ],
)
def test_a_schedule_that_is_not_ours_is_switched_off_and_told_of(
    fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    Schedule.objects.all().delete()
    sync_schedules()
    Schedule.objects.update(next_run=timezone.now() - timedelta(seconds=5))
    row = due(**fields)

    own_scheduler(get_broker())

    row.refresh_from_db()
    assert row.repeats == 0
    [error] = refusals()
    assert error.startswith("schedule_refused: ")
    assert "refused" in caplog.text or "switched off" in caplog.text
    # Ours were queued all the same.
    queued = [SignedPackage.loads(payload)["func"] for payload in _payloads()]
    assert sorted(queued) == sorted(
        f"capital.tasks.{name}"
        for name in (
            "check_keys",
            "close_day",
            "prune",
            "reallocate_due",
            "send_digest",
            "sync_balances",
            "sync_fills",
            "sync_markets",
            "watch",
        )
    )
    # It is told of once, not every half minute.
    own_scheduler(get_broker())
    assert len(refusals()) == 1


def _payloads() -> list[str]:
    return list(OrmQ.objects.values_list("payload", flat=True))


# Finished tasks


def test_a_row_of_a_finished_task_runs_nothing_when_the_next_result_is_saved() -> None:
    """django-q2 loads every success, pickles and all, before it saves one."""
    now = timezone.now()
    for column in ("args", "kwargs", "result"):
        Task.objects.create(
            id=column * 4, name=column, func="x", started=now, stopped=now, **{column: Bomb()}
        )

    assert list(Success.objects.all())
    done = task(result={"live": 1}, success=True, stopped=now, id="b" * 32)
    save_task(done, get_broker())

    assert Task.objects.get(id="b" * 32).result == {"live": 1}


def test_the_hook_of_a_finished_task_is_not_called() -> None:
    now = timezone.now()
    Task.objects.create(id="c" * 32, name="c", func="x", hook=HERE, started=now, stopped=now)

    assert ran == []


@pytest.mark.parametrize(
    "value",
    [
        Bomb(),
        os.system,
        eval,
        os.path.join,
        Exception("text"),
    ],
)
def test_only_plain_values_are_unpickled(value: Any) -> None:
    with pytest.raises(pickle.UnpicklingError):
        load_plain(pickle.dumps([value]))


def test_what_our_tasks_are_made_of_is_unpickled() -> None:
    plain = task(args=([1, 2], "text", None, timedelta(1)), kwargs={"intended": "2026-01-01"})
    assert load_plain(pickle.dumps(plain)) == plain


# Where it is shown


def test_it_is_shown_on_the_jobs_page_and_by_the_command(client: Client) -> None:
    due(func="os.system")
    own_scheduler(get_broker())
    client.force_login(make_user(is_staff=True, is_superuser=True))

    page = client.get(reverse("admin:capital_jobrun_health")).content.decode()
    assert "Refused tasks" in page
    assert "os.system" in page
    listed = client.get(reverse("admin:django_q_schedule_changelist")).content.decode()
    assert "refused" in listed
    assert "os.system" in run("jobs")[1]


def test_a_page_without_refusals_says_nothing(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    page = client.get(reverse("admin:capital_jobrun_health")).content.decode()
    assert "Refused tasks" not in page


def test_a_task_that_asks_for_a_refused_thing_has_a_reason() -> None:
    assert refusal_of(None) is not None
    assert refusal_of(task()) is None
