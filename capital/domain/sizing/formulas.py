"""The formulas of sizing: what an amount costs, and how much a budget buys.

All amounts of money are in the instrument's settle currency. The formulas extend
``capital × percent ÷ price × leverage`` by the fee and the utilisation; docs/sizing.md derives
them. They calculate with fractions, because ``1 × 3 ÷ (300 × 0.01)`` must be 1 and not 0.999…
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from capital.domain.money import fraction_of
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules


@dataclass(frozen=True)
class Terms:
    """The figures that size a link's orders.

    Attributes:
        capital: The link's capital in account currency, >= 0.
        leverage: > 0; 1 on spot.
        fee_rate: The venue's fee as a part of an order's notional, in [0, 1).
        utilisation: Which part of a budget is used, in (0, 1].
        max_budget_percent: What one order may cost at most, in percent of the capital.
    """

    capital: Decimal
    leverage: Decimal = Decimal(1)
    fee_rate: Decimal = Decimal(0)
    utilisation: Decimal = Decimal(1)
    max_budget_percent: Decimal = Decimal(100)

    def budget(self, percent: Decimal) -> Fraction:
        """``percent`` of the capital."""
        return fraction_of(self.capital) * fraction_of(percent) / 100


@dataclass(frozen=True)
class Cost:
    """What an order costs, in account currency.

    Attributes:
        notional: The order's value.
        margin: The capital that it ties up.
        fee: The venue's fee.
    """

    notional: Fraction
    margin: Fraction
    fee: Fraction

    @property
    def total(self) -> Fraction:
        """Margin and fee together."""
        return self.margin + self.fee


def worth_of_one(rules: InstrumentRules, price: Decimal) -> Fraction:
    """The value of an amount of one at ``price``, in the settle currency."""
    worth = rules.quoted_worth_of_one(price)
    return worth / fraction_of(price) if rules.kind is InstrumentKind.INVERSE else worth


def cost_of(amount: Decimal, rules: InstrumentRules, terms: Terms, price: Decimal) -> Cost:
    """What it costs to order ``amount``."""
    notional = fraction_of(amount) * worth_of_one(rules, price)
    margin = notional / fraction_of(terms.leverage)
    return Cost(notional, margin, notional * fraction_of(terms.fee_rate))


def amount_for_budget(
    budget: Fraction, rules: InstrumentRules, terms: Terms, price: Decimal
) -> Fraction:
    """The amount whose margin and fee are ``budget`` times the utilisation.

    spot ``B·u / ((1 + f)·P)``, linear ``B·u·L / ((1 + f·L)·P·cs)``,
    inverse ``B·u·L·P / ((1 + f·L)·cs)``: one formula over the value of one contract.
    """
    leverage, fee_rate = fraction_of(terms.leverage), fraction_of(terms.fee_rate)
    spent = budget * fraction_of(terms.utilisation)
    return spent * leverage / ((1 + fee_rate * leverage) * worth_of_one(rules, price))


def amount_for_risk(
    risk_percent: Decimal, rules: InstrumentRules, terms: Terms, *, entry: Decimal, stop: Decimal
) -> Fraction:
    """The amount that loses ``risk_percent`` of the capital between ``entry`` and ``stop``.

    The fees for entry and exit are part of the loss: ``q = ρ·capital / (|e − s| + f·(e + s))`` in
    base units. An inverse contract loses coins: ``cs·|1/e − 1/s| + f·cs·(1/e + 1/s)`` each. Where
    its amount is in coins, the contract is the value of one coin at the entry.

    Args:
        risk_percent: > 0.
        rules: The instrument's.
        terms: The link's.
        entry: The price at which the order is filled, > 0.
        stop: The price at which the position is closed, > 0 and not ``entry``.
    """
    at_entry, at_stop = worth_of_one(rules, entry), worth_of_one(rules, stop)
    if rules.kind is InstrumentKind.INVERSE:
        at_stop = rules.quoted_worth_of_one(entry) / Fraction(stop)
    loss_of_one = abs(at_entry - at_stop) + Fraction(terms.fee_rate) * (at_entry + at_stop)
    return terms.budget(risk_percent) / loss_of_one
