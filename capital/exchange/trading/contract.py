"""Fills, positions and flows as services see them, and how they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.reasons import Reason
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide, Side
from capital.exchange.contract import BalanceRequest
from capital.exchange.trading.rows import Call, FillFields, FlowFields, PositionFields

_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Instrument:
    """An instrument of a venue, as it is known here.

    Attributes:
        symbol: ccxt's.
        market_id: The venue's own name for it.
        kind: What a quantity counts.
        base: Base currency.
        quote: The currency of its price.
        settle: What it is paid in; on spot the quote currency.
        contract_size: Base units (linear) or quote currency (inverse) in one contract; 1 on spot.
    """

    symbol: str
    market_id: str
    kind: InstrumentKind
    base: str
    quote: str
    settle: str
    contract_size: Decimal = Decimal(1)


@dataclass(frozen=True)
class ReadFill:
    """One execution, as the venue tells it. What it does not tell is None, or empty.

    Attributes:
        symbol: ccxt's, of the row itself.
        side: What it did, whatever the venue's words name.
        position_side: Which position it belongs to, on an account that holds both.
        quantity: Above zero, in the unit of a sized order: base units, contracts on inverse
            instruments.
        price: In the quote currency.
        contract_size: As ``Instrument.contract_size``.
        executed_at: In UTC, to the microsecond.
        venue_fill_id: Empty where the venue tells of orders only.
        fees: Amount and currency of each; above zero was paid, below zero was received. Empty where
            no fee is told, which does not mean that none was paid.
        realized_reported: In the settle currency; some venues take the fee off, others do not.
        liquidity: ``maker``, ``taker``, or empty.
    """

    symbol: str
    side: Side
    position_side: PositionSide
    quantity: Decimal
    price: Decimal
    contract_size: Decimal
    executed_at: datetime
    venue_fill_id: str = ""
    order_id: str = ""
    client_order_id: str = ""
    fees: tuple[tuple[Decimal, str], ...] = ()
    realized_reported: Decimal | None = None
    liquidity: str = ""


@dataclass(frozen=True)
class ReadPosition:
    """What is held of one symbol, as the venue tells it.

    Attributes:
        symbol: ccxt's, of the row itself.
        position_side: ``both`` where the account holds one position of a symbol.
        quantity: Below zero is short; 0 where the venue lists what is flat. Units as of a fill.
        entry_price: None where it is not told, here and below.
        mark_price: What the venue values it at.
        unrealised: In the settle currency, as the venue tells it.
        realised: The same, of the position that is open now.
        settle: The currency of both.
        contract_size: As ``Instrument.contract_size``.
        told_at: When the position was changed last, or opened, as far as the venue tells.
    """

    symbol: str
    position_side: PositionSide
    quantity: Decimal
    settle: str
    contract_size: Decimal
    entry_price: Decimal | None = None
    mark_price: Decimal | None = None
    unrealised: Decimal | None = None
    realised: Decimal | None = None
    told_at: datetime | None = None


@dataclass(frozen=True)
class ReadFlow:
    """Money that came (above zero) or went (below zero) without a fill, as the venue tells it.

    Attributes:
        symbol: Of funding: of which position; else empty.
        venue_flow_id: Empty where the venue has none.
    """

    kind: FlowKind
    currency: str
    amount: Decimal
    occurred_at: datetime
    symbol: str = ""
    venue_flow_id: str = ""


@dataclass(frozen=True)
class Unread:
    """A row that cannot be booked: it is neither left out in silence nor guessed.

    Attributes:
        name: What the venue calls the instrument; empty where it does not say.
        problem: What is missing, in a few words.
        row_id: The venue's id of the row; empty where it has none.
    """

    name: str
    problem: str
    row_id: str = ""


@dataclass(frozen=True)
class Told(Generic[_Row]):
    """What an answer tells.

    Attributes:
        rows: In the venue's order.
        unread: What it tells besides, and cannot be booked.
    """

    rows: tuple[_Row, ...] = ()
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True)
class TradingRequest:
    """Of which account, and by which instruments, something is asked for.

    Attributes:
        account: As its balance would be asked for.
        pool: Which of its pools.
        instruments: Those of the venue that are known here. A row of another one is unread.
    """

    account: BalanceRequest
    pool: Pool
    instruments: Sequence[Instrument] = field(default=(), repr=False)


@dataclass(frozen=True)
class FillsQuestion:
    """Which fills: those that ``call`` tells of a span.

    Attributes:
        call: One of the pool's.
        since: In UTC: from then on.
        until: In UTC: before then.
        instrument: Which one, where the call is by symbol; else None.
    """

    call: Call[FillFields]
    since: datetime
    until: datetime
    instrument: Instrument | None = None


@dataclass(frozen=True)
class OrderQuestion:
    """Which order: one of whose fills ``call`` told, which says how orders are asked for.

    Attributes:
        call: One of the pool's.
        instrument: What was traded.
        order_id: The venue's id of the order.
    """

    call: Call[FillFields]
    instrument: Instrument
    order_id: str


class TradingGateway(Protocol):
    """Reads what was traded. Call it outside a transaction only: it waits for the network.

    It uses a fifth of what a venue allows, and what balances leave. It never raises for errors of
    an exchange or a network.
    """

    def fetch_fills(
        self, request: TradingRequest, questions: Sequence[FillsQuestion]
    ) -> list[Told[ReadFill] | Reason]:
        """For each question all fills of its span, each once, or why they are not known.

        A span longer than the venue takes at once is asked for in parts.
        """

    def fetch_client_ids(
        self, request: TradingRequest, questions: Sequence[OrderQuestion]
    ) -> list[str | Reason]:
        """For each order its client order id, empty where it has none; or why it is not known."""

    def fetch_positions(
        self, request: TradingRequest, calls: Sequence[Call[PositionFields]]
    ) -> list[Told[ReadPosition] | Reason]:
        """For each of the pool's calls what is held, as the venue says now, or why not."""

    def fetch_flows(
        self,
        request: TradingRequest,
        calls: Sequence[Call[FlowFields]],
        *,
        since: datetime,
        until: datetime,
    ) -> list[Told[ReadFlow] | Reason]:
        """For each of the pool's calls its funding, deposits and the like of a span, or why not."""
