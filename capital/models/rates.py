"""ReportingRate: what one unit of a currency is worth in another, as somebody entered it."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from capital.models.accounts import CURRENCY_PATTERN
from capital.models.columns.exact import QuantityField

_WELL_FORMED = RegexValidator(CURRENCY_PATTERN, _("Use 1 to 16 capital letters and digits."))


class ReportingRate(models.Model):
    """One unit of ``base`` is ``rate`` of ``quote``. For reports only: it decides nothing."""

    base = models.CharField(_("from currency"), max_length=16, validators=[_WELL_FORMED])
    quote = models.CharField(_("to currency"), max_length=16, validators=[_WELL_FORMED])
    rate = QuantityField(_("rate"))
    observed_at = models.DateTimeField(_("observed at"))

    class Meta:
        verbose_name = _("reporting rate")
        verbose_name_plural = _("reporting rates")
        ordering = ["base", "quote"]
        constraints = [
            models.UniqueConstraint(
                fields=["base", "quote"],
                name="reporting_rate_once_a_pair",
                violation_error_message=_("A rate for this currency pair already exists."),
            ),
            models.CheckConstraint(
                condition=Q(rate__gt=0),
                name="reporting_rate_positive",
                violation_error_message=_("The rate must be above zero."),
            ),
            models.CheckConstraint(
                condition=Q(base__regex=CURRENCY_PATTERN) & Q(quote__regex=CURRENCY_PATTERN),
                name="reporting_rate_currencies_well_formed",
                violation_error_message=_("A currency must be 1 to 16 capital letters and digits."),
            ),
        ]

    def __str__(self) -> str:
        return f"1 {self.base} = {self.rate} {self.quote}"
