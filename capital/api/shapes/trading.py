"""Positions and instrument rules as the API sends and accepts them."""

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from capital.api.frame.fields import (
    NO_LIST,
    CurrencyCode,
    ExactField,
    MomentField,
    Request,
    Row,
    Text,
    WholeNumber,
)
from capital.api.shapes import descriptions
from capital.api.shapes.answers import Notice, notices
from capital.domain.performance.fills import Fee
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.instruments import AmountUnit
from capital.domain.sizing.orders import PositionSide, Side
from capital.models import Fill, Flow, Market, Position
from capital.services.trading import FillCode, FillResult, NewFill, ToldPosition

_OF_SIDE = (
    "On an account that holds a long and a short position in one symbol: `long` or `short`. "
    "Otherwise `both`."
)
_SYMBOL = "ccxt's symbol, such as BTC/USDT:USDT, the exchange's own id, or TradingView's ticker."


def _exact(description: str, **options: Any) -> ExactField:
    return ExactField(max_digits=None, decimal_places=None, help_text=description, **options)


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
            "Positive for long, negative for short, whatever position_side says, 0 for closed. In "
            "base units; on inverse markets in contracts."
        ),
    )
    entry_price = ExactField(
        max_digits=36,
        decimal_places=18,
        required=False,
        allow_null=True,
        help_text="Average entry price. Optional.",
    )
    position_side = serializers.ChoiceField(
        choices=[(side.value, side.value) for side in PositionSide],
        default=PositionSide.BOTH.value,
        help_text=_OF_SIDE,
    )
    realized_pnl = ExactField(
        max_digits=None,
        decimal_places=None,
        read_only=True,
        allow_null=True,
        help_text=(
            "What its fills have earned so far, after fees and funding, in the settle currency. "
            "Null: no fills are known."
        ),
    )
    unrealized_pnl = ExactField(
        max_digits=None,
        decimal_places=None,
        read_only=True,
        allow_null=True,
        help_text=(
            "What closing it at mark_price would earn, before fees, in the settle currency. Null: "
            "there is no mark of the last five minutes."
        ),
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
            "position_side",
            "quantity",
            "entry_price",
            "mark_price",
            "marked_at",
            "realized_pnl",
            "unrealized_pnl",
            "source",
            "dust",
            "updated_at",
        ]
        read_only_fields = ["strategy_account", "mark_price", "marked_at", "source", "updated_at"]


@extend_schema_serializer(component_name="ReportedPosition")
class ReportedPositionRow(PositionRow):
    """A position that was just reported, or closed because it was not named."""

    warnings = serializers.SerializerMethodField(help_text="What to know of how it was named.")

    class Meta(PositionRow.Meta):
        fields = [*PositionRow.Meta.fields, "warnings"]

    @extend_schema_field(Notice(many=True))
    def get_warnings(self, row: Position) -> list[dict[str, str]]:
        """As a size has them."""
        return notices(row.warnings)


@extend_schema_serializer(component_name="ReportAllPositions")
class PositionsBody(Request):
    """All that is held, up to 500 positions. What is not named was closed."""

    positions = PositionRow(  # type: ignore[call-arg]
        many=True, max_length=500, error_messages=NO_LIST, help_text="`[]` is flat."
    )


@extend_schema_serializer(component_name="AllPositions")
class PositionsRow(serializers.Serializer[Any]):
    """What was reported, and what was closed because it was not named."""

    positions = ReportedPositionRow(many=True)


def is_whole(data: Any) -> bool:
    """Whether a body tells of all positions rather than of one."""
    return isinstance(data, Mapping) and "positions" in data


def read_position(data: Any) -> ToldPosition:
    """The one position of a body.

    Raises:
        ValidationError: The body is not as ``PositionRow`` says.
    """
    body = PositionRow(data=data)
    body.is_valid(raise_exception=True)
    return _told_position(body.validated_data)


def read_positions(data: Any) -> list[ToldPosition]:
    """All positions of a body.

    Raises:
        ValidationError: The body is not as ``PositionsBody`` says.
    """
    body = PositionsBody(data=data)
    body.is_valid(raise_exception=True)
    return [_told_position(told) for told in body.validated_data["positions"]]


