"""Request bodies other than rows: allocate, size an order, deliver a signal."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from capital.api.frame.base import refusal
from capital.api.frame.fields import ExactField, Request, Switch, Text
from capital.domain.errors import InvalidAmount
from capital.domain.money import parse_amount
from capital.domain.sizing.orders import OrderRequest, OrderType, PositionSide, Side

_NUMBERS = ("qty_per", "qty", "risk_per", "price", "stop_price")
_TEXTS = ("symbol", "side", "order_type", "position_side")
_LONGEST_SYMBOL = 64
_SYMBOL = "Symbol in ccxt's notation, such as BTC/USDT:USDT."


def _number(description: str) -> ExactField:
    return ExactField(
        max_digits=None,
        decimal_places=None,
        required=False,
        allow_null=True,
        help_text=description,
    )


@extend_schema_serializer(component_name="Allocate")
class AllocateRequest(Request):
    """How to allocate. Every field is optional."""

    dry_run = Switch(default=False, help_text="Return the result, but write nothing.")
    force = Switch(default=False, help_text="Allocate even if positions are open.")
    cached = Switch(default=False, help_text="Use cached balances instead of asking the exchange.")
    accept_jump = Switch(
        default=False, help_text="Accept balances that are on hold because they jumped."
    )


@extend_schema_serializer(component_name="Order")
class OrderBody(Request):
    """An order to size. Give qty_per, risk_per or qty."""

    symbol = Text(max_length=_LONGEST_SYMBOL, help_text=_SYMBOL)
    side = serializers.ChoiceField(choices=[(side.value, side.value) for side in Side])
    order_type = serializers.ChoiceField(
        choices=[(kind.value, kind.value) for kind in OrderType], default=OrderType.MARKET.value
    )
    position_side = serializers.ChoiceField(
        choices=[(side.value, side.value) for side in PositionSide],
        required=False,
        help_text=(
            "On an account that holds a long and a short position in one symbol: which one. "
            "Required to close one of them while both are open (`close_side_missing`)."
        ),
    )
    qty_per = _number(
        "Above 0: percentage of the strategy's capital to spend. Below 0: percentage of the open "
        "position to close."
    )
    qty = _number("An absolute quantity, which is only validated and rounded.")
    risk_per = _number("Percentage of the capital that is lost if stop_price is reached.")
    price = _number(
        "Price of a limit order. On a market order a hint, used where it is dearer than the "
        "market's price. Refused (`price_deviates`) if the order would fill at once and it is "
        "further off the market's price than the account allows."
    )
    stop_price = _number("Trigger price of a stop order. With risk_per: the stop-loss.")


@extend_schema_serializer(component_name="Hook")
class HookBody(OrderBody):
    """One order, or up to 30 in `orders`, which may share the symbol."""

    token = Text(
        required=False,
        max_length=200,
        help_text="The webhook's secret. Omit it if you sign the request.",
    )
    id = Text(
        required=False,
        max_length=100,
        help_text=(
            "Identifies the signal. If you send the same id again, you get the first response."
        ),
    )
    symbol = Text(required=False, max_length=_LONGEST_SYMBOL, help_text=_SYMBOL)
    side = serializers.ChoiceField(
        choices=[(side.value, side.value) for side in Side], required=False
    )
    orders = OrderBody(many=True, required=False)


def read_order(body: Any) -> OrderRequest:
    """Read an order as ``OrderBody`` describes it.

    Written by hand because bots wait for it and a serializer is slow. The service checks whether
    the order makes sense on its market.

    Raises:
        ValidationError: A field is unknown, or has the wrong type.
    """
    if not isinstance(body, Mapping):
        raise serializers.ValidationError(_("The request body must be a JSON object."))
    values: dict[str, Any] = {}
    for name, value in body.items():
        if name in _NUMBERS:
            values[name] = None if value is None else _amount(name, value)
        elif name not in _TEXTS:
            raise refusal(name[:100], _("Unknown field."), "unknown_field")
        elif not isinstance(value, str) or len(value) > _LONGEST_SYMBOL:
            raise refusal(name, _("Must be a string of at most 64 characters."))
        else:
            values[name] = value
    values.setdefault("symbol", "")
    values.setdefault("side", "")
    order = OrderRequest(**values)
    order.check()
    return order


def _amount(name: str, value: Any) -> Decimal:
    try:
        return parse_amount(value)
    except InvalidAmount:
        raise refusal(name, _("Must be a plain decimal number, preferably as a string.")) from None
