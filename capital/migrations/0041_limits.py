"""Limits of loss of links and accounts, and how much of them was used."""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import capital.models.columns.exact
import capital.models.columns.exact_text


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0040_stops"),
        ("strategies", "0002_order_tag"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LimitState",
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
                            ("drawdown", "drawdown limit"),
                            ("daily_loss", "daily loss limit"),
                            ("daily_loss_amount", "daily loss limit (amount)"),
                        ],
                        max_length=20,
                        verbose_name="limit",
                    ),
                ),
                (
                    "used",
                    capital.models.columns.exact_text.ExactTextField(
                        blank=True, max_length=130, null=True, verbose_name="used"
                    ),
                ),
                (
                    "limit",
                    capital.models.columns.exact_text.ExactTextField(
                        max_length=130, verbose_name="limit"
                    ),
                ),
                (
                    "code",
                    models.CharField(blank=True, default="", max_length=40, verbose_name="state"),
                ),
                ("figures", models.JSONField(blank=True, default=dict, verbose_name="figures")),
                ("is_by_balance", models.BooleanField(default=False, verbose_name="by balances")),
                (
                    "warned_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="warned at"),
                ),
                (
                    "readings",
                    models.JSONField(blank=True, default=list, verbose_name="readings to confirm"),
                ),
                ("judged_at", models.DateTimeField(verbose_name="judged at")),
            ],
            options={
                "verbose_name": "state of a limit",
                "verbose_name_plural": "states of limits",
                "ordering": ["pk"],
            },
        ),
        migrations.AddField(
            model_name="account",
            name="max_daily_loss_amount",
            field=capital.models.columns.exact.AmountField(
                blank=True,
                decimal_places=8,
                help_text="The same as an amount in the account currency. Leave empty for no limit.",
                max_digits=28,
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(
                        Decimal("1E-8"), "The amount must be above 0."
                    )
                ],
                verbose_name="maximum daily loss (amount)",
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="max_daily_loss_percent",
            field=capital.models.columns.exact.RatioField(
                blank=True,
                decimal_places=8,
                help_text="Entries stop when today's loss is this part of what the day began with. Leave empty for no limit.",
                max_digits=11,
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(
                        Decimal("1E-8"), "The percentage must be above 0 and at most 100."
                    ),
                    django.core.validators.MaxValueValidator(
                        Decimal("100"), "The percentage must be above 0 and at most 100."
                    ),
                ],
                verbose_name="maximum daily loss (%)",
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="max_drawdown_percent",
            field=capital.models.columns.exact.RatioField(
                blank=True,
                decimal_places=8,
                help_text="Entries stop when the chained return is this far below its highest level. Leave empty for no limit.",
                max_digits=11,
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(
                        Decimal("1E-8"), "The percentage must be above 0 and at most 100."
                    ),
                    django.core.validators.MaxValueValidator(
                        Decimal("100"), "The percentage must be above 0 and at most 100."
                    ),
                ],
                verbose_name="maximum drawdown (%)",
            ),
        ),
        migrations.AddField(
            model_name="strategyaccount",
            name="max_daily_loss_amount",
            field=capital.models.columns.exact.AmountField(
                blank=True,
                decimal_places=8,
                help_text="The same as an amount in the account currency. Leave empty for no limit.",
                max_digits=28,
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(
                        Decimal("1E-8"), "The amount must be above 0."
                    )
                ],
                verbose_name="maximum daily loss (amount)",
            ),
        ),
        migrations.AddField(
            model_name="strategyaccount",
            name="max_daily_loss_percent",
            field=capital.models.columns.exact.RatioField(
                blank=True,
                decimal_places=8,
                help_text="Entries stop when today's loss is this part of what the day began with. Leave empty for no limit.",
                max_digits=11,
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(
                        Decimal("1E-8"), "The percentage must be above 0 and at most 100."
                    ),
                    django.core.validators.MaxValueValidator(
                        Decimal("100"), "The percentage must be above 0 and at most 100."
                    ),
                ],
                verbose_name="maximum daily loss (%)",
            ),
        ),
        migrations.AddField(
            model_name="strategyaccount",
            name="max_drawdown_percent",
            field=capital.models.columns.exact.RatioField(
                blank=True,
                decimal_places=8,
                help_text="Entries stop when the chained return is this far below its highest level. Leave empty for no limit.",
                max_digits=11,
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(
                        Decimal("1E-8"), "The percentage must be above 0 and at most 100."
                    ),
                    django.core.validators.MaxValueValidator(
                        Decimal("100"), "The percentage must be above 0 and at most 100."
                    ),
                ],
                verbose_name="maximum drawdown (%)",
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("max_drawdown_percent__isnull", True),
                    models.Q(("max_drawdown_percent__gt", 0), ("max_drawdown_percent__lte", 100)),
                    _connector="OR",
                ),
                name="account_max_drawdown_percent_in_range",
                violation_error_message="The percentage must be above 0 and at most 100.",
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("max_daily_loss_percent__isnull", True),
                    models.Q(
                        ("max_daily_loss_percent__gt", 0), ("max_daily_loss_percent__lte", 100)
                    ),
                    _connector="OR",
                ),
                name="account_max_daily_loss_percent_in_range",
                violation_error_message="The percentage must be above 0 and at most 100.",
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("max_daily_loss_amount__isnull", True),
                    ("max_daily_loss_amount__gt", 0),
                    _connector="OR",
                ),
                name="account_max_daily_loss_amount_positive",
                violation_error_message="The amount must be above 0.",
            ),
        ),
        migrations.AddConstraint(
            model_name="strategyaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("max_drawdown_percent__isnull", True),
                    models.Q(("max_drawdown_percent__gt", 0), ("max_drawdown_percent__lte", 100)),
                    _connector="OR",
                ),
                name="strategy_account_max_drawdown_percent_in_range",
                violation_error_message="The percentage must be above 0 and at most 100.",
            ),
        ),
        migrations.AddConstraint(
            model_name="strategyaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("max_daily_loss_percent__isnull", True),
                    models.Q(
                        ("max_daily_loss_percent__gt", 0), ("max_daily_loss_percent__lte", 100)
                    ),
                    _connector="OR",
                ),
                name="strategy_account_max_daily_loss_percent_in_range",
                violation_error_message="The percentage must be above 0 and at most 100.",
            ),
        ),
        migrations.AddConstraint(
            model_name="strategyaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("max_daily_loss_amount__isnull", True),
                    ("max_daily_loss_amount__gt", 0),
                    _connector="OR",
                ),
                name="strategy_account_max_daily_loss_amount_positive",
                violation_error_message="The amount must be above 0.",
            ),
        ),
        migrations.AddField(
            model_name="limitstate",
            name="account",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="limit_states",
                to="capital.account",
                verbose_name="account",
            ),
        ),
        migrations.AddField(
            model_name="limitstate",
            name="strategy_account",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="limit_states",
                to="capital.strategyaccount",
                verbose_name="strategy link",
            ),
        ),
        migrations.AddConstraint(
            model_name="limitstate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("account__isnull", False), ("strategy_account__isnull", True)),
                    models.Q(("account__isnull", True), ("strategy_account__isnull", False)),
                    _connector="OR",
                ),
                name="limit_state_of_one_row",
                violation_error_message="A limit is of one strategy link or one account.",
            ),
        ),
        migrations.AddConstraint(
            model_name="limitstate",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["drawdown", "daily_loss", "daily_loss_amount"])),
                name="limit_state_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="limitstate",
            constraint=models.UniqueConstraint(
                condition=models.Q(("account__isnull", False)),
                fields=("account", "kind"),
                name="limit_state_once_an_account",
            ),
        ),
        migrations.AddConstraint(
            model_name="limitstate",
            constraint=models.UniqueConstraint(
                condition=models.Q(("strategy_account__isnull", False)),
                fields=("strategy_account", "kind"),
                name="limit_state_once_a_link",
            ),
        ),
    ]
