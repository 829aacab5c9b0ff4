"""The books of one link in one symbol on one side: fills and funding in, position and PnL out.

At any moment, exactly: realised + unrealised = cash + value at the mark - fees paid elsewhere.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from capital.domain.money import EXACT, add_to, booked, quotient
from capital.domain.performance.fills import Fill, Funding, value_at
from capital.domain.performance.positions import Position
from capital.domain.performance.trades import Trade
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide

_ZERO = Decimal(0)
_NONE: Mapping[str, Decimal] = MappingProxyType({})


class Booked(NamedTuple):
    """What one fill or one payment of funding did. Money is in the settle currency.

    Attributes:
        key: Of the fill or the payment.
        at: When it happened.
        realized: What it earned, after fees and funding.
        fees: The worth of its fees, above zero was paid. Those in the base coin of a spot fill are
            in the entry price rather than in ``realized``.
        fees_unvalued: By currency, the fees whose worth nobody knows; in no other figure.
        funding: What of ``realized`` was funding.
        cash: What it brought in the settle currency, with fees and funding, as if all that was
            traded had been paid in full. Of a contract the wallet sees only what is realised.
        elsewhere: What of ``fees`` was paid in another currency and lowered ``realized``.
        volume: What was traded, at its price.
        cost_unknown: How much was sold beyond what is known to have been held, in the unit of a
            position's amount; in no figure but ``volume``.
        closed: The trade that it ended.
        is_funding: Whether it is a payment of funding, or what else was earned without a fill.
        currency: What its money is in; empty for the settle currency.
        position: What is held afterwards.
    """

    key: str
    at: datetime
    realized: Decimal = _ZERO
    fees: Decimal = _ZERO
    fees_unvalued: Mapping[str, Decimal] = _NONE
    funding: Decimal = _ZERO
    cash: Decimal = _ZERO
    elsewhere: Decimal = _ZERO
    volume: Decimal = _ZERO
    cost_unknown: Decimal = _ZERO
    closed: Trade | None = None
    is_funding: bool = False
    currency: str = ""
    position: Position = Position()


class Books(NamedTuple):
    """How things stand after some fills.

    Attributes:
        position: What is held.
        earned: What was realised so far, unrounded.
        trade: The trade that is open.
    """

    position: Position = Position()
    earned: Decimal = _ZERO
    trade: Trade | None = None

    @property
    def realized(self) -> Decimal:
        """What was realised so far: the sum of what each entry says."""
        return booked(self.earned)

    def after(self, happened: Fill | Funding) -> tuple["Books", Booked]:
        """The books with one fill or payment more, which is later than all others."""
        if isinstance(happened, Fill):
            return self.after_fill(happened)
        return self.after_funding(happened)

    def after_fill(self, fill: Fill) -> tuple["Books", Booked]:
        """The books with one fill more, which is later than all others, and what it did."""
        reducing, growing, unknown = _parts(fill, self.position.amount)
        fees = left = _Fees.of(fill)
        books, closed, cash = self, None, EXACT.minus(fees.settled)
        if reducing:
            worth, share = _worth(fill, reducing), fees
            if growing:
                share = fees.share(reducing, fill.held)
                left = fees.less(share)
            books, closed = books._reduced(fill, reducing, worth, share)
            cash = EXACT.subtract(cash, worth)
        if growing:
            worth = _worth(fill, growing)
            books = books._enlarged(fill, growing, worth, left)
            cash = EXACT.subtract(cash, worth)
        elif not reducing:
            # Nothing that it did is known but what it cost.
            books = books._earning(EXACT.minus(fees.lowering), fees=fees.valued)
        if unknown or fees.unvalued:
            books = books._replace(trade=_incomplete(books.trade))
            closed = _incomplete(closed)
        entry = Booked(
            key=fill.key,
            at=fill.executed_at,
            realized=EXACT.subtract(books.realized, self.realized),
            fees=fees.valued,
            fees_unvalued=fees.unvalued,
            cash=cash,
            elsewhere=EXACT.subtract(fees.lowering, fees.settled),
            volume=_worth(fill, fill.held).copy_abs(),
            cost_unknown=unknown.copy_abs(),
            closed=closed,
            position=books.position,
        )
        return books, entry

    def after_funding(self, funding: Funding) -> tuple["Books", Booked]:
        """The books with one payment of funding more, and what it did.

        One in another currency than the settle currency changes no books: it is never added.
        """
        fees, paid = _ZERO, funding.amount
        if funding.is_rebate:
            fees, paid = EXACT.minus(funding.amount), _ZERO
        books, realized = self, funding.amount
        if not funding.currency:
            books = self._earning(funding.amount, fees=fees, funding=paid)
            realized = EXACT.subtract(books.realized, self.realized)
        entry = Booked(
            key=funding.key,
            at=funding.paid_at,
            realized=realized,
            fees=fees,
            funding=paid,
            cash=funding.amount,
            is_funding=True,
            currency=funding.currency,
            position=books.position,
        )
        return books, entry

    def _reduced(
        self, fill: Fill, amount: Decimal, worth: Decimal, fees: "_Fees"
    ) -> tuple["Books", Trade | None]:
        position = self.position.reduced(amount)
        released = EXACT.subtract(self.position.cost, position.cost)
        gain = EXACT.minus(EXACT.add(worth, released))
        earned, realized = self._realizing(EXACT.subtract(gain, fees.lowering))
        if self.trade is None:
            return Books(position, earned), None
        trade = self.trade.exiting(
            amount.copy_abs(), worth.copy_abs(), realized=realized, fees=fees.valued
        )
        if position.amount and position.amount.copy_abs() >= fill.smallest:
            return Books(position, earned, trade), None
        # Less than one step is flat; the rest begins the next trade.
        return Books(position, earned), trade._replace(closed_at=fill.executed_at)

    def _enlarged(self, fill: Fill, amount: Decimal, worth: Decimal, fees: "_Fees") -> "Books":
        earned, realized = self._realizing(EXACT.minus(fees.lowering))
        trade = self.trade or Trade(amount > 0, fill.kind, fill.executed_at)
        trade = trade.entering(
            amount.copy_abs(), worth.copy_abs(), realized=realized, fees=fees.valued
        )
        return Books(self.position.enlarged(amount, worth), earned, trade)

    def _earning(
        self, gain: Decimal, *, fees: Decimal = _ZERO, funding: Decimal = _ZERO
    ) -> "Books":
        earned, realized = self._realizing(gain)
        trade = self.trade
        if trade is not None:
            trade = trade.earning(realized, fees=fees, funding=funding)
        return Books(self.position, earned, trade)

    def _realizing(self, gain: Decimal) -> tuple[Decimal, Decimal]:
        """What was realised so far with ``gain`` more, unrounded, and what an entry says of it."""
        earned = EXACT.add(self.earned, gain)
        return earned, EXACT.subtract(booked(earned), self.realized)


def keep_books(
    fills: Iterable[Fill], funding: Iterable[Funding] = (), *, books: Books | None = None
) -> tuple[Books, list[Booked]]:
    """The books after all of these, and what each did, in the order of time.

    Args:
        fills: Of one link, symbol and position side, each once, in any order.
        funding: What was paid on that position, in any order.
        books: How things stood before the first of them; None for the very beginning.
    """
    now, entries = books or Books(), []
    happened: list[Fill | Funding] = [*fills, *funding]
    for each in sorted(happened, key=lambda each: each.order):
        now, entry = now.after(each)
        entries.append(entry)
    return now, entries


class _Fees(NamedTuple):
    """The fees of a fill: their worth, what lowers its PnL at once, what the wallet paid."""

    valued: Decimal
    lowering: Decimal
    settled: Decimal
    unvalued: Mapping[str, Decimal]

    @classmethod
    def of(cls, fill: Fill) -> "_Fees":
        valued = lowering = settled = _ZERO
        unvalued: dict[str, Decimal] = {}
        for fee in fill.fees:
            value = fill.fee_value(fee)
            if value is None:
                add_to(unvalued, fee.currency, fee.amount)
                continue
            valued = EXACT.add(valued, value)
            if not fill.lowers_holding(fee):
                lowering = EXACT.add(lowering, value)
            if fee.currency == fill.settle:
                settled = EXACT.add(settled, value)
        return cls(valued, lowering, settled, unvalued)

    def share(self, part: Decimal, whole: Decimal) -> "_Fees":
        """The part of a fill that closes one position and opens the next."""
        return _Fees(
            quotient(EXACT.multiply(self.valued, part), whole),
            quotient(EXACT.multiply(self.lowering, part), whole),
            *self[2:],
        )

    def less(self, share: "_Fees") -> "_Fees":
        return _Fees(
            EXACT.subtract(self.valued, share.valued),
            EXACT.subtract(self.lowering, share.lowering),
            *self[2:],
        )


def _incomplete(trade: Trade | None) -> Trade | None:
    return None if trade is None else trade._replace(is_complete=False)


def _parts(fill: Fill, amount: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """What of a fill reduces a position of ``amount``, what enlarges one, what sells the unknown.

    Each is signed as the fill is. Spot never goes short, nor does one side of a hedged account.
    """
    held = fill.held
    reducing = _ZERO
    if (held > 0) != (amount > 0) and amount:
        reducing = held if held.copy_abs() <= amount.copy_abs() else EXACT.minus(amount)
    rest = EXACT.subtract(held, reducing)
    if _may_hold(fill, rest):
        return reducing, rest, _ZERO
    return reducing, _ZERO, rest


def _may_hold(fill: Fill, amount: Decimal) -> bool:
    if fill.kind is InstrumentKind.SPOT or fill.position_side is PositionSide.LONG:
        return amount >= 0
    return fill.position_side is PositionSide.BOTH or amount <= 0


def _worth(fill: Fill, part: Decimal) -> Decimal:
    """What a part of what a fill moved was worth; with a fee in the coin, what was paid for it."""
    if part == fill.held:
        return fill.worth
    if fill.held == fill.amount:
        return value_at(fill.kind, part, fill.price)
    return quotient(EXACT.multiply(fill.worth, part), fill.held)
