"""The amounts of an order told in money, for bots that think so, in the quote currency.

Such a bot divides money by a price, often in binary floating point, and rounds down to a step. So
a stake is that of the amount and half a step more: the amount comes out again, and never one more.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from capital.domain.money import fraction_of
from capital.domain.sizing.instruments import InstrumentRules
from capital.domain.sizing.orders import OrderRequest, OrderType, Side

_NOTHING = Decimal(0)


@dataclass(frozen=True)
class Stakes:
    """What an order ties up, its fee not counted.

    Attributes:
        stake: Of the amount and half a step; 0 for an amount of 0.
        step: Of one step.
        least: Of the smallest order.
        most: Of the largest order that the market takes; None where nothing bounds it.
    """

    stake: Fraction
    step: Fraction
    least: Fraction
    most: Fraction | None


def stakes_of(
    order: OrderRequest,
    rules: InstrumentRules,
    *,
    amount: Decimal,
    step: Decimal,
    price: Decimal,
    leverage: Decimal,
) -> Stakes:
    """The stakes of a sized order.

    Args:
        order: Admitted.
        rules: The instrument's.
        amount: What it was sized at, in the instrument's unit.
        step: The step of amounts there, > 0.
        price: The price that it was sized at, > 0.
        leverage: With which, > 0; 1 on spot.
    """
    worth = rules.quoted_worth_of_one(price)
    of_one = worth / fraction_of(leverage)
    one = fraction_of(step)
    least, most = _bounds(order, rules, one, worth)
    half = one / 2 if amount else Fraction(0)
    return Stakes(
        stake=(fraction_of(amount) + half) * of_one,
        step=one * of_one,
        least=least * of_one,
        most=None if most is None else most * of_one,
    )


def _bounds(
    order: OrderRequest, rules: InstrumentRules, step: Fraction, worth: Fraction
) -> tuple[Fraction, Fraction | None]:
    """The smallest and the largest amount that the market takes, in whole steps."""
    is_market, is_buy = OrderType(order.order_type).is_market, order.side == Side.BUY
    least, most = rules.amount_bounds(is_market=is_market, is_buy=is_buy)
    dearest = rules.cost_bound(is_market=is_market, is_buy=is_buy)
    floors = [step, fraction_of(least or _NOTHING), fraction_of(rules.min_cost or _NOTHING) / worth]
    ceilings = [Fraction(most)] if most is not None else []
    if dearest is not None:
        ceilings.append(Fraction(dearest) / worth)
    largest = floor(min(ceilings) / step) * step if ceilings else None
    return ceil(max(floors) / step) * step, largest
