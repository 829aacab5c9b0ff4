"""Markets: at what price the simulated venues trade, and how their public endpoints fail.

A price can be changed: ``POST /simulator/prices`` or ``MarketPlace.set_price``. No key is needed.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from capital.simulator.errors import SimulatorError
from capital.simulator.faults import Fault

_BARE = "\N{UNIT SEPARATOR}"
_BARE_TEXT = re.compile(r'"\\u001f([^"]*)"')
# Milliseconds of a candle.
_MINUTE = 60_000
_UNITS = {"m": _MINUTE, "h": 60 * _MINUTE, "d": 24 * 60 * _MINUTE}
_MOST_CANDLES = 1500

PRICES = {
    "BTC/USDT": "61234.5",
    "ETH/USDT": "2987.65",
    "BTC/USDC": "61234.5",
    "ETH/USDC": "2987.65",
    "BTC/USD": "61234.5",
    "ETH/USD": "2987.65",
    "BTC/KRW": "95000000",
    "ETH/KRW": "4600000",
}
"""What a pair costs at first, wherever it is traded."""


class MarketPlace:
    """Prices, and how the public endpoints are told to fail. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._prices = dict(PRICES)
        self._fault: Fault | None = None
        self._faults: dict[str, Fault] = {}
        self._requests: list[str] = []

    @property
    def requests(self) -> list[str]:
        """Path and query of what was asked so far; a copy."""
        with self._lock:
            return list(self._requests)

    @property
    def fault(self) -> Fault | None:
        """What every public endpoint suffers from."""
        return self._fault

    def fail(self, fault: Fault | str | None) -> None:
        """From now on every public endpoint fails so; None: no longer."""
        self._fault = None if fault is None else Fault(fault)

    def fail_at(self, path: str, fault: Fault | str | None) -> None:
        """From now on the public endpoint with this path fails so; None: no longer."""
        with self._lock:
            self._faults.pop(path, None)
            if fault is not None:
                self._faults[path] = Fault(fault)

    def fault_at(self, path: str) -> Fault | None:
        """What the public endpoint with this path suffers from."""
        with self._lock:
            return self._fault or self._faults.get(path)

    def note(self, target: str) -> None:
        """Somebody asked this."""
        with self._lock:
            self._requests.append(target)

    def price(self, pair: str) -> str:
        """What ``BASE/QUOTE`` costs."""
        with self._lock:
            return self._prices[pair]

    def set_price(self, pair: str, price: str) -> None:
        """From now on ``BASE/QUOTE`` costs this, wherever it is traded.

        Raises:
            SimulatorError: No such pair is traded, or it is no price.
        """
        try:
            valid = isinstance(price, str) and Decimal(price) > 0 and Decimal(price).is_finite()
        except InvalidOperation:
            valid = False
        if not valid:
            raise SimulatorError('a price must be a decimal string above zero such as "61234.5".')
        with self._lock:
            if pair not in self._prices:
                raise SimulatorError(
                    f"no pair {pair!r}; use one of {', '.join(sorted(self._prices))}."
                )
            self._prices[pair] = price


def bare(number: str) -> str:
    """``number`` as ``as_json`` writes it without quotes, to its last digit."""
    return _BARE + number


def as_json(answer: Any) -> str:
    """The text of an answer."""
    return _BARE_TEXT.sub(r"\1", json.dumps(answer, ensure_ascii=False))


def now_milliseconds() -> int:
    """The machine's time, as venues write it."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Span:
    """One candle's time, in Unix milliseconds: from its first moment to its last one."""

    opened_at: int
    closed_at: int


def candle_spans(interval: str, *, limit: str, start: str, end: str, now: int) -> Iterator[Span]:
    """The times of the candles that are asked for, the oldest first; the last one is not over.

    Args:
        interval: ``1m``, ``4h``, ``1d`` …
        limit: How many at most; empty: 500.
        start: When the first one opens at the earliest; empty: as many as there may be.
        end: When the last one opens at the latest; empty: now.
        now: The venue's clock.
    """
    length = int(interval[:-1]) * _UNITS[interval[-1]]
    most = min(int(limit or 500), _MOST_CANDLES)
    last = min(int(end or now), now) // length * length
    first = last - (most - 1) * length
    if start:
        first = -(-int(start) // length) * length
        last = min(last, first + (most - 1) * length)
    for opened_at in range(first, last + 1, length):
        yield Span(opened_at, opened_at + length - 1)
