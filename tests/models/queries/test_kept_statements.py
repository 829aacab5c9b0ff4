"""What is asked often is kept in PostgreSQL as a prepared statement, where that is safe."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from capital.models import StrategyAccount
from capital.models.queries.prepared import PreparedQuery
from capital_project.postgresql import base
from tests.factories import make_account, make_link

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A connection without statements, in a process that has met no pooler."""
    monkeypatch.setattr(base.DatabaseWrapper, "keeps_statements", True)
    connection.close()
    yield
    connection.close()


def by_name() -> PreparedQuery:
    return PreparedQuery(
        lambda names, ids: (
            StrategyAccount.objects.filter(
                account__name__in=names, pk__in=ids, account__currency="USDT"
            )
            .order_by()
            .values_list("pk", "account__name")
        )
    )


def kept() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]


def test_statement_is_kept_from_the_second_time_and_asked_with_other_values() -> None:
    one = make_link(account=make_account(name="50 % of 'it' %s"))
    two = make_link(account=make_account(name="$1"))
    prepared = by_name()

    assert prepared.rows([one.account.name], [one.pk]) == [(one.pk, one.account.name)]
    assert kept() == []
    assert prepared.rows([two.account.name], [two.pk]) == [(two.pk, two.account.name)]
    (statement,) = kept()
    assert "$1" in statement
    assert "$2" in statement
    assert "'USDT'" in statement
    assert prepared.rows([one.account.name], [one.pk]) == [(one.pk, one.account.name)]
    assert prepared.rows([one.account.name], [two.pk]) == []
    assert prepared.rows(["'; --"], [2**40]) == []
    assert kept() == [statement]


def test_new_connection_begins_without_statements() -> None:
    link = make_link()
    prepared = by_name()
    for _ in range(3):
        prepared.rows([link.account.name], [link.pk])
    connection.close()

    assert prepared.rows([link.account.name], [link.pk]) == [(link.pk, link.account.name)]
    assert kept() == []
    assert base.DatabaseWrapper.keeps_statements


def test_behind_a_pooler_that_changes_connections_nothing_is_kept() -> None:
    link = make_link()
    prepared = by_name()
    for _ in range(3):
        prepared.rows([link.account.name], [link.pk])
    # As if the pooler had given us another of its connections.
    connection.cursor().execute("DEALLOCATE ALL")

    for _ in range(3):
        assert prepared.rows([link.account.name], [link.pk]) == [(link.pk, link.account.name)]
        assert kept() == []


@pytest.mark.parametrize(("kind", "value"), [("bigint", 2), ("text", "2")])
def test_column_that_got_another_type_is_read_as_it_is_now(kind: str, value: Any) -> None:
    ask: Any = connection.rows_of  # type: ignore[attr-defined]  # ours
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE changed (size integer)")
        cursor.execute("INSERT INTO changed VALUES (1), (2)")
        found = [ask("SELECT size FROM changed WHERE size = $1", [], [2]) for _ in range(2)]
        cursor.execute(f"ALTER TABLE changed ALTER size TYPE {kind}")
    assert found == [None, [(2,)]]

    found = [ask("SELECT size FROM changed WHERE size = $1", [], [value]) for _ in range(3)]

    assert found == [None, None, [(value,)]]
    assert base.DatabaseWrapper.keeps_statements


def test_error_of_the_statement_itself_is_raised() -> None:
    ask: Any = connection.rows_of  # type: ignore[attr-defined]  # ours
    assert ask("SELECT 1 / $1", [], [1]) is None
    assert ask("SELECT 1 / $1", [], [1]) == [(1,)]

    with pytest.raises(base.DatabaseError, match="division by zero"):
        ask("SELECT 1 / $1", [], [0])
    assert ask("SELECT 1 / $1", [], [1]) == [(1,)]


def test_nothing_is_kept_in_a_transaction() -> None:
    link = make_link()
    prepared = by_name()
    with transaction.atomic():
        for _ in range(3):
            assert prepared.rows([link.account.name], [link.pk]) == [(link.pk, link.account.name)]
        assert kept() == []


def test_so_many_statements_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_MOST_KEPT", 3)
    ask: Any = connection.rows_of  # type: ignore[attr-defined]  # ours
    for number in range(10):
        for _ in range(2):
            ask(f"SELECT {number}", [], [])
        assert len(kept()) <= 3

    assert ask("SELECT 9", [], []) == [(9,)]
