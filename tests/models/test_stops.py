"""A stop is of one scope, is written once, and is lifted once."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, models, transaction

from capital.domain.errors import AppendOnly
from capital.models import Stop
from tests.factories import make_account, make_link, make_user
from tests.models.refusals import errors_of, refused_by_database

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def of_account(**fields: Any) -> Stop:
    return Stop(**{"account": make_account(), "reason": "An outage", **fields})


def test_stop_is_of_exactly_one_scope() -> None:
    link, user = make_link(), make_user()
    for fields in (
        {},
        {"account": link.account, "everybody": True},
        {"account": link.account, "strategy_account": link},
        {"account": link.account, "owner": user},
        {"strategy_account": link, "owner": user},
        {"owner": user, "everybody": True},
    ):
        stop = Stop(reason="Why", **fields)
        assert errors_of(stop)["__all__"] == [
            "A stop is of one strategy link, one account, one owner, or everybody."
        ]
        with refused_by_database("stop_of_one_scope"):
            stop.save()


def test_stop_says_why() -> None:
    stop = of_account(reason="")
    assert errors_of(stop)["__all__"] == ["Give a reason."]
    with refused_by_database("stop_says_why"):
        stop.save()


def test_limit_stops_an_account_or_a_link_and_is_nobodys_act() -> None:
    for fields in (
        {"account": None, "owner": make_user()},
        {"account": None, "everybody": True},
        {"actor": make_user()},
    ):
        with refused_by_database("stop_by_limit_of_account_or_link"):
            of_account(code="drawdown_reached", reason="", **fields).save()
    of_account(code="drawdown_reached", reason="").save()


def test_lifting_is_all_or_nothing() -> None:
    for fields in (
        {"lifted_at": NOON},
        {"lifted_reason": "Over"},
        {"lifted_by": make_user()},
    ):
        with refused_by_database("stop_lifted_as_a_whole"):
            of_account(**fields).save()


@pytest.mark.parametrize(
    ("constraint", "columns", "fields"),
    [
        (
            "stop_open_once_an_account",
            "capital_stop.account_id, capital_stop.code",
            lambda link: {"account": link.account},
        ),
        (
            "stop_open_once_a_link",
            "capital_stop.strategy_account_id, capital_stop.code",
            lambda link: {"strategy_account": link},
        ),
        (
            "stop_open_once_an_owner",
            "capital_stop.owner_id",
            lambda link: {"owner": link.account.owner},
        ),
        ("stop_open_once_for_everybody", "capital_stop.everybody", lambda _: {"everybody": True}),
    ],
)
def test_one_stop_of_a_scope_is_open(constraint: str, columns: str, fields: Any) -> None:
    named = fields(make_link())
    first = Stop.objects.create(reason="First", **named)
    assert errors_of(Stop(reason="Second", **named))["__all__"] == ["This is already stopped."]
    with refused_by_database(constraint, columns=columns):
        Stop.objects.create(reason="Second", **named)

    assert first.lift(by_id=None, at=NOON, reason="Over", figures={})
    Stop.objects.create(reason="Second", **named)


def test_stop_is_lifted_once_and_never_changed_otherwise() -> None:
    stop = Stop.objects.create(everybody=True, reason="First")
    assert stop.lift(by_id=None, at=NOON, reason="Over", figures={"return": "-0.1"})
    assert not Stop.objects.get().lift(by_id=None, at=NOON, reason="Again", figures={})

    stop.reason = "Another"
    for change in (
        stop.save,
        stop.delete,
        lambda: Stop.objects.update(reason="Another"),
        lambda: Stop.objects.open().delete(),
        lambda: Stop._base_manager.filter(pk=stop.pk).update(reason="Another"),
    ):
        with pytest.raises(AppendOnly):
            change()
    kept = Stop.objects.get()
    assert (kept.reason, kept.lifted_reason, kept.lifted_figures) == (
        "First",
        "Over",
        {"return": "-0.1"},
    )


@pytest.mark.postgresql
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no trigger here")
def test_database_lets_a_stop_be_lifted_once_and_nothing_else() -> None:
    stop = Stop.objects.create(everybody=True, reason="First")
    plain = models.QuerySet(Stop)
    for statement in ("UPDATE capital_stop SET reason = 'x'", "DELETE FROM capital_stop"):
        with (
            pytest.raises(DatabaseError, match="Cannot"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    stop.lift(by_id=None, at=NOON, reason="Over", figures={})
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        plain.update(lifted_reason="Another")
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        plain.update(lifted_at=None, lifted_reason="", lifted_by=None)
    assert Stop.objects.get().lifted_reason == "Over"


def test_stop_is_named_by_whom_it_stops() -> None:
    link = make_link()
    assert str(Stop(everybody=True)) == "everybody"
    assert str(Stop(owner=link.account.owner)) == link.account.owner.username
    assert str(Stop(account=link.account)) == str(link.account)
    assert str(Stop(strategy_account=link)) == str(link)
