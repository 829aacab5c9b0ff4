"""SymbolDay, LinkDay and DayMark: what was earned on one day, and what symbols were worth then."""

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from capital.domain.performance.earned import after_costs
from capital.models.columns.exact_text import ExactTextField
from capital.models.links import StrategyAccount
from capital.models.trading.fills import POSITION_SIDES


class SymbolDay(models.Model):
    """What one position earned on one day of the project, in one currency.

    Amounts are exact, kept as text. The books rewrite a day when a fill of it comes late.

    Attributes:
        symbol: Empty for what a link earned in no symbol, such as interest.
        currency: The settle currency; of funding that was paid in another one, that.
        realized: After fees and funding.
        fees: The worth of the fees, above zero was paid; less what came back as rebates.
        fees_unvalued: By currency, the fees whose worth nobody knows; in no other figure.
        funding: What of ``realized`` was funding or interest, above zero was received.
        fills: How many fills there were.
        trades: How many round trips ended, of which ``wins`` earned and ``losses`` lost.
        cost_unknown: How much was sold beyond what is known to have been held.
        held: What was held at the end of the day, in the unit of the books; NULL where another
            version wrote the day, and in another currency than the settle currency.
        cost: What that cost.
    """

    strategy_account = models.ForeignKey(
        StrategyAccount,
        on_delete=models.PROTECT,
        # The indexes below begin with it.
        db_index=False,
        related_name="symbol_days",
        verbose_name=_("strategy link"),
    )
    symbol = models.CharField(_("symbol"), max_length=64, blank=True)
    position_side = models.CharField(_("position side"), max_length=5, choices=POSITION_SIDES)
    date = models.DateField(_("date"))
    currency = models.CharField(_("currency"), max_length=32)
    realized = ExactTextField(_("realised PnL"))
    fees = ExactTextField(_("fees"))
    fees_unvalued = models.JSONField(_("fees of unknown value"), default=dict, blank=True)
    funding = ExactTextField(_("funding"))
    volume = ExactTextField(_("volume"))
    fills = models.PositiveIntegerField(_("fills"), default=0)
    trades = models.PositiveIntegerField(_("trades"), default=0)
    wins = models.PositiveIntegerField(_("winning trades"), default=0)
    losses = models.PositiveIntegerField(_("losing trades"), default=0)
    cost_unknown = ExactTextField(_("sold without a known cost"))
    held = ExactTextField(_("held at the end"), null=True, blank=True)
    cost = ExactTextField(_("cost of what was held"), null=True, blank=True)

    class Meta:
        verbose_name = _("PnL of a day")
        verbose_name_plural = _("PnL by day")
        ordering = ["-date", "pk"]
        indexes = [
            models.Index(fields=["date"], name="symbol_day_by_date"),
            models.Index(fields=["currency", "date"], name="symbol_day_by_currency"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy_account", "symbol", "position_side", "date", "currency"],
                name="symbol_day_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_account_id} {self.symbol} {self.date}"


class LinkDay(models.Model):
    """What one link had and earned on one day of the project, in one currency.

    Amounts are exact, kept as text. A day is written while it lasts, and again when a fill of it or
    of before comes late. What was earned in another currency than the account's stands apart: there
    the figures of equity are NULL.

    Attributes:
        equity_start: Equity at its start; NULL before its first decision, and where unrealised PnL
            was not known then.
        settled_start: The same without unrealised PnL.
        capital_added: What decisions gave beyond what was earned, less what they took.
        realized: Before fees and funding.
        fees: Above zero was paid.
        fees_unvalued: By currency, the fees whose worth nobody knows; in no other figure.
        funding: Above zero was received.
        unrealized: At its end, or now; NULL where a mark is missing.
        trades: How many round trips ended, of which ``wins`` earned and ``losses`` lost.
        is_packed: Whether ``LinkMonth`` has its figures. Not while it lasts.
        restated_at: When it was written otherwise after it was over; NULL: never.
    """

    strategy_account = models.ForeignKey(
        StrategyAccount,
        on_delete=models.PROTECT,
        # The indexes below begin with it.
        db_index=False,
        related_name="link_days",
        verbose_name=_("strategy link"),
    )
    date = models.DateField(_("date"))
    currency = models.CharField(_("currency"), max_length=32)
    equity_start = ExactTextField(_("equity at the start"), null=True, blank=True)
    settled_start = ExactTextField(_("settled equity at the start"), null=True, blank=True)
    capital_added = ExactTextField(_("capital added"), null=True, blank=True)
    realized = ExactTextField(_("realised PnL before fees and funding"))
    fees = ExactTextField(_("fees"))
    fees_unvalued = models.JSONField(_("fees of unknown value"), default=dict, blank=True)
    funding = ExactTextField(_("funding"))
    unrealized = ExactTextField(_("unrealised PnL"), null=True, blank=True)
    volume = ExactTextField(_("volume"))
    fills = models.PositiveIntegerField(_("fills"), default=0)
    trades = models.PositiveIntegerField(_("trades"), default=0)
    wins = models.PositiveIntegerField(_("winning trades"), default=0)
    losses = models.PositiveIntegerField(_("losing trades"), default=0)
    is_packed = models.BooleanField(_("packed"), default=False, editable=False)
    restated_at = models.DateTimeField(_("restated at"), null=True, blank=True)

    class Meta:
        verbose_name = _("day of a strategy link")
        verbose_name_plural = _("days of strategies")
        ordering = ["-date", "pk"]
        indexes = [
            models.Index(fields=["-date", "-id"], name="link_day_by_date"),
            # Few of a million: those of today.
            models.Index(
                fields=["strategy_account", "date"],
                condition=models.Q(is_packed=False),
                name="link_day_not_packed",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy_account", "date", "currency"], name="link_day_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_account} {self.date} {self.currency}"

    @property
    def earned(self) -> Decimal:
        """What was realised, after fees and funding."""
        return after_costs(self.realized, fees=self.fees, funding=self.funding)


class DayMark(models.Model):
    """What one unit of a symbol was worth at the end of a day of the project.

    The last mark of the day that was read: the venue's own of a derivative, the last price on spot.
    """

    venue = models.CharField(_("exchange"), max_length=32)
    symbol = models.CharField(_("symbol"), max_length=64)
    date = models.DateField(_("date"))
    price = ExactTextField(_("mark price"))

    class Meta:
        verbose_name = _("mark of a day")
        verbose_name_plural = _("marks of days")
        ordering = ["-date", "venue", "symbol"]
        constraints = [
            models.UniqueConstraint(fields=["venue", "symbol", "date"], name="day_mark_once"),
        ]

    def __str__(self) -> str:
        return f"{self.venue} {self.symbol} {self.date}: {self.price}"
