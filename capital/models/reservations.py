"""Reservation: capital of a link that is held for an order."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from capital.domain.limits.reservations import ReservationState, Reserved
from capital.domain.money import EXACT, grouped
from capital.domain.sizing.orders import PositionSide, Side
from capital.models.columns.answered import AnsweredRules
from capital.models.columns.exact_text import ExactTextField
from capital.models.links import StrategyAccount
from capital.models.trading.fills import POSITION_SIDES

LONGEST_ORDER_ID = 100

RESERVATION_STATES = [
    (ReservationState.OPEN.value, pgettext_lazy("of a reservation", "open")),
    (ReservationState.PLACED.value, pgettext_lazy("of a reservation", "placed")),
    (ReservationState.USED.value, pgettext_lazy("of a reservation", "used")),
    (ReservationState.RELEASED.value, pgettext_lazy("of a reservation", "released")),
    (ReservationState.EXPIRED.value, pgettext_lazy("of a reservation", "expired")),
]


class Reservation(AnsweredRules):
    """The margin and fee of one order, held until it is filled, or will not be.

    Amounts are exact, kept as text, in the account's currency.

    Attributes:
        quantity: Of its order, in the unit of a sized order.
        reduces: How much of it reduced what was held when it was made.
        amount: What it held at first: the margin and fee of the rest.
        filled_quantity: How much of its order is known to be filled.
        state: An open one counts as expired once ``expires_at`` has passed, whether or not a job
            has said so here.
        is_held: Whether it still counts, or may: an expired one does until it is known what
            happened up to its expiry.
        key: By which the caller asks for it again; empty where it did not give one.
        size: The answer of ``size`` when it was made.
        ended_at: Since when it no longer counts.
        ended_by: Who released it; NULL where nobody did.
    """

    strategy_account = models.ForeignKey(
        StrategyAccount,
        on_delete=models.PROTECT,
        related_name="reservations",
        verbose_name=_("strategy link"),
    )
    symbol = models.CharField(_("symbol"), max_length=64)
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
    reduces = ExactTextField(_("reduces"), default=Decimal(0), editable=False)
    amount = ExactTextField(_("reserved at first"))
    filled_quantity = ExactTextField(_("filled"), default=Decimal(0))
    state = models.CharField(
        pgettext_lazy("of a reservation", "state"),
        max_length=8,
        choices=RESERVATION_STATES,
        default=ReservationState.OPEN.value,
    )
    is_held = models.BooleanField(_("still counts"), default=True)
    client_order_id = models.CharField(
        _("client order id"), max_length=LONGEST_ORDER_ID, blank=True, default=""
    )
    order_id = models.CharField(_("order id"), max_length=LONGEST_ORDER_ID, blank=True, default="")
    key = models.CharField(_("key"), max_length=200, blank=True, default="", editable=False)
    size: Any = models.JSONField(_("answer"), default=dict, editable=False)
    reserved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("reserved by"),
    )
    created_at = models.DateTimeField(_("reserved at"))
    expires_at = models.DateTimeField(_("expires at"))
    placed_at = models.DateTimeField(_("placed at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("released by"),
    )

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["strategy_account"],
                condition=Q(is_held=True),
                name="reservation_held",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy_account", "key"],
                condition=~Q(key=""),
                name="reservation_once_a_key",
            ),
            models.UniqueConstraint(
                fields=["strategy_account", "client_order_id"],
                condition=~Q(client_order_id="") & Q(is_held=True),
                name="reservation_once_an_order",
                violation_error_message=_(
                    "There is a reservation for an order with this client order id already."
                ),
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in ReservationState])
                & Q(side__in=[side.value for side in Side])
                & Q(position_side__in=[side.value for side in PositionSide]),
                name="reservation_words_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    is_held=True,
                    ended_at__isnull=True,
                    state__in=[
                        ReservationState.OPEN.value,
                        ReservationState.PLACED.value,
                        ReservationState.EXPIRED.value,
                    ],
                )
                | Q(
                    is_held=False,
                    ended_at__isnull=False,
                    state__in=[
                        ReservationState.USED.value,
                        ReservationState.RELEASED.value,
                        ReservationState.EXPIRED.value,
                    ],
                ),
                name="reservation_ends_once",
                violation_error_message=_("A reservation that has ended holds nothing."),
            ),
        ]

    def __str__(self) -> str:
        quantity = grouped(EXACT.normalize(self.quantity))
        return f"{self.get_side_display()} {quantity} {self.symbol}"

    @property
    def held(self) -> Decimal:
        """What it holds for what is not filled; nothing once it has ended."""
        return self.reserved.left if self.is_held else Decimal(0)

    @property
    def reserved(self) -> Reserved:
        """As the rules see it."""
        return Reserved(
            self.amount,
            self.quantity,
            self.filled_quantity,
            ReservationState(self.state),
            self.expires_at,
            self.reduces,
        )
