"""Market: the rules by which one symbol of one venue can be ordered, as last fetched."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from capital.domain.sizing.instruments import AmountUnit, InstrumentKind, PrecisionMode
from capital.models.columns.exact import QuantityField

_LIMITS = (
    "min_amount",
    "max_amount",
    "market_min_amount",
    "market_max_amount",
    "market_sell_max_amount",
    "max_leverage",
)
_COSTS = ("min_cost", "max_cost", "market_max_cost", "market_buy_max_cost")


def _not_negative(*names: str) -> Q:
    condition = Q()
    for name in names:
        condition &= Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__gte": 0})
    return condition


class Market(models.Model):
    """The rules of one instrument. Written by ``sync_markets``, and by whoever accepts a change.

    Amounts are in the unit that the venue takes, ``amount_unit``. Symbols that a venue no longer
    lists stay, inactive.
    """

    venue = models.CharField(_("exchange"), max_length=32)
    symbol = models.CharField(_("symbol"), max_length=64, help_text=_("In ccxt notation."))
    market_id = models.CharField(
        _("exchange id"), max_length=64, help_text=_("The exchange's own id for the instrument.")
    )
    kind = models.CharField(
        _("type"),
        max_length=10,
        choices=[
            (InstrumentKind.SPOT.value, _("spot")),
            (InstrumentKind.LINEAR.value, _("linear contract")),
            (InstrumentKind.INVERSE.value, _("inverse contract")),
        ],
    )
    base = models.CharField(_("base currency"), max_length=32)
    quote = models.CharField(_("quote currency"), max_length=32)
    settle = models.CharField(
        _("settle currency"),
        max_length=32,
        help_text=_("The currency in which it is settled. On spot: the quote currency."),
    )
    contract_size = QuantityField(
        _("contract size"),
        null=True,
        blank=True,
        help_text=_(
            "What one contract stands for: base units (linear) or quote currency (inverse)."
        ),
    )
    amount_unit = models.CharField(
        _("unit of an order's quantity"),
        max_length=10,
        blank=True,
        default="",
        choices=[
            (AmountUnit.CONTRACTS.value, _("contracts")),
            (AmountUnit.BASE.value, _("base currency")),
            (AmountUnit.QUOTE.value, _("quote currency")),
        ],
        help_text=_(
            "What the exchange takes as the quantity of an order, and what its steps and limits "
            "are in. Empty: not known, so nothing is sized."
        ),
    )
    precision_mode = models.CharField(
        _("precision mode"),
        max_length=20,
        choices=[
            (PrecisionMode.TICK_SIZE.value, _("step")),
            (PrecisionMode.DECIMAL_PLACES.value, _("decimals")),
            (PrecisionMode.SIGNIFICANT_DIGITS.value, _("significant digits")),
        ],
    )
    amount_precision = QuantityField(_("quantity precision"))
    min_amount = QuantityField(_("minimum order quantity"), null=True, blank=True)
    max_amount = QuantityField(_("maximum order quantity"), null=True, blank=True)
    market_min_amount = QuantityField(_("minimum quantity, market orders"), null=True, blank=True)
    market_max_amount = QuantityField(_("maximum quantity, market orders"), null=True, blank=True)
    min_cost = QuantityField(_("minimum order value"), null=True, blank=True)
    max_cost = QuantityField(_("maximum order value"), null=True, blank=True)
    market_max_cost = QuantityField(_("maximum value, market orders"), null=True, blank=True)
    market_buy_max_cost = QuantityField(
        _("maximum value, market orders to buy"), null=True, blank=True
    )
    market_sell_max_amount = QuantityField(
        _("maximum quantity, market orders to sell"), null=True, blank=True
    )
    max_leverage = QuantityField(_("maximum leverage"), null=True, blank=True)
    leverage_brackets = models.JSONField(
        _("leverage brackets"),
        default=list,
        blank=True,
        help_text=_("The maximum leverage by the size of a position, from the smallest size."),
    )
    pending_rules = models.JSONField(
        _("rules that wait to be accepted"),
        null=True,
        blank=True,
        editable=False,
        help_text=_(
            "The exchange changed what a contract or an order's quantity stands for. Until someone "
            "accepts that, positions can only be closed, by the rules above."
        ),
    )
    pending_step = models.JSONField(
        _("step that is not confirmed"),
        null=True,
        blank=True,
        editable=False,
        help_text=_(
            "The exchange changed the step. The coarser one is used until a sync an hour later "
            "confirms it."
        ),
    )
    is_active = models.BooleanField(_("tradable"), default=True)
    fetched_at = models.DateTimeField(_("fetched at"))

    class Meta:
        verbose_name = _("instrument rules")
        verbose_name_plural = _("instrument rules")
        ordering = ["venue", "symbol"]
        constraints = [
            models.UniqueConstraint(
                fields=["venue", "symbol"],
                name="market_once_a_venue",
                violation_error_message=_("Rules for this symbol already exist on this exchange."),
            ),
            models.CheckConstraint(
                condition=~Q(venue="") & ~Q(symbol="") & ~Q(settle=""),
                name="market_named",
                violation_error_message=_(
                    "The exchange, the symbol and the settle currency are required."
                ),
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in InstrumentKind]),
                name="market_kind_known",
                violation_error_message=_("The type must be spot, linear or inverse."),
            ),
            models.CheckConstraint(
                condition=Q(amount_unit__in=["", *(unit.value for unit in AmountUnit)]),
                name="market_amount_unit_known",
                violation_error_message=_("The unit must be contracts, base or quote."),
            ),
            models.CheckConstraint(
                condition=Q(precision_mode__in=[mode.value for mode in PrecisionMode]),
                name="market_precision_mode_known",
                violation_error_message=_(
                    "The precision mode must be step, decimals or significant digits."
                ),
            ),
            # Of a contract whose size is not known, nobody can say what it costs.
            models.CheckConstraint(
                condition=Q(kind=InstrumentKind.SPOT.value, contract_size__isnull=True)
                | (
                    ~Q(kind=InstrumentKind.SPOT.value)
                    # NULL is no number, but a condition of NULL is kept.
                    & Q(contract_size__isnull=False, contract_size__gt=0)
                ),
                name="market_contract_size_fits_kind",
                violation_error_message=_(
                    "A contract must have a contract size above zero; "
                    "a spot instrument must have none."
                ),
            ),
            models.CheckConstraint(
                condition=Q(amount_precision__gt=0)
                | Q(precision_mode=PrecisionMode.DECIMAL_PLACES.value),
                name="market_amount_precision_positive",
                violation_error_message=_(
                    "A step or a number of significant digits must be above zero."
                ),
            ),
            models.CheckConstraint(
                condition=_not_negative(*_LIMITS, *_COSTS),
                name="market_limits_not_negative",
                violation_error_message=_("The limits must not be negative."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} ({self.venue})"
