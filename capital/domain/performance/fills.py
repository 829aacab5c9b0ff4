"""What happened to a position: fills with their fees, and funding."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from capital.domain.money import EXACT, quotient
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide, Side


@dataclass(frozen=True)
class Fee:
    """One fee of one fill.

    Attributes:
        amount: Above zero was paid, below zero was received (a rebate).
        currency: What it was paid in.
        value: What it was worth in the settle currency when it was paid; None where nobody knows.
            Of a fee in the settle currency or in the base coin it follows from the fill.
    """

    amount: Decimal
    currency: str
    value: Decimal | None = None


@dataclass(frozen=True)
class Fill:
    """One execution, as the venue reports it.

    Attributes:
        key: Tells fills of one moment apart, and puts them in order.
        executed_at: When it was executed.
        kind: What the quantity counts, and what it is paid in.
        base: The base coin.
        settle: The currency in which it is paid: the quote currency on spot.
        side: Whether it bought or sold.
        position_side: Which position it belongs to, on an account that holds both.
        quantity: Above zero: base units, contracts on inverse instruments.
        price: Above zero, in the quote currency.
        contract_size: Of inverse instruments: the quote currency of one contract, as it was then.
        fees: All its fees.
        step: Below how much a position is flat, in the quantity's unit; 0 where that is not known.
    """

    key: str
    executed_at: datetime
    kind: InstrumentKind
    base: str
    settle: str
    side: Side
    quantity: Decimal
    price: Decimal
    position_side: PositionSide = PositionSide.BOTH
    contract_size: Decimal = Decimal(1)
    fees: tuple[Fee, ...] = ()
    step: Decimal = Decimal(0)
    # What follows from these; each is asked for several times.
    amount: Decimal = field(init=False, repr=False, compare=False)
    held: Decimal = field(init=False, repr=False, compare=False)
    worth: Decimal = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Say what follows from a fill.

        ``amount`` is what it adds to the position: base units; of inverse instruments the quote
        currency. An inverse contract is an amount of quote currency, which stays what it is where a
        venue makes smaller contracts of larger ones. ``held`` is what the position holds more
        afterwards: on spot a fee in the base coin is taken off. ``worth`` is what ``amount`` is
        worth at its price: ``value_at``.
        """
        amount = self.quantity
        if self.kind is InstrumentKind.INVERSE:
            amount = EXACT.multiply(amount, self.contract_size)
        if self.side is not Side.BUY:
            amount = EXACT.minus(amount)
        held = amount
        if self.kind is InstrumentKind.SPOT:
            for fee in self.fees:
                if fee.currency == self.base:
                    held = EXACT.subtract(held, fee.amount)
        object.__setattr__(self, "amount", amount)
        object.__setattr__(self, "held", held)
        object.__setattr__(self, "worth", value_at(self.kind, amount, self.price))

    @property
    def order(self) -> tuple[datetime, int, str]:
        """Where it comes among the fills of its position. Ids count up: a longer one is later."""
        return self.executed_at, len(self.key), self.key

    @property
    def smallest(self) -> Decimal:
        """The step in the unit of ``amount``."""
        if self.kind is not InstrumentKind.INVERSE:
            return self.step
        return EXACT.multiply(self.step, self.contract_size)

    def fee_value(self, fee: Fee) -> Decimal | None:
        """What a fee of this fill was worth in the settle currency; None where nobody knows."""
        if fee.currency == self.settle:
            return fee.amount
        if fee.currency == self.base and self.kind is not InstrumentKind.INVERSE:
            return EXACT.multiply(fee.amount, self.price)
        return fee.value

    def lowers_holding(self, fee: Fee) -> bool:
        """Whether a fee was taken off what is held, so that its cost lies in the entry."""
        return self.kind is InstrumentKind.SPOT and fee.currency == self.base != self.settle


@dataclass(frozen=True)
class Funding:
    """What was earned without a fill, as funding is: above zero was received, below zero was paid.

    Attributes:
        key: Tells payments of one moment apart.
        paid_at: When.
        amount: In ``currency``.
        currency: What it was paid in; empty for the settle currency. What was earned in another one
            stands apart from the books.
        is_rebate: A fee that came back, which lowers ``fees`` and is no funding.
    """

    key: str
    paid_at: datetime
    amount: Decimal
    currency: str = ""
    is_rebate: bool = False

    @property
    def order(self) -> tuple[datetime, int, str]:
        """Where it comes among the fills of its position."""
        return self.paid_at, len(self.key), self.key


def value_at(kind: InstrumentKind, amount: Decimal, price: Decimal) -> Decimal:
    """What ``amount`` is worth at ``price``, in the settle currency.

    Of an inverse position it is negative for a long one: it owes the coins that its contracts would
    buy, and a higher price makes these fewer. So PnL is ``value_at(exit) - value_at(entry)`` for
    every kind: ``amount × (exit - entry)``, or ``amount × (1 ÷ entry - 1 ÷ exit)``.
    """
    if kind is InstrumentKind.INVERSE:
        return EXACT.minus(EXACT.multiply(amount, quotient(Decimal(1), price)))
    return EXACT.multiply(amount, price)
