"""The book of one simulated account: what it traded, what it holds of it, and what that moved.

A venue executes in the order of time, and so does a script tell of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from capital.domain.money import EXACT, booked
from capital.domain.performance.earned import after_costs
from capital.domain.performance.fills import value_at
from capital.domain.performance.flows import FlowKind
from capital.domain.performance.positions import Position as Held
from capital.domain.performance.symbols import parse_symbol
from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide, Side
from capital.simulator.errors import SimulatorError

if TYPE_CHECKING:
    from capital.simulator.orders.order import Order

_ZERO = Decimal(0)
_ONE = Decimal(1)
_FLAT = Held()

Fees = tuple[tuple[Decimal, str], ...]
Moves = dict[str, Decimal]
"""Currency to what its balance changed by."""


@dataclass(frozen=True)
class Instrument:
    """One instrument of a simulated venue.

    Attributes:
        symbol: ccxt's.
        name: The venue's.
        size: Base units (linear) or quote currency (inverse) in one contract; 1 on spot, and where
            the venue counts no contracts.
    """

    symbol: str
    name: str
    size: Decimal = _ONE

    def __post_init__(self) -> None:
        parsed = parse_symbol(self.symbol)
        if parsed is None:
            raise SimulatorError(f"{self.symbol!r} is no symbol.")
        object.__setattr__(self, "base", parsed.base)
        object.__setattr__(self, "quote", parsed.quote)
        object.__setattr__(self, "settle", parsed.settle)
        object.__setattr__(self, "kind", parsed.kind)

    base: str = field(init=False)
    quote: str = field(init=False)
    settle: str = field(init=False)
    kind: InstrumentKind = field(init=False)

    @property
    def is_spot(self) -> bool:
        """It is no contract."""
        return self.kind is InstrumentKind.SPOT

    @property
    def pair(self) -> str:
        """What its price is called."""
        return f"{self.base}/{self.quote}"


@dataclass(frozen=True, kw_only=True)
class Fill:
    """One execution.

    Attributes:
        quantity: Above zero: base units, contracts on inverse instruments.
        at_milliseconds: Unix time.
        fees: Amount and currency of each; above zero is paid, below zero is received.
        realised: What it realised in the settle currency, without its fees.
        before: What the position was before it: base units, of inverse ones the quote currency.
        number: Counts the fills and flows of the account.
    """

    pool: Pool
    instrument: Instrument
    side: Side
    quantity: Decimal
    price: Decimal
    at_milliseconds: int
    position_side: PositionSide = PositionSide.BOTH
    fees: Fees = ()
    fill_id: str = ""
    order_id: str = ""
    client_order_id: str = ""
    is_maker: bool = False
    realised: Decimal = _ZERO
    before: Decimal = _ZERO
    number: int = 0

    @property
    def contracts(self) -> Decimal:
        """Its quantity in contracts."""
        if self.instrument.kind is not InstrumentKind.LINEAR:
            return self.quantity
        return EXACT.divide(self.quantity, self.instrument.size)

    @property
    def amount(self) -> Decimal:
        """What it adds to the position: base units, of inverse ones the quote currency."""
        size = self.instrument.size if self.instrument.kind is InstrumentKind.INVERSE else _ONE
        amount = EXACT.multiply(self.quantity, size)
        return amount if self.side is Side.BUY else EXACT.minus(amount)

    @property
    def worth(self) -> Decimal:
        """Its value in the settle currency, to 18 decimals."""
        return booked(value_at(self.instrument.kind, self.amount, self.price)).copy_abs()

    @property
    def is_buy(self) -> bool:
        """Whether it bought."""
        return self.side is Side.BUY

    @property
    def is_closing(self) -> bool:
        """Whether it made a position smaller."""
        return bool(self.before) and (self.before > 0) is not self.is_buy

    @property
    def moves(self) -> Moves:
        """What it changed the balances by."""
        one = self.instrument
        moves: Moves = {}
        if one.is_spot:
            _move(moves, one.base, self.amount)
            _move(moves, one.quote, EXACT.minus(EXACT.multiply(self.amount, self.price)))
        else:
            _move(moves, one.settle, self.realised)
        for amount, currency in self.fees:
            _move(moves, currency, EXACT.minus(amount))
        return moves


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Money that came (above zero) or went (below zero) without a fill.

    Attributes:
        amount: With ``fee``.
        fee: What of it the venue took for a withdrawal.
        instrument: Of funding: of which position.
        position_side: Of funding: of which position, on an account that holds both.
    """

    pool: Pool
    kind: FlowKind
    currency: str
    amount: Decimal
    at_milliseconds: int
    instrument: Instrument | None = None
    position_side: PositionSide = PositionSide.BOTH
    flow_id: str = ""
    fee: Decimal = _ZERO
    number: int = 0

    @property
    def moves(self) -> Moves:
        """What it changed the balances by."""
        return {self.currency: self.amount}


