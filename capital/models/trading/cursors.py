"""TradingCursor: until when an exchange was read for fills and flows, question by question."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from capital.models.accounts import Account
from capital.models.trading.flows import POOLS


class AskedFor(models.TextChoices):
    """What a question to an exchange is about."""

    FILLS = "fills", _("fills")
    FLOWS = "flows", _("flows")
    HOLDINGS = "holdings", _("coins in the wallet")
    POSITIONS = "positions", _("positions")


class TradingCursor(models.Model):
    """How far the answers to one question are recorded. It never passes what was not read.

    The question is one endpoint, of a pool, and of a symbol where the exchange wants one.

    Attributes:
        symbol: Empty where the question is about all of them.
        begins_at: What is older is not asked for: ``import_fills`` reads it.
        read_until: What happened before is recorded.
        asked_at: When it was asked last; NULL: never.
        found_at: When it told something new last; NULL: never. Of positions: since when what was
            held at the beginning is in the books.
        step_seconds: How long a span is asked for at a time, where longer ones took too long; NULL:
            as long as the exchange takes.
        code: Why the last answer could not be had; empty where it could.
        figures: Those of the code.
        missing_since: From when on the exchange no longer told what had not been read in time;
            NULL: nothing is missing.
        unread: The last rows that could not be booked: ``{"name", "problem", "row_id", "at"}``.
    """

    account = models.ForeignKey(
        Account,
        on_delete=models.CASCADE,
        related_name="trading_cursors",
        verbose_name=_("account"),
    )
    pool = models.CharField(_("pool"), max_length=7, choices=POOLS)
    asked_for = models.CharField(_("asked for"), max_length=9, choices=AskedFor)
    endpoint = models.CharField(_("endpoint"), max_length=120)
    symbol = models.CharField(_("symbol"), max_length=64, blank=True, default="")
    begins_at = models.DateTimeField(_("begins at"))
    read_until = models.DateTimeField(_("read until"))
    asked_at = models.DateTimeField(_("asked at"), null=True, blank=True)
    found_at = models.DateTimeField(_("found something at"), null=True, blank=True)
    step_seconds = models.PositiveIntegerField(_("span"), null=True, blank=True, editable=False)
    code = models.CharField(_("problem"), max_length=40, blank=True, default="")
    figures = models.JSONField(default=dict, blank=True, editable=False)
    missing_since = models.DateTimeField(_("missing since"), null=True, blank=True)
    unread: Any = models.JSONField(_("rows that were not booked"), default=list, blank=True)

    class Meta:
        verbose_name = _("reading of trades")
        verbose_name_plural = _("readings of trades")
        ordering = ["account", "pool", "asked_for", "endpoint", "symbol"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "pool", "asked_for", "endpoint", "symbol"],
                name="trading_cursor_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.endpoint} {self.symbol}".strip()
