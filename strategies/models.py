"""Strategy: a named way of trading one market."""

from collections.abc import Sequence
from itertools import count
from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from strategies.markets import MarketType

__all__ = ["MarketType", "Strategy", "StrategyStatus"]


LONGEST_KEY = 64
LONGEST_TAG = 32
_TAG = rf"^[a-zA-Z0-9][-a-zA-Z0-9_]{{0,{LONGEST_TAG - 1}}}$"
_TAG_MESSAGE = _(
    "An order tag begins with a letter or a digit, and has letters, digits, hyphens and "
    "underscores: 32 at most."
)


class StrategyStatus(models.TextChoices):
    """ACTIVE takes part in allocation; PAUSED and ARCHIVED hold no capital."""

    ACTIVE = "ACTIVE", _("active")
    PAUSED = "PAUSED", _("paused")
    ARCHIVED = "ARCHIVED", _("archived")


class Strategy(models.Model):
    """A named way of trading one market, on any number of accounts.

    ``key`` is the name by which programs (a webhook, the JSON of ``reallocate``) know it.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="strategies",
        verbose_name=_("owner"),
    )
    name = models.CharField(_("name"), max_length=100)
    key = models.SlugField(
        _("key"),
        max_length=LONGEST_KEY,
        unique=True,
        help_text=_("The name that bots and webhooks use for it."),
    )
    market_type = models.CharField(
        _("market type"),
        max_length=10,
        choices=[(MarketType.SPOT.value, _("spot")), (MarketType.FUTURES.value, _("futures"))],
    )
    order_tag = models.CharField(
        _("order tag"),
        max_length=LONGEST_TAG,
        blank=True,
        default="",
        validators=[RegexValidator(_TAG, _TAG_MESSAGE)],
        help_text=_(
            "What the client order ids of its bots begin with, so that fills that the exchange "
            "tells are known to be its own. Leave empty for its key."
        ),
    )
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=StrategyStatus,
        default=StrategyStatus.ACTIVE,
    )
    description = models.TextField(_("description"), blank=True, default="")
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    # What people and programs change: see ``edits``.
    edited_fields: ClassVar[tuple[str, ...]] = (
        "owner",
        "name",
        "key",
        "order_tag",
        "market_type",
        "status",
        "description",
    )
    hidden_fields: ClassVar[frozenset[str]] = frozenset()

    class Meta:
        verbose_name = _("strategy")
        verbose_name_plural = _("strategies")
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(market_type__in=[market.value for market in MarketType]),
                name="strategy_market_type_known",
                violation_error_message=_("The market type must be spot or futures."),
            ),
            models.CheckConstraint(
                condition=Q(status__in=StrategyStatus.values),
                name="strategy_status_known",
                violation_error_message=_("The status must be active, paused or archived."),
            ),
            models.CheckConstraint(
                condition=~Q(key=""),
                name="strategy_key_given",
                violation_error_message=_("A strategy must have a key."),
            ),
            models.CheckConstraint(
                condition=Q(order_tag="") | Q(order_tag__regex=_TAG),
                name="strategy_order_tag_readable",
                violation_error_message=_TAG_MESSAGE,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.key})"

    @property
    def tag(self) -> str:
        """What the client order ids of its bots begin with."""
        return self.order_tag or self.key

    def unique_error_message(
        self, model_class: type[models.Model], unique_check: Sequence[str]
    ) -> ValidationError:
        """Of a key that is taken, also one that is free."""
        if tuple(unique_check) != ("key",):
            return super().unique_error_message(model_class, unique_check)
        return ValidationError(
            _("This key is already taken. “%(free)s” is free."),
            code="unique",
            params={"free": free_key(self.key)},
        )


def free_key(key: str) -> str:
    """A key like this one that no strategy has: ``trend-2``, ``trend-3`` …"""
    # Room for a number of nine digits.
    stem = key[: LONGEST_KEY - 10]
    taken = set(
        Strategy.objects.filter(key__startswith=f"{stem}-").order_by().values_list("key", flat=True)
    )
    return next(name for n in count(2) if (name := f"{stem}-{n}") not in taken)
