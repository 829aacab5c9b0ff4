"""The database's clock, which is the same for all machines."""

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from capital.domain.clock import Clock


def database_now() -> datetime:
    """The time of PostgreSQL's machine; SQLite is on this one."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def ahead_of_database(*, clock: Clock) -> timedelta:
    """How far ``clock`` is ahead of the database's, for certain; below zero where it is behind."""
    asked_at = clock()
    told = database_now()
    return certain_difference(asked_at, told, clock())


def certain_difference(asked_at: datetime, told: datetime, answered_at: datetime) -> timedelta:
    """The least by which our clock is ahead of another that was read between two moments of ours.

    However long the answer took, it is no reason to take the clock for wrong.
    """
    return max(asked_at - told, timedelta()) + min(answered_at - told, timedelta())
