"""Sizing orders: how much each link may order, from its capital, the instrument and a price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import OrderRefused, PriceUnavailable, SizingError
from capital.domain.money import EXACT, plain
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.admission import admit_order, admit_state, admit_symbol, is_spot_sale
from capital.domain.sizing.formulas import Terms
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules
from capital.domain.sizing.orders import OrderRequest
from capital.domain.sizing.prices import given_price
from capital.domain.sizing.quantities import Sizing, size_close, size_entry
from capital.domain.sizing.rounding import cut
from capital.exchange.contract import Quoted
from capital.services.markets.prices import Price, PriceSource, last_prices
from capital.services.sentences import sentence
from capital.services.sizing.terms import Instrument, LinkTerms, SizingTerms, load_terms
from capital.services.transactions import outside_transaction

__all__ = ["OrderRequest", "PriceSource", "SizedOrder", "size_orders"]


# Older rules are used too, but the answer warns of their age.
RULES_ARE_FRESH_FOR = timedelta(days=1)
_NOTHING = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class SizedOrder:
    """The answer for one link and one order. Amounts of money are in the account's currency.

    Attributes:
        link_id: The link's primary key. Not in the JSON.
        strategy: The strategy's key.
        account: The account's name.
        symbol: The order's symbol.
        side: The order's side.
        quantity: What may be ordered: base units for spot and linear instruments, contracts for
            inverse ones. Zero where nothing may be ordered; ``code`` says why.
        contracts: The amount in contracts, which ccxt and most venues expect; None on spot.
        reduce_only: Whether the order only closes.
        price: The price that it was sized at; None where none was needed, or none was known.
        price_source: Where ``price`` comes from.
        capital: The link's capital now.
        budget: What the order may cost at most, fees included; None for closing and for a
            refusal.
        leverage: 1 on spot.
        raw_quantity: Before rounding and limits, in the unit of ``quantity``, cut to 18 decimals.
        step: The step of ``quantity``, in its unit.
        notional: The order's value.
        margin: The capital that it ties up: all of its value on spot, 0 for closing.
        fee: The fee at the account's fee rate. ``margin + fee <= budget`` always.
        bound_by: What determined the quantity: ``budget``, ``risk``, ``quantity`` (asked for),
            ``position``, ``max_amount``, ``max_cost``; with a quantity of 0 the limit that it
            missed: ``step``, ``min_amount``, ``min_cost``, ``capital``; empty where refused.
        code: ``sized``, the limit that was missed, or why it was refused.
        figures: The figures of ``code``'s sentence. Not in the JSON.
        warnings: Where the answer differs from what was asked, the limit that was missed with
            its figures, and anything else worth knowing.
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
    reduce_only: bool = False
    price: Decimal | None = None
    price_source: PriceSource | None = None
    capital: Decimal | None = None
    budget: Decimal | None = None
    leverage: Decimal | None = None
    raw_quantity: Decimal | None = None
    step: Decimal | None = None
    notional: Decimal | None = None
    margin: Decimal | None = None
    fee: Decimal | None = None
    bound_by: str = ""
    code: Code
    figures: dict[str, str] = field(default_factory=dict)
    warnings: tuple[Reason, ...] = ()
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
            "reduce_only": self.reduce_only,
            "price": _text(self.price),
            "price_source": None if self.price_source is None else self.price_source.value,
            "capital": _text(self.capital),
            "budget": _text(self.budget),
            "leverage": _text(self.leverage),
            "raw_quantity": _text(self.raw_quantity),
            "step": _text(self.step),
            "notional": _text(self.notional),
            "margin": _text(self.margin),
            "fee": _text(self.fee),
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
    orders: Sequence[OrderRequest],
    *,
    patience: timedelta | None = None,
    clock: Clock = timezone.now,
) -> list[SizedOrder]:
    """Size every order on every link.

    It writes nothing. It asks the venue where a price is needed, so call it outside a
    transaction. Three queries, whatever the number of links and orders; a fourth where a symbol
    is not known.

    Args:
        link_ids: Primary keys of ``StrategyAccount``. The caller checks who may see them.
        orders: The orders, the same for each link. A symbol that one of them enters counts as
            held for the next ones, where ``max_symbols`` is concerned.
        patience: How long a venue may take to answer with a price; None for the usual time.
        clock: Says what time it is.

    Returns:
        One answer for each link and order, by link and then by order, both as given. It raises
        nothing for what a client can send: a refused order (wrong request, unknown symbol,
        another currency, not allowed, no price) has its ``error``, a quantity of 0 and the
        error's code.
    """
    terms = load_terms(link_ids, {order.symbol for order in orders})
    pairs = [_prepare(terms, link_id, order) for link_id in link_ids for order in orders]
    wanted = {
        pair.instrument.quoted for pair in pairs if isinstance(pair, _Pair) and pair.needs_price
    }
    prices = last_prices(list(wanted), patience=patience, clock=clock) if wanted else {}
    now = clock()
    entered: dict[int, set[str]] = {}
    return [
        pair if isinstance(pair, SizedOrder) else _answer(pair, prices, entered, now)
        for pair in pairs
    ]


