"""Taking orders: which a venue takes, at what price it fills them, and what that costs.

A market order is filled at once, at the price of now. A limit order is, too, where that price is as
good as its own; else it rests, and is filled at its own price once the market was there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from capital.domain.money import EXACT, ROUNDED
from capital.domain.performance.fills import value_at
from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import Side
from capital.simulator.orders.order import NotTaken, Order, PlacedOrder, Trouble
from capital.simulator.trading.book import Book, Fees, Fill, Instrument, plain
from capital.simulator.trading.question import TradingVenue

_ZERO = Decimal(0)
_SPOT_FEE, _CONTRACT_FEE = Decimal("0.001"), Decimal("0.0005")
_LEVERAGE = Decimal(10)
"""What contracts are traded with here: a tenth of their worth must be there."""
_FEE_QUANTUM = Decimal("1e-8")
_MONEY_STEP = Decimal("1e-8")
"""To what a quantity is cut that an amount of money buys."""


@dataclass(frozen=True)
class Least:
    """The smallest orders that a venue takes.

    Attributes:
        cost: By kind, in the quote currency.
        size: By kind, in contracts; of spot in the base currency.
    """

    cost: Mapping[InstrumentKind, Decimal] = field(default_factory=dict)
    size: Mapping[InstrumentKind, Decimal] = field(default_factory=dict)


def instrument_of(placed: PlacedOrder, trading: TradingVenue) -> Instrument:
    """What is to be traded.

    Raises:
        NotTaken: The venue has no such market.
    """
    for one in trading.instruments:
        if one.name == placed.market and one.kind in placed.kinds:
            return one
    raise NotTaken(Trouble.UNKNOWN_MARKET)


def pool_of(one: Instrument, pools: Sequence[Pool]) -> Pool:
    """From which pool of an account it is traded."""
    usual = Pool.SPOT if one.is_spot else Pool.FUTURES
    return usual if usual in pools else pools[0]


def order_of(
    placed: PlacedOrder,
    one: Instrument,
    *,
    pool: Pool,
    book: Book,
    price: Decimal,
    least: Least,
    now_milliseconds: int,
) -> Order:
    """The order that ``placed`` means at this price.

    Raises:
        NotTaken: It is too small, or reduces nothing.
    """
    is_reached = _is_reached(placed.price, price, is_buy=placed.side == Side.BUY)
    order = Order(
        pool=pool,
        instrument=one,
        side=Side(placed.side),
        quantity=_quantity(placed, one, price if is_reached else placed.price or price),
        price=placed.price,
        money=placed.quote if one.is_spot else None,
        at_milliseconds=now_milliseconds,
        position_side=placed.position_side,
        reduces=placed.reduces,
        order_id=str(7_000_001 + len(book.orders)),
        client_order_id=placed.client_order_id,
    )
    if placed.reduces:
        return replace(order, quantity=min(order.quantity, _reducible(order, book)))
    cost = _cost(order, placed.price or price)
    if order.size <= 0 or order.size < least.size.get(one.kind, _ZERO):
        raise NotTaken(Trouble.TOO_SMALL)
    # Money to buy for is cut to whole units: what it was is what is looked at.
    if max(cost, order.money or _ZERO) < least.cost.get(one.kind, _ZERO):
        raise NotTaken(Trouble.TOO_SMALL)
    return order


def _quantity(placed: PlacedOrder, one: Instrument, price: Decimal) -> Decimal:
    if one.kind is InstrumentKind.INVERSE:
        dollars = placed.quote
        if dollars is None:
            dollars = EXACT.multiply(placed.base or _ZERO, price)
        return _cut(ROUNDED.divide(dollars, one.size))
    if placed.base is not None:
        return placed.base
    return _cut(ROUNDED.divide(placed.quote or _ZERO, price))


def _cut(quantity: Decimal) -> Decimal:
    return EXACT.normalize(quantity.quantize(_MONEY_STEP, ROUND_DOWN, ROUNDED))


def _cost(order: Order, price: Decimal) -> Decimal:
    """In the quote currency."""
    if order.instrument.kind is InstrumentKind.INVERSE:
        return EXACT.multiply(order.quantity, order.instrument.size)
    return EXACT.multiply(order.quantity, price)


def _reducible(order: Order, book: Book) -> Decimal:
    for held in book.positions:
        key = (held.pool, held.instrument, held.side)
        is_of_it = key == (order.pool, order.instrument, order.position_side)
        if is_of_it and held.is_long is not order.is_buy:
            return held.quantity.copy_abs()
    raise NotTaken(Trouble.NOTHING_TO_REDUCE)


def price_for(order: Order, price: Decimal) -> Decimal | None:
    """At what price it is filled now; None: not yet."""
    return price if _is_reached(order.price, price, is_buy=order.is_buy) else None


def _is_reached(limit: Decimal | None, price: Decimal, *, is_buy: bool) -> bool:
    """Whether the market is as good as the limit of an order, if it has one."""
    if limit is None:
        return True
    return price <= limit if is_buy else price >= limit


def filled(order: Order, price: Decimal, trading: TradingVenue, *, is_maker: bool) -> Fill:
    """What is executed when all of it is filled at a price."""
    fill = Fill(
        pool=order.pool,
        instrument=order.instrument,
        side=order.side,
        quantity=order.quantity,
        price=price,
        at_milliseconds=order.at_milliseconds,
        position_side=order.position_side,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        is_maker=is_maker,
    )
    return replace(fill, fees=_fees(fill, trading))


def _fees(fill: Fill, trading: TradingVenue) -> Fees:
    """Of what is received, where the venue can say so; else of what is paid."""
    one = fill.instrument
    if not one.is_spot:
        return ((_share(fill.worth, _CONTRACT_FEE), one.settle),)
    if fill.is_buy and not trading.fees_in_quote:
        return ((_share(fill.quantity, _SPOT_FEE), one.base),)
    return ((_share(fill.worth, _SPOT_FEE), one.quote),)


def _share(amount: Decimal, rate: Decimal) -> Decimal:
    fee = EXACT.multiply(amount, rate).quantize(_FEE_QUANTUM, ROUND_UP, ROUNDED)
    return EXACT.normalize(fee)


def check_funds(
    order: Order,
    wallet: Mapping[str, str],
    book: Book,
    *,
    price: Decimal,
    mark_of: Callable[[Instrument], Decimal],
) -> None:
    """Whether the account can pay for an order at a price.

    Raises:
        NotTaken: It cannot.
    """
    one = order.instrument
    if one.is_spot:
        needed, currency = (
            (_cost(order, price), one.quote) if order.is_buy else (order.quantity, one.base)
        )
        if needed > Decimal(wallet.get(currency, "0")):
            raise NotTaken(Trouble.TOO_LITTLE_MONEY)
        return
    amount = _signed(order)
    margin, equity = _ZERO, Decimal(wallet.get(one.settle, "0"))
    for held in book.positions_of(order.pool):
        if held.instrument.settle != one.settle:
            continue
        mark = mark_of(held.instrument)
        equity = EXACT.add(equity, held.unrealised(mark))
        if (held.instrument, held.side) == (one, order.position_side):
            after = EXACT.add(held.held.amount, amount)
            if abs(after) <= abs(held.held.amount):
                return
            amount = after
            continue
        margin = EXACT.add(margin, _margin(held.instrument, held.held.amount, mark))
    margin = EXACT.add(margin, _margin(one, amount, price))
    if margin > equity:
        raise NotTaken(Trouble.TOO_LITTLE_MONEY)


def _signed(order: Order) -> Decimal:
    one = order.instrument
    size = one.size if one.kind is InstrumentKind.INVERSE else Decimal(1)
    amount = EXACT.multiply(order.quantity, size)
    return amount if order.is_buy else EXACT.minus(amount)


def _margin(one: Instrument, amount: Decimal, price: Decimal) -> Decimal:
    return ROUNDED.divide(value_at(one.kind, amount, price).copy_abs(), _LEVERAGE)


def text_of(amount: Decimal) -> str:
    """Its digits, without zeros behind them."""
    return plain(EXACT.normalize(amount)) if amount else "0"
