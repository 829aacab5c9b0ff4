"""What of each link's capital is free, before and between the orders of one request."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from capital.domain.errors import OrderRefused
from capital.domain.money import EXACT
from capital.domain.performance.symbols import parse_symbol
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.available import Held, Room, after_reducing, free_capital, room_for
from capital.domain.sizing.formulas import cost_of
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules
from capital.domain.sizing.leverage import LeverageSteps
from capital.domain.sizing.orders import OrderRequest, PositionSide, Side
from capital.domain.sizing.quantities import Sizing
from capital.domain.sizing.rounding import cut
from capital.exchange.contract import Quoted
from capital.services.markets.prices import Price
from capital.services.sizing.terms import Instrument, LinkTerms, OpenPosition, SizingTerms
from capital.services.trading.worth import FRESH_FOR

Prices = Mapping[Quoted, Price | Reason]
_Key = tuple[str, PositionSide]
_NOTHING = Fraction(0)


@dataclass
class LinkRoom:
    """The capital of one link, as the orders of one request use it up in turn.

    Attributes:
        link: Its terms.
        holdings: What it holds, by symbol and side, as far as it can be valued.
        unvalued: The symbols of which it cannot be told what they tie up.
        is_strict: Whether an order is refused rather than sized without knowing that.
        taken: What the orders before took, beyond what they reduced.
        opened: How much the orders before open of each position, in ``amount_unit``, signed.
    """

    link: LinkTerms
    holdings: dict[_Key, Held]
    unvalued: tuple[str, ...] = ()
    is_strict: bool = False
    taken: Fraction = field(default=_NOTHING)
    opened: dict[_Key, Fraction] = field(default_factory=dict)

    @property
    def in_use(self) -> Fraction | None:
        """What its positions tie up; None where that is not known."""
        if not self.link.knows_positions or self.unvalued:
            return None
        return self._tied_up

    @property
    def _tied_up(self) -> Fraction:
        """What those of its positions tie up that can be valued."""
        return sum((each.in_use for each in self.holdings.values()), _NOTHING)

    @property
    def available(self) -> Fraction:
        """What is free, as far as it is known."""
        return self._free(_NOTHING)

    def _free(self, given_back: Fraction) -> Fraction:
        """What is free once so much of what is in use is given back."""
        return free_capital(
            self.link.capital,
            lost=self.link.lost,
            in_use=self._tied_up - given_back + self.taken,
            reserved=self.link.reserved.amount,
        )

    @property
    def why_unknown(self) -> Reason:
        """That some positions cannot be valued."""
        return Reason(Code.IN_USE_UNKNOWN, {"symbols": ", ".join(self.unvalued)})

    def room(self, order: OrderRequest) -> Room:
        """How far an order may go.

        Raises:
            OrderRefused: It enlarges, what is free cannot be told, and nothing may be guessed.
        """
        room = room_for(order.side, self.holdings.get(self._key(order)), self._free)
        if self.unvalued and self.is_strict and not room.reduces:
            reason = self.why_unknown
            raise OrderRefused(reason.code, field="symbol", **reason.figures)
        return room

    def take(self, order: OrderRequest, sizing: Sizing) -> None:
        """The order was sized: what it enlarges is taken, what it reduces is free."""
        key, is_buy = self._key(order), order.side == Side.BUY
        held = self.holdings.get(key)
        if held is not None and (held.amount > 0) != is_buy:
            self.holdings[key] = after_reducing(held, Fraction(sizing.amount))
        self.taken += sizing.enlarging
        if sizing.enlarging:
            grown = Fraction(sizing.amount) - sizing.reduces
            self.opened[key] = self.opened.get(key, _NOTHING) + (grown if is_buy else -grown)

    def left(self, order: OrderRequest, rules: InstrumentRules) -> Decimal:
        """What the orders before left of the position that an order is about, signed."""
        held = self.holdings.get(self._key(order))
        if held is None:
            return self.link.held(order)
        quantity = cut(abs(held.amount) * rules.quantity_of_one)
        return quantity.copy_negate() if held.amount < 0 else quantity

    def enlarged(self, order: OrderRequest, rules: InstrumentRules) -> Decimal:
        """The position that an order finds, signed: what is left of it, or what was opened."""
        opened = self.opened.get(self._key(order), _NOTHING)
        left = self.left(order, rules)
        if not opened or (opened > 0) != (order.side == Side.BUY):
            return left
        quantity = cut(abs(opened) * rules.quantity_of_one)
        same = left if (left > 0) == (opened > 0) else Decimal(0)
        return EXACT.add(same, quantity if opened > 0 else quantity.copy_negate())

    def _key(self, order: OrderRequest) -> _Key:
        """The position that an order is about, as ``LinkTerms.held`` chooses it."""
        if order.position_side is not None:
            return order.symbol, PositionSide(order.position_side)
        sides = [side for symbol, side in self.holdings if symbol == order.symbol]
        if order.is_closing and len(sides) == 1:
            return order.symbol, sides[0]
        if PositionSide.BOTH in sides:
            return order.symbol, PositionSide.BOTH
        entered = PositionSide.LONG if order.side == Side.BUY else PositionSide.SHORT
        return order.symbol, entered


def unpriced(link: LinkTerms, terms: SizingTerms, now: datetime) -> Iterator[Quoted]:
    """The instruments whose price is needed to know what the link's positions tie up."""
    for symbol, sides in link.open.items():
        instrument = terms.instruments.get((link.venue, symbol))
        if instrument is None or not _is_own(link, symbol):
            continue
        if any(_valued_at(instrument.rules.kind, each, now) is None for each in sides.values()):
            yield instrument.quoted


