"""Upbit and Bithumb: orders as a whole, with the time when they were placed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.simulator.trading.book import Fill, plain
from capital.simulator.trading.question import (
    DAY_MILLISECONDS,
    Asked,
    Question,
    Refused,
    TradingVenue,
    listed,
)
from capital.simulator.venues.korea import (
    BITHUMB_REFUSALS,
    BITHUMB_SCHEME,
    UPBIT_REFUSALS,
    UPBIT_SCHEME,
)

_INSTRUMENTS = listed(("BTC/KRW", "KRW-BTC"), ("ETH/KRW", "KRW-ETH"))
_SEOUL = timezone(timedelta(hours=9))


@dataclass(frozen=True)
class _Order:
    fills: Sequence[Fill]

    @property
    def first(self) -> Fill:
        return self.fills[0]

    @property
    def is_for_money(self) -> bool:
        """A market order buys for an amount of money; what is left of it is cancelled."""
        return self.first.is_buy and not self.first.is_maker

    @property
    def state(self) -> str:
        return "cancel" if self.is_for_money else "done"


def _orders(asked: Asked) -> list[_Order]:
    """Those of which something was executed, the newest first."""
    by_id: dict[str, list[Fill]] = {}
    for fill in asked.fills(lambda _: True):
        by_id.setdefault(fill.order_id, []).append(fill)
    orders = [_Order(fills) for fills in by_id.values()]
    market, state = asked.text("market"), asked.text("state")
    return [
        order
        for order in sorted(orders, key=lambda each: each.first.number, reverse=True)
        if market in ("", order.first.instrument.name) and state in ("", order.state)
    ]


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def _written(order: _Order, identifier: str) -> Any:
    first = order.first
    volume = _sum(fill.quantity for fill in order.fills)
    funds = _sum(EXACT.multiply(fill.quantity, fill.price) for fill in order.fills)
    fees = _sum(amount for fill in order.fills for amount, _ in fill.fees)
    placed = datetime.fromtimestamp(first.at_milliseconds // 1000, UTC).astimezone(_SEOUL)
    kind = "limit" if first.is_maker else "price" if first.is_buy else "market"
    return {
        "uuid": first.order_id,
        "side": "bid" if first.is_buy else "ask",
        "ord_type": kind,
        "price": plain(funds) if order.is_for_money else plain(first.price),
        "state": order.state,
        "market": first.instrument.name,
        "created_at": placed.isoformat(),
        "volume": None if order.is_for_money else plain(volume),
        "remaining_volume": None if order.is_for_money else "0",
        "reserved_fee": "0",
        "remaining_fee": "0",
        "paid_fee": plain(fees),
        "locked": "0",
        "executed_volume": plain(volume),
        "executed_funds": plain(funds),
        "trades_count": len(order.fills),
        **({identifier: first.client_order_id} if first.client_order_id else {}),
    }


def _closed(asked: Asked) -> Any:
    """``GET /v1/orders/closed`` of Upbit: of seven days at most."""
    week = 7 * DAY_MILLISECONDS
    first, last = asked.number("start_time", -1), asked.number("end_time", -1)
    if first < 0 and last < 0:
        last = asked.now_milliseconds
    first = last - week if first < 0 else first
    last = first + week if last < 0 else last
    if last - first > week:
        raise Refused(
            400, "validation_error", "the period between start_time and end_time is 7 days"
        )
    rows = [each for each in _orders(asked) if first <= each.first.at_milliseconds <= last]
    limit = min(asked.number("limit", 100), 1000)
    return [_written(each, "identifier") for each in rows[:limit]]


def _pages(asked: Asked) -> Any:
    """``GET /v1/orders`` of Bithumb: by page, from 1 on; else those that wait."""
    if asked.text("state") not in ("done", "cancel"):
        return []
    limit = min(asked.number("limit", 100), 100)
    start = (max(asked.number("page", 1), 1) - 1) * limit
    rows = _orders(asked)
    if asked.text("order_by") == "asc":
        rows = rows[::-1]
    return [_written(each, "client_order_id") for each in rows[start : start + limit]]


def _venue(path: str, answer: Callable[[Asked], Any], scheme: Any, refusals: Any) -> TradingVenue:
    question = Question(path, answer, scheme, refusals)
    return TradingVenue(_INSTRUMENTS, (question,), fees_in_quote=True)


TRADING = {
    "upbit": _venue("/v1/orders/closed", _closed, UPBIT_SCHEME, UPBIT_REFUSALS),
    "bithumb": _venue("/v1/orders", _pages, BITHUMB_SCHEME, BITHUMB_REFUSALS),
}
