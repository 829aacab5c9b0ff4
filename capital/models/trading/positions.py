"""Position: what a link holds, as its bot reports it."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from capital.domain.money import EXACT, plain
from capital.models.columns.exact import QuantityField
from capital.models.links import StrategyAccount


class Position(models.Model):
    """One link's holding of one symbol. It is open while ``quantity`` is not zero."""

    strategy_account = models.ForeignKey(
        StrategyAccount,
        on_delete=models.PROTECT,
        related_name="positions",
        verbose_name=_("strategy link"),
    )
    symbol = models.CharField(_("symbol"), max_length=64)
    # The unit of a sized order's quantity, so that what a bot was told is what it reports.
    quantity = QuantityField(
        _("quantity"),
        help_text=_(
            "Negative for a short position. In base units; for inverse contracts in contracts."
        ),
    )
    entry_price = QuantityField(_("entry price"), null=True, blank=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("position")
        verbose_name_plural = _("positions")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy_account", "symbol"],
                name="position_once_a_symbol",
                violation_error_message=_(
                    "This strategy link already has a position in this symbol."
                ),
            ),
            models.CheckConstraint(
                condition=~Q(symbol=""),
                name="position_symbol_given",
                violation_error_message=_("A position must have a symbol."),
            ),
            models.CheckConstraint(
                condition=Q(entry_price__isnull=True) | Q(entry_price__gt=0),
                name="position_entry_price_positive",
                violation_error_message=_("The entry price must be above zero, or empty."),
            ),
        ]

    # Whether it is too small for any order of its venue: see ``mark_dust``.
    is_dust = False
    # As it was loaded or saved last, and before the last save; None where that is not known.
    _is_open_in_database: bool | None = None
    _was_open: bool | None = None

    def __str__(self) -> str:
        quantity = plain(EXACT.normalize(Decimal(str(self.quantity))))
        return f"{self.strategy_account}: {quantity} {self.symbol}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and remember whether it was open before."""
        self._was_open = False if self._state.adding else self._is_open_in_database
        super().save(*args, **kwargs)
        written = kwargs.get("update_fields")
        if written is None or "quantity" in written:
            self._is_open_in_database = self.is_open

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> "Position":
        """Load, and remember whether it is open."""
        position = super().from_db(*args, **kwargs)
        if "quantity" in position.__dict__:
            position._is_open_in_database = position.is_open
        return position

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Reload, and remember whether it is open."""
        super().refresh_from_db(*args, **kwargs)
        if "quantity" in self.__dict__:
            self._is_open_in_database = self.is_open

    @property
    def was_closed(self) -> bool:
        """Whether the last save closed it; false where it was flat before."""
        return not self.is_open and self._was_open is not False

    @property
    def is_open(self) -> bool:
        """Whether something is held."""
        # Text until it was read back.
        return Decimal(str(self.quantity)) != 0
