"""Bodies of requests other than rows: allocate, size an order, deliver a signal."""

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
from capital.domain.sizing.orders import OrderRequest, OrderType, Side

_NUMBERS = ("qty_per", "qty", "risk_per", "price", "stop_price")
_TEXTS = ("symbol", "side", "order_type")
_LONGEST_SYMBOL = 64


@extend_schema_serializer(component_name="Allocate")
class AllocateRequest(Request):
    """How to allocate. Everything may be left out."""

    dry_run = Switch(default=False, help_text="Decide, but write nothing.")
    force = Switch(default=False, help_text="In spite of open positions.")
    cached = Switch(default=False, help_text="Ask no exchange: use the daily summaries.")
    accept_jump = Switch(default=False, help_text="Accept the balances that wait as suspect.")


@extend_schema_serializer(component_name="Order")
class OrderBody(Request):
    """The order that a bot has in mind. Give one of qty_per, risk_per and qty."""

    symbol = Text(max_length=_LONGEST_SYMBOL)
    side = serializers.ChoiceField(choices=[(side.value, side.value) for side in Side])
    order_type = serializers.ChoiceField(
        choices=[(kind.value, kind.value) for kind in OrderType], default=OrderType.MARKET.value
    )
    qty_per = ExactField(max_digits=None, decimal_places=None, required=False, allow_null=True)
    qty = ExactField(max_digits=None, decimal_places=None, required=False, allow_null=True)
    risk_per = ExactField(max_digits=None, decimal_places=None, required=False, allow_null=True)
    price = ExactField(max_digits=None, decimal_places=None, required=False, allow_null=True)
    stop_price = ExactField(max_digits=None, decimal_places=None, required=False, allow_null=True)


@extend_schema_serializer(component_name="Hook")
class HookBody(OrderBody):
    """One order signal, or up to 30 in ``orders``, which may share the symbol."""

    token = Text(required=False, max_length=200, help_text="The webhook's secret, if not signed.")
    id = Text(required=False, max_length=100, help_text="Of the delivery: the same, one answer.")
    symbol = Text(required=False, max_length=_LONGEST_SYMBOL)
    side = serializers.ChoiceField(
        choices=[(side.value, side.value) for side in Side], required=False
    )
    orders = OrderBody(many=True, required=False)


def read_order(body: Any) -> OrderRequest:
    """Read an order. It accepts what ``OrderBody`` describes.

    Written by hand, because bots wait for it and a serializer is slow. Whether the order makes
    sense on its market is checked by the service.

    Raises:
        ValidationError: A field is unknown, or of a wrong type.
    """
    if not isinstance(body, Mapping):
        raise serializers.ValidationError(_("Send one JSON object."))
    values: dict[str, Any] = {}
    for name, value in body.items():
        if name in _NUMBERS:
            values[name] = None if value is None else _number(name, value)
        elif name not in _TEXTS:
            raise refusal(name[:100], _("There is no such field."), "unknown_field")
        elif not isinstance(value, str) or len(value) > _LONGEST_SYMBOL:
            raise refusal(name, _("Write a text of at most 64 characters."))
        else:
            values[name] = value
    values.setdefault("symbol", "")
    values.setdefault("side", "")
    order = OrderRequest(**values)
    order.check()
    return order


def _number(name: str, value: Any) -> Decimal:
    try:
        return parse_amount(value)
    except InvalidAmount:
        raise refusal(name, _("Write a plain decimal number, best as a text.")) from None
