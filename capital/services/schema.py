"""Whether the database's tables are those of this version, for whoever has to know."""

from dataclasses import dataclass

from django.db import connection
from django.db.migrations.executor import MigrationExecutor


@dataclass(frozen=True)
class Schema:
    """How the database stands to this version's migrations.

    Attributes:
        pending: What `migrate` would apply, in order, as ``app.name``.
        is_newer: The database knows migrations that this version does not.
    """

    pending: tuple[str, ...]
    is_newer: bool


def read_schema() -> Schema:
    """Look at the database's list of applied migrations. Raises what the database raises."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    on_disk = executor.loader.disk_migrations
    ours = {app for app, _ in on_disk}
    replaced = {old for each in on_disk.values() for old in each.replaces}
    unknown = set(executor.loader.applied_migrations) - set(on_disk) - replaced
    return Schema(
        tuple(f"{migration.app_label}.{migration.name}" for migration, _ in plan),
        any(app in ours for app, _ in unknown),
    )
