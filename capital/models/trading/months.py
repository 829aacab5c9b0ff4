"""LinkMonth: the days, trades and symbols of a link in a month, packed so that many are added."""

import zlib
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from capital.models.columns.exact_text import ExactTextField
from capital.models.links import StrategyAccount


class NumberField(models.BinaryField):  # type: ignore[type-arg]
    """A whole number of any size, above or below zero, compressed."""

    def from_db_value(self, value: Any, *_: Any) -> int:
        """The number."""
        return int.from_bytes(zlib.decompress(value), "little", signed=True)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002  # Django's signature
        """Its bytes, compressed."""
        raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return super().get_db_prep_value(zlib.compress(raw, 1), connection, prepared)

    def to_python(self, value: Any) -> Any:
        """The number; of a dumped row, from its text."""
        return int(value, 16) if isinstance(value, str) else value

    def value_from_object(self, obj: models.Model) -> str:
        """The text for ``dumpdata``: of a number, JSON's would be made, which may be too long."""
        return hex(getattr(obj, self.attname))

    def value_to_string(self, obj: models.Model) -> str:
        """The same."""
        return self.value_from_object(obj)


class LinkMonth(models.Model):
    """The days, trades and symbols of one link in one month and currency, as far as packed.

    It says nothing that its days (``LinkDay.is_packed``), ``Trade`` and ``SymbolDay`` do not say,
    and is written with them.

    Attributes:
        month: Its first day.
        since: The first day that is packed.
        until: The last one.
        unrealized: What was unrealised at its end; NULL where that is not known.
        unknown_since: The very first day of the link, where it began with something unrealised
            that nobody knows; NULL in all other months.
        scale: How many decimals the figures in ``days`` have.
        days: Their figures, and the sums of the trades that ended until then, as one number, of
            ``domain.performance.measures.packed``.
        fees_unvalued: By date, then currency: the fees whose worth nobody knows; NULL: none.
        largest_win: Of these trades; NULL without one.
        largest_loss: Below zero; NULL without one.
        symbols: By symbol, what it earned from the first of the month until then, of
            ``services.trading.packed.symbols``.
        is_in_year: Whether ``LinkYear`` has it, too. Not while it lasts.
    """

    strategy_account = models.ForeignKey(
        StrategyAccount,
        on_delete=models.PROTECT,
        related_name="link_months",
        verbose_name=_("strategy link"),
    )
    currency = models.CharField(_("currency"), max_length=32)
    month = models.DateField(_("month"))
    since = models.DateField(_("since"))
    until = models.DateField(_("until"))
    unrealized = ExactTextField(_("unrealised PnL"), null=True, blank=True)
    unknown_since = models.DateField(_("not known since"), null=True, blank=True)
    scale = models.PositiveSmallIntegerField(_("decimals"))
    days = NumberField(_("figures of the days"))
    fees_unvalued = models.JSONField(_("fees of unknown value"), null=True, blank=True)
    largest_win = ExactTextField(_("largest win"), null=True, blank=True)
    largest_loss = ExactTextField(_("largest loss"), null=True, blank=True)
    symbols = models.JSONField(_("figures by symbol"), default=dict, blank=True)
    is_in_year = models.BooleanField(_("in its year"), default=False, editable=False)

    class Meta:
        verbose_name = _("month of a strategy link")
        verbose_name_plural = _("months of strategy links")
        ordering = ["-month", "pk"]
        indexes = [
            models.Index(fields=["month", "strategy_account"], name="link_month_by_month"),
            # One of a link, or two.
            models.Index(
                fields=["strategy_account", "month"],
                condition=models.Q(is_in_year=False),
                name="link_month_not_in_year",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy_account", "month", "currency"], name="link_month_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_account_id} {self.month:%Y-%m} {self.currency}"
