"""Keep the answers of webhooks compressed. Those that are there are packed, too."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import migrations, models

import capital.models.columns.packed

_ROWS_AT_ONCE = 200
_JSON, _PACKED = "body", "packed"


@contextmanager
def _triggers_off(schema_editor: Any) -> Iterator[None]:
    """Let append-only rows be written again: PostgreSQL refuses it elsewhere."""
    if schema_editor.connection.vendor != "postgresql":
        yield
        return
    schema_editor.execute("ALTER TABLE capital_webhookanswer DISABLE TRIGGER USER")
    yield
    schema_editor.execute("ALTER TABLE capital_webhookanswer ENABLE TRIGGER USER")


def _copy(apps: Any, schema_editor: Any, source: str, target: str) -> None:
    rows = apps.get_model("capital", "WebhookAnswer")._base_manager.order_by("pk")
    last = 0
    with _triggers_off(schema_editor):
        while found := list(rows.filter(pk__gt=last)[:_ROWS_AT_ONCE]):
            for row in found:
                setattr(row, target, getattr(row, source))
            models.QuerySet(rows.model).bulk_update(found, [target])
            last = found[-1].pk


def pack(apps: Any, schema_editor: Any) -> None:
    """Pack the answers that are there."""
    _copy(apps, schema_editor, _JSON, _PACKED)


def unpack(apps: Any, schema_editor: Any) -> None:
    """Write them as JSON again."""
    _copy(apps, schema_editor, _PACKED, _JSON)


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0023_entries_by_link"),
    ]

    operations = [
        migrations.AddField(
            model_name="webhookanswer",
            name="packed",
            field=capital.models.columns.packed.PackedJSONField(null=True, verbose_name="response"),
        ),
        migrations.AlterField(
            model_name="webhookanswer",
            name="body",
            field=models.JSONField(null=True, verbose_name="response"),
        ),
        migrations.RunPython(pack, unpack),
    ]
