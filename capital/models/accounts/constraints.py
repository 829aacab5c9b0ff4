"""The database's constraints on an account."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from capital.domain.allocation.rules import PolicyName, WithOpenPositions
from capital.domain.balances import BalanceBasis
from capital.domain.pools import WalletMode

CURRENCY_PATTERN = r"^[A-Z0-9]{1,16}$"

CONSTRAINTS: list[models.BaseConstraint] = [
    models.UniqueConstraint(
        fields=["owner", "name"],
        name="account_name_unique_per_owner",
        violation_error_message=_("This owner already has an account with this name."),
    ),
    models.CheckConstraint(
        condition=Q(wallet_mode__in=[mode.value for mode in WalletMode]),
        name="account_wallet_mode_known",
        violation_error_message=_("The wallet mode must be separate or unified."),
    ),
    models.CheckConstraint(
        condition=Q(balance_basis__in=[basis.value for basis in BalanceBasis]),
        name="account_balance_basis_known",
        violation_error_message=_("The balance type must be wallet, equity or free."),
    ),
    # "usdt" would be split to the quantum of a coin, and "USDT " is in no wallet.
    models.CheckConstraint(
        condition=Q(currency__regex=CURRENCY_PATTERN),
        name="account_currency_well_formed",
        violation_error_message=_("The currency must be 1 to 16 capital letters and digits."),
    ),
    models.CheckConstraint(
        condition=Q(reserve_percent__gte=0, reserve_percent__lte=100),
        name="account_reserve_percent_in_range",
        violation_error_message=_("The reserve percentage must be between 0 and 100."),
    ),
    models.CheckConstraint(
        condition=Q(reserve_amount__gte=0),
        name="account_reserve_amount_not_negative",
        violation_error_message=_("The reserve amount must not be negative."),
    ),
    models.CheckConstraint(
        condition=Q(min_change_amount__isnull=True) | Q(min_change_amount__gte=0),
        name="account_min_change_amount_not_negative",
        violation_error_message=_("The minimum change must not be negative."),
    ),
    models.CheckConstraint(
        condition=Q(min_change_percent__gte=0),
        name="account_min_change_percent_not_negative",
        violation_error_message=_("The minimum change must not be negative."),
    ),
    models.CheckConstraint(
        condition=Q(max_jump_percent__isnull=True) | Q(max_jump_percent__gte=0),
        name="account_max_jump_percent_not_negative",
        violation_error_message=_("The maximum jump must not be negative."),
    ),
    models.CheckConstraint(
        condition=Q(fee_rate__gte=0, fee_rate__lt=1),
        name="account_fee_rate_in_range",
        violation_error_message=_("The fee rate must be 0 or more, and less than 1."),
    ),
    models.CheckConstraint(
        condition=Q(utilisation__gt=0, utilisation__lte=1),
        name="account_utilisation_in_range",
        violation_error_message=_("The budget utilisation must be above 0 and at most 1."),
    ),
    models.CheckConstraint(
        condition=Q(max_budget_percent__gt=0, max_budget_percent__lt=1000),
        name="account_max_budget_percent_in_range",
        violation_error_message=_("The maximum budget must be above 0 and below 1000."),
    ),
    models.CheckConstraint(
        condition=Q(max_price_deviation_percent__gt=0, max_price_deviation_percent__lte=100),
        name="account_max_price_deviation_in_range",
        violation_error_message=_("The maximum price deviation must be above 0 and at most 100."),
    ),
    models.CheckConstraint(
        condition=Q(policy__in=[policy.value for policy in PolicyName]),
        name="account_policy_known",
        violation_error_message=_(
            "The allocation policy must be weights, own_profit or inverse_volatility."
        ),
    ),
    models.CheckConstraint(
        condition=~Q(policy=PolicyName.OWN_PROFIT.value, balance_basis=BalanceBasis.FREE.value),
        name="account_own_profit_not_on_free",
        violation_error_message=_(
            "With the balance type “free”, it cannot be told what a strategy earned. Choose "
            "another balance type or another allocation policy."
        ),
    ),
    models.CheckConstraint(
        condition=Q(with_open_positions__in=[each.value for each in WithOpenPositions]),
        name="account_with_open_positions_known",
        violation_error_message=_("With open positions must be hold or keep_in_use."),
    ),
    models.CheckConstraint(
        condition=~Q(
            with_open_positions=WithOpenPositions.KEEP_IN_USE.value,
            balance_basis=BalanceBasis.FREE.value,
        ),
        name="account_keep_in_use_not_on_free",
        violation_error_message=_(
            "With the balance type “free”, what strategies have in use is no part of the balance, "
            "so it cannot be kept of it. Choose another balance type, or hold."
        ),
    ),
    models.CheckConstraint(
        condition=Q(lookback_days__gte=30, lookback_days__lte=1000),
        name="account_lookback_days_in_range",
        violation_error_message=_("The lookback must be between 30 and 1000 days."),
    ),
    models.CheckConstraint(
        condition=Q(max_unexplained_percent__gte=0, max_unexplained_percent__lte=100),
        name="account_max_unexplained_percent_in_range",
        violation_error_message=_("The maximum unexplained must be between 0 and 100."),
    ),
    models.CheckConstraint(
        condition=Q(drift_band_percent__gte=0, drift_band_percent__lte=100),
        name="account_drift_band_percent_in_range",
        violation_error_message=_("The drift band must be between 0 and 100."),
    ),
]