def room_of(
    link: LinkTerms, terms: SizingTerms, prices: Prices, now: datetime, *, is_strict: bool
) -> LinkRoom:
    """What the link holds, and what of its capital is free."""
    holdings: dict[_Key, Held] = {}
    unvalued = []
    for symbol, sides in link.open.items():
        if symbol in link.dust or not _is_own(link, symbol):
            continue
        instrument = terms.instruments.get((link.venue, symbol))
        for side, position in sides.items():
            in_use = _in_use(link, instrument, position, prices, now)
            if in_use is None:
                unvalued.append(symbol)
            holdings[symbol, side] = Held(_amount(position, instrument), in_use or _NOTHING)
    return LinkRoom(link, holdings, tuple(sorted(set(unvalued))), is_strict)


def _is_own(link: LinkTerms, symbol: str) -> bool:
    """Whether it is paid in the account's money: what is paid in another stands apart."""
    parsed = parse_symbol(symbol)
    return parsed is None or parsed.settle in {link.rules.currency, *link.rules.stands_for}


def _amount(position: OpenPosition, instrument: Instrument | None) -> Fraction:
    of_one = Fraction(1) if instrument is None else instrument.rules.quantity_of_one
    return Fraction(position.quantity) / of_one


def _in_use(
    link: LinkTerms,
    instrument: Instrument | None,
    position: OpenPosition,
    prices: Prices,
    now: datetime,
) -> Fraction | None:
    """What a position ties up; None where that cannot be told."""
    if instrument is None:
        return _of_unknown(link, position, now)
    rules = instrument.rules_on(link)
    price = _valued_at(rules.kind, position, now)
    if price is None:
        found = prices.get(instrument.quoted)
        price = found.market.of(Side.SELL) if isinstance(found, Price) else None
    if price is None:
        return None
    return _margin(link, rules, abs(_amount(position, instrument)), price)


def _of_unknown(link: LinkTerms, position: OpenPosition, now: datetime) -> Fraction | None:
    """The same of an instrument that the venue no longer has. An inverse one cannot be valued."""
    parsed = parse_symbol(position.symbol)
    if parsed is None or parsed.kind is InstrumentKind.INVERSE:
        return None
    price = _valued_at(parsed.kind, position, now)
    if price is None:
        return None
    leverage = 1 if parsed.kind is InstrumentKind.SPOT else Fraction(link.terms.leverage)
    return abs(Fraction(position.quantity)) * Fraction(price) / leverage


def _margin(link: LinkTerms, rules: InstrumentRules, amount: Fraction, price: Decimal) -> Fraction:
    terms = link.terms_of(rules)
    used = LeverageSteps(rules, terms, price=price, held=Decimal(0)).of(amount)
    return amount * cost_of(Decimal(1), rules, used, price).margin


def _valued_at(kind: InstrumentKind, position: OpenPosition, now: datetime) -> Decimal | None:
    """The price that says what a position ties up: its entry; on spot what it is worth now."""
    is_fresh = position.marked_at is not None and now - position.marked_at <= FRESH_FOR
    mark = position.mark_price if is_fresh else None
    entry = position.entry_price
    return (mark or entry) if kind is InstrumentKind.SPOT else (entry or mark)
