"""The address of a new webhook ends in a random name."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("capital", "0010_job_error_figures")]

    operations = [
        migrations.AddField(
            model_name="webhooksecret",
            name="name",
            field=models.SlugField(
                blank=True, default="", editable=False, max_length=32, verbose_name="address"
            ),
        ),
    ]
