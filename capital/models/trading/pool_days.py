"""PoolDay: how a pool's balance changed on a day, and what of that fills and flows explain."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from capital.domain.performance.unexplained import Unexplainable
from capital.models.accounts import Account
from capital.models.columns.exact_text import ExactTextField
from capital.models.trading.flows import POOLS


class PoolDay(models.Model):
    """One day of one pool, from the last reading of the day before to the last one of this day.

    Amounts are exact, kept as text, in the account's currency. Where ``code`` says why they are not
    known, they are NULL. A day is written while it lasts, and again when a fill or a flow of it, or
    of before, comes late.

    Attributes:
        balance: At the last reading until the end of the day; NULL where there was none.
        until: When that was; without a reading the end of the day, or now.
        change: What ``balance`` was more than on the day before.
        realized: What contracts realised, before fees, as the account held them.
        coins: Received for coins less paid for them, before fees.
        fees: Above zero was paid; less what came back as rebates.
        funding: Funding and interest. Above zero was received.
        external: Put in less taken out. These five are ``fills`` and ``flows`` by another division;
            they are known without a mark, too, and NULL only where no time has passed.
        unrealized: The change of unrealised PnL; 0 where the balance does not hold it.
        unexplained: What fills, flows and ``unrealized`` leave of the change.
        code: ``Unexplainable``; empty where ``unexplained`` is known.
        holdings: What the account held of contracts at ``until``, whosever it was.
        fills_until: The newest fill that was looked at, by primary key; of any account.
        flows_until: The newest flow that was looked at.
    """

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="pool_days", verbose_name=_("account")
    )
    pool = models.CharField(_("pool"), max_length=7, choices=POOLS)
    date = models.DateField(_("date"))
    balance = ExactTextField(_("balance"), null=True, blank=True)
    until = models.DateTimeField(_("until"))
    change = ExactTextField(_("change of balance"), null=True, blank=True)
    fills = ExactTextField(_("moved by fills"), null=True, blank=True)
    flows = ExactTextField(_("moved by flows"), null=True, blank=True)
    realized = ExactTextField(_("realised PnL of contracts"), null=True, blank=True)
    coins = ExactTextField(_("paid and received for coins"), null=True, blank=True)
    fees = ExactTextField(_("fees"), null=True, blank=True)
    funding = ExactTextField(_("funding"), null=True, blank=True)
    external = ExactTextField(_("put in and taken out"), null=True, blank=True)
    unrealized = ExactTextField(_("change of unrealised PnL"), null=True, blank=True)
    unexplained = ExactTextField(_("unexplained change"), null=True, blank=True)
    code = models.CharField(_("why it is not known"), max_length=20, blank=True, default="")
    holdings = models.JSONField(_("contracts held"), default=dict, blank=True)
    fills_until = models.BigIntegerField(_("fills looked at"), default=0)
    flows_until = models.BigIntegerField(_("flows looked at"), default=0)

    class Meta:
        verbose_name = _("day of a pool")
        verbose_name_plural = _("days of pools")
        ordering = ["-date", "pk"]
        indexes = [models.Index(fields=["-date", "-id"], name="pool_day_by_date")]
        constraints = [
            models.UniqueConstraint(fields=["account", "pool", "date"], name="pool_day_once"),
            models.CheckConstraint(
                condition=Q(code="", unexplained__isnull=False)
                | Q(code__in=[code.value for code in Unexplainable], unexplained__isnull=True),
                name="pool_day_known_or_why_not",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.pool} {self.date}"