def _told_position(told: Mapping[str, Any]) -> ToldPosition:
    return ToldPosition(**{**told, "position_side": PositionSide(told["position_side"])})


class FeeBody(Request):
    """One fee of a fill."""

    amount = _exact("Above zero was paid, below zero was received.")
    currency = CurrencyCode(max_length=32, help_text="What it was paid in.")


class FillBody(Request):
    """One execution, as the exchange told it."""

    symbol = Text(max_length=64, help_text=_SYMBOL)
    side = serializers.ChoiceField(choices=[(side.value, side.value) for side in Side])
    position_side = serializers.ChoiceField(
        choices=[(side.value, side.value) for side in PositionSide],
        default=PositionSide.BOTH.value,
        help_text=_OF_SIDE,
    )
    quantity = _exact("Above zero. In base units; on inverse markets in contracts.")
    price = _exact("Above zero.")
    fees = FeeBody(
        many=True,
        required=False,
        help_text="All fees of the fill.",
        error_messages=NO_LIST,
    )
    executed_at = MomentField(help_text="When it was executed, with a time zone.")
    venue_fill_id = Text(
        required=False,
        max_length=100,
        help_text="The exchange's id of the fill. Without it, give the id of its order.",
    )
    order_id = Text(required=False, max_length=100, help_text="The exchange's id of the order.")
    client_order_id = Text(required=False, max_length=100, help_text="Your id of the order.")
    liquidity = serializers.ChoiceField(
        choices=[("maker", "maker"), ("taker", "taker")], required=False
    )
    realized = _exact(
        "What you or the exchange say it realised, for comparison.",
        required=False,
        allow_null=True,
    )


@extend_schema_serializer(component_name="ReportFills")
class FillsBody(Request):
    """Up to 500 fills. A fill that is known is not recorded twice."""

    fills = FillBody(  # type: ignore[call-arg]
        many=True, allow_empty=False, max_length=500, error_messages=NO_LIST
    )


def read_fills(data: Any) -> list[NewFill]:
    """The fills of a body.

    Raises:
        ValidationError: The body is not as ``FillsBody`` says.
    """
    body = FillsBody(data=data)
    body.is_valid(raise_exception=True)
    return [_new_fill(fill) for fill in body.validated_data["fills"]]


def _new_fill(fill: Mapping[str, Any]) -> NewFill:
    named = {**fill, "fees": tuple(Fee(**fee) for fee in fill.get("fees", ()))}
    sides = {"side": Side(fill["side"]), "position_side": PositionSide(fill["position_side"])}
    return NewFill(**{**named, **sides})


class FillResultRow(serializers.Serializer[Any]):
    """What became of one fill."""

    index = serializers.IntegerField(help_text="Its place in the request, from 0.")
    code = serializers.ChoiceField(
        choices=[(code.value, code.value) for code in FillCode],
        help_text=(
            "`recorded`; `known`: it was recorded before; `differs`: it was recorded before with "
            "other figures, which stay, and the difference is kept."
        ),
    )
    id = serializers.IntegerField(help_text="Id of the recorded fill.")
    symbol = serializers.CharField(help_text="ccxt's symbol, however it was written.")
    warnings = Notice(many=True, help_text="What to know of how its symbol was written.")


@extend_schema_serializer(component_name="FillResults")
class FillResults(serializers.Serializer[Any]):
    """What became of each fill, in the order of the request."""

    results = FillResultRow(many=True)


def fill_results_as_json(results: Sequence[FillResult]) -> dict[str, Any]:
    """The JSON that ``FillResults`` describes."""
    return {
        "results": [
            {
                "index": index,
                "code": result.code.value,
                "id": result.fill_id,
                "symbol": result.symbol,
                "warnings": notices(result.warnings),
            }
            for index, result in enumerate(results)
        ]
    }


@extend_schema_field(FeeBody(many=True))
class FeesField(serializers.JSONField):
    """The fees of a recorded fill."""


