"""VenuePosition: what an exchange says that an account holds; BookedHolding: what its books did."""

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from capital.domain.money import EXACT, grouped
from capital.models.accounts import Account
from capital.models.columns.exact_text import ExactTextField
from capital.models.trading.fills import POSITION_SIDES
from capital.models.trading.flows import POOLS


class VenuePosition(models.Model):
    """One open position of an account as its exchange tells it, replaced with each sync.

    Amounts are exact, kept as text; NULL: not told. Where the exchange cannot be read, the rows
    stay, and ``observed_at`` says how old they are.

    Attributes:
        asked: By which of its questions it was told, which replaces all that it told before.
        quantity: Below zero is short. Base units, contracts on inverse instruments.
        told_at: When the exchange says that it was changed or opened.
        unowned: How much of it no strategy held by its fills or reports when it was read; NULL:
            that could not be told yet, which counts as all of it. While there is any, the
            account's capital stays.
        is_not_strategys: A person said that no strategy holds it: it is no difference, and holds
            nothing.
    """

    account = models.ForeignKey(
        Account,
        on_delete=models.CASCADE,
        related_name="venue_positions",
        verbose_name=_("account"),
    )
    pool = models.CharField(_("pool"), max_length=7, choices=POOLS)
    asked = models.CharField(_("endpoint"), max_length=120)
    symbol = models.CharField(_("symbol"), max_length=64)
    position_side = models.CharField(_("position side"), max_length=5, choices=POSITION_SIDES)
    quantity = ExactTextField(_("quantity"))
    entry_price = ExactTextField(_("entry price"), null=True, blank=True)
    mark_price = ExactTextField(_("mark price"), null=True, blank=True)
    unrealised = ExactTextField(_("unrealised PnL"), null=True, blank=True)
    realised = ExactTextField(_("realised PnL"), null=True, blank=True)
    settle = models.CharField(_("settle currency"), max_length=32)
    contract_size = ExactTextField(_("contract size"), default=Decimal(1))
    told_at = models.DateTimeField(_("told at"), null=True, blank=True)
    observed_at = models.DateTimeField(_("observed at"))
    unowned = ExactTextField(_("held by no strategy"), null=True, blank=True)
    is_not_strategys = models.BooleanField(_("not a strategy's"), default=False)

    class Meta:
        verbose_name = _("position at the exchange")
        verbose_name_plural = _("positions at the exchange")
        ordering = ["account", "symbol", "position_side"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "pool", "asked", "symbol", "position_side"],
                name="venue_position_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{grouped(EXACT.normalize(self.quantity))} {self.symbol}"


class BookedHolding(models.Model):
    """What the books of an account held of one symbol and side when its exchange was read last.

    Replaced as a whole with each sync: what is nobody's may be any number of fills, which no page
    can add up each time that it is looked at.

    Attributes:
        ours: What the links held by their fills, or where they have none by their reports.
        unattributed: What the fills came to that are nobody's.
    """

    account = models.ForeignKey(
        Account,
        on_delete=models.CASCADE,
        related_name="booked_holdings",
        verbose_name=_("account"),
    )
    symbol = models.CharField(_("symbol"), max_length=64)
    position_side = models.CharField(_("position side"), max_length=5, choices=POSITION_SIDES)
    ours = ExactTextField(_("held by strategies"))
    unattributed = ExactTextField(_("held by fills of nobody"))

    class Meta:
        verbose_name = _("holding by the books")
        verbose_name_plural = _("holdings by the books")
        ordering = ["account", "symbol", "position_side"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "symbol", "position_side"], name="booked_holding_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} ({self.get_position_side_display()})"
