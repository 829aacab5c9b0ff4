"""What fills and flows do not explain of a change of a pool's balance. Near zero proves the books.

A balance counts one currency: of a pool with coins in it, only the account's currency. So what is
looked at is what moved in that currency. A purchase on spot is paid in full and a sale received in
full; of a contract the wallet sees only what is realised, and its fees.

An exchange knows one position in a symbol, whoever holds which part of it. So what is realised here
is that of the account's position, which is not what its links realised where they trade a symbol
against each other, or entered at different prices.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from capital.domain.money import EXACT, booked
from capital.domain.performance.fills import Fill
from capital.domain.performance.pnl import Books
from capital.domain.performance.positions import Position
from capital.domain.performance.symbols import parse_symbol
from capital.domain.sizing.instruments import InstrumentKind

_ZERO = Decimal(0)


class Unexplainable(StrEnum):
    """Why it is not known what a change of balance leaves unexplained. ``value`` is stored."""

    FREE_BASIS = "free_basis"
    """A balance without what orders and positions tie up is no sum of what came and went."""
    NO_BALANCE = "no_balance"
    """The balance is not known at one end of the day."""
    NOT_READ = "not_read"
    """The balance was not read on that day. The next reading covers the day, too."""
    OTHER_MEANING = "other_meaning"
    """At the start another balance type or wallet was read."""
    NO_BOOKS = "no_books"
    """Nothing was recorded of the account yet: no fill and no flow."""
    NO_MARK = "no_mark"
    """The balance holds unrealised PnL, and a mark is missing at one end of the day."""


@dataclass(frozen=True)
class BalanceChange:
    """How a balance changed between two readings, and what explains it.

    Attributes:
        change: The second balance less the first.
        fills: What fills moved: paid and received on spot, realised of contracts, less fees.
        flows: What came or went without a fill.
        unrealized: The change of unrealised PnL, where the balance holds it; else 0.
    """

    change: Decimal
    fills: Decimal = _ZERO
    flows: Decimal = _ZERO
    unrealized: Decimal = _ZERO

    @property
    def unexplained(self) -> Decimal:
        """What is left of the change."""
        explained = EXACT.add(EXACT.add(self.fills, self.flows), self.unrealized)
        return EXACT.subtract(self.change, explained)


def is_explained(unexplained: Decimal, *, quantum: Decimal) -> bool:
    """Whether rounding is all that is left: both balances were rounded down to ``quantum``."""
    return unexplained.copy_abs() < quantum


@dataclass(frozen=True, order=True)
class HoldingKey:
    """A contract and the side on which an account holds it. ``text`` is stored."""

    symbol: str
    position_side: str

    @property
    def text(self) -> str:
        """As JSON keys it."""
        return f"{self.symbol} {self.position_side}"

    @classmethod
    def of(cls, text: str) -> "HoldingKey":
        """Read it back."""
        return cls(*text.rsplit(" ", 1))


@dataclass(frozen=True)
class AccountFill:
    """A fill of an account, whosever it is.

    Attributes:
        symbol: Of the instrument.
        fill: What was executed.
        is_opening: It tells what was held before: nothing was paid for it.
    """

    symbol: str
    fill: Fill
    is_opening: bool = False

    @property
    def key(self) -> HoldingKey:
        """What of the account's contracts it changes."""
        return HoldingKey(self.symbol, self.fill.position_side.value)


# What an account holds of contracts. What is flat is left out.
Holdings = Mapping[HoldingKey, Position]


@dataclass(frozen=True)
class Cash:
    """What fills moved in a wallet.

    Attributes:
        realized: Of contracts, before fees.
        coins: Received for coins less paid for them, before fees.
        fees: Above zero was paid. Fees in other coins are of another balance.
    """

    realized: Decimal = _ZERO
    coins: Decimal = _ZERO
    fees: Decimal = _ZERO

    @property
    def total(self) -> Decimal:
        """All of it."""
        return EXACT.subtract(EXACT.add(self.realized, self.coins), self.fees)


def cash_of(
    fills: Iterable[AccountFill], holdings: Holdings, *, currencies: Collection[str]
) -> tuple[Cash, Holdings]:
    """What fills moved in the wallet of these currencies, and what is held after them.

    Args:
        fills: Of one account and pool, each once, in any order.
        holdings: What the account held of contracts before.
        currencies: The account's, and those that stand for it one for one.
    """
    held, realized, coins, fees = dict(holdings), _ZERO, _ZERO, _ZERO
    for each in sorted(fills, key=lambda each: each.fill.order):
        fill = each.fill
        for fee in fill.fees:
            if fee.currency in currencies:
                fees = EXACT.add(fees, fee.amount)
        if fill.kind is InstrumentKind.SPOT:
            if not each.is_opening:
                coins = EXACT.add(coins, _exchanged(fill, currencies))
            continue
        before = Books(held.get(each.key, Position()))
        after, _ = before.after_fill(replace(fill, fees=()))
        held[each.key] = after.position
        if fill.settle in currencies:
            realized = EXACT.add(realized, after.earned)
    cash = Cash(booked(realized), booked(coins), booked(fees))
    return cash, {key: position for key, position in held.items() if position.amount}


def _exchanged(fill: Fill, currencies: Collection[str]) -> Decimal:
    """What a fill on spot brought of these currencies before fees: as quote, or as the coin."""
    moved = _ZERO
    if fill.settle in currencies:
        moved = EXACT.minus(EXACT.multiply(fill.amount, fill.price))
    if fill.base in currencies:
        moved = EXACT.add(moved, fill.amount)
    return moved


def unrealized_of_holdings(
    holdings: Holdings, marks: Mapping[str, Decimal], *, currencies: Collection[str]
) -> Decimal | None:
    """What closing all of it at its marks would realise in these currencies, before fees.

    Args:
        holdings: What an account holds of contracts.
        marks: By symbol.
        currencies: As ``cash_of`` has them.

    Returns:
        None where what is held in one of the currencies has no mark.
    """
    total = _ZERO
    for key, position in holdings.items():
        symbol = parse_symbol(key.symbol)
        assert symbol is not None, "no other symbol is recorded"
        if symbol.settle not in currencies:
            continue
        if key.symbol not in marks:
            return None
        total = EXACT.add(total, position.unrealized(symbol.kind, marks[key.symbol]))
    return booked(total)
