from typing import Any

from django.db import migrations, models

import capital.models.columns.exact

_TOLD = (
    "realized_pnl",
    "unrealized_pnl",
    "total_trades",
    "winning_trades",
    "losing_trades",
    "total_volume",
    "total_fees",
)


def forget_zeros(apps: Any, _schema_editor: Any) -> None:
    """Nothing of ours ever wrote these figures: a row of zeros is one that nobody told anything."""
    capital = apps.get_model("capital", "StrategyCapital").objects
    capital.filter(current_pnl=0).update(current_pnl=None)
    summaries = apps.get_model("capital", "DailyAccountSummary").objects
    untold = summaries.filter(**dict.fromkeys(_TOLD, 0))
    untold.update(**dict.fromkeys(_TOLD))


def write_zeros(apps: Any, _schema_editor: Any) -> None:
    """What earlier versions had there, who know no NULL."""
    capital = apps.get_model("capital", "StrategyCapital").objects
    capital.filter(current_pnl=None).update(current_pnl=0)
    summaries = apps.get_model("capital", "DailyAccountSummary").objects
    for name in _TOLD:
        summaries.filter(**{name: None}).update(**{name: 0})


class Migration(migrations.Migration):
    dependencies = [
        ("capital", "0011_webhook_names"),
    ]

    operations = [
        migrations.AlterField(
            model_name="dailyaccountsummary",
            name="losing_trades",
            field=models.IntegerField(blank=True, null=True, verbose_name="losing trades"),
        ),
        migrations.AlterField(
            model_name="dailyaccountsummary",
            name="realized_pnl",
            field=capital.models.columns.exact.AmountField(
                blank=True, decimal_places=8, max_digits=28, null=True, verbose_name="realised PnL"
            ),
        ),
        migrations.AlterField(
            model_name="dailyaccountsummary",
            name="total_fees",
            field=capital.models.columns.exact.AmountField(
                blank=True, decimal_places=8, max_digits=28, null=True, verbose_name="fees"
            ),
        ),
        migrations.AlterField(
            model_name="dailyaccountsummary",
            name="total_trades",
            field=models.IntegerField(blank=True, null=True, verbose_name="trades"),
        ),
        migrations.AlterField(
            model_name="dailyaccountsummary",
            name="total_volume",
            field=capital.models.columns.exact.AmountField(
                blank=True, decimal_places=8, max_digits=28, null=True, verbose_name="volume"
            ),
        ),
        migrations.AlterField(
            model_name="dailyaccountsummary",
            name="unrealized_pnl",
            field=capital.models.columns.exact.AmountField(
                blank=True,
                decimal_places=8,
                max_digits=28,
                null=True,
                verbose_name="unrealised PnL",
            ),
        ),
        migrations.AlterField(
            model_name="dailyaccountsummary",
            name="winning_trades",
            field=models.IntegerField(blank=True, null=True, verbose_name="winning trades"),
        ),
        migrations.AlterField(
            model_name="strategycapital",
            name="current_pnl",
            field=capital.models.columns.exact.AmountField(
                blank=True, decimal_places=8, max_digits=28, null=True, verbose_name="current PnL"
            ),
        ),
        migrations.RunPython(forget_zeros, write_zeros),
    ]
