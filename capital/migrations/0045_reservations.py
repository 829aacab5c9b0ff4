"""Reservations: capital that is held for orders."""

from decimal import Decimal
from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

import capital.models.columns.exact_text

_SEEN_BY = ("operator", "risk", "viewer")


def widen_groups(apps: Any, schema_editor: Any) -> None:
    """Who sees what strategies hold sees what is held for their orders."""
    config = apps.get_app_config("capital")
    is_stand_in = getattr(config, "models_module", None) is None
    if is_stand_in:
        config.models_module = True
    create_permissions(config, apps=apps, using=schema_editor.connection.alias, verbosity=0)
    if is_stand_in:
        config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects
    seen = permissions.filter(content_type__app_label="capital", codename="view_reservation")
    for group in apps.get_model("auth", "Group").objects.filter(name__in=_SEEN_BY):
        group.permissions.add(*seen)


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0044_drawdown_scaling"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="strategyaccount",
            name="positions_told_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="positions told at"
            ),
        ),
        migrations.CreateModel(
            name="Reservation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("symbol", models.CharField(max_length=64, verbose_name="symbol")),
                (
                    "side",
                    models.CharField(
                        choices=[("buy", "buy"), ("sell", "sell")],
                        max_length=4,
                        verbose_name="side",
                    ),
                ),
                (
                    "position_side",
                    models.CharField(
                        choices=[("both", "both"), ("long", "long"), ("short", "short")],
                        default="both",
                        max_length=5,
                        verbose_name="position side",
                    ),
                ),
                (
                    "quantity",
                    capital.models.columns.exact_text.ExactTextField(
                        max_length=130, verbose_name="quantity"
                    ),
                ),
                (
                    "amount",
                    capital.models.columns.exact_text.ExactTextField(
                        max_length=130, verbose_name="reserved at first"
                    ),
                ),
                (
                    "filled_quantity",
                    capital.models.columns.exact_text.ExactTextField(
                        default=Decimal("0"), max_length=130, verbose_name="filled"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("placed", "placed"),
                            ("used", "used"),
                            ("released", "released"),
                            ("expired", "expired"),
                        ],
                        default="open",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("is_held", models.BooleanField(default=True, verbose_name="still counts")),
                (
                    "client_order_id",
                    models.CharField(
                        blank=True, default="", max_length=100, verbose_name="client order id"
                    ),
                ),
                (
                    "order_id",
                    models.CharField(
                        blank=True, default="", max_length=100, verbose_name="order id"
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=200, verbose_name="key"
                    ),
                ),
                ("size", models.JSONField(default=dict, editable=False, verbose_name="answer")),
                ("created_at", models.DateTimeField(verbose_name="reserved at")),
                ("expires_at", models.DateTimeField(verbose_name="expires at")),
                (
                    "placed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="placed at"),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                (
                    "ended_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="released by",
                    ),
                ),
                (
                    "reserved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="reserved by",
                    ),
                ),
                (
                    "strategy_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reservations",
                        to="capital.strategyaccount",
                        verbose_name="strategy link",
                    ),
                ),
            ],
            options={
                "verbose_name": "reservation",
                "verbose_name_plural": "reservations",
                "ordering": ["-pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_held", True)),
                        fields=["strategy_account"],
                        name="reservation_held",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("key", ""), _negated=True),
                        fields=("strategy_account", "key"),
                        name="reservation_once_a_key",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            models.Q(("client_order_id", ""), _negated=True), ("is_held", True)
                        ),
                        fields=("strategy_account", "client_order_id"),
                        name="reservation_once_an_order",
                        violation_error_message="There is a reservation for an order with this client order id already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["open", "placed", "used", "released", "expired"]),
                            ("side__in", ["buy", "sell"]),
                            ("position_side__in", ["both", "long", "short"]),
                        ),
                        name="reservation_words_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", True),
                                ("is_held", True),
                                ("state__in", ["open", "placed", "expired"]),
                            ),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("is_held", False),
                                ("state__in", ["used", "released", "expired"]),
                            ),
                            _connector="OR",
                        ),
                        name="reservation_ends_once",
                        violation_error_message="A reservation that has ended holds nothing.",
                    ),
                ],
            },
        ),
        migrations.RunPython(widen_groups, migrations.RunPython.noop, elidable=False),
    ]
