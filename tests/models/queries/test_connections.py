"""A connection that is kept is asked whether it works only where something was heard of it."""

import select
from collections.abc import Iterator

import psycopg
import pytest
from django.db import close_old_connections, connection

from capital.models import Account
from tests.factories import make_account

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """What each question whether it works was answered; requests keep their connection."""
    answers: list[bool] = []
    question = connection.is_usable

    def is_usable() -> bool:
        answers.append(question())
        return answers[-1]

    monkeypatch.setattr(connection, "is_usable", is_usable)
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)
    monkeypatch.setitem(connection.settings_dict, "CONN_HEALTH_CHECKS", True)
    connection.close()
    connection.connect()
    yield answers
    connection.close()


def next_request() -> None:
    """What Django does between two requests of a process."""
    close_old_connections()


def test_quiet_connection_is_used_without_asking(asked: list[bool]) -> None:
    account = make_account()
    kept = connection.connection
    next_request()

    assert Account.objects.get().pk == account.pk
    assert connection.connection is kept
    assert asked == []


def test_connection_that_the_server_ended_is_made_anew_before_it_is_used(
    asked: list[bool],
) -> None:
    account = make_account()
    kept = connection.connection
    next_request()
    with psycopg.connect(kept.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [kept.info.backend_pid])

    assert Account.objects.get().pk == account.pk
    assert connection.connection is not kept
    assert asked == [False]


def test_connection_that_something_was_heard_of_is_asked(asked: list[bool]) -> None:
    make_account()
    kept = connection.connection
    connection.cursor().execute("LISTEN somebody")
    next_request()
    with psycopg.connect(kept.info.dsn, autocommit=True) as other:
        other.execute("NOTIFY somebody")
    assert select.select([kept.pgconn.socket], [], [], 10)[0]

    assert Account.objects.count() == 1
    assert connection.connection is kept
    assert asked == [True]


def test_connection_that_is_closed_is_made_anew(asked: list[bool]) -> None:
    make_account()
    next_request()
    connection.connection.close()

    assert Account.objects.count() == 1
    assert asked == [False]
