"""Positions of before were reported when they were updated; who operates may tell of trading."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.models import F

_OPERATOR = ("report_trading", "assign_fills", "change_flows", "view_fill", "view_flow")
_READERS = ("view_fill", "view_flow")
_GIVEN = {"operator": _OPERATOR, "risk": _READERS, "viewer": _READERS}


def date_reports(apps: Any, _schema_editor: Any) -> None:
    """What a bot reported stands since the row was written."""
    positions = apps.get_model("capital", "Position").objects.filter(reported_at=None)
    positions.update(reported_at=F("updated_at"))
    for position in positions.model.objects.only("quantity").iterator():
        quantity = position.quantity.normalize()
        positions.model.objects.filter(pk=position.pk).update(reported_quantity=quantity)


def widen_groups(apps: Any, schema_editor: Any) -> None:
    """Give the groups that a desk began with what their members are to do."""
    config = apps.get_app_config("capital")
    is_stand_in = getattr(config, "models_module", None) is None
    if is_stand_in:
        config.models_module = True
    create_permissions(config, apps=apps, using=schema_editor.connection.alias, verbosity=0)
    if is_stand_in:
        config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects
    for name, codenames in _GIVEN.items():
        for group in apps.get_model("auth", "Group").objects.filter(name=name):
            group.permissions.add(
                *permissions.filter(content_type__app_label="capital", codename__in=codenames)
            )


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0017_fills_and_flows"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunPython(date_reports, migrations.RunPython.noop),
        migrations.RunPython(widen_groups, migrations.RunPython.noop),
    ]
