"""An exchange of which a test says what it tells: through the gateway, without a network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import PositionSide, Side
from capital.exchange.contract import BalanceRequest
from capital.exchange.trading.contract import (
    FillsQuestion,
    OrderQuestion,
    ReadFill,
    ReadFlow,
    ReadPosition,
    Told,
    TradingRequest,
    Unread,
)
from capital.exchange.trading.rows import Call

BEGAN = datetime(2026, 3, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
D = Decimal

Sync = Callable[..., dict[str, int]]
"""Syncs accounts, so many minutes after the beginning."""


def fill(number: int, *, at: datetime | None = None, **fields: Any) -> ReadFill:
    """The purchase of 1 BTC at 100, ``number`` minutes after the beginning."""
    return ReadFill(
        **{
            "symbol": "BTC/USDT:USDT",
            "side": Side.BUY,
            "position_side": PositionSide.BOTH,
            "quantity": D(1),
            "price": D(100),
            "contract_size": D(1),
            "executed_at": at or BEGAN + number * MINUTE,
            "venue_fill_id": str(number),
            "order_id": f"o{number}",
            **fields,
        }
    )


@dataclass
class Venue:
    """What an exchange tells now, and what it was asked.

    Attributes:
        fills: All its fills.
        flows: By endpoint, its flows.
        failures: By endpoint, why it does not answer.
        unread: By endpoint, rows that cannot be booked.
        positions: What is held there.
        coins: By pool, what the wallet holds.
        client_ids: What orders say when they are asked.
        orders_asked: The orders that were.
        asked: The endpoint, since and until of each question.
        before: Called with each endpoint before it answers.
    """

    fills: list[ReadFill] = field(default_factory=list)
    flows: dict[str, list[ReadFlow]] = field(default_factory=dict)
    failures: dict[str, Reason] = field(default_factory=dict)
    unread: dict[str, tuple[Unread, ...]] = field(default_factory=dict)
    positions: list[ReadPosition] = field(default_factory=list)
    coins: dict[Pool, Mapping[str, Decimal]] = field(default_factory=dict)
    client_ids: dict[str, str | Reason] = field(default_factory=dict)
    orders_asked: list[str] = field(default_factory=list)
    asked: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    before: Callable[[str], None] = lambda _endpoint: None

    def fetch_fills(
        self, request: TradingRequest, questions: Sequence[FillsQuestion]
    ) -> list[Told[ReadFill] | Reason]:
        found: list[Told[ReadFill] | Reason] = []
        for each in questions:
            endpoint = self._begin(each.call, each.since, each.until)
            if endpoint in self.failures:
                found.append(self.failures[endpoint])
                continue
            kinds = {known.symbol for known in request.instruments if known.kind in each.call.kinds}
            rows = tuple(
                row
                for row in self.fills
                if each.since <= row.executed_at < each.until
                and row.symbol in kinds
                and each.instrument in (None, *request.instruments)
                and (each.instrument is None or row.symbol == each.instrument.symbol)
            )
            found.append(Told(rows, self.unread.get(endpoint, ())))
        return found

    def fetch_flows(
        self,
        request: TradingRequest,
        calls: Sequence[Call[Any]],
        *,
        since: datetime,
        until: datetime,
    ) -> list[Told[ReadFlow] | Reason]:
        found: list[Told[ReadFlow] | Reason] = []
        for call in calls:
            endpoint = self._begin(call, since, until)
            rows = tuple(
                row for row in self.flows.get(endpoint, ()) if since <= row.occurred_at < until
            )
            found.append(self.failures.get(endpoint) or Told(rows, self.unread.get(endpoint, ())))
        return found

    def fetch_client_ids(
        self, request: TradingRequest, questions: Sequence[OrderQuestion]
    ) -> list[str | Reason]:
        self.orders_asked += [each.order_id for each in questions]
        return [self.client_ids.get(each.order_id, refused()) for each in questions]

    def fetch_positions(
        self, request: TradingRequest, calls: Sequence[Call[Any]]
    ) -> list[Told[ReadPosition] | Reason]:
        found: list[Told[ReadPosition] | Reason] = []
        for number, call in enumerate(calls):
            endpoint = self._begin(call, BEGAN, BEGAN)
            kinds = {known.symbol for known in request.instruments if known.kind in call.kinds}
            rows = tuple(row for row in self.positions if row.symbol in kinds and not number)
            found.append(self.failures.get(endpoint) or Told(rows, self.unread.get(endpoint, ())))
        return found

    def fetch_wallets(
        self, requests: Sequence[BalanceRequest]
    ) -> dict[tuple[int, Pool], Mapping[str, Decimal] | Reason]:
        found: dict[tuple[int, Pool], Mapping[str, Decimal] | Reason] = {}
        for request in requests:
            for pool in request.pools:
                self.before("wallets")
                self.asked.append(("wallets", BEGAN, BEGAN))
                found[request.account_id, pool] = self.failures.get("wallets") or self.coins.get(
                    pool, {}
                )
        return found

    def _begin(self, call: Call[Any], since: datetime, until: datetime) -> str:
        self.before(call.endpoint)
        self.asked.append((call.endpoint, since, until))
        return call.endpoint


def refused(code: Code = Code.EXCHANGE_ERROR) -> Reason:
    """What an exchange that does not answer comes to."""
    return Reason(code, {"venue": "okx", "kind": "test", "seconds": "15"})
