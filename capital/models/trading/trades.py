"""Trade: a round trip that ended, as the books tell it."""

from datetime import timedelta
from decimal import Decimal

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from capital.domain.money import booked, quotient
from capital.domain.performance.symbols import parse_symbol
from capital.domain.performance.trades import average_price
from capital.models.columns.exact_text import ExactTextField
from capital.models.links import StrategyAccount
from capital.models.trading.fills import POSITION_SIDES


class Trade(models.Model):
    """One round trip of a link in a symbol on one side, from flat to flat.

    Amounts are exact, kept as text, in the settle currency. The books write a trade when it ends,
    and write the trades of a position again where a fill of it comes late.

    Attributes:
        date: The day of the project on which it ended.
        entered: How much was bought (long) or sold (short), in the unit of the books.
        entry_value: What that was worth.
        exited: How much of it was closed.
        exit_value: What that was worth.
        realized: What it earned, after fees and funding.
        fees: What was paid of that for fees; below zero where rebates were larger.
        funding: What was received of that for funding; below zero was paid.
        fills: How many fills there were.
        is_complete: False where a fee's worth is not known, or part of a sale had no known cost.
    """

    strategy_account = models.ForeignKey(
        StrategyAccount,
        on_delete=models.PROTECT,
        # The indexes below begin with it.
        db_index=False,
        related_name="trades",
        verbose_name=_("strategy link"),
    )
    symbol = models.CharField(_("symbol"), max_length=64)
    position_side = models.CharField(_("position side"), max_length=5, choices=POSITION_SIDES)
    currency = models.CharField(_("currency"), max_length=32)
    is_long = models.BooleanField(pgettext_lazy("trade", "long"))
    opened_at = models.DateTimeField(pgettext_lazy("trade", "opened at"))
    closed_at = models.DateTimeField(pgettext_lazy("trade", "closed at"))
    date = models.DateField(_("date"))
    entered = ExactTextField(_("quantity entered"))
    entry_value = ExactTextField(_("value of the entries"))
    exited = ExactTextField(_("quantity exited"))
    exit_value = ExactTextField(_("value of the exits"))
    realized = ExactTextField(_("realised PnL"))
    fees = ExactTextField(_("fees"))
    funding = ExactTextField(_("funding"))
    fills = models.PositiveIntegerField(_("fills"), default=0)
    is_complete = models.BooleanField(_("fully known"), default=True)

    class Meta:
        verbose_name = pgettext_lazy("round trip", "trade")
        verbose_name_plural = pgettext_lazy("round trips", "trades")
        ordering = ["-closed_at", "-pk"]
        indexes = [
            models.Index(fields=["-closed_at", "-id"], name="trade_by_time"),
            models.Index(fields=["strategy_account", "date"], name="trade_by_link_and_day"),
            models.Index(fields=["currency", "date"], name="trade_by_currency_and_day"),
        ]

    def __str__(self) -> str:
        closed_at = timezone.localtime(self.closed_at)
        return f"{self.strategy_account_id} {self.symbol} {closed_at:%Y-%m-%d %H:%M:%S}"

    @property
    def held_for(self) -> timedelta:
        """From its first fill to its last."""
        return self.closed_at - self.opened_at

    @property
    def entry_price(self) -> Decimal | None:
        """The average price of its entries, to 18 decimals."""
        return self._price(self.entered, self.entry_value)

    @property
    def exit_price(self) -> Decimal | None:
        """The average price of its exits, to 18 decimals."""
        return self._price(self.exited, self.exit_value)

    @property
    def return_on_entries(self) -> Decimal | None:
        """What it earned by what its entries were worth, to 18 decimals; None of worthless ones.

        With leverage the return on what was tied up is so many times larger.
        """
        if not self.entry_value:
            return None
        return booked(quotient(self.realized, self.entry_value))

    def _price(self, amount: Decimal, value: Decimal) -> Decimal | None:
        symbol = parse_symbol(self.symbol)
        return None if symbol is None else average_price(symbol.kind, amount, value)
