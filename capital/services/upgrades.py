"""What an upgrade would do to the database, and which other versions are still connected to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

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
    executor = MigrationExecutor(connection)
    graph = executor.loader.graph
    plan = executor.migration_plan(graph.leaf_nodes())
    unknown = set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations)
    ours = {app for app, _ in executor.loader.disk_migrations}
    replaced = {old for each in executor.loader.disk_migrations.values() for old in each.replaces}
    return UpgradeCheck(
        tuple(f"{migration.app_label}.{migration.name}" for migration, _ in plan),
        any(app in ours and (app, name) not in replaced for app, name in unknown),
        _other_versions(version),
    )


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
