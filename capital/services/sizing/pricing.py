"""The price that an order is sized at, from its own and the market's, and what is sent for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from capital.domain.money import plain
from capital.domain.pools import WalletMode
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import AmountUnit, InstrumentKind, InstrumentRules
from capital.domain.sizing.orders import OrderRequest, OrderType, Side
from capital.domain.sizing.prices import Comparison, MarketPrice, given_price
from capital.domain.sizing.quantities import Sizing
from capital.domain.sizing.rounding import round_down
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
        return _without_market(order, given, found)
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
    source = PriceSource.GIVEN if at.price == given else found.source
    return PricedOrder(at.price, source, at.riskiest, warnings)


def _without_market(order: OrderRequest, given: Decimal | None, why: Reason) -> PricedOrder:
    if given is None:
        warnings = (Reason(Code.PRICE_NOT_NEEDED),) if order.is_closing else ()
        return PricedOrder(warnings=warnings)
    warning = Reason(Code.PRICE_NOT_COMPARED, {"price": plain(given), "cause": why.code.value})
    return PricedOrder(given, PriceSource.GIVEN, given, (warning,))


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
    """What ccxt's ``create_order`` takes as the amount: the sized one, with one exception.

    A few venues take the value of a spot market order to buy, and ccxt passes on what it is given.
    """
    is_market_buy = (
        rules.kind is InstrumentKind.SPOT
        and order.side == Side.BUY
        and OrderType(order.order_type).is_market
    )
    units = get_venue(link.venue).rules_call.market_buy_units
    if not is_market_buy or units.get(WalletMode(link.wallet_mode)) is not AmountUnit.QUOTE:
        return sizing.amount
    assert priced.amount is not None, "an order to buy has a price"
    # ccxt rounds that value by the step of amounts, whatever it counts.
    value = Fraction(sizing.amount) * Fraction(priced.amount)
    return round_down(value, rules.precision_mode, rules.amount_precision)
