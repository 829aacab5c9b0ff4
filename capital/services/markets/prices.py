"""The last price of a market, from its venue, kept for two seconds.

In the memory of one process: a price that another process read is not worth a query. Whoever asks
while somebody else is asking waits for that answer, so that a burst of orders is one question.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from django.conf import settings

from capital.domain.clock import Clock
from capital.domain.reasons import Code, Reason
from capital.exchange.contract import MarketGateway, Quoted
from capital.exchange.gateway import get_market_gateway
from capital.services.transactions import outside_transaction

KEPT_FOR = timedelta(seconds=2)


class PriceSource(StrEnum):
    """Where the price of an answer comes from."""

    GIVEN = "given"
    TICKER = "ticker"
    CACHE = "cache"


@dataclass(frozen=True)
class Price:
    """A price, > 0, and where it comes from."""

    amount: Decimal
    source: PriceSource


@dataclass(frozen=True)
class _Kept:
    answer: Decimal | Reason
    until: datetime


_kept: dict[Quoted, _Kept] = {}
_locks: dict[Quoted, threading.Lock] = {}
_guard = threading.Lock()


@outside_transaction
def last_prices(
    quoted: Sequence[Quoted], *, patience: timedelta | None = None, clock: Clock
) -> dict[Quoted, Price | Reason]:
    """The last price of each market, or why there is none.

    Call it outside a transaction: it waits for the network.

    A failure is kept as long as a price is: a venue that does not answer is not waited for by
    every order anew.

    Args:
        quoted: Of any venues; each once.
        patience: How long a venue may take; None: as long as is usual.
        clock: Says what time it is.
    """
    if not settings.CAPITAL_LIVE_BALANCES:
        return dict.fromkeys(quoted, Reason(Code.LIVE_DISABLED))
    found = _still_kept(quoted, clock())
    missing = [each for each in quoted if each not in found]
    if not missing:
        return found
    with _only_one_asks(missing):
        # Somebody else may have asked while we waited for them.
        found |= _still_kept(missing, clock())
        missing = [each for each in missing if each not in found]
        answers = _gateway(patience).fetch_prices(missing) if missing else {}
        until = clock() + KEPT_FOR
        for each, answer in answers.items():
            _kept[each] = _Kept(answer, until)
            found[each] = _from(answer, PriceSource.TICKER)
    return found


def _gateway(patience: timedelta | None) -> MarketGateway:
    return get_market_gateway() if patience is None else get_market_gateway(patience=patience)


def forget_prices() -> None:
    """Ask anew from now on."""
    _kept.clear()


def _still_kept(quoted: Sequence[Quoted], now: datetime) -> dict[Quoted, Price | Reason]:
    found: dict[Quoted, Price | Reason] = {}
    for each in quoted:
        kept = _kept.get(each)
        # Not from the future either: clocks are put back.
        if kept is None or not now < kept.until <= now + KEPT_FOR:
            continue
        found[each] = _from(kept.answer, PriceSource.CACHE)
    return found


def _from(answer: Decimal | Reason, source: PriceSource) -> Price | Reason:
    return Price(answer, source) if isinstance(answer, Decimal) else answer


@contextmanager
def _only_one_asks(quoted: Sequence[Quoted]) -> Iterator[None]:
    with ExitStack() as stack:
        # In one order, so that two batches cannot wait for each other.
        for each in sorted(quoted, key=lambda market: (market.venue, market.symbol)):
            with _guard:
                lock = _locks.setdefault(each, threading.Lock())
            stack.enter_context(lock)
        yield
