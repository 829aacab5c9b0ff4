from datetime import UTC, datetime
from decimal import Decimal

import pytest

from capital.domain.balances import (
    Observation,
    PoolReading,
    Source,
    choose_reading,
    reading_text,
)
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
YESTERDAY = datetime(2025, 1, 14, 23, tzinfo=UTC)
CACHED = Observation(Decimal("10369.00"), YESTERDAY)
TIMEOUT = Reason(Code.EXCHANGE_TIMEOUT, {"venue": "binance", "seconds": "15"})


@pytest.mark.parametrize("amount", ["5000.123456789", "0", "-250"])
@pytest.mark.parametrize("cached", [CACHED, None])
def test_a_live_reading_is_taken_whatever_it_says(amount, cached):
    reading = choose_reading(Pool.SPOT, Observation(Decimal(amount), NOON), cached)

    assert reading == PoolReading(
        Pool.SPOT, Decimal(amount), Source.LIVE, NOON, Reason(Code.LIVE_BALANCE)
    )


def test_a_failed_live_reading_falls_back_on_the_cache_and_says_why():
    assert choose_reading(Pool.FUTURES, TIMEOUT, CACHED) == PoolReading(
        Pool.FUTURES, Decimal("10369.00"), Source.CACHED, YESTERDAY, TIMEOUT
    )


def test_a_cached_zero_is_a_balance():
    reading = choose_reading(Pool.SPOT, TIMEOUT, Observation(Decimal(0), YESTERDAY))

    assert (reading.amount, reading.source) == (0, Source.CACHED)


def test_without_live_and_cache_nothing_is_known_which_is_not_zero():
    assert choose_reading(Pool.UNIFIED, TIMEOUT, None) == PoolReading(
        Pool.UNIFIED, None, Source.NONE, None, TIMEOUT
    )


def test_text_of_a_reading_has_the_decimals_of_its_currency_and_is_empty_for_none():
    reading = choose_reading(Pool.SPOT, Observation(Decimal("5.5"), NOON), None)

    assert reading_text(reading, "USDT") == "5.50"
    assert reading_text(reading, "KRW") == "5.5"
    assert reading_text(choose_reading(Pool.SPOT, TIMEOUT, CACHED), "USDT") == "10369.00"
    assert reading_text(choose_reading(Pool.SPOT, TIMEOUT, None), "USDT") == ""
    # A snapshot of an older version may hold an amount that was read from nowhere.
    assert (
        reading_text(PoolReading(Pool.SPOT, Decimal(5), Source.NONE, None, TIMEOUT), "USDT") == ""
    )
