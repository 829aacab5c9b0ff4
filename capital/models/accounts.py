"""Account and StrategyAccount: whose keys, on which venue, for which strategies."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from capital.domain.errors import UnknownVenue
from capital.domain.pools import WalletMode
from capital.exchange.venues import VENUES, Venue, get_venue
from capital.models.fields import AmountField, RatioField
from capital.models.secrets import EncryptedTextField

# What the venue decides where it is left out, and what it is judged by.
_SETTLED = frozenset({"venue", "wallet_mode", "currency", "is_sandbox"})
_CREDENTIALS = frozenset({"api_key", "api_secret", "api_passphrase"})


class Account(models.Model):
    """One set of API keys on one venue, kept in one currency.

    ``owner``, ``name``, ``venue`` and ``currency`` are enough to create one; ``wallet_mode``
    becomes the venue's usual one where it is left out.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="accounts"
    )
    name = models.CharField(_("name"), max_length=100)
    venue = models.CharField(_("venue"), max_length=32, help_text=_("The exchange's ccxt id."))
    currency = models.CharField(
        _("currency"),
        max_length=16,
        validators=[RegexValidator(r"\A[A-Z0-9]{1,16}\Z", _("Capital letters and digits only."))],
        help_text=_("The one currency that this account's capital is counted in."),
    )
    wallet_mode = models.CharField(
        _("wallet mode"),
        max_length=10,
        blank=True,
        choices=[
            (WalletMode.SEPARATE.value, _("separate wallets")),
            (WalletMode.UNIFIED.value, _("one unified wallet")),
        ],
        help_text=_("Left out, it becomes the venue's usual one."),
    )
    last_checked_at = models.DateTimeField(_("last checked at"), null=True, blank=True)
    last_check_code = models.CharField(_("last check"), max_length=40, blank=True, default="")
    api_key = EncryptedTextField(
        _("API key"),
        blank=True,
        default="",
        help_text=_("On venues like Hyperliquid: the wallet address."),
    )
    api_secret = EncryptedTextField(
        _("API secret"),
        blank=True,
        default="",
        help_text=_("On venues like Hyperliquid: the private key."),
    )
    api_passphrase = EncryptedTextField(_("API passphrase"), blank=True, default="")
    is_sandbox = models.BooleanField(_("sandbox"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    reserve_percent = RatioField(
        _("reserve, percent"),
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
        help_text=_("Of each pool. The larger of percent and amount is never allocated."),
    )
    reserve_amount = AmountField(
        _("reserve, amount"),
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("In account currency, of each pool."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="account_name_unique_per_owner",
                violation_error_message=_("This owner has an account of this name already."),
            ),
            models.CheckConstraint(
                condition=Q(wallet_mode__in=[mode.value for mode in WalletMode]),
                name="account_wallet_mode_known",
                violation_error_message=_("The wallet mode must be separate or unified."),
            ),
            models.CheckConstraint(
                condition=~Q(currency=""),
                name="account_currency_given",
                violation_error_message=_("An account needs a currency."),
            ),
            # usdt would be split to the quantum of a coin.
            models.CheckConstraint(
                condition=Q(currency=Upper("currency")),
                name="account_currency_in_capitals",
                violation_error_message=_("Capital letters and digits only."),
            ),
            models.CheckConstraint(
                condition=Q(reserve_percent__gte=0, reserve_percent__lte=100),
                name="account_reserve_percent_in_range",
                violation_error_message=_("The reserve must be 0 to 100 percent."),
            ),
            models.CheckConstraint(
                condition=Q(reserve_amount__gte=0),
                name="account_reserve_amount_not_negative",
                violation_error_message=_("The reserve must not be negative."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.venue} {self.currency})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Fill the venue's usual wallet mode in, and refuse what the venue does not have.

        Raises:
            ValidationError: The venue, the wallet mode or the sandbox is not to be had.
        """
        written = kwargs.get("update_fields")
        if written is None or _SETTLED.intersection(written):
            self._settle_venue()
            if written is not None:
                kwargs["update_fields"] = _SETTLED.union(written)
        super().save(*args, **kwargs)

    def clean_fields(self, exclude: Any = None) -> None:
        """As in ``save``, before the fields are judged one by one."""
        excluded = set(exclude or ())
        try:
            self._settle_venue()
        except ValidationError as error:
            if excluded.intersection(error.error_dict):
                # A form without the field has no place for its error.
                raise ValidationError(error.messages) from None
            raise
        # Credentials have no rule to break, and judging them would need their key.
        super().clean_fields(exclude=excluded | _CREDENTIALS)

    def validate_constraints(self, exclude: Any = None) -> None:
        """No constraint is about a credential, so none needs to be read for it."""
        super().validate_constraints(exclude=_CREDENTIALS.union(exclude or ()))

    def clean(self) -> None:
        """Refuse another currency or venue once there are balances in the old one."""
        super().clean()
        if self.pk is None or not self.summaries.exists():
            return
        stored = Account.objects.only("venue", "currency").get(pk=self.pk)
        for name in ("venue", "currency"):
            if getattr(stored, name) != getattr(self, name):
                raise ValidationError(
                    {
                        name: _(
                            "This account has balances recorded in %(currency)s on %(venue)s. "
                            "Make a new account instead."
                        )
                        % {"currency": stored.currency, "venue": stored.venue}
                    }
                )

    def _settle_venue(self) -> None:
        if self.venue not in VENUES and not self.is_active and not self._state.adding:
            # Switched off, it may keep a venue that is no longer known.
            return
        venue = _known_venue(self.venue)
        self.currency = (self.currency or venue.currency).upper()
        self.wallet_mode = self.wallet_mode or venue.usual_wallet_mode
        if self.wallet_mode not in venue.wallet_modes:
            modes = ", ".join(venue.wallet_modes)
            raise ValidationError(
                {
                    "wallet_mode": _("%(venue)s has no wallet mode %(mode)s. It has: %(modes)s.")
                    % {"venue": venue.id, "mode": self.wallet_mode, "modes": modes}
                }
            )
        if self.is_sandbox and venue.sandbox is None:
            raise ValidationError(
                {"is_sandbox": _("%(venue)s has no sandbox.") % {"venue": venue.id}}
            )


class StrategyAccount(models.Model):
    """The link: this strategy trades on this account."""

    strategy = models.ForeignKey(
        "strategies.Strategy", on_delete=models.PROTECT, related_name="strategy_accounts"
    )
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="strategy_accounts")
    weight = RatioField(
        _("weight"),
        default=Decimal(1),
        validators=[
            MinValueValidator(
                Decimal("0.00000001"), _("The weight must be above 0 and at most 100.")
            ),
            MaxValueValidator(Decimal(100)),
        ],
        help_text=_("Relative to the other active strategies of the same pool."),
    )
    leverage = RatioField(
        _("leverage"),
        default=Decimal(1),
        validators=[MinValueValidator(Decimal("0.1")), MaxValueValidator(Decimal(125))],
    )
    max_symbols = models.PositiveIntegerField(
        _("most symbols"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Empty: no limit."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("strategy on account")
        verbose_name_plural = _("strategies on accounts")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy", "account"],
                name="strategy_account_once",
                violation_error_message=_("This strategy is linked to this account already."),
            ),
            models.CheckConstraint(
                condition=Q(weight__gt=0, weight__lte=100),
                name="strategy_account_weight_in_range",
                violation_error_message=_("The weight must be above 0 and at most 100."),
            ),
            models.CheckConstraint(
                condition=Q(leverage__gte=Decimal("0.1"), leverage__lte=125),
                name="strategy_account_leverage_in_range",
                violation_error_message=_("The leverage must be 0.1 to 125."),
            ),
            models.CheckConstraint(
                condition=Q(max_symbols__isnull=True) | Q(max_symbols__gte=1),
                name="strategy_account_max_symbols_positive",
                violation_error_message=_("The number of symbols must be 1 or more, or empty."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy.key} @ {self.account.name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuse a market that the venue does not have.

        Raises:
            ValidationError: A futures strategy on a spot-only venue.
        """
        if problem := self._market_problem():
            raise ValidationError({"strategy": problem})
        super().save(*args, **kwargs)

    def clean_fields(self, exclude: Any = None) -> None:
        """As in ``save``."""
        super().clean_fields(exclude=exclude)
        try:
            problem = self._market_problem()
        except ObjectDoesNotExist:
            # A strategy or an account is missing; the form says so.
            return
        if problem:
            # A form without the field has no place for its error.
            raise ValidationError(
                problem if "strategy" in (exclude or ()) else {"strategy": problem}
            )

    def _market_problem(self) -> str | None:
        venue = VENUES.get(self.account.venue)
        if venue is None or self.strategy.market_type in venue.markets:
            return None
        return _("%(venue)s has no %(market)s market.") % {
            "venue": venue.id,
            "market": self.strategy.market_type,
        }


def _known_venue(venue_id: str) -> Venue:
    try:
        return get_venue(venue_id)
    except UnknownVenue as error:
        raise ValidationError(
            {
                "venue": _("%(venue)s is not a known venue. Known are: %(known)s.")
                % {"venue": error.reason.figures["venue"], "known": ", ".join(sorted(VENUES))}
            }
        ) from None
