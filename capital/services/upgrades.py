"""What an upgrade would do to the database, and which other versions are still connected to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection

from capital.services.schema import read_schema

_PREFIX = "capital "


@dataclass(frozen=True)
class UpgradeCheck:
    """How the database stands to this version.

    Attributes:
        migrations: What would be migrated, in order, as ``app.name``.
        is_older: The database knows migrations that this version does not: it is of a newer one.
        others: How many connections each other version has; None where the database cannot say.
    """

    migrations: tuple[str, ...]
    is_older: bool
    others: Mapping[str, int] | None

    @property
    def is_clear(self) -> bool:
        """Whether nothing is to be done: migrated, and no other version at work."""
        return not (self.migrations or self.is_older or self.others)


def check_upgrade(version: str) -> UpgradeCheck:
    """How the database stands to ``version``, the one that asks. Nothing is changed."""
    schema = read_schema()
    return UpgradeCheck(schema.pending, schema.is_newer, _other_versions(version))


def _other_versions(version: str) -> dict[str, int] | None:
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_name, COUNT(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name LIKE %s "
            "AND application_name <> %s GROUP BY application_name ORDER BY application_name",
            [f"{_PREFIX}%", f"{_PREFIX}{version}"],
        )
        return {name.removeprefix(_PREFIX): count for name, count in cursor.fetchall()}
