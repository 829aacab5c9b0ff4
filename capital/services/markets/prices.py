"""The price of an instrument, from its venue, cached for two seconds.

The cache is in the memory of one process: two seconds are not worth a database query. Whoever asks
while the venue is already being asked waits for that answer, so that a burst of orders is one
request.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings

from capital.domain.clock import Clock
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.prices import MarketPrice
from capital.exchange.contract import MarketGateway, Quoted
from capital.exchange.gateway import get_market_gateway
from capital.services.clocks import steady_clock
from capital.services.transactions import outside_transaction

CACHED_FOR = timedelta(seconds=2)


class PriceSource(StrEnum):
    """Where a price comes from: the order itself, the venue now, or this cache."""

    GIVEN = "given"
    TICKER = "ticker"
    CACHE = "cache"


@dataclass(frozen=True)
class Price:
    """What the venue says of a price, and where that comes from."""

    market: MarketPrice
    source: PriceSource


@dataclass(frozen=True)
class _Cached:
    """An answer, when it came, and until when by the clock that is never set it is fresh."""

    answer: MarketPrice | Reason
    asked_at: datetime
    fresh_until: timedelta


_cache: dict[Quoted, _Cached] = {}
_locks: dict[Quoted, threading.Lock] = {}
_guard = threading.Lock()


@outside_transaction
def last_prices(
    quoted: Sequence[Quoted],
    *,
    patience: timedelta | None = None,
    clock: Clock,
) -> dict[Quoted, Price | Reason]:
    """The price of each instrument, or why there is none.

    Call it outside a transaction: it waits for the network.

    A failure is cached as long as a price, so that not every order waits for a venue that does
    not answer.

    Args:
        quoted: Instruments of any venues, each once.
        patience: How long a venue may take; None for the usual time.
        clock: Says what time it is.
    """
    if not settings.CAPITAL_LIVE_BALANCES:
        return dict.fromkeys(quoted, Reason(Code.LIVE_DISABLED))
    found = _cached_prices(quoted, clock(), steady_clock())
    missing = [each for each in quoted if each not in found]
    if not missing:
        return found
    with _one_asker(missing):
        # Whoever held the locks may have asked for these prices.
        found |= _cached_prices(missing, clock(), steady_clock())
        missing = [each for each in missing if each not in found]
        answers = _gateway(patience).fetch_prices(missing) if missing else {}
        asked_at, fresh_until = clock(), steady_clock() + CACHED_FOR
        for each, answer in answers.items():
            _cache[each] = _Cached(answer, asked_at, fresh_until)
            found[each] = _price_of(answer, PriceSource.TICKER)
    return found


def _gateway(patience: timedelta | None) -> MarketGateway:
    return get_market_gateway() if patience is None else get_market_gateway(patience=patience)


def forget_prices() -> None:
    """Empty the cache."""
    _cache.clear()


def _cached_prices(
    quoted: Sequence[Quoted], now: datetime, elapsed: timedelta
) -> dict[Quoted, Price | Reason]:
    found: dict[Quoted, Price | Reason] = {}
    for each in quoted:
        cached = _cache.get(each)
        if cached is None or elapsed >= cached.fresh_until:
            continue
        # Whoever asks as of another time, an earlier or a later one, does not get this answer.
        if not timedelta() <= now - cached.asked_at < CACHED_FOR:
            continue
        found[each] = _price_of(cached.answer, PriceSource.CACHE)
    return found


def _price_of(answer: MarketPrice | Reason, source: PriceSource) -> Price | Reason:
    return Price(answer, source) if isinstance(answer, MarketPrice) else answer


@contextmanager
def _one_asker(quoted: Sequence[Quoted]) -> Iterator[None]:
    with ExitStack() as stack:
        # Sorted, so that two batches never wait for each other.
        for each in sorted(quoted, key=lambda one: (one.venue, one.symbol)):
            with _guard:
                lock = _locks.setdefault(each, threading.Lock())
            stack.enter_context(lock)
        yield
