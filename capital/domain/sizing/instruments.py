"""The trading rules of an instrument: how one symbol of one venue may be ordered."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cached_property

from capital.domain.money import fraction_of
from strategies.markets import MarketType


class InstrumentKind(StrEnum):
    """What a position is in, and in which currency it is paid. ``value`` is stored."""

    SPOT = "spot"
    """Base units, paid in the quote currency."""
    LINEAR = "linear"
    """Contracts of a number of base units, paid in the settle currency."""
    INVERSE = "inverse"
    """Contracts of an amount of quote currency, paid in the base currency."""

    @property
    def market_type(self) -> MarketType:
        """The market that it belongs to."""
        return MarketType.SPOT if self is InstrumentKind.SPOT else MarketType.FUTURES


class AmountUnit(StrEnum):
    """What the amount of an order counts, as ccxt's ``create_order`` takes it there.

    A venue's row says it for each kind of instrument; ``value`` is stored.
    """

    CONTRACTS = "contracts"
    BASE = "base"
    """Units of the base currency."""
    QUOTE = "quote"
    """An amount of the quote currency."""


class PrecisionMode(StrEnum):
    """How a venue states the precision of amounts: ccxt's three ways."""

    TICK_SIZE = "tick_size"
    """The precision is the step: amounts are multiples of it."""
    DECIMAL_PLACES = "decimal_places"
    """The precision is a number of decimals; a negative one is of zeros before the point."""
    SIGNIFICANT_DIGITS = "significant_digits"
    """The precision is a number of digits, counted from the first that is not zero."""


@dataclass(frozen=True)
class LeverageBracket:
    """Up to which size of a position a leverage is allowed.

    Attributes:
        leverage: The highest one, > 0.
        max_notional: Up to which value, in the quote currency; None for any, or by amount.
        max_amount: Up to which amount, in the venue's unit; None for any, or by value.
        max_settled: Up to which value in the settle currency, where that is not the quote currency:
            of inverse contracts. None for any, or by another limit.
    """

    leverage: Decimal
    max_notional: Decimal | None = None
    max_amount: Decimal | None = None
    max_settled: Decimal | None = None


@dataclass(frozen=True)
class InstrumentRules:
    """The rules of one instrument. Steps and limits are in ``amount_unit``.

    Attributes:
        symbol: ccxt's symbol.
        kind: What an amount counts.
        quote: The currency of the price and of ``min_cost`` and ``max_cost``.
        settle: The currency that it is paid in, which must be the account's.
        precision_mode: What ``amount_precision`` means.
        amount_precision: A step > 0, or a number of digits.
        contract_size: Base units (linear) or quote currency (inverse) in one contract, > 0; 1
            on spot. Where the amount of an inverse order is in base units, so is this.
        amount_unit: What an order's amount counts; on spot, contracts are base units. None where
            that is not known: nothing can be sized.
        min_amount: The smallest order; None for no limit, here and below.
        max_amount: The largest order.
        market_min_amount: The smallest market order, beside ``min_amount``.
        market_max_amount: The largest market order, beside ``max_amount``.
        min_cost: The smallest value of an order, in the quote currency.
        max_cost: The largest value of an order, in the quote currency.
        market_max_cost: The largest value of a market order, beside ``max_cost``.
        market_buy_max_cost: The largest value of a market order that buys, beside both.
        market_sell_max_amount: The largest market order that sells, beside ``market_max_amount``.
        max_leverage: The highest leverage; None where the venue does not tell.
        brackets: The highest leverage by the size of a position, from the smallest size.
    """

    symbol: str
    kind: InstrumentKind
    quote: str
    settle: str
    precision_mode: PrecisionMode
    amount_precision: Decimal
    contract_size: Decimal = Decimal(1)
    amount_unit: AmountUnit | None = AmountUnit.CONTRACTS
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    market_min_amount: Decimal | None = None
    market_max_amount: Decimal | None = None
    min_cost: Decimal | None = None
    max_cost: Decimal | None = None
    market_max_cost: Decimal | None = None
    market_buy_max_cost: Decimal | None = None
    market_sell_max_amount: Decimal | None = None
    max_leverage: Decimal | None = None
    brackets: tuple[LeverageBracket, ...] = ()

    @cached_property
    def contracts_of_one(self) -> Fraction:
        """How many contracts an amount of one is."""
        if self.amount_unit in (AmountUnit.CONTRACTS, None):
            return Fraction(1)
        return 1 / Fraction(self.contract_size)

    @cached_property
    def quantity_of_one(self) -> Fraction:
        """The quantity that an amount of one stands for: base units, for inverse ones contracts.

        An inverse contract is a fixed amount of quote currency. How many base units that is
        depends on the price, so there the contracts themselves are the quantity.
        """
        if self.kind is InstrumentKind.INVERSE:
            return self.contracts_of_one
        return self.contracts_of_one * Fraction(self.contract_size)

    def quoted_worth_of_one(self, price: Decimal) -> Fraction:
        """The value of an amount of one in the quote currency, in which cost limits are given."""
        if self.kind is not InstrumentKind.INVERSE:
            return self.quantity_of_one * fraction_of(price)
        if self.amount_unit is AmountUnit.BASE:
            return fraction_of(price)
        return self.contracts_of_one * Fraction(self.contract_size)

    def amount_bounds(
        self, *, is_market: bool, is_buy: bool = True
    ) -> tuple[Decimal | None, Decimal | None]:
        """The smallest and the largest order; the strictest limit where several apply."""
        if not is_market:
            return self.min_amount, self.max_amount
        limits = [self.max_amount, self.market_max_amount]
        if not is_buy:
            limits.append(self.market_sell_max_amount)
        least = [each for each in (self.min_amount, self.market_min_amount) if each is not None]
        return max(least, default=None), min([each for each in limits if each], default=None)

    def cost_bound(self, *, is_market: bool, is_buy: bool = True) -> Decimal | None:
        """The largest value of an order, in the quote currency."""
        limits = [self.max_cost]
        if is_market:
            limits.append(self.market_max_cost)
            if is_buy:
                limits.append(self.market_buy_max_cost)
        return min([each for each in limits if each], default=None)

    def is_dust(self, quantity: Decimal) -> bool:
        """Whether a position is too small for any order: less than a step, or than the minimum."""
        amount = abs(Fraction(quantity)) / self.quantity_of_one
        return 0 < amount < max(_smallest_step(self), Fraction(self.min_amount or 0))

    @property
    def least_quantity(self) -> Fraction:
        """The quantity of one step; 0 where no quantity is too small for one."""
        return _smallest_step(self) * self.quantity_of_one


def _smallest_step(rules: InstrumentRules) -> Fraction:
    """One step; 0 where steps are significant digits, by which no amount is too small."""
    if rules.precision_mode is PrecisionMode.TICK_SIZE:
        return Fraction(rules.amount_precision)
    if rules.precision_mode is PrecisionMode.DECIMAL_PLACES:
        return Fraction(1) / Fraction(10) ** int(rules.amount_precision)
    return Fraction(0)
