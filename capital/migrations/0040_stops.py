"""Stops of entries, and who may place and lift them."""

from typing import Any

import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

_GIVEN = {
    "operator": ("stop_entries", "view_stop"),
    "risk": ("stop_entries", "lift_stop", "view_stop"),
    "viewer": ("view_stop",),
}


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
        ("capital", "0039_link_months"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="account",
            options={
                "ordering": ["name", "pk"],
                "permissions": [
                    ("allocate_capital", "Can allocate capital"),
                    ("force_allocate", "Can force an allocation despite open positions"),
                    ("accept_jump", "Can accept a balance that jumped"),
                    ("revert_allocation", "Can revert an allocation"),
                    ("raise_budget_limit", "Can raise the budget limit of orders"),
                    ("view_all_accounts", "Can see all users' accounts and strategies"),
                    ("report_position", "Can report positions"),
                    ("report_trading", "Can report fills"),
                    ("assign_fills", "Can assign fills to strategies"),
                    ("change_flows", "Can enter deposits, withdrawals and transfers"),
                    ("share_account", "Can give other users access to an account"),
                    ("stop_entries", "Can stop new entries"),
                    ("lift_stop", "Can lift a stop and loosen a limit"),
                ],
                "verbose_name": "account",
                "verbose_name_plural": "accounts",
            },
        ),
        migrations.CreateModel(
            name="Stop",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("everybody", models.BooleanField(default=False, verbose_name="everybody")),
                (
                    "code",
                    models.CharField(blank=True, default="", max_length=40, verbose_name="limit"),
                ),
                ("figures", models.JSONField(blank=True, default=dict, verbose_name="figures")),
                (
                    "reason",
                    models.CharField(blank=True, default="", max_length=500, verbose_name="reason"),
                ),
                (
                    "at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="entries stopped at"
                    ),
                ),
                (
                    "lifted_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="lifted at"),
                ),
                (
                    "lifted_reason",
                    models.CharField(
                        blank=True, default="", max_length=500, verbose_name="reason for lifting"
                    ),
                ),
                (
                    "lifted_figures",
                    models.JSONField(blank=True, default=dict, verbose_name="figures when lifted"),
                ),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stops",
                        to="capital.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="stopped by",
                    ),
                ),
                (
                    "lifted_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="lifted by",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stops",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "strategy_account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stops",
                        to="capital.strategyaccount",
                        verbose_name="strategy link",
                    ),
                ),
            ],
            options={
                "verbose_name": "stop of entries",
                "verbose_name_plural": "stops of entries",
                "ordering": ["-pk"],
                "abstract": False,
                "default_permissions": ("view",),
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        condition=models.Q(("lifted_at__isnull", True)),
                        fields=["everybody"],
                        name="stop_open",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("account__isnull", False),
                                ("everybody", False),
                                ("owner__isnull", True),
                                ("strategy_account__isnull", True),
                            ),
                            models.Q(
                                ("account__isnull", True),
                                ("everybody", False),
                                ("owner__isnull", True),
                                ("strategy_account__isnull", False),
                            ),
                            models.Q(
                                ("account__isnull", True),
                                ("everybody", False),
                                ("owner__isnull", False),
                                ("strategy_account__isnull", True),
                            ),
                            models.Q(
                                ("account__isnull", True),
                                ("everybody", True),
                                ("owner__isnull", True),
                                ("strategy_account__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="stop_of_one_scope",
                        violation_error_message="A stop is of one strategy link, one account, one owner, or everybody.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("code", ""), ("reason", ""), _negated=True),
                        name="stop_says_why",
                        violation_error_message="Give a reason.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("code", ""),
                            models.Q(("account__isnull", False), ("actor__isnull", True)),
                            models.Q(("actor__isnull", True), ("strategy_account__isnull", False)),
                            _connector="OR",
                        ),
                        name="stop_by_limit_of_account_or_link",
                        violation_error_message="A limit stops a strategy link or an account.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("lifted_at__isnull", True),
                                ("lifted_by__isnull", True),
                                ("lifted_reason", ""),
                            ),
                            models.Q(
                                ("lifted_at__isnull", False),
                                models.Q(("lifted_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="stop_lifted_as_a_whole",
                        violation_error_message="Give a reason for lifting the stop.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at__isnull", True), ("account__isnull", False)),
                        fields=("account", "code"),
                        name="stop_open_once_an_account",
                        violation_error_message="This is already stopped.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("lifted_at__isnull", True), ("strategy_account__isnull", False)
                        ),
                        fields=("strategy_account", "code"),
                        name="stop_open_once_a_link",
                        violation_error_message="This is already stopped.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at__isnull", True), ("owner__isnull", False)),
                        fields=("owner",),
                        name="stop_open_once_an_owner",
                        violation_error_message="This is already stopped.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at__isnull", True), ("everybody", True)),
                        fields=("everybody",),
                        name="stop_open_once_for_everybody",
                        violation_error_message="This is already stopped.",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="stop",
            trigger=pgtrigger.compiler.Trigger(
                name="stop_not_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="76494dcba7a8c3b64b26e28433fe18f0519ff114",
                    operation="DELETE",
                    pgid="pgtrigger_stop_not_deleted_d573d",
                    table="capital_stop",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="stop",
            trigger=pgtrigger.compiler.Trigger(
                name="stop_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."strategy_account_id" IS DISTINCT FROM (NEW."strategy_account_id") OR OLD."owner_id" IS DISTINCT FROM (NEW."owner_id") OR OLD."everybody" IS DISTINCT FROM (NEW."everybody") OR OLD."code" IS DISTINCT FROM (NEW."code") OR OLD."figures" IS DISTINCT FROM (NEW."figures") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."actor_id" IS DISTINCT FROM (NEW."actor_id") OR OLD."at" IS DISTINCT FROM (NEW."at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="1288186a0fef968d590ea4790ec5140c50cd2a37",
                    operation="UPDATE",
                    pgid="pgtrigger_stop_append_only_fc4eb",
                    table="capital_stop",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="stop",
            trigger=pgtrigger.compiler.Trigger(
                name="stop_lifted_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."lifted_at" IS NOT NULL)',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="eedc82a93544fd6dcdfd577f81235e35dda863a1",
                    operation="UPDATE",
                    pgid="pgtrigger_stop_lifted_once_62e50",
                    table="capital_stop",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunPython(widen_groups, migrations.RunPython.noop),
    ]
