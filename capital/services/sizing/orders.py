"""Sizing orders: how much each link may order, from its capital, the instrument and a price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import OrderRefused, PriceUnavailable, SizingError
from capital.domain.money import EXACT, plain
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.admission import (
    admit_order,
    admit_state,
    admit_symbol,
    admit_while_stopped,
    is_spot_sale,
)
from capital.domain.sizing.formulas import Terms
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import OrderRequest, PositionSide
from capital.domain.sizing.quantities import Sizing, size_close, size_entry
from capital.domain.sizing.rounding import cut
from capital.domain.sizing.stakes import stakes_of
from capital.domain.sizing.symbols import Named
from capital.domain.sizing.targets import Asked, TargetRequest
from capital.exchange.contract import Quoted
from capital.services.access.visibility import Viewer
from capital.services.limits.reservations import waiting_reason
from capital.services.markets.prices import Price, PriceSource, last_prices
from capital.services.sentences import sentence
from capital.services.sizing.pricing import PricedOrder, amount_to_send, priced_order
from capital.services.sizing.room import LinkRoom, room_of, unpriced
from capital.services.sizing.terms import Instrument, LinkTerms, SizingTerms, load_terms
from capital.services.transactions import outside_transaction

__all__ = ["OrderRequest", "PriceSource", "SizedOrder", "size_orders"]


# Older rules are used too, but the answer warns of their age.
RULES_ARE_FRESH_FOR = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class SizedOrder:
    """The answer for one link and one order. Amounts of money are in the account's currency.

    Attributes:
        link_id: The link's primary key. Not in the JSON.
        strategy: The strategy's key.
        account: The account's name.
        symbol: ccxt's symbol of the order's instrument, however it was written; as it was written,
            where it means none.
        side: The order's side.
        quantity: What may be ordered: base units for spot and linear instruments, contracts for
            inverse ones. Zero where nothing may be ordered; ``code`` says why.
        contracts: The quantity in contracts; None on spot.
        amount: What ccxt's ``create_order`` takes as its amount at that venue: contracts, base
            units or an amount of quote currency.
        reduce_only: Whether the order only closes.
        price: The price that it was sized at; None where none was needed, or none was known.
        price_source: Where ``price`` comes from.
        capital: The link's capital now.
        available: What of it is free for this order: without what it lost since it was decided,
            what its positions tie up as far as that is known, and what is reserved.
        in_use: What its positions tie up; None where that is not known, or not of all.
        reserved: What its reservations hold.
        budget: What the order may cost at most, fees included; None for closing and for a
            refusal.
        leverage: What it was sized with: the link's, or the venue's maximum; 1 on spot.
        raw_quantity: Before rounding and limits, in the unit of ``quantity``, cut to 18 decimals.
        step: The step of ``quantity``, in its unit.
        notional: The order's value.
        margin: The capital that it ties up: all of its value on spot, 0 for closing.
        fee: The fee at the account's fee rate. ``margin + fee <= budget`` always.
        stake: The margin of ``quantity`` and half a step, in the quote currency: for bots that
            calculate a quantity from money, and round it down. None for closing, here and below,
            and where no price is known.
        stake_step: The margin of one step.
        min_stake: The margin of the smallest order that the market takes.
        max_stake: That of the largest one; None where nothing bounds it.
        bound_by: What determined the quantity: ``budget``, ``risk``, ``quantity`` (asked for),
            ``stake``,
            ``position``, ``max_amount``, ``max_cost``, ``leverage``, ``available``; with a
            quantity of 0 the limit that it missed: ``step``, ``min_amount``, ``min_cost``,
            ``capital``; empty where refused.
        code: ``sized``, the limit that was missed, or why it was refused.
        figures: The figures of ``code``'s sentence. Not in the JSON.
        warnings: Where the answer differs from what was asked, the limit that was missed with
            its figures, and anything else worth knowing.
        reduces: How much of the quantity reduces what is held, before anything is enlarged. Not in
            the JSON.
        enlarging: What the rest costs with its fee, which is what a reservation holds. Not in the
            JSON.
        error: The error to raise where a refusal of this order refuses the whole request; None
            where the order is not refused. Not in the JSON.
    """

    link_id: int
    strategy: str
    account: str
    symbol: str
    side: str
    quantity: Decimal = Decimal(0)
    contracts: Decimal | None = None
    amount: Decimal = Decimal(0)
    reduce_only: bool = False
    price: Decimal | None = None
    price_source: PriceSource | None = None
    capital: Decimal | None = None
    available: Decimal | None = None
    in_use: Decimal | None = None
    reserved: Decimal | None = None
    budget: Decimal | None = None
    leverage: Decimal | None = None
    raw_quantity: Decimal | None = None
    step: Decimal | None = None
    notional: Decimal | None = None
    margin: Decimal | None = None
    fee: Decimal | None = None
    stake: Decimal | None = None
    stake_step: Decimal | None = None
    min_stake: Decimal | None = None
    max_stake: Decimal | None = None
    bound_by: str = ""
    code: Code
    figures: dict[str, str] = field(default_factory=dict)
    warnings: tuple[Reason, ...] = ()
    reduces: Decimal = Decimal(0)
    enlarging: Fraction = Fraction(0)
    error: SizingError | None = None

    @property
    def reason(self) -> Reason:
        """The code with its figures, for a sentence."""
        return Reason(self.code, self.figures)

    def as_json(self) -> dict[str, Any]:
        """The answer for programs: numbers as text, null for None, warnings with sentences."""
        return {
            "strategy": self.strategy,
            "account": self.account,
            "symbol": self.symbol,
            "side": self.side,
            "quantity": plain(self.quantity),
            "contracts": _text(self.contracts),
            "amount": plain(self.amount),
            "reduce_only": self.reduce_only,
            "price": _text(self.price),
            "price_source": None if self.price_source is None else self.price_source.value,
            "capital": _text(self.capital),
            "available": _text(self.available),
            "in_use": _text(self.in_use),
            "reserved": _text(self.reserved),
            "budget": _text(self.budget),
            "leverage": _text(self.leverage),
            "raw_quantity": _text(self.raw_quantity),
            "step": _text(self.step),
            "notional": _text(self.notional),
            "margin": _text(self.margin),
            "fee": _text(self.fee),
            "stake": _text(self.stake),
            "stake_step": _text(self.stake_step),
            "min_stake": _text(self.min_stake),
            "max_stake": _text(self.max_stake),
            "bound_by": self.bound_by,
            "code": self.code.value,
            "warnings": [
                {"code": warning.code.value, "reason": sentence(warning)}
                for warning in self.warnings
            ],
        }


@outside_transaction
def size_orders(
    link_ids: Sequence[int],
    orders: Sequence[Asked],
    *,
    late: Reason | None = None,
    viewer: Viewer | None = None,
    patience: timedelta | None = None,
    clock: Clock = timezone.now,
) -> list[SizedOrder]:
    """Size every order on every link.

    It writes nothing. It asks the venue where a price is needed, so call it outside a
    transaction. Two queries, whatever the number of links and orders; a third where a position
    is open, one more where a symbol is not as ccxt writes it, one where it means one, one where
    capital is reserved, and one where a link is stopped.

    Args:
        link_ids: Primary keys of ``StrategyAccount``.
        orders: The orders, the same for each link, or positions to reach. A symbol that one of them
            enters counts as held for the next ones, where ``max_symbols`` is concerned.
        late: Why nothing may be enlarged, as on a link that is stopped; None: nothing is late.
        viewer: A link that they do not see is ``unknown_link``; None: the caller has checked who
            may see them.
        patience: How long a venue may take to answer with a price; None for the usual time.
        clock: Says what time it is.

    Returns:
        One answer for each link and order, by link and then by order, both as given; for a position
        one for each order that leads there, or one that says that it is held already. It raises
        nothing for what a client can send: a refused order (wrong request, unknown symbol,
        another currency, not allowed, no price) has its ``error``, a quantity of 0 and the
        error's code.
    """
    read = read_for(link_ids, orders, now=clock(), late=late, viewer=viewer)
    prices = last_prices(read.wanted, patience=patience, clock=clock) if read.wanted else {}
    return size_at(read, prices=prices, now=clock())


@dataclass(frozen=True)
class Read:
    """What was read for one request.

    Attributes:
        terms: Of the links and instruments.
        pairs: The orders of each link, admitted or refused, each with its place among those that
            were asked for.
        wanted: The instruments whose prices are needed.
    """

    terms: SizingTerms
    pairs: "Mapping[int, Sequence[tuple[int, _Pair | SizedOrder]]]"
    wanted: list[Quoted]


def read_for(
    link_ids: Sequence[int],
    orders: Sequence[Asked],
    *,
    now: datetime,
    late: Reason | None = None,
    viewer: Viewer | None = None,
) -> Read:
    """Read what sizing these orders needs, and say which prices are to be asked for."""
    terms = load_terms(link_ids, {order.symbol for order in orders}, now=now, viewer=viewer)
    if late is not None:
        terms = replace(
            terms, links={key: each.stopped_by(late) for key, each in terms.links.items()}
        )
    pairs = {
        link_id: [
            (number, pair)
            for number, asked in enumerate(orders)
            for pair in _prepared(terms, link_id, asked)
        ]
        for link_id in link_ids
    }
    wanted = {}
    for link_id, of_link in pairs.items():
        admitted = [pair for _, pair in of_link if isinstance(pair, _Pair)]
        wanted.update(dict.fromkeys(pair.instrument.quoted for pair in admitted))
        if admitted:
            wanted.update(dict.fromkeys(unpriced(terms.links[link_id], terms, now)))
    return Read(terms, pairs, list(wanted))


def size_at(
    read: Read,
    *,
    prices: Mapping[Quoted, Price | Reason],
    now: datetime,
    reserves: bool = False,
) -> list[SizedOrder]:
    """Size every order on every link at prices that were asked before. It asks nobody.

    Args:
        read: What was read; the orders of one link are taken in turn.
        prices: Of every instrument that is wanted.
        now: The time.
        reserves: Whether capital is to be reserved: then no order takes more than is free, also
            where nothing is known of what the link holds.
    """
    return [answer for _, answer in numbered_at(read, prices=prices, now=now, reserves=reserves)]


def numbered_at(
    read: Read, *, prices: Mapping[Quoted, Price | Reason], now: datetime, reserves: bool = False
) -> "list[tuple[int, SizedOrder]]":
    """The same, each with the place of what was asked for."""
    answers = []
    for link_id, pairs in read.pairs.items():
        link = read.terms.links.get(link_id)
        room = None
        if link is not None:
            room = room_of(link, read.terms, prices, now, is_strict=reserves)
        sizer = _Sizer(prices, now, room, cuts=reserves or (link is not None and link.is_watched))
        answers += [(number, sizer.answer(pair)) for number, pair in pairs]
    return answers


@dataclass(frozen=True)
class _Pair:
    """An admitted order on its link."""

    order: OrderRequest
    link: LinkTerms
    instrument: Instrument
    named: Named
    """What its symbol means, as it was written."""
    unused: str = ""
    """Sizes that were sent and say nothing of it."""


def _prepared(terms: SizingTerms, link_id: int, asked: Asked) -> "list[_Pair | SizedOrder]":
    """The orders that something leads to on the link, each admitted or refused."""
    if isinstance(asked, OrderRequest):
        return [_prepare(terms, link_id, asked)]
    link = terms.links.get(link_id)
    if link is None or asked.problem is not None or not link.may_close:
        return [_prepare(terms, link_id, asked.order)]
    try:
        named = terms.named(link, asked.symbol)
        if not link.knows_positions:
            raise OrderRefused(
                Code.POSITION_UNKNOWN, strategy=link.rules.strategy, account=link.account
            )
    except SizingError as error:
        order = replace(asked.order, side="" if asked.target is None else asked.target.side)
        return [_refused(link_id, link, order, error)]
    held = link.held_of(named.symbol)
    found = [_prepare(terms, link_id, order, asked) for order in asked.orders(held)]
    return found or [_already_there(link, asked, named, held)]


def _already_there(
    link: LinkTerms, asked: TargetRequest, named: Named, held: Mapping[PositionSide, Decimal]
) -> SizedOrder:
    total = EXACT.normalize(sum(held.values(), Decimal(0)))
    figures = {"symbol": named.symbol, "held": plain(total)}
    is_closing = asked.order.is_closing
    found = (Reason(Code.ALREADY_THERE, figures), *named.warnings(link.venue))
    return SizedOrder(
        link_id=link.id,
        strategy=link.rules.strategy,
        account=link.account,
        symbol=named.symbol,
        side="" if asked.target is None else asked.target.side,
        reduce_only=is_closing,
        capital=link.capital,
        code=Code.ALREADY_THERE,
        figures=figures,
        warnings=(*found, *_not_to_be_sent(is_closing=is_closing)),
    )


def _not_to_be_sent(*, is_closing: bool) -> tuple[Reason, ...]:
    """Of an answer of 0: a reduce-only order of 0 closes everything on some exchanges."""
    return (Reason(Code.DO_NOT_SEND),) if is_closing else ()


def _prepare(
    terms: SizingTerms, link_id: int, order: OrderRequest, asked: TargetRequest | None = None
) -> "_Pair | SizedOrder":
    """Admit the order on the link, or answer why not."""
    link = terms.links.get(link_id)
    if link is None:
        unknown = OrderRefused(Code.UNKNOWN_LINK, link=str(link_id))
        return _refused(link_id, None, order, unknown)
    if order.problem is not None:
        return _refused(link_id, link, order, order.problem)
    named = None
    try:
        admit_state(order, link.rules)
        named = terms.named(link, order.symbol)
        if named.symbol != order.symbol:
            order = replace(order, symbol=named.symbol)
        instrument = terms.instrument(link.venue, order.symbol)
        rules = instrument.rules_on(link)
        if asked is not None and not order.is_closing and is_spot_sale(order, rules):
            raise OrderRefused(Code.SPOT_SELL_NOT_ENTRY, field="position")
        admit_order(order, link.rules, rules, held_symbols=link.held_symbols)
        if not order.is_closing:
            admit_while_stopped(order, link.rules, rules, held=link.held(order))
        if instrument.pending and not order.is_closing:
            raise OrderRefused(**_suspect(instrument), field="symbol")
    except SizingError as error:
        return _refused(link_id, link, order, error, named)
    return _Pair(order, link, instrument, named, "" if asked is None else asked.unused)


@dataclass
class _Sizer:
    """Sizes the orders of one link in turn."""

    prices: Mapping[Quoted, Price | Reason]
    now: datetime
    room: LinkRoom | None
    cuts: bool
    entered: set[str] = field(default_factory=set)

    def answer(self, pair: "_Pair | SizedOrder") -> SizedOrder:
        """The answer for the next order."""
        if isinstance(pair, SizedOrder):
            return self._with_room(pair)
        assert self.room is not None, "it is of a link"
        available = self.room.available
        try:
            sized, sizing = self._size(pair)
        except SizingError as error:
            refused = _refused(pair.link.id, pair.link, pair.order, error, pair.named)
            return self._with_room(refused, available)
        sized = self._with_room(sized, available)
        self.room.take(pair.order, sizing)
        return sized

    def _with_room(self, answer: SizedOrder, available: Fraction | None = None) -> SizedOrder:
        if self.room is None:
            return answer
        in_use, reserved = self.room.in_use, self.room.link.reserved
        warnings = answer.warnings
        if reserved.waiting:
            warnings += (waiting_reason(reserved, currency=self.room.link.rules.currency),)
        if self.room.unvalued and answer.budget is not None:
            warnings += (self.room.why_unknown,)
        available = self.room.available if available is None else available
        return replace(
            answer,
            available=None if available is None else cut(available),
            in_use=None if in_use is None else cut(in_use),
            reserved=EXACT.normalize(reserved.amount),
            warnings=warnings,
        )

    def _size(self, pair: "_Pair") -> tuple[SizedOrder, Sizing]:
        order, link, rules = pair.order, pair.link, pair.instrument.rules_on(pair.link)
        found = self.prices[pair.instrument.quoted]
        terms = _with_leverage(link.terms_of(rules), order)
        held = link.held(order)
        enters = not order.is_closing and not is_spot_sale(order, rules)
        if enters and self.entered:
            admit_symbol(order, link.rules, link.held_symbols | self.entered)
        if enters and link.rules.stopped is not None:
            # The orders before may have used up what it would only lower.
            assert self.room is not None, "it is of a link"
            admit_while_stopped(order, link.rules, rules, held=self.room.left(order, rules))
        priced = priced_order(
            order,
            rules,
            venue=link.venue,
            found=found,
            limit_percent=link.max_price_deviation_percent,
            now=self.now,
        )
        if order.is_closing:
            sizing = size_close(order, rules, terms, price=priced.amount, held=held)
        else:
            if priced.amount is None:
                raise _no_price(pair, found)
            assert self.room is not None, "it is of a link"
            sizing = size_entry(
                order,
                rules,
                terms,
                price=priced.amount,
                held=held,
                riskiest_price=priced.riskiest,
                room=self.room.room(order) if self.cuts and enters else None,
            )
        if sizing.amount and enters:
            self.entered.add(order.symbol)
        return _sized(pair, sizing, terms, priced, _warnings(pair, self.now, sizing)), sizing


def _no_price(pair: _Pair, found: Price | Reason) -> PriceUnavailable:
    assert isinstance(found, Reason), "a price that was found is one"
    return PriceUnavailable(
        Code.PRICE_UNAVAILABLE,
        field="price",
        venue=pair.link.venue,
        symbol=pair.order.symbol,
        cause=found.code.value,
    )


def _suspect(instrument: Instrument) -> dict[str, Any]:
    quoted = instrument.quoted
    return {
        "code": Code.MARKET_RULES_SUSPECT,
        "venue": quoted.venue,
        "symbol": quoted.symbol,
        "change": instrument.pending,
    }


def _with_leverage(terms: Terms, order: OrderRequest) -> Terms:
    """The terms with the leverage that was asked for, if that is lower."""
    if order.leverage is None or order.leverage >= terms.leverage:
        return terms
    return replace(terms, leverage=order.leverage)


def _warnings(pair: _Pair, now: datetime, sizing: Sizing) -> list[Reason]:
    warnings = _age_warnings(pair.instrument, now)
    asked, limit = pair.order.leverage, pair.link.terms_of(pair.instrument.rules).leverage
    if asked is not None and asked > limit:
        leverages = {"asked": plain(asked), "limit": plain(limit)}
        warnings.append(Reason(Code.LEVERAGE_ABOVE_LINK, leverages))
    warnings += _not_to_be_sent(is_closing=sizing.reduce_only and not sizing.amount)
    if pair.instrument.pending:
        figures = _suspect(pair.instrument)
        warnings.append(Reason(figures.pop("code"), figures))
    warnings += pair.named.warnings(pair.link.venue)
    if pair.unused:
        warnings.append(Reason(Code.SIZE_NOT_USED, {"names": pair.unused}))
    return warnings


def _age_warnings(instrument: Instrument, now: datetime) -> list[Reason]:
    age = now - instrument.fetched_at
    if age <= RULES_ARE_FRESH_FOR:
        return []
    return [Reason(Code.MARKET_RULES_OLD, {"hours": str(age // timedelta(hours=1))})]


def _sized(
    pair: _Pair, sizing: Sizing, terms: Terms, priced: PricedOrder, warnings: list[Reason]
) -> SizedOrder:
    order, link, rules = pair.order, pair.link, pair.instrument.rules
    is_spot, cost = rules.kind is InstrumentKind.SPOT, sizing.cost
    if sizing.code is not Code.SIZED:
        # The warning's sentence states the limit, which no key of the answer does.
        warnings = [Reason(sizing.code, sizing.figures), *warnings]
    return SizedOrder(
        link_id=link.id,
        strategy=link.rules.strategy,
        account=link.account,
        symbol=order.symbol,
        side=order.side,
        quantity=_scaled(sizing.amount, rules.quantity_of_one),
        contracts=None if is_spot else _scaled(sizing.amount, rules.contracts_of_one),
        amount=amount_to_send(pair.order, pair.link, rules, sizing, priced),
        reduce_only=sizing.reduce_only,
        price=priced.amount,
        price_source=priced.source,
        capital=link.capital,
        budget=None if sizing.budget is None else cut(sizing.budget),
        leverage=terms.leverage if sizing.leverage is None else sizing.leverage,
        raw_quantity=cut(sizing.raw_amount * rules.quantity_of_one),
        step=_scaled(sizing.step, rules.quantity_of_one),
        notional=None if cost is None else cut(cost.notional),
        margin=None if cost is None else cut(cost.margin),
        fee=None if cost is None else cut(cost.fee),
        **_stakes(pair, sizing, terms, priced),
        bound_by=sizing.bound_by.value,
        reduces=cut(sizing.reduces * rules.quantity_of_one),
        enlarging=sizing.enlarging,
        code=sizing.code,
        figures=dict(sizing.figures),
        warnings=(*sizing.warnings, *priced.warnings, *warnings),
    )


def _stakes(pair: _Pair, sizing: Sizing, terms: Terms, priced: PricedOrder) -> dict[str, Any]:
    """The fields in money; none of an order that only closes, or without a price."""
    if sizing.reduce_only or priced.amount is None or not sizing.step:
        return {}
    found = stakes_of(
        pair.order,
        pair.instrument.rules_on(pair.link),
        amount=sizing.amount,
        step=sizing.step,
        price=priced.amount,
        leverage=terms.leverage if sizing.leverage is None else sizing.leverage,
    )
    return {
        "stake": cut(found.stake),
        "stake_step": cut(found.step),
        "min_stake": cut(found.least),
        "max_stake": None if found.most is None else cut(found.most),
    }


def _scaled(amount: Decimal, factor: Fraction) -> Decimal:
    """``amount`` times a factor that is exact in decimals, with the decimals that it has."""
    if factor == 1:
        return amount
    as_decimal = cut(factor)
    if Fraction(as_decimal) == factor:
        return EXACT.multiply(amount, as_decimal)
    return cut(Fraction(amount) * factor)


def _refused(
    link_id: int,
    link: LinkTerms | None,
    order: OrderRequest,
    error: SizingError,
    named: Named | None = None,
) -> SizedOrder:
    ignored = () if named is None or link is None else named.warnings(link.venue)
    return SizedOrder(
        link_id=link_id,
        strategy="" if link is None else link.rules.strategy,
        account="" if link is None else link.account,
        symbol=order.symbol,
        side=order.side,
        capital=None if link is None else link.capital,
        code=error.reason.code,
        figures=dict(error.reason.figures),
        warnings=(error.reason, *ignored, *_not_to_be_sent(is_closing=order.is_closing)),
        reduce_only=order.is_closing,
        error=error,
    )


def refused_size(size: SizedOrder, error: SizingError) -> SizedOrder:
    """The answer for an order that was sized, and is refused after all."""
    return SizedOrder(
        link_id=size.link_id,
        strategy=size.strategy,
        account=size.account,
        symbol=size.symbol,
        side=size.side,
        capital=size.capital,
        available=size.available,
        in_use=size.in_use,
        reserved=size.reserved,
        code=error.reason.code,
        figures=dict(error.reason.figures),
        warnings=(
            error.reason,
            *(each for each in size.warnings if each.code is Code.OTHER_EXCHANGE),
            *_not_to_be_sent(is_closing=size.reduce_only),
        ),
        reduce_only=size.reduce_only,
        error=error,
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)
