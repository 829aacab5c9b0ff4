"""Times are read from PostgreSQL by psycopg's own loader, and are what Django's would give."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, connection, transaction
from django.utils import timezone
from psycopg.types.datetime import TimestamptzLoader

from capital.models import Account
from tests.factories import make_account

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

# In Seoul, whose day and whose offset are others.
MOMENT = datetime(2026, 3, 5, 0, 30, 0, 123456, tzinfo=timezone.get_default_timezone())


def asked(value: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [value])
        return cursor.fetchone()[0]


def test_times_are_read_by_the_compiled_loader_and_are_in_utc() -> None:
    told = asked("2026-03-05 00:30:00.123456+09:00")

    assert told == datetime(2026, 3, 4, 15, 30, 0, 123456, tzinfo=UTC)
    assert told.tzinfo is UTC  # type: ignore[attr-defined]
    loader = connection.connection.adapters.get_loader(1184, 0)
    assert not issubclass(loader, TimestamptzLoader), "the one that is written in Python"


def test_rows_have_them_by_every_kind_of_cursor() -> None:
    account = make_account()
    Account.objects.update(created_at=MOMENT)

    assert Account.objects.get().created_at == MOMENT
    with transaction.atomic():
        (row,) = Account.objects.iterator()
    assert (row.pk, row.created_at, row.created_at.utcoffset()) == (
        account.pk,
        MOMENT,
        timedelta(),
    )


def test_time_that_python_has_not_is_refused() -> None:
    with pytest.raises(DataError):
        asked("infinity")


def test_connection_in_another_zone_reads_them_django_s_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "TIME_ZONE", "Asia/Seoul")
    del connection.timezone, connection.timezone_name
    try:
        told = asked("2026-03-05 00:30:00+09:00")
        assert told.isoformat() == "2026-03-05T00:30:00+09:00"  # type: ignore[attr-defined]
    finally:
        connection.close()
        del connection.timezone, connection.timezone_name