@dataclass(frozen=True)
class Position:
    """What is held of one contract on one side.

    Attributes:
        realised: Since it was opened, without fees and funding.
        fees: In the settle currency.
        funding: Above zero was received.
    """

    pool: Pool
    instrument: Instrument
    side: PositionSide
    held: Held = _FLAT
    realised: Decimal = _ZERO
    fees: Decimal = _ZERO
    funding: Decimal = _ZERO
    opened_at: int = 0
    updated_at: int = 0

    @property
    def quantity(self) -> Decimal:
        """Below zero is short; base units, contracts of inverse instruments."""
        if self.instrument.kind is InstrumentKind.INVERSE:
            return EXACT.divide(self.held.amount, self.instrument.size)
        return self.held.amount

    @property
    def contracts(self) -> Decimal:
        """The quantity in contracts."""
        if self.instrument.kind is InstrumentKind.INVERSE:
            return self.quantity
        return EXACT.divide(self.held.amount, self.instrument.size)

    @property
    def is_long(self) -> bool:
        """Whether it is long."""
        return self.held.amount > 0

    @property
    def is_hedged(self) -> bool:
        """Whether the account holds long and short apart."""
        return self.side is not PositionSide.BOTH

    @property
    def entry(self) -> Decimal:
        """The average entry; of a flat one there is none, which is 0."""
        return self.held.entry_price(self.instrument.kind) or _ZERO

    @property
    def earned(self) -> Decimal:
        """Realised, with fees and funding."""
        return after_costs(self.realised, fees=self.fees, funding=self.funding)

    def unrealised(self, mark: Decimal) -> Decimal:
        """What closing it at ``mark`` would realise."""
        return booked(self.held.unrealized(self.instrument.kind, mark))


Key = tuple[Pool, str, PositionSide]


