"""How rows of models are written and read over the API."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from capital.api.frame.fields import ExactField, MoneyField, Row, Secret, Text, VisibleRow
from capital.models import (
    Account,
    DailyAccountSummary,
    Market,
    Position,
    StrategyAccount,
)
from capital.services.accounts import is_proven
from strategies.models import Strategy

_KEY_PATTERN = r"^[-a-zA-Z0-9_]+$"


@extend_schema_serializer(component_name="Account")
class AccountRow(Row):
    """An account. Credentials are taken and never given back: it is only told which are set."""

    owner = serializers.SlugRelatedField(slug_field="username", read_only=True)  # type: ignore[var-annotated]
    api_key = Secret(help_text="Written, never read.")
    api_secret = Secret(help_text="Written, never read.")
    api_passphrase = Secret(help_text="Written, never read.")
    api_key_is_set = serializers.SerializerMethodField()
    api_secret_is_set = serializers.SerializerMethodField()
    api_passphrase_is_set = serializers.SerializerMethodField()
    is_proven = serializers.SerializerMethodField()

    class Meta:
        model = Account
        fields = [
            "id",
            "owner",
            "name",
            "venue",
            "is_proven",
            "currency",
            "wallet_mode",
            "balance_basis",
            "is_active",
            "is_sandbox",
            "api_key",
            "api_secret",
            "api_passphrase",
            "api_key_is_set",
            "api_secret_is_set",
            "api_passphrase_is_set",
            "reserve_percent",
            "reserve_amount",
            "min_change_amount",
            "min_change_percent",
            "max_jump_percent",
            "max_cache_age_hours",
            "fee_rate",
            "utilisation",
            "max_budget_percent",
            "connection_code",
            "last_checked_at",
            "last_check_code",
            "created_at",
            "updated_at",
        ]
        read_only_fields = [
            "connection_code",
            "last_checked_at",
            "last_check_code",
            "created_at",
            "updated_at",
        ]

    def get_api_key_is_set(self, account: Account) -> bool:
        """Whether there is one."""
        return bool(account.__dict__.get("api_key"))

    def get_api_secret_is_set(self, account: Account) -> bool:
        """Whether there is one."""
        return bool(account.__dict__.get("api_secret"))

    def get_api_passphrase_is_set(self, account: Account) -> bool:
        """Whether there is one."""
        return bool(account.__dict__.get("api_passphrase"))

    def get_is_proven(self, account: Account) -> bool:
        """Whether the venue is one of those that were proven; others are read generically."""
        return is_proven(account.venue)


@extend_schema_serializer(component_name="Strategy")
class StrategyRow(Row):
    """A strategy. It is named by its key."""

    owner = serializers.SlugRelatedField(slug_field="username", read_only=True)  # type: ignore[var-annotated]
    key = serializers.RegexField(_KEY_PATTERN, max_length=64)

    class Meta:
        model = Strategy
        fields = [
            "id",
            "owner",
            "key",
            "name",
            "market_type",
            "status",
            "description",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]


@extend_schema_serializer(component_name="StrategyAccount")
class LinkRow(Row):
    """A strategy on an account. Both are chosen when it is made."""

    strategy = VisibleRow(queryset=Strategy.objects.all(), named_by="key")
    account = VisibleRow(queryset=Account.objects.all())
    allocated_capital = MoneyField(
        source="capital.allocated_capital",
        currency_from="account",
        max_digits=28,
        decimal_places=8,
        read_only=True,
        allow_null=True,
        default=None,
    )

    class Meta:
        model = StrategyAccount
        fields = [
            "id",
            "strategy",
            "account",
            "weight",
            "leverage",
            "max_symbols",
            "is_active",
            "allocated_capital",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]


@extend_schema_serializer(component_name="DailySummary")
class SummaryRow(Row):
    """One account's day."""

    currency = serializers.CharField(source="account.currency", read_only=True)

    class Meta:
        model = DailyAccountSummary
        fields = [
            "id",
            "account",
            "currency",
            "date",
            "starting_balance",
            "ending_balance",
            "spot_balance",
            "futures_balance",
            "spot_observed_at",
            "futures_observed_at",
            "ending_observed_at",
            "realized_pnl",
            "unrealized_pnl",
            "total_trades",
            "winning_trades",
            "losing_trades",
            "total_volume",
            "total_fees",
        ]
        read_only_fields = fields

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        """Amounts are written in the account's currency."""
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        if field_class is MoneyField:
            kwargs["currency_from"] = "account"
        return field_class, kwargs


@extend_schema_serializer(component_name="Position")
class PositionRow(Row):
    """What a link holds of one symbol; negative is short, zero is flat."""

    strategy = serializers.CharField(source="strategy_account.strategy.key", read_only=True)
    account = serializers.IntegerField(source="strategy_account.account_id", read_only=True)
    symbol = Text(max_length=64)
    quantity = ExactField(max_digits=36, decimal_places=18)
    entry_price = ExactField(max_digits=36, decimal_places=18, required=False, allow_null=True)

    class Meta:
        model = Position
        fields = [
            "id",
            "strategy_account",
            "strategy",
            "account",
            "symbol",
            "quantity",
            "entry_price",
            "updated_at",
        ]
        read_only_fields = ["strategy_account", "updated_at"]


@extend_schema_serializer(component_name="Market")
class MarketRow(Row):
    """The rules of one market, as the venue gave them. Absent limits are null."""

    class Meta:
        model = Market
        fields = [
            "id",
            "venue",
            "symbol",
            "market_id",
            "kind",
            "base",
            "quote",
            "settle",
            "contract_size",
            "precision_mode",
            "amount_precision",
            "min_amount",
            "max_amount",
            "market_min_amount",
            "market_max_amount",
            "min_cost",
            "max_cost",
            "is_active",
            "fetched_at",
        ]
        read_only_fields = fields
