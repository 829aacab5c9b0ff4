"""Request bodies other than rows: allocate, size an order, deliver a signal."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from capital.api.frame.base import refusal
from capital.api.frame.fields import ExactField, Request, Switch, Text
from capital.domain.errors import InvalidAmount
from capital.domain.limits.reservations import MOST_SECONDS, USUAL_SECONDS
from capital.domain.money import parse_amount
from capital.domain.sizing.nearest import nearest
from capital.domain.sizing.orders import OrderRequest, OrderType, PositionSide, Side, StakeOf
from capital.domain.sizing.targets import Asked, asked_for
from capital.domain.sizing.words import in_plain_words, refuse_placeholder
from capital.models import LONGEST_ORDER_ID
from capital.services.sizing import HOLD_FIELDS, Hold, Wish

_NUMBERS = ("qty_per", "qty", "risk_per", "stake", "leverage", "price", "stop_price")
_TEXTS = ("symbol", "side", "order_type", "position_side", "stake_of")
_FIELDS = (*_NUMBERS, *_TEXTS, *sorted(HOLD_FIELDS))
# What a signal may name besides.
SIGNAL_FIELDS = (*_FIELDS, "token", "id", "orders", "action", "position", "position_size")
_LONGEST_SYMBOL = 64
_SYMBOL = "ccxt's symbol, such as BTC/USDT:USDT, the exchange's own id, or TradingView's ticker."


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
    """An order to size. Give qty_per, risk_per, qty or stake."""

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
            "Required to close one of them while both are open (`close_side_missing`). Where one "
            "position is held (`both`), it adds nothing. Elsewhere a sell of `long` and a buy of "
            "`short` only reduce: as an entry they are refused (`side_not_entry`)."
        ),
    )
    qty_per = _number(
        "Above 0: percentage of the strategy's capital to spend. Below 0: percentage of the open "
        "position to close."
    )
    qty = _number("An absolute quantity, which is only validated and rounded.")
    risk_per = _number("Percentage of the capital that is lost if stop_price is reached.")
    stake = _number(
        "An amount of money, in the quote currency, instead of qty_per, risk_per and qty. As an "
        "absolute quantity, it is only validated and rounded down."
    )
    stake_of = serializers.ChoiceField(
        choices=[(each.value, each.value) for each in StakeOf],
        required=False,
        # No default: generated clients send what they know of, and without a stake it is refused.
        help_text=(
            "What the stake counts: the capital that it ties up, which is the default, or the "
            "order's whole value. Only with a stake."
        ),
    )
    leverage = _number(
        "The leverage to size with: at most the strategy's on this account and the market's. "
        "Default: the strategy's."
    )
    price = _number(
        "Price of a limit order. On a market order a hint, used where it is dearer than the "
        "market's price. Refused (`price_deviates`) if the order would fill at once and it is "
        "further off the market's price than the account allows."
    )
    stop_price = _number("Trigger price of a stop order. With risk_per: the stop-loss.")


_EXPIRES_IN = "For how many seconds the capital is held: 1 to 3600. Default: 60."
_CLIENT_ORDER_ID = (
    "Your id of the order, by which its fills are recognised. Report the fills with the same id."
)


@extend_schema_serializer(component_name="Reserve")
class ReserveBody(OrderBody):
    """An order to size, whose margin and fee are then held for it."""

    expires_in = serializers.IntegerField(
        min_value=1, max_value=MOST_SECONDS, required=False, help_text=_EXPIRES_IN
    )
    client_order_id = Text(required=False, max_length=LONGEST_ORDER_ID, help_text=_CLIENT_ORDER_ID)


@extend_schema_serializer(component_name="SizeOrder")
class SizeBody(ReserveBody):
    """An order to size; with `reserve`, its margin and fee are held for it."""

    reserve = Switch(
        default=False,
        help_text="Hold the capital that the order needs. The answer has it as `reservation`.",
    )


@extend_schema_serializer(component_name="PlaceReservation")
class PlaceBody(Request):
    """The order of a reservation was placed."""

    order_id = Text(max_length=LONGEST_ORDER_ID, help_text="The exchange's id of the order.")


@extend_schema_serializer(component_name="Hook")
class HookBody(SizeBody):
    """One order, or up to 30 in `orders`, which may share `symbol`, `reserve`, `expires_in`."""

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
    side = serializers.CharField(  # type: ignore[assignment]  # more words than an order has
        required=False,
        help_text=(
            "In any case: `buy` or `sell`; `long`, `short` or `flat`, as `position` has it; "
            "`close`, or `close 33%`, for a part of whatever is held."
        ),
    )
    action = serializers.CharField(required=False, help_text="The same as `side`.")
    position = serializers.CharField(
        required=False,
        help_text=(
            "The position to reach: `long`, `short` or `flat`, as TradingView fills in "
            "`{{strategy.market_position}}`. The answer has the orders that lead there, closing "
            "first; `already_there` where nothing is to be ordered."
        ),
    )
    position_size = _number(
        "The same as `position`, by its sign alone: TradingView's `{{strategy.position_size}}` is "
        "of its own simulation."
    )
    orders = SizeBody(many=True, required=False)


def read_order(body: Any) -> OrderRequest:
    """Read an order as ``OrderBody`` describes it.

    Written by hand because bots wait for it and a serializer is slow. The service checks whether
    the order makes sense on its market.

    Raises:
        ValidationError: A field is unknown, or has the wrong type.
        InvalidOrder: The order makes no sense.
    """
    order = OrderRequest(**{"symbol": "", "side": "", **_fields(body)})
    order.check()
    return order


def read_signal(body: Any) -> Asked:
    """Read an order of a signal, in the words that senders of signals have.

    Raises:
        ValidationError: A field is unknown, or has the wrong type.
        InvalidOrder: A word is not known, or the order makes no sense.
    """
    fields, meant = in_plain_words(body)
    asked = asked_for(_fields(fields, known=SIGNAL_FIELDS), meant)
    asked.check()
    return asked


def unknown_field(name: str, known: Iterable[str]) -> serializers.ValidationError:
    """That there is no such field, and which one is nearest."""
    for near in nearest(name, known, most=1):
        message = _("Unknown field. The nearest one is %(name)s.") % {"name": near}
        return refusal(name[:100], message, "unknown_field")
    return refusal(name[:100], _("Unknown field."), "unknown_field")


def _fields(body: Any, known: Iterable[str] = _FIELDS) -> dict[str, Any]:
    """The fields of an order with their types; numbers as Decimals."""
    if not isinstance(body, Mapping):
        raise serializers.ValidationError(_("The request body must be a JSON object."))
    values: dict[str, Any] = {}
    for name, value in body.items():
        if name in _NUMBERS:
            values[name] = None if value is None else _amount(name, value)
        elif name not in _TEXTS:
            raise unknown_field(name, known)
        elif not isinstance(value, str) or len(value) > _LONGEST_SYMBOL:
            raise refusal(name, _("Must be a string of at most 64 characters."))
        else:
            values[name] = value
    return values


def read_wish(body: Any, *, reserves: bool = False) -> Wish:
    """Read an order, and how its capital is to be held where ``reserve`` says so.

    Args:
        body: As ``SizeBody`` describes it.
        reserves: Whether it is held whatever the body says, as ``ReserveBody`` describes it.

    Raises:
        ValidationError: A field is unknown, or has the wrong type.
        InvalidOrder: The order makes no sense, or would be held too short or too long.
    """
    return _wish(body, read_order, reserves=reserves)


def read_signal_wish(body: Any) -> Wish:
    """The same of an order of a signal, as ``read_signal`` reads it."""
    if isinstance(body, Mapping):
        refuse_placeholder("client_order_id", body.get("client_order_id"))
    return _wish(body, read_signal, reserves=False)


def _wish(body: Any, read: Callable[[Any], Asked], *, reserves: bool) -> Wish:
    if not isinstance(body, Mapping):
        return Wish(read_order(body))
    order = read({name: value for name, value in body.items() if name not in HOLD_FIELDS})
    reserve = body.get("reserve", reserves)
    if not isinstance(reserve, bool):
        raise refusal("reserve", _("Must be true or false."))
    held = {name for name in HOLD_FIELDS if name in body} - {"reserve"}
    if not reserve:
        if held:
            message = _("Only for an order whose capital is reserved.")
            raise refusal(min(held), message, "unknown_field")
        return Wish(order)
    seconds, name = body.get("expires_in", USUAL_SECONDS), body.get("client_order_id", "")
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise refusal("expires_in", _("Must be a whole number of seconds."))
    if not isinstance(name, str) or len(name) > LONGEST_ORDER_ID or not (name + " ").isprintable():
        raise refusal("client_order_id", _("Must be a string of at most 100 printable characters."))
    hold = Hold(expires_in=seconds, client_order_id=name)
    hold.check()
    return Wish(order, hold)


def read_order_id(body: Any) -> str:
    """The exchange's id of an order that was placed.

    Raises:
        ValidationError: The body is not as ``PlaceBody`` says.
    """
    placed = PlaceBody(data=body)
    placed.is_valid(raise_exception=True)
    order_id: str = placed.validated_data["order_id"]
    return order_id


def _amount(name: str, value: Any) -> Decimal:
    try:
        return parse_amount(value)
    except InvalidAmount:
        raise refusal(name, _("Must be a plain decimal number, preferably as a string.")) from None
