"""The rows of models as the API sends and accepts them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from capital.api.frame.fields import NO_LIST, MoneyField, Row, Secret, Text, Username, VisibleRow
from capital.api.shapes import descriptions
from capital.domain.money import amount_text
from capital.models import (
    BOUND_FIELDS,
    Account,
    AccountAccess,
    DailyAccountSummary,
    StrategyAccount,
)
from capital.services.accounts import is_proven, link_notice
from capital.services.sentences import sentence
from strategies.models import Strategy

_KEY_PATTERN = r"^[-a-zA-Z0-9_]+$"


class _Owner(serializers.SlugRelatedField[Any]):
    """The user whose row it is, by username."""

    def __init__(self) -> None:
        super().__init__(slug_field="username", read_only=True, help_text="Username of the owner.")


@extend_schema_serializer(component_name="Account")
class AccountRow(Row):
    """An account: one set of API keys on one exchange. Credentials are write-only."""

    owner = _Owner()
    api_key = Secret(help_text="API key. Write-only. On Hyperliquid: the wallet address.")
    api_secret = Secret(help_text="API secret. Write-only. On Hyperliquid: the private key.")
    api_passphrase = Secret(help_text="API passphrase, where the exchange uses one. Write-only.")
    api_key_is_set = serializers.SerializerMethodField()
    api_secret_is_set = serializers.SerializerMethodField()
    api_passphrase_is_set = serializers.SerializerMethodField()
    is_proven = serializers.SerializerMethodField()

    class Meta:
        model = Account
        descriptions = descriptions.ACCOUNT
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
            "max_price_deviation_percent",
            "max_drawdown_percent",
            "max_daily_loss_percent",
            "max_daily_loss_amount",
            "policy",
            "lookback_days",
            "max_unexplained_percent",
            "drift_band_percent",
            "with_open_positions",
            "counts_spot_holdings",
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
        """Whether an API key is stored."""
        return bool(account.__dict__.get("api_key"))

    def get_api_secret_is_set(self, account: Account) -> bool:
        """Whether an API secret is stored."""
        return bool(account.__dict__.get("api_secret"))

    def get_api_passphrase_is_set(self, account: Account) -> bool:
        """Whether an API passphrase is stored."""
        return bool(account.__dict__.get("api_passphrase"))

    def get_is_proven(self, account: Account) -> bool:
        """Whether support for this exchange is tested. Others are supported generically."""
        return is_proven(account.venue)


@extend_schema_serializer(component_name="Strategy")
class StrategyRow(Row):
    """A strategy, identified by its key."""

    owner = _Owner()
    key = serializers.RegexField(
        _KEY_PATTERN, max_length=64, help_text="Name by which bots and webhooks identify it."
    )

    class Meta:
        model = Strategy
        descriptions = descriptions.STRATEGY
        fields = [
            "id",
            "owner",
            "key",
            "name",
            "order_tag",
            "market_type",
            "status",
            "description",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]


@extend_schema_serializer(component_name="StrategyAccount")
class LinkRow(Row):
    """A strategy on an account. The strategy and the account cannot be changed later."""

    strategy = VisibleRow(
        queryset=Strategy.objects.all(), named_by="key", help_text="Key of the strategy."
    )
    account = VisibleRow(queryset=Account.objects.all(), help_text="Id of the account.")
    allocated_capital = MoneyField(
        source="capital.allocated_capital",
        currency_from="account",
        max_digits=28,
        decimal_places=8,
        read_only=True,
        allow_null=True,
        default=None,
        help_text="The capital allocated to it now. Null: never allocated.",
    )
    symbols = serializers.ListField(
        child=Text(max_length=64),
        required=False,
        error_messages=NO_LIST,
        help_text=(
            "Symbols in ccxt's notation whose fills are this strategy's, where neither its bot nor "
            "an order tag says whose they are, and no other strategy on the account declares them."
        ),
    )
    equity = serializers.SerializerMethodField()
    equity_unknown = serializers.SerializerMethodField()
    notices = serializers.SerializerMethodField()

    class Meta:
        model = StrategyAccount
        descriptions = descriptions.LINK
        fields = [
            "id",
            "strategy",
            "account",
            "weight",
            "leverage",
            "max_symbols",
            "symbols",
            *BOUND_FIELDS,
            "is_active",
            "max_drawdown_percent",
            "max_daily_loss_percent",
            "max_daily_loss_amount",
            "allocated_capital",
            "equity",
            "equity_unknown",
            "notices",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]

    @extend_schema_field(
        {
            "type": ["string", "null"],
            "format": "decimal",
            "description": (
                "Its capital, what it realised since that was decided, and what is unrealised now, "
                "in the account's currency. On the balance type `equity` the change of what is "
                "unrealised counts. Null: not known; `equity_unknown` says why."
            ),
        }
    )
    def get_equity(self, link: Any) -> str | None:
        """Its equity, as the description of the field says."""
        amount = link.equity.amount
        return None if amount is None else amount_text(amount, link.account.currency)

    @extend_schema_field(
        {
            "type": ["object", "null"],
            "properties": {"code": {"type": "string"}, "reason": {"type": "string"}},
            "required": ["code", "reason"],
            "description": "Why its equity is not known. Null: it is.",
        }
    )
    def get_equity_unknown(self, link: Any) -> dict[str, str] | None:
        """Why its equity is not known. Null: it is."""
        reason = link.equity.reason
        if reason is None:
            return None
        return {"code": reason.code.value, "reason": sentence(reason)}

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        """Write amounts in the account's currency."""
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        if field_class is MoneyField:
            kwargs["currency_from"] = "account"
        return field_class, kwargs

    def get_notices(self, link: StrategyAccount) -> list[dict[str, str]]:
        """What to know of a link whose strategy and account have different owners."""
        notice = link_notice(link)
        if notice is None:
            return []
        return [{"code": notice.code.value, "reason": sentence(notice)}]


@extend_schema_serializer(component_name="AccountAccess")
class AccessRow(Row):
    """A user's access to an account of somebody else."""

    account = VisibleRow(queryset=Account.objects.all(), help_text="Id of the account.")
    user = Username(help_text="Username of who has access, exactly as they log in.")

    class Meta:
        model = AccountAccess
        descriptions = descriptions.ACCESS
        fields = ["id", "account", "user", "role", "created_at"]
        read_only_fields = ["created_at"]


@extend_schema_serializer(component_name="DailySummary")
class SummaryRow(Row):
    """An account's balances and results on one day, in its currency."""

    currency = serializers.CharField(
        source="account.currency", read_only=True, help_text="Currency of the account."
    )

    class Meta:
        model = DailyAccountSummary
        descriptions = descriptions.SUMMARY
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
        """Write amounts in the account's currency."""
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        if field_class is MoneyField:
            kwargs["currency_from"] = "account"
        return field_class, kwargs
