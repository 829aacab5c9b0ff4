"""Positions and instrument rules as the API sends and accepts them."""

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from capital.api.frame.fields import ExactField, Row, Text
from capital.api.shapes import descriptions
from capital.models import Market, Position


@extend_schema_serializer(component_name="Position")
class PositionRow(Row):
    """A strategy's position in one symbol on one account."""

    strategy = serializers.CharField(
        source="strategy_account.strategy.key", read_only=True, help_text="Key of the strategy."
    )
    account = serializers.IntegerField(
        source="strategy_account.account_id", read_only=True, help_text="Id of the account."
    )
    symbol = Text(max_length=64, help_text="Symbol in ccxt's notation, such as BTC/USDT:USDT.")
    quantity = ExactField(
        max_digits=36,
        decimal_places=18,
        help_text=(
            "Positive for long, negative for short, 0 for closed. In base units; on inverse "
            "markets in contracts."
        ),
    )
    entry_price = ExactField(
        max_digits=36,
        decimal_places=18,
        required=False,
        allow_null=True,
        help_text="Average entry price. Optional.",
    )
    dust = serializers.BooleanField(
        source="is_dust", read_only=True, help_text=descriptions.POSITION["dust"]
    )

    class Meta:
        model = Position
        descriptions = descriptions.POSITION
        fields = [
            "id",
            "strategy_account",
            "strategy",
            "account",
            "symbol",
            "quantity",
            "entry_price",
            "dust",
            "updated_at",
        ]
        read_only_fields = ["strategy_account", "updated_at"]


@extend_schema_field({"type": "object", "additionalProperties": {}})
class PendingRules(serializers.JSONField):
    """Rules that are not in force yet."""


@extend_schema_serializer(component_name="Market")
class MarketRow(Row):
    """An instrument's trading rules, as the exchange published them."""

    pending_rules = PendingRules(
        read_only=True, allow_null=True, help_text=descriptions.MARKET["pending_rules"]
    )
    pending_step = PendingRules(
        read_only=True, allow_null=True, help_text=descriptions.MARKET["pending_step"]
    )

    class Meta:
        model = Market
        descriptions = descriptions.MARKET
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
            "amount_unit",
            "precision_mode",
            "amount_precision",
            "min_amount",
            "max_amount",
            "market_min_amount",
            "market_max_amount",
            "min_cost",
            "max_cost",
            "market_max_cost",
            "market_buy_max_cost",
            "market_sell_max_amount",
            "max_leverage",
            "leverage_brackets",
            "pending_rules",
            "pending_step",
            "is_active",
            "fetched_at",
        ]
        read_only_fields = fields