@dataclass(frozen=True)
class _Pair:
    """An admitted order on its link.

    Attributes:
        given: The price that the order states; None where the venue must be asked.
    """

    order: OrderRequest
    link: LinkTerms
    instrument: Instrument
    given: Decimal | None

    @property
    def needs_price(self) -> bool:
        return self.given is None


def _prepare(terms: SizingTerms, link_id: int, order: OrderRequest) -> "_Pair | SizedOrder":
    """Admit the order on the link, or answer why not."""
    link = terms.links.get(link_id)
    if order.problem is not None:
        return _refused(link_id, link, order, order.problem)
    if link is None:
        unknown = OrderRefused(Code.UNKNOWN_LINK, link=str(link_id))
        return _refused(link_id, None, order, unknown)
    try:
        admit_state(order, link.rules)
        instrument = terms.instrument(link.venue, order.symbol)
        admit_order(order, link.rules, instrument.rules, held_symbols=link.positions.keys())
    except SizingError as error:
        return _refused(link_id, link, order, error)
    return _Pair(order, link, instrument, given_price(order, instrument.rules.kind))


def _answer(
    pair: _Pair,
    prices: Mapping[Quoted, Price | Reason],
    entered: dict[int, set[str]],
    now: datetime,
) -> SizedOrder:
    order, link, instrument = pair.order, pair.link, pair.instrument
    price: Price | Reason = (
        prices[instrument.quoted] if pair.given is None else Price(pair.given, PriceSource.GIVEN)
    )
    held = link.positions.get(order.symbol, _NOTHING)
    rules, terms = instrument.rules, link.terms_of(instrument.rules)
    try:
        if order.is_closing:
            amount = price.amount if isinstance(price, Price) else None
            sizing = size_close(order, rules, terms, price=amount, held=held)
        else:
            if (newly := entered.get(link.id)) and not is_spot_sale(order, rules):
                admit_symbol(order, link.rules, link.positions.keys() | newly)
            if isinstance(price, Reason):
                raise PriceUnavailable(
                    Code.PRICE_UNAVAILABLE,
                    field="price",
                    venue=link.venue,
                    symbol=order.symbol,
                    cause=price.code.value,
                )
            sizing = size_entry(order, rules, terms, price=price.amount, held=held)
    except SizingError as error:
        return _refused(link.id, link, order, error)
    if sizing.amount and not order.is_closing and not is_spot_sale(order, rules):
        entered.setdefault(link.id, set()).add(order.symbol)
    return _sized(pair, sizing, terms, price, _age_warnings(instrument, now))


def _age_warnings(instrument: Instrument, now: datetime) -> list[Reason]:
    age = now - instrument.fetched_at
    if age <= RULES_ARE_FRESH_FOR:
        return []
    return [Reason(Code.MARKET_RULES_OLD, {"hours": str(age // timedelta(hours=1))})]


def _sized(
    pair: _Pair, sizing: Sizing, terms: Terms, price: Price | Reason, warnings: list[Reason]
) -> SizedOrder:
    order, link, rules = pair.order, pair.link, pair.instrument.rules
    is_spot, cost = rules.kind is InstrumentKind.SPOT, sizing.cost
    if sizing.code is not Code.SIZED:
        # The warning's sentence states the limit, which no key of the answer does.
        warnings = [Reason(sizing.code, sizing.figures), *warnings]
    if isinstance(price, Reason):
        warnings = [*warnings, Reason(Code.PRICE_NOT_NEEDED)]
    return SizedOrder(
        link_id=link.id,
        strategy=link.rules.strategy,
        account=link.account,
        symbol=order.symbol,
        side=order.side,
        quantity=_quantity(sizing.amount, rules),
        contracts=None if is_spot else sizing.amount,
        reduce_only=sizing.reduce_only,
        price=price.amount if isinstance(price, Price) else None,
        price_source=price.source if isinstance(price, Price) else None,
        capital=link.capital,
        budget=None if sizing.budget is None else cut(sizing.budget),
        leverage=terms.leverage,
        raw_quantity=cut(sizing.raw_amount * rules.quantity_of_one),
        step=_quantity(sizing.step, rules),
        notional=None if cost is None else cut(cost.notional),
        margin=None if cost is None else cut(cost.margin),
        fee=None if cost is None else cut(cost.fee),
        bound_by=sizing.bound_by.value,
        code=sizing.code,
        figures=dict(sizing.figures),
        warnings=(*sizing.warnings, *warnings),
    )


def _quantity(amount: Decimal, rules: InstrumentRules) -> Decimal:
    if rules.kind is not InstrumentKind.LINEAR:
        return amount
    return EXACT.multiply(amount, rules.contract_size)


def _refused(
    link_id: int, link: LinkTerms | None, order: OrderRequest, error: SizingError
) -> SizedOrder:
    return SizedOrder(
        link_id=link_id,
        strategy="" if link is None else link.rules.strategy,
        account="" if link is None else link.account,
        symbol=order.symbol,
        side=order.side,
        capital=None if link is None else link.capital,
        code=error.reason.code,
        figures=dict(error.reason.figures),
        warnings=(error.reason,),
        error=error,
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)
