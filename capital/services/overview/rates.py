"""Stored rates, and totals in one currency by them: for display, never for a decision."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import InvalidRate, RateMissing
from capital.domain.money import EXACT, parse_amount, plain
from capital.domain.rates import Rate, Reported, total_in
from capital.domain.reasons import Reason
from capital.models import ReportingRate
from capital.models.accounts import CURRENCY_PATTERN

# What is worth less than this part of everything is dust: one in so many.
_DUST = Decimal(1000)


def store_rate(base: str, quote: str, rate: str, *, clock: Clock = timezone.now) -> ReportingRate:
    """Store that one unit of ``base`` is worth ``rate`` of ``quote``, from now on.

    Raises:
        InvalidAmount: ``rate`` is not a plain decimal number.
        InvalidRate: It is not above zero, or these are not two currencies.
    """
    base, quote, amount = base.strip().upper(), quote.strip().upper(), parse_amount(rate.strip())
    check_rate(base, quote, amount)
    stored, _created = ReportingRate.objects.update_or_create(
        base=base, quote=quote, defaults={"rate": amount, "observed_at": clock()}
    )
    return stored


def check_rate(base: str, quote: str, rate: Decimal) -> None:
    """Refuse a rate that cannot be one.

    Raises:
        InvalidRate: It is not above zero, or these are not two currencies.
    """
    if (
        rate <= 0
        or base == quote
        or not all(re.fullmatch(CURRENCY_PATTERN, name) for name in (base, quote))
    ):
        raise InvalidRate(base=base, quote=quote, rate=plain(rate))


@dataclass(frozen=True)
class CombinedTotal:
    """The total of several currencies in one.

    Attributes:
        currency: The currency of the total.
        total: None where a rate is missing, or no balance is known.
        missing: The reason that names the missing rate; None where none is missing.
        is_partial: Whether a balance is unknown, and not counted.
        worths: What each currency's total is worth in it, where there is a rate.
    """

    currency: str
    total: Reported | None
    missing: Reason | None
    is_partial: bool
    worths: Mapping[str, Decimal]

    @property
    def dust(self) -> frozenset[str]:
        """The currencies that are worth less than a thousandth of what all are worth together."""
        whole = sum(self.worths.values(), Decimal(0))
        return frozenset(
            name for name, worth in self.worths.items() if EXACT.multiply(abs(worth), _DUST) < whole
        )


def combine_totals(currency: str, totals: Mapping[str, Decimal | None]) -> CombinedTotal:
    """One total in ``currency`` of ``totals`` by currency, in which None is unknown."""
    known = {name: amount for name, amount in totals.items() if amount is not None}
    rates = _read_rates(currency, known)
    total, missing = None, None
    try:
        total = total_in(currency, known, rates) if known else None
    except RateMissing as error:
        missing = error.reason
    worths = {
        name: total_in(currency, {name: amount}, rates).amount
        for name, amount in known.items()
        if not amount or name == currency or name in rates
    }
    is_partial = len(known) < len(totals)
    return CombinedTotal(currency, total, missing, is_partial, worths)


def reported_total(currency: str, amounts: Mapping[str, Decimal]) -> Reported:
    """One total in ``currency`` of ``amounts`` by currency, with the age of its oldest rate.

    Raises:
        RateMissing: One of them has no stored rate.
    """
    return total_in(currency, amounts, _read_rates(currency, amounts))


def _read_rates(currency: str, names: Iterable[str]) -> dict[str, Rate]:
    rows = ReportingRate.objects.filter(quote=currency, base__in=list(names))
    return {row.base: Rate(row.rate, row.observed_at) for row in rows}
