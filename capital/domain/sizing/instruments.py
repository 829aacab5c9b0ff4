"""Market rules: what one symbol of one venue lets itself be ordered in."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from strategies.markets import MarketType


class InstrumentKind(StrEnum):
    """What an order's amount is, and what it is paid in. ``value`` is what is stored."""

    SPOT = "spot"
    """Amounts are base units, paid in the quote currency."""
    LINEAR = "linear"
    """Amounts are contracts of so many base units, paid in the settle currency."""
    INVERSE = "inverse"
    """Amounts are contracts of so much quote currency, paid in the base currency."""

    @property
    def market_type(self) -> MarketType:
        """The strategies that trade it."""
        return MarketType.SPOT if self is InstrumentKind.SPOT else MarketType.FUTURES


class PrecisionMode(StrEnum):
    """How a venue says how finely an amount may be given; ccxt's three."""

    TICK_SIZE = "tick_size"
    """The precision is the step: amounts are multiples of it."""
    DECIMAL_PLACES = "decimal_places"
    """The precision is a whole number of decimals; negative: of zeros before the point."""
    SIGNIFICANT_DIGITS = "significant_digits"
    """The precision is a whole number of digits from the first that is not zero on."""


@dataclass(frozen=True)
class InstrumentRules:
    """The rules of one market, in the venue's own unit of amount: base units or contracts.

    Attributes:
        symbol: ccxt's.
        kind: What the amount is.
        quote: The currency of the price and of ``min_cost`` and ``max_cost``.
        settle: What it is paid in: the account's currency must be this one.
        precision_mode: What ``amount_precision`` means.
        amount_precision: A step > 0, or a number of digits.
        contract_size: Base units (linear) or quote currency (inverse) a contract, > 0; 1 on spot.
        min_amount: Of one order; None where there is no limit, here and below.
        max_amount: Of one order.
        market_min_amount: Of an order that is filled at the market's price.
        market_max_amount: Of an order that is filled at the market's price.
        min_cost: Worth of one order in the quote currency.
        max_cost: Worth of one order in the quote currency.
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
        """The quantity that an amount of one is: base units, on inverse markets contracts.

        An inverse contract is a fixed amount of quote currency, and of base units another
        one at every price: there the contracts themselves are the quantity.
        """
        return Fraction(self.contract_size) if self.kind is InstrumentKind.LINEAR else Fraction(1)

    def amount_bounds(self, *, is_market: bool) -> tuple[Decimal | None, Decimal | None]:
        """The least and the most of one order; the stricter where two limits apply."""
        if not is_market:
            return self.min_amount, self.max_amount
        least = [each for each in (self.min_amount, self.market_min_amount) if each is not None]
        most = [each for each in (self.max_amount, self.market_max_amount) if each]
        return max(least, default=None), min(most, default=None)
