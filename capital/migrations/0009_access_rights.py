"""What the groups may do with the new permissions; and the tokens of before go on."""

from hashlib import sha256
from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

_GIVEN = {
    "operator": ("report_position", "share_account", "view_settingchange"),
    "risk": ("view_settingchange",),
    "viewer": ("view_settingchange",),
}


def widen_groups(apps: Any, schema_editor: Any) -> None:
    """Give the groups that a desk began with what their members are to go on doing."""
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


def mark_tokens(apps: Any, schema_editor: Any) -> None:
    """Bind each token to the password and the staff flag that its user has now."""
    tokens = apps.get_model("capital", "ApiToken").objects
    users = apps.get_model("auth", "User").objects.filter(pk__in=tokens.values("user_id"))
    for user in users.only("password", "is_staff").iterator():
        mark = sha256(f"capital.token:{user.password}".encode()).hexdigest()
        tokens.filter(user_id=user.pk).update(password_mark=mark, of_staff=user.is_staff)


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0008_account_access"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunPython(widen_groups, migrations.RunPython.noop),
        migrations.RunPython(mark_tokens, migrations.RunPython.noop),
    ]