class Book:
    """What one account traded. Not safe to use from several threads."""

    def __init__(self) -> None:
        self.fills: list[Fill] = []
        self.flows: list[Flow] = []
        self.orders: dict[str, Order] = {}
        self._positions: dict[Key, Position] = {}
        self._last_at = 0

    def copy(self) -> "Book":
        """A copy, so that later changes do not reach it."""
        book = Book()
        book.fills, book.flows = list(self.fills), list(self.flows)
        book.orders = dict(self.orders)
        book._positions = dict(self._positions)
        return book

    @property
    def positions(self) -> list[Position]:
        """What is open."""
        return [each for each in self._positions.values() if each.held.amount]

    def positions_of(self, pool: Pool) -> list[Position]:
        """What is open of one pool."""
        return [each for each in self.positions if each.pool is pool]

    def fills_of(self, pool: Pool) -> Iterator[Fill]:
        """The fills of one pool."""
        return (fill for fill in self.fills if fill.pool is pool)

    def unrealised(self, pool: Pool, marks: Mapping[str, Decimal]) -> Moves:
        """Currency to the PnL of what is open in a pool, by the price of each pair."""
        moves: Moves = {}
        for each in self.positions_of(pool):
            _move(moves, each.instrument.settle, each.unrealised(marks[each.instrument.pair]))
        return moves

    def add_fill(self, fill: Fill) -> Fill:
        """Execute it; what it realised is worked out here.

        Raises:
            SimulatorError: It is older than what happened last, or closes more than there is.
        """
        self._check_moment(fill.at_milliseconds)
        if not fill.instrument.is_spot:
            fill = self._position_after(fill)
        fill = replace(fill, number=len(self.fills) + len(self.flows) + 1)
        fill = replace(
            fill,
            fill_id=fill.fill_id or str(1_000_000 + fill.number),
            order_id=fill.order_id or str(5_000_000 + fill.number),
        )
        self.fills.append(fill)
        self._last_at = fill.at_milliseconds
        return fill

    def add_flow(self, flow: Flow) -> Flow:
        """Book it.

        Raises:
            SimulatorError: It is older than what happened last, or of a position that there is not.
        """
        self._check_moment(flow.at_milliseconds)
        if flow.kind is FlowKind.FUNDING and flow.instrument is not None:
            key = (flow.pool, flow.instrument.symbol, flow.position_side)
            position = self._positions.get(key)
            if position is None or not position.held.amount:
                raise SimulatorError(f"funding of {flow.instrument.symbol}, which is not held.")
            self._positions[key] = replace(
                position,
                funding=EXACT.add(position.funding, flow.amount),
                updated_at=flow.at_milliseconds,
            )
        number = len(self.fills) + len(self.flows) + 1
        flow = replace(flow, number=number, flow_id=flow.flow_id or str(9_000_000 + number))
        self.flows.append(flow)
        self._last_at = flow.at_milliseconds
        return flow

    def _check_moment(self, at_milliseconds: int) -> None:
        if at_milliseconds < self._last_at:
            raise SimulatorError("a venue executes in the order of time; this is too old.")

    def _position_after(self, fill: Fill) -> Fill:
        one = fill.instrument
        key = (fill.pool, one.symbol, fill.position_side)
        position = self._positions.get(key) or Position(fill.pool, one, fill.position_side)
        held, amount = position.held, fill.amount
        before, realised = held.amount, _ZERO
        left = EXACT.add(before, amount)
        if fill.position_side is PositionSide.LONG and left < 0:
            raise SimulatorError(f"closes more than what is long of {one.symbol}.")
        if fill.position_side is PositionSide.SHORT and left > 0:
            raise SimulatorError(f"closes more than what is short of {one.symbol}.")
        if before and (before > 0) is (amount < 0):
            reducing = min(amount.copy_abs(), before.copy_abs())
            signed = reducing if amount > 0 else EXACT.minus(reducing)
            smaller = held.reduced(signed)
            # What was received for the part, less what it had cost.
            received = EXACT.minus(value_at(one.kind, signed, fill.price))
            gone = EXACT.subtract(held.cost, smaller.cost)
            realised = booked(EXACT.subtract(received, gone))
            held, amount = smaller, EXACT.subtract(amount, signed)
            if not held.amount:
                position = Position(fill.pool, one, fill.position_side, updated_at=0)
        is_opened = not held.amount
        if amount:
            held = held.enlarged(amount, value_at(one.kind, amount, fill.price))
        paid = [fee for fee, currency in fill.fees if currency == one.settle]
        fees = position.fees
        for fee in paid:
            fees = EXACT.add(fees, fee)
        self._positions[key] = replace(
            position,
            held=held,
            realised=EXACT.add(position.realised, _ZERO if is_opened else realised),
            fees=fees,
            opened_at=fill.at_milliseconds if is_opened else position.opened_at,
            updated_at=fill.at_milliseconds,
        )
        return replace(fill, realised=realised, before=before)


def _move(moves: Moves, currency: str, amount: Decimal) -> None:
    moves[currency] = EXACT.add(moves.get(currency, _ZERO), amount)


def plain(amount: Decimal) -> str:
    """The digits of an amount, without an exponent."""
    return format(amount, "f")
