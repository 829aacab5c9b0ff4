"""Orders of a simulated account: what was asked for, and what became of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from capital.domain.money import EXACT, ROUNDED, booked
from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide, Side
from capital.simulator.trading.book import Fill, Instrument

_ZERO = Decimal(0)
EVERY_KIND = frozenset(InstrumentKind)


class Trouble(StrEnum):
    """Why an order is not taken."""

    UNKNOWN_MARKET = "unknown_market"
    TOO_SMALL = "too_small"
    TOO_LITTLE_MONEY = "too_little_money"
    NOTHING_TO_REDUCE = "nothing_to_reduce"


class NotTaken(Exception):
    """The venue does not take the order."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


@dataclass(frozen=True)
class PlacedOrder:
    """What a request for an order means, by the venue's documentation.

    Attributes:
        market: The venue's own name of the market.
        side: ``buy`` or ``sell``.
        base: How much of the base currency; None where the request is in quote currency.
        quote: How much of the quote currency; None where the request is in base currency.
        price: Of a limit order; None: at the market.
        kinds: What a market of this name can be, where spot and contracts share names.
        client_order_id: The bot's own.
        reduces: It may only make a position smaller.
        position_side: Of which position, on an account that holds both.
    """

    market: str
    side: str
    base: Decimal | None = None
    quote: Decimal | None = None
    price: Decimal | None = None
    kinds: Collection[InstrumentKind] = EVERY_KIND
    client_order_id: str = ""
    reduces: bool = False
    position_side: PositionSide = PositionSide.BOTH


class State(StrEnum):
    """Where an order is."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Order:
    """One order that was taken.

    Attributes:
        quantity: Base units, contracts on inverse instruments, as those of fills.
        price: Of a limit order; None: at the market.
        money: What it was to buy for, where it said so.
        fill: What was executed: all of it, or nothing yet.
    """

    pool: Pool
    instrument: Instrument
    side: Side
    quantity: Decimal
    price: Decimal | None
    at_milliseconds: int
    money: Decimal | None = None
    position_side: PositionSide = PositionSide.BOTH
    reduces: bool = False
    order_id: str = ""
    client_order_id: str = ""
    state: State = State.OPEN
    fill: Fill | None = None

    @property
    def is_market(self) -> bool:
        """Whether it is executed at whatever price there is."""
        return self.price is None

    @property
    def is_buy(self) -> bool:
        """Whether it buys."""
        return self.side is Side.BUY

    @property
    def is_filled(self) -> bool:
        """Whether all of it was executed."""
        return self.state is State.FILLED

    @property
    def filled(self) -> Decimal:
        """Of its quantity."""
        return _ZERO if self.fill is None else self.fill.quantity

    @property
    def left(self) -> Decimal:
        """Of its quantity."""
        return EXACT.subtract(self.quantity, self.filled)

    @property
    def average(self) -> Decimal:
        """At what price it was executed; 0 where it was not."""
        return _ZERO if self.fill is None else self.fill.price

    @property
    def worth(self) -> Decimal:
        """What was executed, in the settle currency; of spot in the quote currency."""
        return _ZERO if self.fill is None else self.fill.worth

    @property
    def fee(self) -> Decimal:
        """What it cost."""
        return _ZERO if self.fill is None else self.fill.fees[0][0]

    @property
    def fee_currency(self) -> str:
        """In what it was paid, or will be."""
        if self.fill is not None:
            return self.fill.fees[0][1]
        return self.instrument.settle

    @property
    def shown_price(self) -> Decimal:
        """Its own price; 0 at the market, as most venues write it."""
        return _ZERO if self.price is None else self.price

    def contracts(self, quantity: Decimal) -> Decimal:
        """A quantity in contracts."""
        if self.instrument.kind is not InstrumentKind.LINEAR:
            return quantity
        return EXACT.divide(quantity, self.instrument.size)

    @property
    def size(self) -> Decimal:
        """Its quantity in contracts; of spot in the base currency."""
        return self.contracts(self.quantity)

    @property
    def filled_size(self) -> Decimal:
        """What was executed, in contracts; of spot in the base currency."""
        return self.contracts(self.filled)

    @property
    def left_size(self) -> Decimal:
        """What was not executed, in contracts; of spot in the base currency."""
        return self.contracts(self.left)


def order_behind(fills: Sequence[Fill]) -> Order:
    """The order that was filled so, at the average price."""
    first = fills[0]
    quantity = worth = _ZERO
    for fill in fills:
        quantity = EXACT.add(quantity, fill.quantity)
        worth = EXACT.add(worth, EXACT.multiply(fill.quantity, fill.price))
    price = booked(ROUNDED.divide(worth, quantity))
    whole = replace(first, quantity=quantity, price=price)
    return Order(
        pool=first.pool,
        instrument=first.instrument,
        side=first.side,
        quantity=quantity,
        price=price if first.is_maker else None,
        at_milliseconds=first.at_milliseconds,
        position_side=first.position_side,
        order_id=first.order_id,
        client_order_id=first.client_order_id,
        state=State.FILLED,
        fill=replace(whole, fees=first.fees or ((_ZERO, first.instrument.settle),)),
    )
