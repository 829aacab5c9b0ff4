"""Totals in one currency: by the rates that are stored, or not at all."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from capital.domain.errors import RateMissing
from capital.domain.rates import Rate, Reported, total_in

OLD, NEW = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


def test_total_is_converted_exactly_and_says_how_old_its_oldest_rate_is() -> None:
    rates = {"USDT": Rate(Decimal("1385.5"), NEW), "BTC": Rate(Decimal("90000000"), OLD)}

    total = total_in(
        "KRW", {"KRW": Decimal(1000), "USDT": Decimal("10.01"), "BTC": Decimal("0.001")}, rates
    )

    # 1000 + 13868.855 + 90000
    assert total == Reported(Decimal(104868), OLD)


def test_missing_rate_refuses_rather_than_guesses() -> None:
    for currency, amounts in (
        ("USD", {"USDT": Decimal(1)}),
        # Not turned round either.
        ("USDT", {"KRW": Decimal(1)}),
    ):
        with pytest.raises(RateMissing) as refused:
            total_in(currency, amounts, {"BTC": Rate(Decimal(1), NEW)})
        (name,) = amounts
        assert str(refused.value) == (
            f"There is no rate from {name} to {currency}, so this total is not known. "
            "Whoever runs this installation can store one."
        )


def test_nothing_needs_no_rate() -> None:
    assert total_in("KRW", {"USDT": Decimal(0)}, {}) == Reported(Decimal(0), None)


def test_own_currency_and_nothing_are_passed_over_and_the_others_counted() -> None:
    rates = {"USDT": Rate(Decimal(1400), NEW)}
    amounts = {"BTC": Decimal(0), "KRW": Decimal(-1), "USDT": Decimal("0.001")}

    assert total_in("KRW", amounts, rates) == Reported(Decimal(0), NEW)
    assert total_in("USD", {"USD": Decimal("1.239")}, rates) == Reported(Decimal("1.23"), None)
