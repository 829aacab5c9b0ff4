"""StrategyCapital: what one link may use now."""

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from capital.domain.money import grouped
from capital.models.columns.exact import AmountField
from capital.models.columns.exact_text import ExactTextField
from capital.models.links import StrategyAccount


class StrategyCapital(models.Model):
    """The capital of one link, in the account's currency. Written by allocations only.

    Attributes:
        current_pnl: What the link earned since: realised, and unrealised (on the basis ``equity``
            its change). NULL without books, and while a position that is open has no fresh mark.
        pnl_since: When the balance was read on which the capital was decided.
        pnl_counted: What the link had realised until then, as was known when it was decided: a
            fill that becomes known later counts to the time after it.
        set_aside: What is the link's own and not allocated to it: of a paused one, or what
            compounding took away; below zero where rounding gave it a little more.
        unrealized_then: What was unrealised when it was decided; NULL where that was not known.
    """

    strategy_account = models.OneToOneField(
        StrategyAccount,
        on_delete=models.PROTECT,
        related_name="capital",
        verbose_name=_("strategy link"),
    )
    allocated_capital = AmountField(_("allocated capital"), default=Decimal(0))
    current_pnl = AmountField(_("current PnL"), null=True, blank=True)
    pnl_since = models.DateTimeField(_("PnL since"), null=True, blank=True, editable=False)
    pnl_counted = ExactTextField(_("PnL counted before"), default=Decimal(0), editable=False)
    unrealized_then = ExactTextField(
        _("unrealised PnL then"), null=True, blank=True, editable=False
    )
    set_aside = ExactTextField(_("set aside"), default=Decimal(0), editable=False)
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
