"""Account: whose keys, on which venue, kept in which currency."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from capital.domain.allocation.rules import USUAL_LOOKBACK_DAYS, PolicyName, WithOpenPositions
from capital.domain.balances import BalanceBasis
from capital.domain.money import usual_min_change
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.exchange.venues import is_known
from capital.models.accounts.constraints import CONSTRAINTS, CURRENCY_PATTERN
from capital.models.accounts.venue_rules import (
    check_basis,
    check_sandbox,
    check_wallet_mode,
    known_venue,
    market_problem,
    spot_problem,
)
from capital.models.columns.encrypted import CipherIdField, EncryptedTextField
from capital.models.columns.exact import AmountField, RatioField
from capital.models.columns.limited import LIMITS, Limited, limit_constraints
from capital.models.columns.loaded import RemembersLoaded
from strategies.markets import MarketType

# What the venue fills in where it is left out, and what it may refuse.
_SETTLED = frozenset({"venue", "wallet_mode", "currency", "is_sandbox", "balance_basis", "policy"})
# What gives a balance its meaning.
_DENOMINATION = ("venue", "currency")
_RESERVE = ("reserve_percent", "reserve_amount")
# By which policy its pools are divided.
_RULES = (
    "policy",
    "lookback_days",
    "max_unexplained_percent",
    "drift_band_percent",
    "with_open_positions",
    "counts_spot_holdings",
)
# Which number of the exchange's answer the balance is, and of which wallet.
_MEANING = ("balance_basis", "wallet_mode", "is_sandbox")
# Which venue's market rules are needed.
_USE = ("venue", "is_active")
# What follows from another meaning: see _forget_readings.
_OF_READINGS = frozenset({"readings_since", "suspect_readings"})
# A hundred years: far from the first date there is.
_FOREVER_HOURS = 876_000
_CREDENTIALS = frozenset({"api_key", "api_secret", "api_passphrase"})


class AccountQuerySet(models.QuerySet["Account"]):
    """Accounts; ``bulk_create`` fills in and refuses what ``save`` does."""

    def bulk_create(self, objs: Iterable["Account"], *args: Any, **kwargs: Any) -> list["Account"]:
        """Insert, with the venue's usual wallet mode where it is left out.

        Raises:
            ValidationError: The venue is unknown, or lacks this wallet mode, basis or sandbox.
        """
        accounts = list(objs)
        for account in accounts:
            account._settle()
        created = super().bulk_create(accounts, *args, **kwargs)
        for account in created:
            account.remember()
        return created


class Account(Limited, RemembersLoaded):
    """One set of API keys on one venue, kept in one currency.

    ``owner``, ``name``, ``venue`` and ``currency`` are enough to create one; ``wallet_mode``
    becomes the venue's usual one where it is left out.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="accounts",
        verbose_name=_("owner"),
    )
    name = models.CharField(_("name"), max_length=100)
    venue = models.CharField(_("exchange"), max_length=32, help_text=_("The exchange's ccxt id."))
    currency = models.CharField(
        _("currency"),
        max_length=16,
        validators=[RegexValidator(CURRENCY_PATTERN, _("Use 1 to 16 capital letters and digits."))],
        help_text=_(
            "The currency in which this account's capital is counted. Leave empty to use the "
            "exchange's default."
        ),
    )
    wallet_mode = models.CharField(
        _("wallet mode"),
        max_length=10,
        blank=True,
        choices=[
            (WalletMode.SEPARATE.value, _("separate wallets")),
            (WalletMode.UNIFIED.value, _("unified wallet")),
        ],
        help_text=_("Leave empty to use the exchange's default."),
    )
    balance_basis = models.CharField(
        _("balance type"),
        max_length=10,
        default=BalanceBasis.WALLET.value,
        choices=[
            (BalanceBasis.WALLET.value, _("wallet: cash and realised PnL")),
            (BalanceBasis.EQUITY.value, _("equity: wallet and unrealised PnL")),
            (BalanceBasis.FREE.value, _("free: available for new orders")),
        ],
        help_text=_("What counts as the balance. The types mean the same on every exchange."),
    )
    readings_since = models.DateTimeField(
        _("balances valid since"),
        null=True,
        blank=True,
        editable=False,
        help_text=_(
            "Earlier balances were of another balance type or wallet, or from the sandbox."
        ),
    )
    connection_code = models.CharField(
        _("exchange connection"),
        max_length=40,
        blank=True,
        default="",
        editable=False,
        help_text=_("Why the exchange could not be read at the last sync. Empty if it could."),
    )
    silent_pools = models.CharField(
        _("silent wallets"),
        max_length=40,
        blank=True,
        default="",
        editable=False,
        help_text=_("Which wallets could not be read at the last sync."),
    )
    last_checked_at = models.DateTimeField(_("last due check at"), null=True, blank=True)
    last_check_code = models.CharField(_("last due check"), max_length=40, blank=True, default="")
    cipher_id = CipherIdField()
    api_key = EncryptedTextField(
        _("API key"),
        blank=True,
        default="",
        help_text=_("On exchanges like Hyperliquid: the wallet address."),
    )
    api_secret = EncryptedTextField(
        _("API secret"),
        blank=True,
        default="",
        help_text=_("On exchanges like Hyperliquid: the private key."),
    )
    api_passphrase = EncryptedTextField(_("API passphrase"), blank=True, default="")
    is_sandbox = models.BooleanField(_("sandbox"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    reserve_percent = RatioField(
        _("reserve (%)"),
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
        help_text=_(
            "Applies to each pool. The larger of the percentage and the amount is never allocated."
        ),
    )
    reserve_amount = AmountField(
        _("reserve (amount)"),
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("Applies to each pool, in the account currency."),
    )
    min_change_amount = AmountField(
        _("minimum change (amount)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text=_(
            "Smallest balance change that triggers a reallocation. Leave empty to use only the "
            "percentage. New accounts start with a default for their currency."
        ),
    )
    min_change_percent = RatioField(
        _("minimum change (%)"),
        default=Decimal("0.1"),
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("The balance must change by more than this to trigger a reallocation."),
    )
    max_jump_percent = RatioField(
        _("maximum jump (%)"),
        null=True,
        blank=True,
        default=Decimal(50),
        validators=[MinValueValidator(Decimal(0))],
        help_text=_(
            "A balance that differs by more than this from the last accepted one is put on "
            "hold until someone accepts it. Leave empty to turn the check off."
        ),
    )
    max_cache_age_hours = models.PositiveIntegerField(
        _("maximum cache age (hours)"),
        default=48,
        help_text=_("A cached balance older than this is not used."),
    )
    fee_rate = RatioField(
        _("fee rate"),
        default=Decimal(0),
        validators=[
            MinValueValidator(Decimal(0), _("The fee rate must be 0 or more, and less than 1.")),
            MaxValueValidator(
                Decimal("0.99999999"), _("The fee rate must be 0 or more, and less than 1.")
            ),
        ],
        help_text=_("The exchange's fee as a fraction of the order value: 0.001 is 0.1%."),
    )
    utilisation = RatioField(
        _("budget utilisation"),
        default=Decimal(1),
        validators=[
            MinValueValidator(
                Decimal("0.00000001"), _("The budget utilisation must be above 0 and at most 1.")
            ),
            MaxValueValidator(
                Decimal(1), _("The budget utilisation must be above 0 and at most 1.")
            ),
        ],
        help_text=_(
            "The fraction of its budget that an order uses: 0.95 keeps 5% back for slippage."
        ),
    )
    max_budget_percent = RatioField(
        _("maximum budget (%)"),
        default=Decimal(100),
        validators=[
            MinValueValidator(
                Decimal("0.00000001"), _("The maximum budget must be above 0 and below 1000.")
            ),
        ],
        help_text=_(
            "The most that one order may spend, as a percentage of its strategy's capital. "
            "Above 100 it spends other strategies' capital, so raising it needs a permission."
        ),
    )
    max_price_deviation_percent = RatioField(
        _("maximum price deviation (%)"),
        default=Decimal(5),
        validators=[
            MinValueValidator(
                Decimal("0.00000001"),
                _("The maximum price deviation must be above 0 and at most 100."),
            ),
            MaxValueValidator(
                Decimal(100), _("The maximum price deviation must be above 0 and at most 100.")
            ),
        ],
        help_text=_(
            "An order that would fill at once is refused if its price is further off the market's."
        ),
    )
    policy = models.CharField(
        _("allocation policy"),
        max_length=20,
        default=PolicyName.WEIGHTS.value,
        choices=[
            (PolicyName.WEIGHTS.value, _("weights: each strategy gets its share by weight")),
            (PolicyName.OWN_PROFIT.value, _("own profit: each strategy keeps what it earned")),
            (
                PolicyName.INVERSE_VOLATILITY.value,
                _("inverse volatility: the calmer a strategy, the more it gets"),
            ),
        ],
        help_text=_(
            "How each pool is divided. With own profit, weights divide only what is deposited or "
            "withdrawn."
        ),
    )
    lookback_days = models.PositiveIntegerField(
        _("lookback (days)"),
        default=USUAL_LOOKBACK_DAYS,
        validators=[MinValueValidator(30), MaxValueValidator(1000)],
        help_text=_("Over how many days inverse volatility measures. At least 30."),
    )
    max_unexplained_percent = RatioField(
        _("maximum unexplained (%)"),
        default=Decimal(1),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
        help_text=_(
            "With own profit: the part of a pool that fills and flows may fail to explain. Above "
            "it, the pool keeps its current capital."
        ),
    )
    drift_band_percent = RatioField(
        _("drift band (%)"),
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
        help_text=_(
            "Nothing moves while the capital of every strategy in a pool would change by no more "
            "than this."
        ),
    )
    with_open_positions = models.CharField(
        _("with open positions"),
        max_length=20,
        default=WithOpenPositions.HOLD.value,
        choices=[
            (WithOpenPositions.HOLD.value, _("hold: the pool's capital stays as it is")),
            (
                WithOpenPositions.KEEP_IN_USE.value,
                _("keep in use: what a strategy has in use stays with it, the rest moves"),
            ),
        ],
        help_text=_(
            "What an open position does to the capital of its pool. The other pool is never held. "
            "Keep in use needs positions that are known: reported by bots, or read from the "
            "exchange."
        ),
    )
    counts_spot_holdings = models.BooleanField(
        _("count spot holdings"),
        default=False,
        help_text=_(
            "Coins that spot strategies bought count as capital, at their market price: buying a "
            "coin is not a loss. Coins that no strategy bought do not count."
        ),
    )
    suspect_readings = models.JSONField(_("suspect balances"), default=dict, blank=True)
    venue_owners = models.JSONField(
        _("account at the exchange"), default=dict, blank=True, editable=False
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = AccountQuerySet.as_manager()
    # What people and programs change: see ``strategies.edits``.
    edited_fields: ClassVar[tuple[str, ...]] = (
        "owner",
        "name",
        "venue",
        "currency",
        "wallet_mode",
        "balance_basis",
        "api_key",
        "api_secret",
        "api_passphrase",
        "is_sandbox",
        "is_active",
        "reserve_percent",
        "reserve_amount",
        "min_change_amount",
        "min_change_percent",
        "max_jump_percent",
        "max_cache_age_hours",
        "fee_rate",
        "utilisation",
        "max_budget_percent",
        "max_price_deviation_percent",
        *LIMITS,
        *_RULES,
    )
    hidden_fields: ClassVar[frozenset[str]] = _CREDENTIALS
    remembered = (*_DENOMINATION, *_RESERVE, *_RULES, *_MEANING, *_USE)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        permissions = [
            ("allocate_capital", _("Can allocate capital")),
            ("force_allocate", _("Can force an allocation despite open positions")),
            ("accept_jump", _("Can accept a balance that jumped")),
            ("revert_allocation", _("Can revert an allocation")),
            ("raise_budget_limit", _("Can raise the budget limit of orders")),
            ("view_all_accounts", _("Can see all users' accounts and strategies")),
            ("report_position", _("Can report positions")),
            ("report_trading", _("Can report fills")),
            ("assign_fills", _("Can assign fills to strategies")),
            ("change_flows", _("Can enter deposits, withdrawals and transfers")),
            ("share_account", _("Can give other users access to an account")),
            ("stop_entries", _("Can stop new entries")),
            ("lift_stop", _("Can lift a stop and loosen a limit")),
        ]
        ordering = ["name", "pk"]
        constraints = [*CONSTRAINTS, *limit_constraints("account")]

    def __str__(self) -> str:
        return f"{self.name} ({self.venue} {self.currency})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Fill in the venue's usual wallet mode, and refuse what the venue does not have.

        Raises:
            ValidationError: The venue is unknown, or lacks this wallet mode, basis or sandbox.
        """
        written = kwargs.get("update_fields")
        if written is None or _SETTLED.intersection(written):
            self._settle()
            forgotten = self._forget_readings()
            if written is not None:
                kwargs["update_fields"] = _SETTLED.union(written, forgotten)
        super().save(*args, **kwargs)

    def clean_fields(self, exclude: Any = None) -> None:
        """As in ``save``, before the fields are judged one by one."""
        excluded = set(exclude or ())
        errors: dict[str, Any] = {}
        try:
            # Where it is left out, the field says so; nothing else can be judged without it.
            if self.venue:
                self._settle_venue()
            self._keep_denomination()
            self._keep_links()
            self._keep_to_policy()
        except ValidationError as error:
            if excluded.intersection(error.error_dict):
                # A form without the field has no place for its error.
                raise ValidationError(error.messages) from None
            errors = error.error_dict
        try:
            # Credentials have no rule to break, and judging them would need their key.
            super().clean_fields(exclude=excluded.union(_CREDENTIALS, self._left_out, errors))
        except ValidationError as error:
            errors = error.update_error_dict(errors)
        if errors:
            raise ValidationError(errors)

    def validate_constraints(self, exclude: Any = None) -> None:
        """No constraint is about a credential, so none needs to be read for it."""
        super().validate_constraints(exclude=_CREDENTIALS.union(self._left_out, exclude or ()))

    @property
    def _left_out(self) -> frozenset[str]:
        """What becomes the venue's usual one, once the venue is known."""
        return frozenset(name for name in ("wallet_mode", "currency") if not getattr(self, name))

    @property
    def max_cache_age(self) -> timedelta:
        """How old a cached balance may be that is used. Longer than there are dates is forever."""
        return timedelta(hours=min(self.max_cache_age_hours, _FOREVER_HOURS))

    @property
    def stored_credentials(self) -> tuple[object, ...]:
        """The encrypted credentials, to see whether they changed."""
        return tuple(self.__dict__.get(name) for name in sorted(_CREDENTIALS))

    @property
    def division_was_changed(self) -> bool:
        """Whether the last save changed by what its pools are divided: reserve or policy."""
        return self.was_changed(*_RESERVE, *_RULES)

    @property
    def was_put_to_use(self) -> bool:
        """Whether the last save switched the account on, or moved it to another venue."""
        return self.is_active and self.was_changed(*_USE)

    @property
    def reading_depends_on(self) -> tuple[object, ...]:
        """What must not change between reading the balances and using them."""
        return (
            self.venue,
            self.currency,
            self.wallet_mode,
            self.is_sandbox,
            self.balance_basis,
            self.stored_credentials,
        )

    def _forget_readings(self) -> frozenset[str]:
        """Forget readings of another basis or wallet, and return the fields that changed.

        Earlier balances stay on record, but neither replace a live one nor make it suspect.
        """
        if self._state.adding or all(
            getattr(self, name) == self.loaded.get(name, getattr(self, name)) for name in _MEANING
        ):
            return frozenset()
        self.readings_since = timezone.now()
        self.suspect_readings = {}
        return _OF_READINGS

    def _settle(self) -> None:
        self._settle_venue()
        self._keep_denomination()
        self._keep_links()
        self._keep_to_policy()
        if self._state.adding and self.min_change_amount is None:
            self.min_change_amount = usual_min_change(self.currency)

    def _settle_venue(self) -> None:
        if not is_known(self.venue) and not self.is_active and not self._state.adding:
            # Switched off, it may keep a venue that is no longer known.
            return
        venue = known_venue(self.venue)
        self.currency = (self.currency or venue.currency).strip().upper()
        self.wallet_mode = self.wallet_mode or venue.usual_wallet_mode
        check_wallet_mode(venue, self.wallet_mode)
        check_basis(
            venue,
            self.balance_basis,
            WalletMode(self.wallet_mode),
            self.currency,
            self._pools_in_use,
        )
        if self.is_sandbox:
            check_sandbox(venue, WalletMode(self.wallet_mode))

    def _pools_in_use(self) -> frozenset[Pool]:
        """The pools that active links trade on, also those of paused strategies."""
        if self._state.adding:
            return frozenset()
        links = self.strategy_accounts.filter(is_active=True)
        markets = set(links.values_list("strategy__market_type", flat=True))
        mode = WalletMode(self.wallet_mode)
        return frozenset(pool_of(MarketType(market), mode) for market in markets)

    def _keep_denomination(self) -> None:
        """Refuse another venue or currency once there are balances in the old one."""
        changed = [
            name
            for name in _DENOMINATION
            if name in self.loaded and getattr(self, name) != self.loaded[name]
        ]
        if changed and self.summaries.exists():
            message = _(
                "Balances are already recorded for this account, so its exchange and currency "
                "cannot be changed. Create a new account instead."
            )
            raise ValidationError(dict.fromkeys(changed, message))

    def _keep_to_policy(self) -> None:
        """Refuse a policy that the strategies that trade here cannot use."""
        problem = spot_problem(self, MarketType.SPOT.value)
        if problem is None or self._state.adding or not self._is_changing(*_RULES):
            return
        spot = self.strategy_accounts.filter(
            is_active=True, strategy__market_type=MarketType.SPOT.value
        )
        if spot.exists():
            raise ValidationError({problem.field: problem.message})

    def _is_changing(self, *names: str) -> bool:
        """Whether saving would change any of these fields."""
        return any(getattr(self, name) != self.loaded.get(name) for name in names)

    def _keep_links(self) -> None:
        """Refuse a venue without the markets of the strategies that trade here."""
        if self.venue == self.loaded.get("venue", self.venue) or not is_known(self.venue):
            return
        links = self.strategy_accounts.filter(is_active=True)
        for market in sorted(set(links.values_list("strategy__market_type", flat=True))):
            if problem := market_problem(self.venue, market):
                raise ValidationError({"venue": problem})
