from typing import Any

from django.db import migrations


def join_anew(apps: Any, schema_editor: Any) -> None:
    """Years are told from their first day on: the job of the day's end joins their months again."""
    using = schema_editor.connection.alias
    apps.get_model("capital", "LinkYear").objects.using(using).all().delete()
    months = apps.get_model("capital", "LinkMonth").objects.using(using)
    months.filter(is_in_year=True).update(is_in_year=False)


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0055_names_of_lists"),
    ]

    operations = [migrations.RunPython(join_anew, join_anew)]
