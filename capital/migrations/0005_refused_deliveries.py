"""A call with the right secret that was refused is recorded, with the problem that it was told."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("capital", "0004_cipher_ids")]

    operations = [
        migrations.AddField(
            model_name="webhookdelivery",
            name="refusal",
            field=models.JSONField(blank=True, default=None, null=True, verbose_name="refusal"),
        ),
    ]
