"""The price that an order is sized at, where the order itself states one."""

from decimal import Decimal

from capital.domain.errors import InvalidOrder
from capital.domain.money import plain
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import OrderRequest, OrderType, Side


def given_price(order: OrderRequest, kind: InstrumentKind) -> Decimal | None:
    """A LIMIT order's price, a STOP order's stop price, a MARKET order's hint; None for none.

    A STOP_LIMIT order has two prices and may be filled anywhere between them. It is sized at the
    one at which it costs more: the higher one, but for inverse instruments the lower.
    """
    order_type = OrderType(order.order_type)
    if order_type is OrderType.STOP_LIMIT:
        named = [price for price in (order.price, order.stop_price) if price is not None]
        dearer = min if kind is InstrumentKind.INVERSE else max
        return dearer(named) if named else None
    if order_type is OrderType.STOP_MARKET:
        # Without a stop price, a hint is still better than asking the venue.
        return order.price if order.stop_price is None else order.stop_price
    return order.price


def check_stop(order: OrderRequest, entry: Decimal) -> Decimal:
    """The protective stop of an order with ``risk_per``.

    Raises:
        InvalidOrder: The position would not lose at its stop.
    """
    stop = order.stop_price
    assert stop is not None, "the request was checked"
    loses = stop < entry if order.side == Side.BUY else stop > entry
    if not loses:
        raise InvalidOrder(
            Code.STOP_ON_WRONG_SIDE, field="stop_price", stop=plain(stop), price=plain(entry)
        )
    return stop
