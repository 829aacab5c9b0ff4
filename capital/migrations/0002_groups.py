"""The three groups that a desk begins with. What they may do is then the desk's to change."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

_VIEWED = (
    ("capital", "account"),
    ("capital", "strategyaccount"),
    ("capital", "strategycapital"),
    ("capital", "position"),
    ("capital", "dailyaccountsummary"),
    ("capital", "allocationrun"),
    ("capital", "market"),
    ("capital", "webhookdelivery"),
    ("capital", "webhookanswer"),
    ("capital", "apitoken"),
    ("strategies", "strategy"),
)
_VIEW = tuple((app, f"view_{model}") for app, model in _VIEWED)
# Their own tokens: the token page makes and revokes them.
_TOKENS = (("capital", "add_apitoken"), ("capital", "change_apitoken"))

GROUPS = {
    "operator": (
        *_VIEW,
        *_TOKENS,
        ("capital", "allocate_capital"),
        ("capital", "add_strategyaccount"),
        ("capital", "change_strategyaccount"),
        ("capital", "delete_strategyaccount"),
    ),
    "risk": (
        *_VIEW,
        *_TOKENS,
        ("capital", "allocate_capital"),
        ("capital", "view_all_accounts"),
        ("capital", "force_allocate"),
        ("capital", "accept_jump"),
        ("capital", "revert_allocation"),
        ("capital", "raise_budget_limit"),
    ),
    "viewer": _VIEW,
}


def make_groups(apps: Any, schema_editor: Any) -> None:
    """Make the groups that do not exist yet, with their permissions.

    Django creates permissions after all migrations; these groups need theirs now.
    """
    for label in ("capital", "strategies"):
        _create_permissions(apps, label, using=schema_editor.connection.alias)
    permissions = apps.get_model("auth", "Permission").objects
    groups = apps.get_model("auth", "Group").objects
    for name, allowed in GROUPS.items():
        group, is_new = groups.get_or_create(name=name)
        if is_new:
            group.permissions.set(
                [
                    permissions.get(content_type__app_label=app, codename=codename)
                    for app, codename in allowed
                ]
            )


def _create_permissions(apps: Any, label: str, *, using: str) -> None:
    config = apps.get_app_config(label)
    # Django creates none for an app without a models module, and a migration's stand-in has none.
    is_stand_in = getattr(config, "models_module", None) is None
    if is_stand_in:
        config.models_module = True
    create_permissions(config, apps=apps, using=using, verbosity=0)
    if is_stand_in:
        config.models_module = None


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0001_initial"),
        ("strategies", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
