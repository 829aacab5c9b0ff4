from typing import Any

from django.db import migrations
from django.db.models import Exists, OuterRef


def pack_anew(apps: Any, schema_editor: Any) -> None:
    """Days that no month has, though they say so: the job of the day's end packs them."""
    using = schema_editor.connection.alias
    months = apps.get_model("capital", "LinkMonth").objects.using(using)
    having = months.filter(
        strategy_account=OuterRef("strategy_account"),
        currency=OuterRef("currency"),
        since__lte=OuterRef("date"),
        until__gte=OuterRef("date"),
    )
    days = apps.get_model("capital", "LinkDay").objects.using(using)
    days.filter(~Exists(having), is_packed=True).update(is_packed=False)


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0057_priority_on_every_database"),
    ]

    operations = [migrations.RunPython(pack_anew, migrations.RunPython.noop)]
