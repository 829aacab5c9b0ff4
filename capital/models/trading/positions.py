"""Position: what a link holds, as its bot reports it and its fills tell."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from capital.domain.money import EXACT, grouped
from capital.domain.reasons import Reason
from capital.domain.sizing.orders import PositionSide
from capital.models.columns.exact import QuantityField
from capital.models.columns.exact_text import ExactTextField
from capital.models.links import StrategyAccount
from capital.models.trading.fills import POSITION_SIDES


class PositionSource(models.TextChoices):
    """What told the quantity of a position last."""

    REPORT = "bot", _("bot")
    FILLS = "fills", _("fills")


class Position(models.Model):
    """One link's holding of one symbol and side. It is open while ``quantity`` is not zero.

    Attributes:
        quantity: What holds the account and is closed: what the bot reported last, and the fills
            since; without a report, what the fills come to.
        source: What told the quantity last.
        reported_quantity: What the bot reported last, at ``reported_at``; NULL: never.
        realized_pnl: What its fills and funding have earned since its books began; NULL without.
        books: How its books stand (``services.trading.books``); NULL without fills.
    """

    strategy_account = models.ForeignKey(
        StrategyAccount,
        on_delete=models.PROTECT,
        related_name="positions",
        verbose_name=_("strategy link"),
    )
    symbol = models.CharField(_("symbol"), max_length=64)
    position_side = models.CharField(
        _("position side"),
        max_length=5,
        default=PositionSide.BOTH.value,
        choices=POSITION_SIDES,
    )
    # The unit of a sized order's quantity, so that what a bot was told is what it reports.
    quantity = QuantityField(
        _("quantity"),
        help_text=_(
            "Negative for a short position. In base units; for inverse contracts in contracts."
        ),
    )
    entry_price = QuantityField(_("entry price"), null=True, blank=True)
    mark_price = QuantityField(_("mark price"), null=True, blank=True)
    marked_at = models.DateTimeField(_("marked at"), null=True, blank=True)
    realized_pnl = ExactTextField(_("realised PnL"), null=True, blank=True)
    source = models.CharField(
        _("source"),
        max_length=5,
        default=PositionSource.REPORT.value,
        choices=PositionSource,
    )
    reported_quantity = ExactTextField(
        _("reported quantity"), null=True, blank=True, editable=False
    )
    reported_at = models.DateTimeField(_("reported at"), null=True, blank=True, editable=False)
    books = models.JSONField(_("books"), null=True, blank=True, editable=False)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("position")
        verbose_name_plural = _("positions")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy_account", "symbol", "position_side"],
                name="position_once_a_symbol",
                violation_error_message=_(
                    "This strategy link already has a position in this symbol."
                ),
            ),
            models.CheckConstraint(
                condition=Q(position_side=PositionSide.BOTH.value)
                | Q(position_side=PositionSide.LONG.value, quantity__gte=0)
                | Q(position_side=PositionSide.SHORT.value, quantity__lte=0),
                name="position_quantity_fits_side",
                violation_error_message=_(
                    "The quantity of a long position must not be negative, that of a short one not "
                    "positive."
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
    # What closing it at its mark would earn; None where nobody knows: see ``value_positions``.
    unrealized_pnl: Decimal | None = None
    # What to know of the name under which it was just reported: see ``report_position``.
    warnings: tuple[Reason, ...] = ()
    # As it was loaded or saved last, and before the last save; None where that is not known.
    _is_open_in_database: bool | None = None
    _was_open: bool | None = None

    def __str__(self) -> str:
        quantity = grouped(EXACT.normalize(Decimal(str(self.quantity))))
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
