"""The groups that a desk begins with may also see what was added since, and have tokens."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

_VIEW = (
    "view_market",
    "view_webhookdelivery",
    "view_webhookanswer",
    "view_apitoken",
)
# Of their own: a page of theirs makes and revokes them.
_TOKENS = ("add_apitoken", "change_apitoken")

ADDED = {
    "operator": (*_VIEW, *_TOKENS),
    "risk": (*_VIEW, *_TOKENS),
    "viewer": _VIEW,
}


def widen_groups(apps: Any, schema_editor: Any) -> None:
    """Only groups that are still there: what became of them is the desk's doing."""
    config = apps.get_app_config("capital")
    config.models_module = True
    create_permissions(config, apps=apps, using=schema_editor.connection.alias, verbosity=0)
    config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects
    for group in apps.get_model("auth", "Group").objects.filter(name__in=ADDED):
        group.permissions.add(
            *permissions.filter(content_type__app_label="capital", codename__in=ADDED[group.name])
        )


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0012_reporting_rates"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(widen_groups, migrations.RunPython.noop)]
