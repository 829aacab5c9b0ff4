"""What stands in the way of a desk, each thing provoked by itself."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import OperationalError
from django.test import override_settings

from capital.domain.reasons import Code, Reason
from capital.services import diagnosis, schema
from capital.services.diagnosis import Finding, State, diagnose
from tests.factories import make_account

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _reachable(monkeypatch: Any) -> None:
    monkeypatch.setattr(diagnosis, "reach_venues", lambda venues: dict.fromkeys(venues))


def found(check: str) -> list[tuple[State, str]]:
    return [(each.state, each.text) for each in diagnose() if each.check == check]


def problem(check: str) -> str:
    [(state, text)] = found(check)
    assert state is State.PROBLEM
    return text


def test_each_thing_is_told_in_order_and_each_is_a_sentence() -> None:
    names = [each.check for each in diagnose(asks_venues=False)]
    assert names == [
        "database",
        "migrations",
        "hosts",
        "disk",
        "keys",
        "clock",
        "workers",
        "queue",
    ]
    assert all(each.text.endswith(".") for each in diagnose())


def test_without_a_database_nothing_is_asked_of_it(monkeypatch: Any) -> None:
    class Away:
        def __init__(self, _connection: Any) -> None:
            raise OperationalError("connection refused")

    monkeypatch.setattr(schema, "MigrationExecutor", Away)
    make_account(venue="okx")

    assert "cannot be reached" in problem("database")
    assert [each.check for each in diagnose(asks_venues=False)] == ["database", "hosts", "disk"]
    assert len(found("venues")) > 10, "of which none are known to be used"


def test_missing_migrations_are_counted(monkeypatch: Any) -> None:
    plan = [(SimpleNamespace(app_label="capital", name=name), False) for name in ("a", "b")]
    monkeypatch.setattr(schema.MigrationExecutor, "migration_plan", lambda *_: plan)

    assert problem("migrations").startswith("2 migrations are missing.")


def test_values_are_counted_by_key_and_what_no_key_opens_is_named() -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    with override_settings(FIELD_ENCRYPTION_KEYS=[old]):
        make_account(name="Main", api_key="k", api_secret="s")
    with override_settings(FIELD_ENCRYPTION_KEYS=[new, old]):
        make_account(name="Other", api_key="k")
        told = [text for _, text in found("keys")]
    assert told == [
        "Key 1 of FIELD_ENCRYPTION_KEYS opens 1 stored value.",
        (
            "Key 2 of FIELD_ENCRYPTION_KEYS opens 2 stored values. Run "
            "`python manage.py rotate_keys` before it is removed."
        ),
    ]
    with override_settings(FIELD_ENCRYPTION_KEYS=[new]):
        (_, opened), (state, lost) = found("keys")
    assert opened.endswith("opens 1 stored value.")
    assert state is State.PROBLEM
    assert "No key opens 2 stored values (account Main (binance USDT))." in lost


def test_a_clock_that_is_too_far_off_is_a_problem(monkeypatch: Any) -> None:
    monkeypatch.setattr(diagnosis, "ahead_of_database", lambda clock: timedelta(seconds=-3600))
    assert "is 3600 seconds off the database's; 60 are accepted" in problem("clock")


def test_no_worker_a_stuck_queue_and_late_jobs_are_told(monkeypatch: Any) -> None:
    assert "`python manage.py qcluster`" in problem("workers")
    health = SimpleNamespace(
        clusters=[SimpleNamespace(is_alive=True), SimpleNamespace(is_alive=False)],
        jobs=[
            SimpleNamespace(name="sync_balances", is_late=True),
            SimpleNamespace(name="prune", is_late=False),
        ],
        is_stuck=False,
        oldest_wait=None,
    )
    monkeypatch.setattr(diagnosis, "check_health", lambda: health)
    assert found("workers") == [(State.OK, "1 cluster of workers is alive.")]
    [(state, text)] = found("queue")
    assert (state, "These jobs are late: sync_balances." in text) == (State.WARNING, True)
    health.jobs[0].is_late = False
    assert [state for state, _ in found("queue")] == [State.OK]
    health.is_stuck, health.oldest_wait = True, timedelta(seconds=99)
    assert "waited 99 seconds" in problem("queue")


def test_the_exchanges_of_active_accounts_are_asked_and_each_says_what_is_wrong(
    monkeypatch: Any,
) -> None:
    for venue in ("okx", "binance", "upbit"):
        make_account(venue=venue)
    make_account(venue="bybit", is_active=False)
    whys = {
        "okx": Reason(Code.EXCHANGE_BLOCKED, {"venue": "okx", "status": "451"}),
        "upbit": Reason(Code.EXCHANGE_UNREACHABLE, {"venue": "upbit", "kind": "OSError"}),
    }
    monkeypatch.setattr(diagnosis, "reach_venues", lambda venues: {v: whys.get(v) for v in venues})

    binance, okx, upbit = found("venues")

    assert binance == (State.OK, "binance answers.")
    assert (okx[0], "HTTP 451" in okx[1]) == (State.PROBLEM, True)
    assert (upbit[0], "may send requests to the internet" in upbit[1]) == (State.PROBLEM, True)

    whys |= {"binance": whys["upbit"], "okx": whys["upbit"]}
    assert "None of 3 exchanges can be reached (binance, okx, upbit)." in problem("venues")
    with override_settings(CAPITAL_LIVE_BALANCES=False):
        assert [state for state, _ in found("venues")] == [State.WARNING]


@pytest.mark.parametrize(
    ("values", "state", "words"),
    [
        ({"ALLOWED_HOSTS": [], "DEBUG": False}, State.PROBLEM, "is empty"),
        ({"ALLOWED_HOSTS": ["*"]}, State.WARNING, "any name"),
        ({"ALLOWED_HOSTS": ["localhost"], "CAPITAL_HTTPS": True}, State.WARNING, "HTTPS only"),
        ({"ALLOWED_HOSTS": ["a.example"], "CAPITAL_HTTPS": True}, State.OK, "a.example"),
    ],
)
def test_hosts_that_open_no_page_are_told(values: Any, state: State, words: str) -> None:
    with override_settings(**values):
        [(told, text)] = found("hosts")
    assert (told, words in text) == (state, True)


@pytest.mark.parametrize(
    ("free", "state"),
    [(199 * 10**6, State.PROBLEM), (10**9, State.WARNING), (9 * 10**9, State.OK)],
)
def test_a_full_disk_is_told(monkeypatch: Any, free: int, state: State) -> None:
    usage = SimpleNamespace(free=free)
    monkeypatch.setattr(diagnosis.shutil, "disk_usage", lambda _folder: usage)
    [(told, text)] = found("disk")
    assert (told, "GB of the disk are free" in text) == (state, True)


def test_the_command_says_it_and_ends_with_one_where_there_is_a_problem(
    monkeypatch: Any, capsys: Any
) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--offline")
    assert ended.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok · database: ")
    assert any(line.startswith("problem · workers: No worker is alive.") for line in lines)

    sound = [Finding("disk", State.WARNING, "1.0 GB of the disk are free.")]
    monkeypatch.setattr("capital.management.commands.doctor.diagnose", lambda asks_venues: sound)
    call_command("doctor", "--json")
    assert '"is_sound": true' in capsys.readouterr().out
