"""The formulas of sizing, over fractions: what an amount costs, and what a budget buys.

All amounts of money are in the currency that the market is paid in. They are the plain formula
``capital × percent ÷ price × leverage`` with the fee and the utilisation put in; docs/sizing.md
derives them. Fractions, because ``1 × 3 ÷ (300 × 0.01)`` must be 1 and not 0.999…
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules


@dataclass(frozen=True)
class Terms:
    """On what terms a link trades one market.

    Attributes:
        capital: Of the link, in account currency, >= 0.
        leverage: > 0; 1 on spot.
        fee_rate: What the venue takes of an order's worth, in [0, 1).
        utilisation: How much of a budget is used, in (0, 1].
        max_budget_percent: Of the capital, what one order may cost at most.
    """

    capital: Decimal
    leverage: Decimal = Decimal(1)
    fee_rate: Decimal = Decimal(0)
    utilisation: Decimal = Decimal(1)
    max_budget_percent: Decimal = Decimal(100)

    def budget(self, percent: Decimal) -> Fraction:
        """``percent`` of the capital."""
        return Fraction(self.capital) * Fraction(percent) / 100


@dataclass(frozen=True)
class Cost:
    """What an order comes to, in account currency.

    Attributes:
        notional: Its worth.
        margin: What it ties up.
        fee: What the venue takes.
    """

    notional: Fraction
    margin: Fraction
    fee: Fraction

    @property
    def total(self) -> Fraction:
        """What must be there: margin and fee."""
        return self.margin + self.fee


def worth_of_one(rules: InstrumentRules, price: Decimal) -> Fraction:
    """The worth of an amount of one at ``price``, in what the market is paid in."""
    size, at = Fraction(rules.contract_size), Fraction(price)
    return size / at if rules.kind is InstrumentKind.INVERSE else size * at


def cost_of(amount: Decimal, rules: InstrumentRules, terms: Terms, price: Decimal) -> Cost:
    """What ordering ``amount`` comes to."""
    notional = Fraction(amount) * worth_of_one(rules, price)
    margin = notional / Fraction(terms.leverage)
    return Cost(notional, margin, notional * Fraction(terms.fee_rate))


def quoted_worth_of_one(rules: InstrumentRules, price: Decimal) -> Fraction:
    """The worth of an amount of one in the quote currency: what cost limits are about."""
    size = Fraction(rules.contract_size)
    return size if rules.kind is InstrumentKind.INVERSE else size * Fraction(price)


def amount_for_budget(
    budget: Fraction, rules: InstrumentRules, terms: Terms, price: Decimal
) -> Fraction:
    """The amount whose margin and fee come to ``budget`` times the utilisation.

    spot ``B·u / ((1 + f)·P)``, linear ``B·u·L / ((1 + f·L)·P·cs)``,
    inverse ``B·u·L·P / ((1 + f·L)·cs)``: one formula with the worth of one contract in it.
    """
    leverage, fee_rate = Fraction(terms.leverage), Fraction(terms.fee_rate)
    spent = budget * Fraction(terms.utilisation)
    return spent * leverage / ((1 + fee_rate * leverage) * worth_of_one(rules, price))


def amount_for_risk(
    risk_percent: Decimal, rules: InstrumentRules, terms: Terms, *, entry: Decimal, stop: Decimal
) -> Fraction:
    """The amount that loses ``risk_percent`` of the capital between ``entry`` and ``stop``.

    Both fees are part of the loss: ``q = ρ·capital / (|e − s| + f·(e + s))`` in base units. Of
    an inverse contract the loss is in the coin: ``cs·|1/e − 1/s| + f·cs·(1/e + 1/s)``.

    Args:
        risk_percent: > 0.
        rules: Of the market.
        terms: Of the link.
        entry: Above zero.
        stop: Above zero, and another price than ``entry``.
    """
    at_entry, at_stop = worth_of_one(rules, entry), worth_of_one(rules, stop)
    loss_of_one = abs(at_entry - at_stop) + Fraction(terms.fee_rate) * (at_entry + at_stop)
    return terms.budget(risk_percent) / loss_of_one
