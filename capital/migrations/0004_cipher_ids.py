"""A stable id for each row with encrypted columns, to which these are bound from now on."""

import uuid
from typing import Any

from django.db import migrations

import capital.models.columns.encrypted

_MODELS = ("Account", "WebhookSecret")


def give_ids(apps: Any, schema_editor: Any) -> None:
    for name in _MODELS:
        rows = apps.get_model("capital", name)._base_manager.using(schema_editor.connection.alias)
        for pk in rows.filter(cipher_id=None).values_list("pk", flat=True).iterator():
            rows.filter(pk=pk).update(cipher_id=uuid.uuid4())


class Migration(migrations.Migration):
    dependencies = [("capital", "0003_display_preference")]

    operations = [
        *(
            migrations.AddField(
                model_name=name.lower(),
                name="cipher_id",
                field=capital.models.columns.encrypted.CipherIdField(null=True, default=None),
            )
            for name in _MODELS
        ),
        migrations.RunPython(give_ids, migrations.RunPython.noop, elidable=True),
        *(
            migrations.AlterField(
                model_name=name.lower(),
                name="cipher_id",
                field=capital.models.columns.encrypted.CipherIdField(),
            )
            for name in _MODELS
        ),
    ]
