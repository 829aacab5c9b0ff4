"""Alerts: what is wrong, where users want to be told, and what was sent."""

import uuid
from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

import capital.models.columns.encrypted

_HEARD_BY = ("operator", "risk", "viewer")
_OF_TARGETS = ("view", "add", "change", "delete")


def widen_groups(apps: Any, schema_editor: Any) -> None:
    """Who sees accounts hears of them, and says where."""
    config = apps.get_app_config("capital")
    is_stand_in = getattr(config, "models_module", None) is None
    if is_stand_in:
        config.models_module = True
    create_permissions(config, apps=apps, using=schema_editor.connection.alias, verbosity=0)
    if is_stand_in:
        config.models_module = None
    names = ["view_alert", *(f"{verb}_alerttarget" for verb in _OF_TARGETS)]
    permissions = apps.get_model("auth", "Permission").objects
    found = permissions.filter(content_type__app_label="capital", codename__in=names)
    for group in apps.get_model("auth", "Group").objects.filter(name__in=_HEARD_BY):
        group.permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0046_reservation_reduces"),
        ("strategies", "0002_order_tag"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "venue",
                    models.CharField(
                        blank=True, default="", max_length=40, verbose_name="exchange"
                    ),
                ),
                ("for_everybody", models.BooleanField(default=False, verbose_name="for everybody")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("pool_unreadable", "balance cannot be read"),
                            ("key_refused", "API key refused"),
                            ("key_can_withdraw", "API key that can withdraw"),
                            ("suspect_balance", "suspect balance"),
                            ("run_failed", "failed allocation"),
                            ("run_held", "held allocation"),
                            ("stop", "stop of entries"),
                            ("limit_near", "loss limit is near"),
                            ("signal_refused", "refused webhook signal"),
                            ("fills_unattributed", "fills without a strategy"),
                            ("balance_unexplained", "unexplained change of a balance"),
                            ("rules_suspect", "suspect instrument rules"),
                            ("job_late", "late job"),
                            ("cluster_silent", "silent worker cluster"),
                            ("audit_broken", "audit found a violation"),
                            ("digest", "daily digest"),
                            ("test", "test message"),
                        ],
                        max_length=30,
                        verbose_name="kind",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("began", "began"),
                            ("changed", "changed"),
                            ("over", "over"),
                            ("told", "information"),
                        ],
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("code", models.CharField(max_length=60, verbose_name="code")),
                ("figures", models.JSONField(blank=True, default=dict, verbose_name="figures")),
                ("details", models.JSONField(blank=True, null=True, verbose_name="details")),
                (
                    "key",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="key"),
                ),
                (
                    "at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="time"),
                ),
                (
                    "spread_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="handed out at"),
                ),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="capital.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "addressee",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="addressee",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "strategy",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="strategies.strategy",
                        verbose_name="strategy",
                    ),
                ),
            ],
            options={
                "verbose_name": "alert",
                "verbose_name_plural": "alerts",
                "ordering": ["-pk"],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="AlertTarget",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("mail", "mail"),
                            ("telegram", "Telegram"),
                            ("slack", "Slack"),
                            ("discord", "Discord"),
                            ("ntfy", "ntfy"),
                            ("teams", "Microsoft Teams"),
                            ("pushover", "Pushover"),
                            ("gotify", "Gotify"),
                            ("matrix", "Matrix"),
                            ("webhook", "signed JSON webhook"),
                        ],
                        max_length=20,
                        verbose_name="channel",
                    ),
                ),
                (
                    "cipher_id",
                    capital.models.columns.encrypted.CipherIdField(
                        default=uuid.uuid4,
                        editable=False,
                        unique=True,
                        verbose_name="encryption ID",
                    ),
                ),
                (
                    "address",
                    capital.models.columns.encrypted.EncryptedTextField(verbose_name="address"),
                ),
                ("hint", models.CharField(editable=False, max_length=4, verbose_name="ends with")),
                (
                    "signing_secret",
                    capital.models.columns.encrypted.EncryptedTextField(
                        blank=True, default="", verbose_name="signing secret"
                    ),
                ),
                ("language", models.CharField(max_length=5, verbose_name="language")),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "kinds_off",
                    models.JSONField(
                        blank=True, default=list, verbose_name="kinds that are not told"
                    ),
                ),
                ("quiet_from", models.TimeField(blank=True, null=True, verbose_name="quiet from")),
                (
                    "quiet_until",
                    models.TimeField(blank=True, null=True, verbose_name="quiet until"),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="created at"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alert_targets",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "alert target",
                "verbose_name_plural": "alert targets",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="AlertDelivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("pool_unreadable", "balance cannot be read"),
                            ("key_refused", "API key refused"),
                            ("key_can_withdraw", "API key that can withdraw"),
                            ("suspect_balance", "suspect balance"),
                            ("run_failed", "failed allocation"),
                            ("run_held", "held allocation"),
                            ("stop", "stop of entries"),
                            ("limit_near", "loss limit is near"),
                            ("signal_refused", "refused webhook signal"),
                            ("fills_unattributed", "fills without a strategy"),
                            ("balance_unexplained", "unexplained change of a balance"),
                            ("rules_suspect", "suspect instrument rules"),
                            ("job_late", "late job"),
                            ("cluster_silent", "silent worker cluster"),
                            ("audit_broken", "audit found a violation"),
                            ("digest", "daily digest"),
                            ("test", "test message"),
                        ],
                        max_length=30,
                        verbose_name="kind",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="created at"
                    ),
                ),
                ("due_at", models.DateTimeField(blank=True, null=True, verbose_name="due at")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "claimed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="claimed at"),
                ),
                ("sent_at", models.DateTimeField(blank=True, null=True, verbose_name="sent at")),
                (
                    "undelivered_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="given up at"),
                ),
                (
                    "code",
                    models.CharField(blank=True, default="", max_length=60, verbose_name="code"),
                ),
                ("figures", models.JSONField(blank=True, default=dict, verbose_name="figures")),
                (
                    "alerts",
                    models.ManyToManyField(
                        related_name="deliveries", to="capital.alert", verbose_name="alerts"
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="capital.alerttarget",
                        verbose_name="alert target",
                    ),
                ),
            ],
            options={
                "verbose_name": "message of alerts",
                "verbose_name_plural": "messages of alerts",
                "ordering": ["-pk"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Trouble",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "venue",
                    models.CharField(
                        blank=True, default="", max_length=40, verbose_name="exchange"
                    ),
                ),
                ("for_everybody", models.BooleanField(default=False, verbose_name="for everybody")),
                ("key", models.CharField(max_length=200, unique=True, verbose_name="key")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("pool_unreadable", "balance cannot be read"),
                            ("key_refused", "API key refused"),
                            ("key_can_withdraw", "API key that can withdraw"),
                            ("suspect_balance", "suspect balance"),
                            ("run_failed", "failed allocation"),
                            ("run_held", "held allocation"),
                            ("stop", "stop of entries"),
                            ("limit_near", "loss limit is near"),
                            ("signal_refused", "refused webhook signal"),
                            ("fills_unattributed", "fills without a strategy"),
                            ("balance_unexplained", "unexplained change of a balance"),
                            ("rules_suspect", "suspect instrument rules"),
                            ("job_late", "late job"),
                            ("cluster_silent", "silent worker cluster"),
                            ("audit_broken", "audit found a violation"),
                            ("digest", "daily digest"),
                            ("test", "test message"),
                        ],
                        max_length=30,
                        verbose_name="kind",
                    ),
                ),
                ("code", models.CharField(max_length=60, verbose_name="code")),
                ("figures", models.JSONField(blank=True, default=dict, verbose_name="figures")),
                (
                    "mark",
                    models.CharField(
                        blank=True, default="", max_length=200, verbose_name="what it depends on"
                    ),
                ),
                ("noticed_at", models.DateTimeField(verbose_name="noticed at")),
                ("told_at", models.DateTimeField(blank=True, null=True, verbose_name="told at")),
                ("over_at", models.DateTimeField(blank=True, null=True, verbose_name="over at")),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="capital.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "strategy",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="strategies.strategy",
                        verbose_name="strategy",
                    ),
                ),
            ],
            options={
                "verbose_name": "trouble",
                "verbose_name_plural": "troubles",
                "ordering": ["pk"],
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["at"], name="alert_by_time"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("spread_at", None)), fields=["id"], name="alert_waiting"
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "pool_unreadable",
                            "key_refused",
                            "key_can_withdraw",
                            "suspect_balance",
                            "run_failed",
                            "run_held",
                            "stop",
                            "limit_near",
                            "signal_refused",
                            "fills_unattributed",
                            "balance_unexplained",
                            "rules_suspect",
                            "job_late",
                            "cluster_silent",
                            "audit_broken",
                            "digest",
                            "test",
                        ],
                    )
                ),
                name="alert_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["began", "changed", "over", "told"])),
                name="alert_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "digest")),
                fields=("key",),
                name="alert_digest_once_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="alerttarget",
            constraint=models.UniqueConstraint(
                fields=("user", "name"),
                name="alert_target_name_once_a_user",
                violation_error_message="You already have a target with this name.",
            ),
        ),
        migrations.AddConstraint(
            model_name="alerttarget",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "channel__in",
                        [
                            "mail",
                            "telegram",
                            "slack",
                            "discord",
                            "ntfy",
                            "teams",
                            "pushover",
                            "gotify",
                            "matrix",
                            "webhook",
                        ],
                    )
                ),
                name="alert_target_channel_known",
                violation_error_message="Choose one of the offered channels.",
            ),
        ),
        migrations.AddConstraint(
            model_name="alerttarget",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("quiet_from__isnull", True), ("quiet_until__isnull", True)),
                    models.Q(("quiet_from__isnull", False), ("quiet_until__isnull", False)),
                    _connector="OR",
                ),
                name="alert_target_quiet_hours_whole",
                violation_error_message="Quiet hours need a beginning and an end.",
            ),
        ),
        migrations.AddIndex(
            model_name="alertdelivery",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)),
                fields=["due_at"],
                name="alert_delivery_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("due_at__isnull", False),
                        ("sent_at__isnull", True),
                        ("undelivered_at__isnull", True),
                    ),
                    models.Q(
                        ("due_at__isnull", True),
                        ("sent_at__isnull", False),
                        ("undelivered_at__isnull", True),
                    ),
                    models.Q(
                        ("due_at__isnull", True),
                        ("sent_at__isnull", True),
                        ("undelivered_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="alert_delivery_in_one_state",
            ),
        ),
        migrations.AddIndex(
            model_name="trouble",
            index=models.Index(
                condition=models.Q(("over_at", None)), fields=["kind"], name="trouble_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="trouble",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "pool_unreadable",
                            "key_refused",
                            "key_can_withdraw",
                            "suspect_balance",
                            "run_failed",
                            "run_held",
                            "stop",
                            "limit_near",
                            "signal_refused",
                            "fills_unattributed",
                            "balance_unexplained",
                            "rules_suspect",
                            "job_late",
                            "cluster_silent",
                            "audit_broken",
                            "digest",
                            "test",
                        ],
                    )
                ),
                name="trouble_kind_known",
            ),
        ),
        migrations.RunPython(widen_groups, migrations.RunPython.noop, elidable=False),
    ]