@extend_schema_serializer(component_name="Fill")
class FillRow(Row):
    """One recorded execution."""

    strategy_account = serializers.IntegerField(
        source="strategy_account_id",
        read_only=True,
        allow_null=True,
        help_text=(
            "Id of the strategy on the account that it was known to be of when it was recorded. "
            "Null: unknown."
        ),
    )
    quantity = _exact("In base units; on inverse markets in contracts.", read_only=True)
    price = _exact("In the quote currency.", read_only=True)
    cost = _exact("What was paid or received, in the settle currency.", read_only=True)
    contract_size = _exact("Of one contract when it was executed. 1 on spot.", read_only=True)
    fees = FeesField(read_only=True, help_text="All its fees. Above zero was paid.")
    fee_amount = _exact("Its first fee. Null: not told.", read_only=True, allow_null=True)
    liquidity = serializers.CharField(
        read_only=True, help_text="`maker`, `taker`, or empty: not told."
    )
    realized_reported = _exact(
        "What the teller says it realised. Null: not told.", read_only=True, allow_null=True
    )

    class Meta:
        model = Fill
        descriptions = descriptions.FILL
        fields = [
            "id",
            "account",
            "strategy_account",
            "symbol",
            "venue_fill_id",
            "order_id",
            "client_order_id",
            "side",
            "position_side",
            "quantity",
            "price",
            "cost",
            "contract_size",
            "settle",
            "fees",
            "fee_amount",
            "fee_currency",
            "realized_reported",
            "liquidity",
            "executed_at",
            "source",
            "recorded_at",
        ]
        read_only_fields = fields


@extend_schema_serializer(component_name="EnterFlow")
class FlowBody(Request):
    """Money that came or went without a fill."""

    pool = serializers.ChoiceField(
        choices=[(pool.value, pool.value) for pool in Pool],
        help_text="Which pool of the account. Enter a transfer once for each pool.",
    )
    kind = serializers.ChoiceField(choices=[(kind.value, kind.value) for kind in FlowKind])
    currency = CurrencyCode(max_length=32)
    amount = _exact("Above zero came in, below zero went out.")
    occurred_at = MomentField(help_text="When, with a time zone.")
    strategy_account = WholeNumber(
        required=False,
        allow_null=True,
        min_value=1,
        help_text=(
            "Of funding, interest and rebates: whose it is, by the id of the strategy on the "
            "account. Without it, what has a symbol is divided among those who held it then."
        ),
    )
    symbol = Text(
        required=False,
        allow_blank=True,
        max_length=64,
        help_text=(
            "Of funding, interest and rebates. Symbol in ccxt's notation, such as BTC/USDT:USDT."
        ),
    )
    note = Text(required=False, max_length=200, help_text="For whoever reads it later.")


@extend_schema_serializer(component_name="Flow")
class FlowRow(Row):
    """Money that came or went without a fill."""

    strategy_account = serializers.IntegerField(
        source="strategy_account_id",
        read_only=True,
        allow_null=True,
        help_text="Id of the strategy on the account. Null: the account's own.",
    )
    amount = _exact("Above zero came in, below zero went out.", read_only=True)
    reverses = serializers.IntegerField(
        source="reverses_id",
        read_only=True,
        allow_null=True,
        help_text=(
            "Id of the flow that a person had entered by mistake: this one is its opposite. Null: "
            "it takes back none."
        ),
    )

    class Meta:
        model = Flow
        descriptions = descriptions.FLOW
        fields = [
            "id",
            "account",
            "pool",
            "kind",
            "currency",
            "amount",
            "strategy_account",
            "symbol",
            "venue_flow_id",
            "occurred_at",
            "source",
            "note",
            "reverses",
            "recorded_at",
        ]
        read_only_fields = fields


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
    # A read-only field made from the model would be described as if it were never empty.
    amount_unit = serializers.ChoiceField(
        choices=[unit.value for unit in AmountUnit],
        allow_blank=True,
        read_only=True,
        help_text=descriptions.MARKET["amount_unit"],
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
