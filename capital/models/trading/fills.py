"""Fill and Attribution: what was executed, who said so, and whose it is. Append-only."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.signals import pre_delete
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from capital.domain.money import EXACT, grouped
from capital.domain.performance.telling import FillSource
from capital.domain.sizing.orders import PositionSide, Side
from capital.models.accounts import Account
from capital.models.columns.append_only import AppendOnlyModel, append_only_triggers, refuse_delete
from capital.models.columns.exact_text import ExactTextField
from capital.models.links import StrategyAccount

SOURCES = [
    (FillSource.VENUE.value, _("exchange")),
    (FillSource.BOT.value, _("bot")),
    (FillSource.FILE.value, _("file")),
    (FillSource.OPENING.value, _("opening position")),
]

POSITION_SIDES = [
    (PositionSide.BOTH.value, pgettext_lazy("position side", "both")),
    (PositionSide.LONG.value, pgettext_lazy("position side", "long")),
    (PositionSide.SHORT.value, pgettext_lazy("position side", "short")),
]


class Fill(AppendOnlyModel):
    """One execution, as somebody told it first. Amounts are exact, kept as text.

    A row without ``venue_fill_id`` names its order and is provisional: see
    ``domain.performance.telling``, which says which rows count.

    Attributes:
        strategy_account: Whose it was known to be when it was recorded; NULL: nobody's. Whose it is
            now, the newest Attribution says.
        quantity: Above zero: base units, contracts on inverse instruments.
        cost: What was paid or received for it, in the settle currency (on spot: the quote).
        contract_size: Of one contract, as it was then: base units or, of inverse ones, quote.
        fees: All fees, as ``[{"amount": "0.1", "currency": "USDT"}]``; above zero was paid.
        fee_amount: Of the first fee; NULL where none is told.
        realized_reported: What the venue or the bot says it realised, for comparison only.
    """

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="fills", verbose_name=_("account")
    )
    strategy_account = models.ForeignKey(
        StrategyAccount,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="fills",
        verbose_name=_("strategy link"),
    )
    symbol = models.CharField(_("symbol"), max_length=64)
    venue_fill_id = models.CharField(
        _("exchange's fill id"), max_length=100, blank=True, default=""
    )
    order_id = models.CharField(_("order id"), max_length=100, blank=True, default="")
    client_order_id = models.CharField(_("client order id"), max_length=100, blank=True, default="")
    side = models.CharField(
        pgettext_lazy("of a fill", "side"),
        max_length=4,
        choices=[
            (Side.BUY.value, pgettext_lazy("side of a fill", "buy")),
            (Side.SELL.value, pgettext_lazy("side of a fill", "sell")),
        ],
    )
    position_side = models.CharField(
        _("position side"),
        max_length=5,
        default=PositionSide.BOTH.value,
        choices=POSITION_SIDES,
    )
    quantity = ExactTextField(_("quantity"))
    price = ExactTextField(_("price"))
    cost = ExactTextField(_("traded amount"))
    contract_size = ExactTextField(_("contract size"))
    settle = models.CharField(_("settle currency"), max_length=32)
    fees = models.JSONField(_("fees"), default=list, blank=True)
    fee_amount = ExactTextField(_("fee"), null=True, blank=True)
    fee_currency = models.CharField(_("fee currency"), max_length=32, blank=True, default="")
    realized_reported = ExactTextField(_("reported realised PnL"), null=True, blank=True)
    liquidity = models.CharField(
        _("liquidity"),
        max_length=5,
        blank=True,
        default="",
        choices=[
            ("maker", pgettext_lazy("liquidity", "maker")),
            ("taker", pgettext_lazy("liquidity", "taker")),
        ],
    )
    executed_at = models.DateTimeField(_("executed at"))
    source = models.CharField(_("source"), max_length=7, choices=SOURCES)
    recorded_at = models.DateTimeField(_("recorded at"), default=timezone.now)

    class Meta(AppendOnlyModel.Meta):
        abstract = False
        verbose_name = pgettext_lazy("execution", "fill")
        verbose_name_plural = _("fills")
        ordering = ["-executed_at", "-pk"]
        triggers = append_only_triggers("fill_append_only")
        indexes = [
            models.Index(fields=["-executed_at", "-id"], name="fill_by_time"),
            models.Index(fields=["account", "symbol", "executed_at"], name="fill_by_symbol"),
            models.Index(
                fields=["-executed_at", "-id"],
                condition=Q(strategy_account__isnull=True),
                name="fill_unattributed",
            ),
            models.Index(
                fields=["account", "order_id"], condition=~Q(order_id=""), name="fill_by_order"
            ),
            models.Index(
                fields=["account", "client_order_id"],
                condition=~Q(client_order_id=""),
                name="fill_by_client_order",
            ),
        ]
        constraints = [
            # An id is unique by symbol only at some venues, and shared by both sides of a
            # self-trade.
            models.UniqueConstraint(
                fields=["account", "symbol", "venue_fill_id", "side"],
                condition=~Q(venue_fill_id=""),
                name="fill_once",
            ),
            models.CheckConstraint(
                condition=~Q(venue_fill_id="")
                | ~Q(order_id="")
                | ~Q(client_order_id="")
                | Q(source=FillSource.OPENING.value),
                name="fill_names_itself_or_its_order",
                violation_error_message=_(
                    "A fill must have the exchange's fill id, or the id of its order."
                ),
            ),
            models.CheckConstraint(
                condition=Q(side__in=[side.value for side in Side])
                & Q(position_side__in=[side.value for side in PositionSide]),
                name="fill_sides_known",
                violation_error_message=_("The side must be buy or sell."),
            ),
            models.CheckConstraint(
                condition=Q(source__in=[source.value for source in FillSource]),
                name="fill_source_known",
            ),
            models.CheckConstraint(
                condition=~Q(symbol="") & ~Q(settle=""),
                name="fill_symbol_given",
                violation_error_message=_("A fill must have a symbol."),
            ),
        ]

    def __str__(self) -> str:
        quantity, price = (grouped(EXACT.normalize(each)) for each in (self.quantity, self.price))
        return f"{self.get_side_display()} {quantity} {self.symbol} @ {price}"


class AttributedBy(models.TextChoices):
    """How it is known whose a fill is."""

    BOT = "bot", _("reported by its bot")
    TAG = "tag", _("by the tag in its order id")
    SYMBOL = "symbol", _("by its symbol")
    PERSON = "person", _("assigned by a person")


class Attribution(AppendOnlyModel):
    """Whose a fill is, from now on: the newest one of a fill counts.

    Attributes:
        strategy_account: NULL: a person said that it is nobody's.
        actor: Who said so; NULL for what follows from a rule.
        note: Why a person said so.
    """

    fill = models.ForeignKey(
        Fill,
        on_delete=models.PROTECT,
        related_name="attributions",
        verbose_name=pgettext_lazy("execution", "fill"),
    )
    strategy_account = models.ForeignKey(
        StrategyAccount,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="attributions",
        verbose_name=_("strategy link"),
    )
    how = models.CharField(_("how"), max_length=6, choices=AttributedBy)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by whom"),
    )
    note = models.CharField(_("note"), max_length=200, blank=True, default="")
    at = models.DateTimeField(_("attributed at"), default=timezone.now)

    class Meta(AppendOnlyModel.Meta):
        abstract = False
        verbose_name = _("attribution")
        verbose_name_plural = _("attributions")
        ordering = ["-pk"]
        triggers = append_only_triggers("attribution_append_only")
        indexes = [
            models.Index(fields=["fill", "-id"], name="attribution_by_fill"),
            models.Index(fields=["strategy_account", "fill"], name="attribution_by_link"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(how__in=AttributedBy.values), name="attribution_how_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fill_id}: {self.strategy_account_id or '-'}"


class Discrepancy(AppendOnlyModel):
    """What a second bringer of a fill said otherwise. The first stays.

    Attributes:
        differences: By field, ``[what was recorded first, what was told now]``, as text.
    """

    fill = models.ForeignKey(
        Fill,
        on_delete=models.PROTECT,
        related_name="discrepancies",
        verbose_name=pgettext_lazy("execution", "fill"),
    )
    source = models.CharField(_("source"), max_length=7, choices=SOURCES)
    differences = models.JSONField(_("differences"))
    recorded_at = models.DateTimeField(_("recorded at"), default=timezone.now)

    class Meta(AppendOnlyModel.Meta):
        abstract = False
        verbose_name = _("discrepancy")
        verbose_name_plural = _("discrepancies")
        ordering = ["-pk"]
        triggers = append_only_triggers("discrepancy_append_only")
        constraints = [
            models.CheckConstraint(
                condition=Q(source__in=[source.value for source in FillSource]),
                name="discrepancy_source_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fill_id}: {', '.join(self.differences)}"


for model in (Fill, Attribution, Discrepancy):
    pre_delete.connect(refuse_delete, sender=model)
