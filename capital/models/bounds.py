"""The database's constraints on what a link may have at least and at most."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from capital.domain.allocation.bounds import Compounding

BOUND_FIELDS = (
    "fixed_amount",
    "priority",
    "min_amount",
    "max_amount",
    "max_percent",
    "drawdown_scaling",
    "compounding",
    "base_capital",
)


def _not_negative(name: str, message: object) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__gte": 0}),
        name=f"strategy_account_{name}_not_negative",
        violation_error_message=message,  # type: ignore[arg-type]
    )


BOUND_CONSTRAINTS: list[models.BaseConstraint] = [
    _not_negative("fixed_amount", _("The fixed amount must not be negative.")),
    _not_negative("min_amount", _("The minimum amount must not be negative.")),
    _not_negative("max_amount", _("The maximum amount must not be negative.")),
    _not_negative("base_capital", _("The base capital must not be negative.")),
    models.CheckConstraint(
        condition=Q(min_amount__isnull=True)
        | Q(max_amount__isnull=True)
        | Q(min_amount__lte=models.F("max_amount")),
        name="strategy_account_min_amount_within_max_amount",
        violation_error_message=_("The minimum amount must not be above the maximum amount."),
    ),
    models.CheckConstraint(
        condition=Q(max_percent__isnull=True) | Q(max_percent__gte=0, max_percent__lte=100),
        name="strategy_account_max_percent_in_range",
        violation_error_message=_("The maximum percentage must be between 0 and 100."),
    ),
    models.CheckConstraint(
        condition=Q(drawdown_scaling=False) | Q(max_drawdown_percent__isnull=False),
        name="strategy_account_drawdown_scaling_has_limit",
        violation_error_message=_("Scaling by drawdown needs the maximum drawdown."),
    ),
    models.CheckConstraint(
        condition=Q(compounding__in=[each.value for each in Compounding]),
        name="strategy_account_compounding_known",
        violation_error_message=_("Compounding must be full, half or none."),
    ),
    models.CheckConstraint(
        condition=Q(compounding=Compounding.FULL.value) | Q(base_capital__isnull=False),
        name="strategy_account_compounding_has_base_capital",
        violation_error_message=_("Compounding that is not full needs the base capital."),
    ),
]
