"""Drop what was packed. By itself: PostgreSQL does not alter a table with rows still in change."""

from django.db import migrations

import capital.models.columns.packed


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0024_packed_answers"),
    ]

    operations = [
        migrations.RemoveField(model_name="webhookanswer", name="body"),
        migrations.RenameField(model_name="webhookanswer", old_name="packed", new_name="body"),
        migrations.AlterField(
            model_name="webhookanswer",
            name="body",
            field=capital.models.columns.packed.PackedJSONField(verbose_name="response"),
        ),
    ]
