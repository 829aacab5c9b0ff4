"""Sizes what was admitted on one link, order by order, at prices that are known."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from capital.domain.errors import PriceUnavailable, SizingError
from capital.domain.money import EXACT, plain
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.admission import admit_symbol, admit_while_stopped, only_reduces
from capital.domain.sizing.formulas import Terms
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules
from capital.domain.sizing.orders import OrderRequest
from capital.domain.sizing.quantities import Sizing, size_close, size_entry
from capital.domain.sizing.rounding import cut
from capital.domain.sizing.stakes import stakes_of
from capital.exchange.contract import Quoted
from capital.services.limits.held import waiting_reason
from capital.services.markets.prices import Price
from capital.services.sizing.admitting import AdmittedOrder, rules_suspect
from capital.services.sizing.answers import SizedOrder, not_to_be_sent, refused_order
from capital.services.sizing.pricing import PricedOrder, amount_to_send, priced_order
from capital.services.sizing.room import LinkRoom
from capital.services.sizing.terms import Instrument

# Older rules are used too, but the answer warns of their age.
RULES_ARE_FRESH_FOR = timedelta(days=1)


@dataclass
class Sizer:
    """Sizes the orders of one link in turn."""

    prices: Mapping[Quoted, Price | Reason]
    now: datetime
    room: LinkRoom | None
    cuts: bool
    entered: set[str] = field(default_factory=set)

    def answer(self, pair: AdmittedOrder | SizedOrder) -> SizedOrder:
        """The answer for the next order."""
        if isinstance(pair, SizedOrder):
            return self._with_room(pair)
        assert self.room is not None, "it is of a link"
        available = self.room.available
        try:
            sized, sizing = self._size(pair)
        except SizingError as error:
            refused = refused_order(pair.link.id, pair.link, pair.order, error, pair.named)
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

    def _size(self, pair: AdmittedOrder) -> tuple[SizedOrder, Sizing]:
        order, link, rules = pair.order, pair.link, pair.instrument.rules_on(pair.link)
        found = self.prices[pair.instrument.quoted]
        terms = _with_leverage(link.terms_of(rules), order, rules)
        held = link.held(order)
        enters = not order.is_closing and not only_reduces(order, rules)
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
            sizing = self._entry(pair, terms, priced, enters=enters)
        if sizing.amount and enters:
            self.entered.add(order.symbol)
        return _sized(pair, sizing, terms, priced, _warnings(pair, self.now, sizing)), sizing

    def _entry(
        self, pair: AdmittedOrder, terms: Terms, priced: PricedOrder, *, enters: bool
    ) -> Sizing:
        """What closes nothing by its name."""
        order, link, rules = pair.order, pair.link, pair.instrument.rules_on(pair.link)
        assert self.room is not None, "it is of a link"
        assert priced.amount is not None, "an order without a price is refused"
        sizing = size_entry(
            order,
            rules,
            terms,
            price=priced.amount,
            # The orders before may have closed it, or opened more of it.
            held=self.room.enlarged(order, rules),
            riskiest_price=priced.riskiest,
            room=self.room.room(order) if self.cuts and enters else None,
        )
        if enters and order.stake is not None and link.rules.stopped is not None:
            # Now it is known how much it is.
            bought = _scaled(sizing.amount, rules.quantity_of_one)
            as_quantity = replace(order, stake=None, stake_of=None, qty=bought)
            left = self.room.left(order, rules)
            admit_while_stopped(as_quantity, link.rules, rules, held=left)
        return sizing


def _no_price(pair: AdmittedOrder, found: Price | Reason) -> PriceUnavailable:
    assert isinstance(found, Reason), "a price that was found is one"
    return PriceUnavailable(
        Code.PRICE_UNAVAILABLE,
        field="price",
        venue=pair.link.venue,
        symbol=pair.order.symbol,
        cause=found.code.value,
    )


def _with_leverage(terms: Terms, order: OrderRequest, rules: InstrumentRules) -> Terms:
    """The terms with the leverage that was asked for, if that is lower. On spot it is always 1."""
    is_spot = rules.kind is InstrumentKind.SPOT
    if is_spot or order.leverage is None or order.leverage >= terms.leverage:
        return terms
    return replace(terms, leverage=order.leverage)


def _warnings(pair: AdmittedOrder, now: datetime, sizing: Sizing) -> list[Reason]:
    warnings = _age_warnings(pair.instrument, now)
    asked, limit = pair.order.leverage, pair.link.terms_of(pair.instrument.rules).leverage
    if asked is not None and asked > limit:
        leverages = {"asked": plain(asked), "limit": plain(limit)}
        warnings.append(Reason(Code.LEVERAGE_ABOVE_LINK, leverages))
    is_spot = pair.instrument.rules.kind is InstrumentKind.SPOT
    if is_spot and asked is not None and asked < 1:
        warnings.append(Reason(Code.LEVERAGE_ON_SPOT, {"asked": plain(asked)}))
    counted = min(limit, pair.instrument.rules.max_leverage or limit)
    if asked is not None and not is_spot and sizing.enlarging and asked < counted:
        leverages = {"asked": plain(asked), "limit": plain(counted)}
        warnings.append(Reason(Code.LEVERAGE_BELOW_LINK, leverages))
    warnings += not_to_be_sent(is_closing=sizing.reduce_only and not sizing.amount)
    if pair.instrument.pending:
        figures = rules_suspect(pair.instrument)
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
    pair: AdmittedOrder, sizing: Sizing, terms: Terms, priced: PricedOrder, warnings: list[Reason]
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


def _stakes(
    pair: AdmittedOrder, sizing: Sizing, terms: Terms, priced: PricedOrder
) -> dict[str, Any]:
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
