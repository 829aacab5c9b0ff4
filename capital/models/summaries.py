"""DailyAccountSummary: one row per account and day, the cache behind live balances."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from capital.models.accounts import Account
from capital.models.columns.exact import AmountField

_COUNTS = ("total_trades", "winning_trades", "losing_trades")


class DailyAccountSummary(models.Model):
    """What an account had on one day, in its currency and floored to its quantum.

    Every figure may be NULL: absent is not zero. PnL, trades, volume and fees are NULL until
    something tells them; a day with books and without a trade has 0. Each ``*_observed_at`` says
    when its balance was read; NULL beside a balance means the end of ``date``.
    ``trails`` says by pool what was accepted within the last hour, and which first balance waits
    for its confirmation.
    """

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="summaries", verbose_name=_("account")
    )
    date = models.DateField(_("date"))
    starting_balance = AmountField(_("starting balance"), null=True, blank=True)
    ending_balance = AmountField(_("ending balance"), null=True, blank=True)
    spot_balance = AmountField(_("spot balance"), null=True, blank=True)
    futures_balance = AmountField(_("futures balance"), null=True, blank=True)
    spot_observed_at = models.DateTimeField(_("spot balance read at"), null=True, blank=True)
    futures_observed_at = models.DateTimeField(_("futures balance read at"), null=True, blank=True)
    ending_observed_at = models.DateTimeField(_("ending balance read at"), null=True, blank=True)
    realized_pnl = AmountField(_("realised PnL"), null=True, blank=True)
    unrealized_pnl = AmountField(_("unrealised PnL"), null=True, blank=True)
    total_trades = models.IntegerField(_("trades"), null=True, blank=True)
    winning_trades = models.IntegerField(_("winning trades"), null=True, blank=True)
    losing_trades = models.IntegerField(_("losing trades"), null=True, blank=True)
    total_volume = AmountField(_("volume"), null=True, blank=True)
    total_fees = AmountField(_("fees"), null=True, blank=True)
    trails = models.JSONField(_("balances of the last hour"), default=dict, blank=True)

    class Meta:
        verbose_name = _("daily summary")
        verbose_name_plural = _("daily summaries")
        ordering = ["-date", "account"]
        # For the list of all accounts' days, newest first.
        indexes = [models.Index(fields=["-date", "-id"], name="summary_by_date")]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "date"],
                name="daily_summary_once_a_day",
                violation_error_message=_("This account already has a summary for this day."),
            ),
            models.CheckConstraint(
                condition=Q(**{f"{name}__gte": 0 for name in _COUNTS}),
                name="daily_summary_counts_not_negative",
                violation_error_message=_("Trade counts must not be negative."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.date}"
