"""StrategyCapital: what one link may use now."""

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from capital.domain.money import grouped
from capital.models.columns.exact import AmountField
from capital.models.links import StrategyAccount


class StrategyCapital(models.Model):
    """The capital of one link, in the account's currency. Written by allocations only.

    ``current_pnl`` is NULL until there is a source for it.
    """

    strategy_account = models.OneToOneField(
        StrategyAccount,
        on_delete=models.PROTECT,
        related_name="capital",
        verbose_name=_("strategy link"),
    )
    allocated_capital = AmountField(_("allocated capital"), default=Decimal(0))
    current_pnl = AmountField(_("current PnL"), null=True, blank=True)
    allocated_at = models.DateTimeField(_("allocated at"), null=True, blank=True)

    class Meta:
        verbose_name = _("strategy capital")
        verbose_name_plural = _("strategy capital")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(allocated_capital__gte=0),
                name="strategy_capital_not_negative",
                violation_error_message=_("Allocated capital must not be negative."),
            ),
        ]

    def __str__(self) -> str:
        currency = self.strategy_account.account.currency
        amount = grouped(Decimal(str(self.allocated_capital)), currency)
        return f"{self.strategy_account}: {amount} {currency}"
