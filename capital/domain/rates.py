"""Amounts of many currencies as one total, for display only: nothing is decided by it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from capital.domain.errors import RateMissing
from capital.domain.money import EXACT, floor_to, quantum_of


@dataclass(frozen=True)
class Rate:
    """One unit of a currency is ``rate`` of the reporting currency, as of ``observed_at``."""

    rate: Decimal
    observed_at: datetime


@dataclass(frozen=True)
class Reported:
    """A total in the reporting currency.

    Attributes:
        amount: Rounded down to the currency's quantum.
        oldest_at: The time of the oldest rate in it; None where none was needed.
    """

    amount: Decimal
    oldest_at: datetime | None


def total_in(currency: str, amounts: Mapping[str, Decimal], rates: Mapping[str, Rate]) -> Reported:
    """``amounts`` by currency, converted by ``rates`` and added up.

    A stablecoin is not taken for a dollar, and a rate is not inverted: a rate that was not
    stored is missing.

    Raises:
        RateMissing: A currency with an amount other than zero has no rate.
    """
    total = Decimal(0)
    used = []
    for name, amount in amounts.items():
        if not amount:
            continue
        if name == currency:
            total = EXACT.add(total, amount)
            continue
        if name not in rates:
            raise RateMissing(base=name, quote=currency)
        used.append(rates[name].observed_at)
        total = EXACT.add(total, EXACT.multiply(amount, rates[name].rate))
    return Reported(floor_to(total, quantum_of(currency)), min(used, default=None))
