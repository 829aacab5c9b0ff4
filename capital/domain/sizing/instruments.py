"""The trading rules of an instrument: how one symbol of one venue may be ordered."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from strategies.markets import MarketType


class InstrumentKind(StrEnum):
    """What an order's amount counts, and in which currency it is paid. ``value`` is stored."""

    SPOT = "spot"
    """Amounts are base units, paid in the quote currency."""
    LINEAR = "linear"
    """Amounts are contracts of a number of base units, paid in the settle currency."""
    INVERSE = "inverse"
    """Amounts are contracts of an amount of quote currency, paid in the base currency."""

    @property
    def market_type(self) -> MarketType:
        """The market that it belongs to."""
        return MarketType.SPOT if self is InstrumentKind.SPOT else MarketType.FUTURES


class PrecisionMode(StrEnum):
    """How a venue states the precision of amounts: ccxt's three ways."""

    TICK_SIZE = "tick_size"
    """The precision is the step: amounts are multiples of it."""
    DECIMAL_PLACES = "decimal_places"
    """The precision is a number of decimals; a negative one is of zeros before the point."""
    SIGNIFICANT_DIGITS = "significant_digits"
    """The precision is a number of digits, counted from the first that is not zero."""


@dataclass(frozen=True)
class InstrumentRules:
    """The rules of one instrument, in the venue's own unit of amount: base units or contracts.

    Attributes:
        symbol: ccxt's symbol.
        kind: What an amount counts.
        quote: The currency of the price and of ``min_cost`` and ``max_cost``.
        settle: The currency that it is paid in, which must be the account's.
        precision_mode: What ``amount_precision`` means.
        amount_precision: A step > 0, or a number of digits.
        contract_size: Base units (linear) or quote currency (inverse) in one contract, > 0; 1
            on spot.
        min_amount: The smallest order; None for no limit, here and below.
        max_amount: The largest order.
        market_min_amount: The smallest market order, beside ``min_amount``.
        market_max_amount: The largest market order, beside ``max_amount``.
        min_cost: The smallest value of an order, in the quote currency.
        max_cost: The largest value of an order, in the quote currency.
    """

    symbol: str
    kind: InstrumentKind
    quote: str
    settle: str
    precision_mode: PrecisionMode
    amount_precision: Decimal
    contract_size: Decimal = Decimal(1)
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    market_min_amount: Decimal | None = None
    market_max_amount: Decimal | None = None
    min_cost: Decimal | None = None
    max_cost: Decimal | None = None

    @property
    def quantity_of_one(self) -> Fraction:
        """The quantity that an amount of one stands for: base units, for inverse ones contracts.

        An inverse contract is a fixed amount of quote currency. How many base units that is
        depends on the price, so there the contracts themselves are the quantity.
        """
        return Fraction(self.contract_size) if self.kind is InstrumentKind.LINEAR else Fraction(1)

    def amount_bounds(self, *, is_market: bool) -> tuple[Decimal | None, Decimal | None]:
        """The smallest and the largest order; the stricter limit where two apply."""
        if not is_market:
            return self.min_amount, self.max_amount
        least = [each for each in (self.min_amount, self.market_min_amount) if each is not None]
        most = [each for each in (self.max_amount, self.market_max_amount) if each]
        return max(least, default=None), min(most, default=None)
