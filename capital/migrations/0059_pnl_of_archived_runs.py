from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0058_days_of_no_month"),
    ]

    operations = [
        migrations.AddField(
            model_name="archivedrun",
            name="pnl",
            field=models.JSONField(blank=True, null=True, verbose_name="PnL counted"),
        ),
        migrations.AddIndex(
            model_name="archivedrun",
            index=models.Index(
                condition=models.Q(("outcome", "applied")),
                fields=["account", "decided_at"],
                name="archived_run_applied",
            ),
        ),
    ]
