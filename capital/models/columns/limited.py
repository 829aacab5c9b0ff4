"""Limits of loss: what a link and an account have alike."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from capital.models.columns.exact import AmountField, RatioField

LIMITS = ("max_drawdown_percent", "max_daily_loss_percent", "max_daily_loss_amount")
_LEAST = Decimal("0.00000001")
_PERCENT_IN_RANGE = _("The percentage must be above 0 and at most 100.")
_AMOUNT_POSITIVE = _("The amount must be above 0.")
_PERCENT_VALIDATORS = [
    MinValueValidator(_LEAST, _PERCENT_IN_RANGE),
    MaxValueValidator(Decimal(100), _PERCENT_IN_RANGE),
]


class Limited(models.Model):
    """A row that stops entries when it has lost too much. NULL is no limit."""

    max_drawdown_percent = RatioField(
        _("maximum drawdown (%)"),
        null=True,
        blank=True,
        validators=_PERCENT_VALIDATORS,
        help_text=_(
            "Entries stop when the chained return is this far below its highest level. Leave empty "
            "for no limit."
        ),
    )
    max_daily_loss_percent = RatioField(
        _("maximum daily loss (%)"),
        null=True,
        blank=True,
        validators=_PERCENT_VALIDATORS,
        help_text=_(
            "Entries stop when today's loss is this part of what the day began with. Leave empty "
            "for no limit."
        ),
    )
    max_daily_loss_amount = AmountField(
        _("maximum daily loss (amount)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(_LEAST, _AMOUNT_POSITIVE)],
        help_text=_("The same as an amount in the account currency. Leave empty for no limit."),
    )

    class Meta:
        abstract = True


def limit_constraints(of: str) -> list[models.CheckConstraint]:
    """The constraints on the limits of a table.

    Args:
        of: What their names begin with.
    """
    percent = ("max_drawdown_percent", "max_daily_loss_percent")
    return [
        *(
            models.CheckConstraint(
                condition=Q(**{f"{name}__isnull": True})
                | Q(**{f"{name}__gt": 0, f"{name}__lte": 100}),
                name=f"{of}_{name}_in_range",
                violation_error_message=_PERCENT_IN_RANGE,
            )
            for name in percent
        ),
        models.CheckConstraint(
            condition=Q(max_daily_loss_amount__isnull=True) | Q(max_daily_loss_amount__gt=0),
            name=f"{of}_max_daily_loss_amount_positive",
            violation_error_message=_AMOUNT_POSITIVE,
        ),
    ]
