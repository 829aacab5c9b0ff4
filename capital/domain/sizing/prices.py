"""The price that an order is sized at: its own, the market's, or the dearer of the two."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from capital.domain.errors import InvalidOrder, OrderRefused
from capital.domain.money import plain
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import OrderRequest, OrderType, Side

# A last trade older than this says little, unless there is a bid or an ask beside it.
OLD = timedelta(minutes=10)
# What an order of each type is placed with.
_PRICES: dict[str, tuple[str, ...]] = {
    OrderType.MARKET: (),
    OrderType.LIMIT: ("price",),
    OrderType.STOP_MARKET: ("stop_price",),
    OrderType.STOP_LIMIT: ("price", "stop_price"),
}


@dataclass(frozen=True)
class MarketPrice:
    """What a venue says of an instrument's price. At least one of the three prices is known.

    Attributes:
        last: The price of the last trade; None where it is not told, here and below.
        bid: The best price at which somebody buys.
        ask: The best price at which somebody sells.
        traded_at: When the last trade was.
    """

    last: Decimal | None
    bid: Decimal | None = None
    ask: Decimal | None = None
    traded_at: datetime | None = None

    def of(self, side: str) -> Decimal:
        """The price at which an order of that side fills at once."""
        counterpart, other = (self.ask, self.bid) if side == Side.BUY else (self.bid, self.ask)
        price = counterpart or self.last or other
        assert price is not None, "one of the three is known"
        return price

    def age(self, now: datetime) -> timedelta | None:
        """How old the last trade is, where it is too old to judge by; else None."""
        if self.bid or self.ask or self.traded_at is None:
            return None
        age = now - self.traded_at
        return age if age > OLD else None


@dataclass(frozen=True)
class SizedAt:
    """At which prices an order is sized.

    Attributes:
        price: The one at which it costs most.
        riskiest: The one at which it loses most until its stop.
    """

    price: Decimal
    riskiest: Decimal


@dataclass(frozen=True)
class Comparison:
    """An order's prices against the market's.

    Attributes:
        order: Checked.
        kind: The instrument's: an inverse order costs more at a lower price.
        market: The market's price; None where it is not known.
        limit_percent: How far a price may be off the market's.
        is_judging: Whether a price that is too far off is refused.
    """

    order: OrderRequest
    kind: InstrumentKind
    market: MarketPrice | None
    limit_percent: Decimal
    is_judging: bool = True

    def sized_at(self) -> SizedAt | None:
        """The prices to size at; None where neither the order nor the market states one.

        Raises:
            OrderRefused: A price at which the order would fill at once is too far off.
        """
        named = _named(self.order)
        filling = self._filling(named)
        if self.is_judging:
            for name, price in filling.items():
                self._judge(name, price)
        prices = list(named.values())
        if self.market is not None and (filling or not named):
            prices.append(self.market.of(self.order.side))
        if not prices:
            return None
        riskiest = max(prices) if self.order.side == Side.BUY else min(prices)
        return SizedAt(self._dearest(prices), riskiest)

    def warnings(self) -> tuple[Reason, ...]:
        """Why prices would be refused, of an order that is not."""
        filling = self._filling(_named(self.order)).items()
        found = (self._refusal(name, price) for name, price in filling)
        return tuple(refusal.reason for refusal in found if refusal is not None)

    def _refusal(self, name: str, price: Decimal) -> OrderRefused | None:
        """Why ``price`` is too far off the market's; None where it is not."""
        assert self.market is not None, "it is compared"
        market = self.market.of(self.order.side)
        deviation = abs(Fraction(price) - Fraction(market)) / Fraction(market) * 100
        if deviation <= Fraction(self.limit_percent):
            return None
        return OrderRefused(
            Code.PRICE_DEVIATES,
            field=name,
            price=plain(price),
            observed=plain(market),
            percent=plain(_rounded_up(deviation)),
            limit=plain(self.limit_percent),
        )

    def _judge(self, name: str, price: Decimal) -> None:
        if refusal := self._refusal(name, price):
            raise refusal

    def _filling(self, named: dict[str, Decimal]) -> dict[str, Decimal]:
        """Those of the named prices with which the order would fill at once, as things stand."""
        if self.market is None:
            return {}
        if "stop_price" not in named:
            price = named.get("price")
            is_hint = OrderType(self.order.order_type).is_market
            return named if price is None or is_hint or self._crosses(price) else {}
        stop = named["stop_price"]
        if self._is_waiting(stop):
            return {}
        price = named.get("price")
        return named if price is None or self._crosses(price) else {"stop_price": stop}

    def _crosses(self, limit: Decimal) -> bool:
        """Whether a limit at this price meets the other side of the market."""
        assert self.market is not None, "it is compared"
        market = self.market.of(self.order.side)
        return limit >= market if self.order.side == Side.BUY else limit <= market

    def _is_waiting(self, stop: Decimal) -> bool:
        """Whether the market has yet to reach a stop order's trigger."""
        assert self.market is not None, "it is compared"
        market = self.market.of(self.order.side)
        return stop > market if self.order.side == Side.BUY else stop < market

    def _dearest(self, prices: list[Decimal]) -> Decimal:
        return min(prices) if self.kind is InstrumentKind.INVERSE else max(prices)


def _named(order: OrderRequest) -> dict[str, Decimal]:
    """The prices of the order at which it may be filled, by their field.

    A LIMIT order's price, a STOP order's stop price, a MARKET order's hint. A STOP_LIMIT order has
    two prices and may be filled anywhere between them.
    """
    order_type = OrderType(order.order_type)
    fields = ["price"]
    if order_type is OrderType.STOP_LIMIT:
        fields = ["price", "stop_price"]
    elif order_type is OrderType.STOP_MARKET and order.stop_price is not None:
        fields = ["stop_price"]
    return {name: price for name in fields if (price := getattr(order, name)) is not None}


def given_price(order: OrderRequest, kind: InstrumentKind) -> Decimal | None:
    """The dearest price that the order names; None where it names none."""
    prices = list(_named(order).values())
    if not prices:
        return None
    return min(prices) if kind is InstrumentKind.INVERSE else max(prices)


def missing_prices(order: OrderRequest) -> tuple[str, ...]:
    """The fields of prices that an order of this type is placed with, and that it does not name."""
    return tuple(name for name in _PRICES[order.order_type] if getattr(order, name) is None)


def is_stop_reached(order: OrderRequest, market: MarketPrice) -> bool:
    """Whether the market is at the protective stop of an order with ``risk_per``, or beyond it."""
    if order.risk_per is None or order.stop_price is None:
        return False
    price = market.of(order.side)
    return price <= order.stop_price if order.side == Side.BUY else price >= order.stop_price


def check_stop(order: OrderRequest, entry: Decimal) -> Decimal:
    """The protective stop of an order with ``risk_per``.

    Raises:
        InvalidOrder: The position would not lose at its stop.
    """
    stop = order.stop_price
    assert stop is not None, "the request was checked"
    loses = stop < entry if order.side == Side.BUY else stop > entry
    if not loses:
        raise InvalidOrder(
            Code.STOP_ON_WRONG_SIDE, field="stop_price", stop=plain(stop), price=plain(entry)
        )
    return stop


def _rounded_up(percent: Fraction) -> Decimal:
    """With two decimals, never below: what is too much must not look allowed."""
    return Decimal(-(-percent.numerator * 100 // percent.denominator)) / 100
