from django.core.validators import MaxValueValidator
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0056_years_from_their_first_day"),
    ]

    operations = [
        migrations.AlterField(
            model_name="strategyaccount",
            name="priority",
            field=models.PositiveSmallIntegerField(
                default=100,
                help_text="Fixed and minimum amounts with a lower number are served first.",
                validators=[MaxValueValidator(32767)],
                verbose_name="priority",
            ),
        ),
    ]
