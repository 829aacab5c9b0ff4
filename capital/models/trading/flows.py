"""Flow: what came or went without a fill. Append-only."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.signals import pre_delete
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from capital.domain.money import grouped
from capital.domain.performance.flows import FlowKind, FlowSource
from capital.domain.pools import Pool
from capital.models.accounts import Account
from capital.models.columns.append_only import AppendOnlyModel, append_only_triggers, refuse_delete
from capital.models.columns.exact_text import ExactTextField
from capital.models.links import StrategyAccount

POOLS = [
    (Pool.SPOT.value, _("spot")),
    (Pool.FUTURES.value, _("futures")),
    (Pool.UNIFIED.value, _("unified")),
]

KINDS = [
    (FlowKind.DEPOSIT.value, _("deposit")),
    (FlowKind.WITHDRAWAL.value, _("withdrawal")),
    (FlowKind.TRANSFER.value, _("transfer")),
    (FlowKind.CONVERSION.value, _("conversion")),
    (FlowKind.ADJUSTMENT.value, _("adjustment")),
    (FlowKind.FUNDING.value, _("funding")),
    (FlowKind.INTEREST.value, _("interest")),
    (FlowKind.REBATE.value, _("rebate")),
]
SOURCES = [
    (FlowSource.VENUE.value, _("exchange")),
    (FlowSource.BOT.value, _("bot")),
    (FlowSource.FILE.value, _("file")),
    (FlowSource.PERSON.value, _("person")),
]


class Flow(AppendOnlyModel):
    """Money that came (above zero) or went (below zero). A transfer is a row in each pool.

    Attributes:
        strategy_account: Of funding and the like: who held the position; NULL: the account's own.
        matches: The row that a person had entered for it before the exchange told it. That one no
            longer counts.
        reverses: The row that a person had entered by mistake. This one is its opposite at the same
            moment; both count, and together come to nothing.
        actor: Who entered it; NULL for what the exchange told.
    """

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="flows", verbose_name=_("account")
    )
    pool = models.CharField(_("pool"), max_length=7, choices=POOLS)
    kind = models.CharField(
        _("kind"),
        max_length=10,
        choices=KINDS,
    )
    currency = models.CharField(_("currency"), max_length=32)
    amount = ExactTextField(_("amount"), help_text=_("Above zero came in, below zero went out."))
    strategy_account = models.ForeignKey(
        StrategyAccount,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="flows",
        verbose_name=_("strategy link"),
    )
    symbol = models.CharField(_("symbol"), max_length=64, blank=True, default="")
    venue_flow_id = models.CharField(_("exchange's id"), max_length=100, blank=True, default="")
    occurred_at = models.DateTimeField(_("occurred at"))
    source = models.CharField(
        _("source"),
        max_length=7,
        choices=SOURCES,
    )
    note = models.CharField(_("note"), max_length=200, blank=True, default="")
    matches = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="matched_by",
        verbose_name=_("matches"),
    )
    reverses = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reversed_by",
        verbose_name=_("reverses"),
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("entered by"),
    )
    recorded_at = models.DateTimeField(_("recorded at"), default=timezone.now)

    class Meta(AppendOnlyModel.Meta):
        abstract = False
        verbose_name = _("flow")
        verbose_name_plural = _("deposits and withdrawals")
        ordering = ["-occurred_at", "-pk"]
        triggers = append_only_triggers("flow_append_only")
        indexes = [
            models.Index(fields=["-occurred_at", "-id"], name="flow_by_time"),
            models.Index(fields=["account", "occurred_at"], name="flow_by_account"),
            models.Index(fields=["strategy_account", "symbol"], name="flow_by_link"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "pool", "kind", "currency", "venue_flow_id", "symbol"],
                condition=~Q(venue_flow_id=""),
                name="flow_once",
            ),
            models.CheckConstraint(
                condition=Q(pool__in=[pool.value for pool in Pool]), name="flow_pool_known"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in FlowKind]), name="flow_kind_known"
            ),
            models.CheckConstraint(
                condition=~Q(amount="0"),
                name="flow_amount_not_zero",
                violation_error_message=_("The amount must not be zero."),
            ),
            models.CheckConstraint(
                condition=~Q(currency=""),
                name="flow_currency_given",
                violation_error_message=_("A flow must have a currency."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {grouped(self.amount, self.currency)} {self.currency}"


pre_delete.connect(refuse_delete, sender=Flow)
