"""The price that an order is sized at, from its own and the market's, and what is sent for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from capital.domain.money import plain
from capital.domain.pools import WalletMode
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import (
    AmountUnit,
    InstrumentKind,
    InstrumentRules,
    PrecisionMode,
)
from capital.domain.sizing.orders import OrderRequest, OrderType, Side
from capital.domain.sizing.prices import (
    Comparison,
    MarketPrice,
    given_price,
    is_stop_reached,
    missing_prices,
)
from capital.domain.sizing.quantities import Sizing
from capital.domain.sizing.rounding import cut, round_down, to_nearest
from capital.exchange.venues import get_venue
from capital.services.markets.prices import Price, PriceSource
from capital.services.sizing.terms import LinkTerms


@dataclass(frozen=True)
class PricedOrder:
    """An order with the price that it is sized at.

    Attributes:
        amount: That price; None where none is known.
        source: Where it comes from.
        riskiest: The price at which the order loses most until its stop.
        warnings: What is worth knowing of the price.
    """

    amount: Decimal | None = None
    source: PriceSource | None = None
    riskiest: Decimal | None = None
    warnings: tuple[Reason, ...] = ()


def priced_order(
    order: OrderRequest,
    rules: InstrumentRules,
    *,
    venue: str,
    found: Price | Reason,
    limit_percent: Decimal,
    now: datetime,
) -> PricedOrder:
    """Compare the order's prices with the market's, and choose the one to size at.

    An order that would fill at once is refused where its price is too far off the market's; one
    that closes is only warned of it, because nothing may keep a position open. So is one whose
    venue says nothing now, or nothing new.

    Args:
        order: Admitted.
        rules: The instrument's.
        venue: The instrument's.
        found: What its venue says of the price, or why it says nothing.
        limit_percent: How far a price may be off.
        now: The time.

    Raises:
        OrderRefused: A price is too far off.
    """
    given = given_price(order, rules.kind)
    if isinstance(found, Reason):
        return _without_market(order, venue, given, found)
    market = found.market
    age = market.age(now)
    comparison = Comparison(
        order,
        rules.kind,
        market,
        limit_percent,
        is_judging=age is None and not order.is_closing,
    )
    at = comparison.sized_at()
    assert at is not None, "the market has a price"
    warnings: tuple[Reason, ...] = ()
    if age is not None:
        warnings = (_old(order, venue, market, age),)
    if order.is_closing:
        warnings += comparison.warnings()
    warnings += _of_prices(order, at.price, market)
    source = PriceSource.GIVEN if at.price == given else found.source
    return PricedOrder(
        _as_sent(at.price, order, venue), source, _as_sent(at.riskiest, order, venue), warnings
    )


def _of_prices(
    order: OrderRequest, price: Decimal, market: MarketPrice | None
) -> tuple[Reason, ...]:
    """What is odd about the prices that an order names; nothing of one that closes."""
    if order.is_closing:
        return ()
    found = []
    if missing := missing_prices(order):
        names = ", ".join(missing)
        figures = {"order_type": str(order.order_type), "names": names, "price": plain(price)}
        found.append(Reason(Code.ORDER_PRICE_MISSING, figures))
    if market is not None and order.stop_price is not None and is_stop_reached(order, market):
        observed = plain(market.of(order.side))
        figures = {"stop": plain(order.stop_price), "observed": observed}
        found.append(Reason(Code.STOP_REACHED, figures))
    return tuple(found)


def _as_sent(price: Decimal, order: OrderRequest, venue: str) -> Decimal:
    """The price to size at where ccxt rounds that of an order to buy up before it sends it."""
    digits = get_venue(venue).rules_call.price_digits
    if not digits or order.side != Side.BUY or OrderType(order.order_type).is_market:
        return price
    return max(price, to_nearest(Fraction(price), digits=digits))


def _without_market(
    order: OrderRequest, venue: str, given: Decimal | None, why: Reason
) -> PricedOrder:
    if given is None:
        unneeded = (Reason(Code.PRICE_NOT_NEEDED),) if order.is_closing else ()
        return PricedOrder(warnings=unneeded)
    warning = Reason(Code.PRICE_NOT_COMPARED, {"price": plain(given), "cause": why.code.value})
    sent = _as_sent(given, order, venue)
    warnings = (warning, *_of_prices(order, given, None))
    return PricedOrder(sent, PriceSource.GIVEN, sent, warnings)


def _old(order: OrderRequest, venue: str, market: MarketPrice, age: timedelta) -> Reason:
    figures = {
        "symbol": order.symbol,
        "venue": venue,
        "observed": plain(market.of(order.side)),
        "minutes": str(age // timedelta(minutes=1)),
    }
    return Reason(Code.PRICE_IS_OLD, figures)


def amount_to_send(
    order: OrderRequest,
    link: LinkTerms,
    rules: InstrumentRules,
    sizing: Sizing,
    priced: PricedOrder,
) -> Decimal:
    """What ccxt's ``create_order`` takes as the amount: the sized one, with two exceptions.

    A few venues take the value of a spot market order to buy, and ccxt passes on what it is given.
    At others ccxt works that value out, and rounds it up as well as down.
    """
    is_market_buy = (
        rules.kind is InstrumentKind.SPOT
        and order.side == Side.BUY
        and OrderType(order.order_type).is_market
    )
    if not is_market_buy or not sizing.amount:
        return sizing.amount
    assert priced.amount is not None, "an order to buy has a price"
    call, price = get_venue(link.venue).rules_call, Fraction(priced.amount)
    value = Fraction(sizing.amount) * price
    if call.market_buy_units.get(WalletMode(link.wallet_mode)) is AmountUnit.QUOTE:
        # ccxt rounds that value by the step of amounts, whatever it counts.
        return round_down(value, rules.precision_mode, rules.amount_precision)
    if not call.price_digits or to_nearest(value, digits=call.price_digits) <= value:
        return sizing.amount
    digits = Decimal(call.price_digits)
    return cut(Fraction(round_down(value, PrecisionMode.SIGNIFICANT_DIGITS, digits)) / price)
