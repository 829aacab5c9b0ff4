"""LinkYear: the months of a link that are over, of one year, as columns that are added quickly."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from capital.models.columns.exact_text import ExactTextField
from capital.models.links import StrategyAccount


class LinkYear(models.Model):
    """The months of one link in one year and currency, as far as they are joined.

    It says nothing that its months (``LinkMonth.is_in_year``) do not say, and is written with them.

    Attributes:
        since: The first day that is told.
        until: The last one.
        unrealized: What was unrealised at its end; NULL where that is not known.
        unknown_since: As of ``LinkMonth``.
        scale: How many decimals the figures have.
        figures: Of its days and months, of ``domain.performance.measures.years``.
        unknown: By name, the days of which something is not known; NULL: none.
        fees_unvalued: By date, then currency: the fees whose worth nobody knows; NULL: none.
        largest_win: Of the trades that ended in it; NULL without one.
        largest_loss: Below zero; NULL without one.
        largest: The same of each month: ``1 7.5 -3`` of January, a comma between two months. It is
            text because it is hardly ever read.
        symbols: By symbol, what it earned in all of it; as of ``LinkMonth``.
    """

    strategy_account = models.ForeignKey(
        StrategyAccount,
        on_delete=models.PROTECT,
        related_name="link_years",
        verbose_name=_("strategy link"),
    )
    currency = models.CharField(_("currency"), max_length=32)
    year = models.PositiveSmallIntegerField(_("year"))
    since = models.DateField(_("since"))
    until = models.DateField(_("until"))
    unrealized = ExactTextField(_("unrealised PnL"), null=True, blank=True)
    unknown_since = models.DateField(_("not known since"), null=True, blank=True)
    scale = models.PositiveSmallIntegerField(_("decimals"))
    figures = models.BinaryField(_("figures"))
    unknown = models.JSONField(_("not known"), null=True, blank=True)
    fees_unvalued = models.JSONField(_("fees of unknown value"), null=True, blank=True)
    largest_win = ExactTextField(_("largest win"), null=True, blank=True)
    largest_loss = ExactTextField(_("largest loss"), null=True, blank=True)
    largest = models.TextField(_("largest win and loss by month"), blank=True)
    symbols = models.JSONField(_("figures by symbol"), default=dict, blank=True)

    class Meta:
        verbose_name = _("year of a strategy link")
        verbose_name_plural = _("years of strategy links")
        ordering = ["-year", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy_account", "year", "currency"], name="link_year_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_account_id} {self.year} {self.currency}"
