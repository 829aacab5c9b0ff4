"""OrderRequest: the order that a bot wants to place, and asks how large it may be."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from capital.domain.errors import InvalidOrder
from capital.domain.reasons import Code

HUNDRED = Decimal(100)


class Side(StrEnum):
    """Buy or sell. ``value`` is what is sent."""

    BUY = "buy"
    SELL = "sell"


class PositionSide(StrEnum):
    """Which position of a symbol an order or a fill belongs to. ``value`` is stored and sent."""

    BOTH = "both"
    """The only one: on spot, and where an account holds one position in a symbol."""
    LONG = "long"
    SHORT = "short"


class StakeOf(StrEnum):
    """What an amount of money to spend is counted as. ``value`` is what is sent."""

    MARGIN = "margin"
    """The capital that is tied up: the value divided by the leverage."""
    NOTIONAL = "notional"
    """The order's whole value."""


class OrderType(StrEnum):
    """How an order is filled. ``value`` is what is sent."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    STOP_LIMIT = "STOP_LIMIT"

    @property
    def is_stop(self) -> bool:
        """Whether it waits until its stop price is reached."""
        return self in (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)

    @property
    def is_market(self) -> bool:
        """Whether it is filled at the market's price, once it is active."""
        return self in (OrderType.MARKET, OrderType.STOP_MARKET)


@dataclass(frozen=True, kw_only=True)
class OrderRequest:
    """An order to size. ``qty_per``, ``risk_per``, ``qty`` or ``stake`` says how much.

    Attributes:
        symbol: ccxt's: ``BTC/USDT`` (spot), ``BTC/USDT:USDT`` (linear), ``BTC/USD:BTC`` (inverse);
            or what else means an instrument (``sizing.symbols``).
        side: ``buy`` or ``sell``.
        order_type: A value of ``OrderType``.
        qty_per: Above zero, percent of the link's capital that may be spent; below zero, percent
            of the open position that is closed.
        qty: An absolute quantity, > 0, in the unit of ``SizedOrder.quantity``. It is checked
            and rounded, and ignored where ``qty_per`` or ``risk_per`` is given too.
        risk_per: Percent of the link's capital, in (0, 100], that is lost when the order is
            filled at its price and the position is stopped at ``stop_price``.
        stake: An amount of the quote currency, > 0, and then nothing else says how much. It is an
            absolute quantity, told in money.
        stake_of: A value of ``StakeOf``; None is the margin. Only with ``stake``.
        leverage: With which to size it, > 0, at most the link's and the market's; None: the link's.
        price: The limit of a LIMIT or STOP_LIMIT order. For a MARKET order a hint that spares
            asking the venue for its last price.
        position_side: On an account that holds a long and a short position in one symbol, which
            one it is of; None where that follows from the side, or from what is open.
        stop_price: The price that triggers a STOP order; with ``risk_per`` the protective stop.
    """

    symbol: str
    side: str
    order_type: str = OrderType.MARKET
    qty_per: Decimal | None = None
    qty: Decimal | None = None
    risk_per: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    position_side: str | None = None
    stake: Decimal | None = None
    stake_of: str | None = None
    leverage: Decimal | None = None

    @property
    def is_closing(self) -> bool:
        """Whether it closes a part of an open position."""
        return self.qty_per is not None and self.qty_per < 0

    @property
    def is_against_its_side(self) -> bool:
        """Whether it sells of a position that is long, or buys of one that is short."""
        return (self.side, self.position_side) in (
            (Side.SELL, PositionSide.LONG),
            (Side.BUY, PositionSide.SHORT),
        )

    @cached_property
    def problem(self) -> InvalidOrder | None:
        """Why the order makes no sense for any instrument or account; None where it does."""
        try:
            self._check_fields()
        except InvalidOrder as error:
            return error.with_traceback(None)
        return None

    def check(self) -> None:
        """Refuse an order that has a ``problem``.

        Raises:
            InvalidOrder: It names the field.
        """
        if self.problem is not None:
            raise self.problem

    def _check_fields(self) -> None:
        if not self.symbol:
            raise InvalidOrder(Code.SYMBOL_MISSING, field="symbol")
        if self.side not in list(Side):
            raise InvalidOrder(
                Code.UNKNOWN_SIDE, field="side", side=repr(self.side)[:40], known=", ".join(Side)
            )
        if self.order_type not in list(OrderType):
            raise InvalidOrder(
                Code.UNKNOWN_ORDER_TYPE,
                field="order_type",
                order_type=repr(self.order_type)[:40],
                known=", ".join(OrderType),
            )
        if self.position_side not in (None, *PositionSide):
            raise InvalidOrder(
                Code.UNKNOWN_POSITION_SIDE,
                field="position_side",
                side=repr(self.position_side)[:40],
            )
        for name in ("qty_per", "qty", "risk_per", "stake", "leverage", "price", "stop_price"):
            number: Decimal | None = getattr(self, name)
            if number is not None and not number.is_finite():
                raise InvalidOrder(Code.NUMBER_NOT_FINITE, field=name, name=name)
        self._check_quantity()
        if self.leverage is not None and self.leverage <= 0:
            raise InvalidOrder(
                Code.LEVERAGE_NOT_POSITIVE, field="leverage", leverage=format(self.leverage, "f")
            )
        for name in ("price", "stop_price"):
            price: Decimal | None = getattr(self, name)
            if price is not None and price <= 0:
                raise InvalidOrder(
                    Code.PRICE_NOT_POSITIVE, field=name, name=name, price=format(price, "f")
                )
        if self.risk_per is not None:
            self._check_risk(self.risk_per)

    def _check_quantity(self) -> None:
        if self.qty is not None and self.qty < 0:
            raise InvalidOrder(Code.QUANTITY_NEGATIVE, field="qty", quantity=format(self.qty, "f"))
        if self.stake is not None or self.stake_of is not None:
            self._check_stake()
        elif not self.qty_per and not self.qty and not self.risk_per:
            raise InvalidOrder(Code.QUANTITY_MISSING, field="qty_per")

    def _check_stake(self) -> None:
        if self.stake is None:
            raise InvalidOrder(Code.STAKE_MISSING, field="stake_of")
        if self.stake <= 0:
            raise InvalidOrder(
                Code.STAKE_NOT_POSITIVE, field="stake", stake=format(self.stake, "f")
            )
        others = [name for name in ("qty_per", "risk_per", "qty") if getattr(self, name)]
        if others:
            raise InvalidOrder(Code.STAKE_NOT_ALONE, field="stake", others=", ".join(others))
        if self.stake_of not in (None, *StakeOf):
            raise InvalidOrder(
                Code.UNKNOWN_STAKE, field="stake_of", stake_of=repr(self.stake_of)[:40]
            )

    def _check_risk(self, risk_per: Decimal) -> None:
        if not 0 < risk_per <= HUNDRED:
            raise InvalidOrder(
                Code.RISK_OUT_OF_RANGE, field="risk_per", percent=format(risk_per, "f")
            )
        if self.is_closing:
            raise InvalidOrder(Code.RISK_OF_CLOSING, field="risk_per")
        if OrderType(self.order_type).is_stop:
            raise InvalidOrder(Code.RISK_OF_STOP_ORDER, field="order_type")
        if self.stop_price is None:
            raise InvalidOrder(Code.STOP_PRICE_MISSING, field="stop_price")
