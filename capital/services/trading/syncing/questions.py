"""What an exchange is asked for of one account: which calls, and of which symbols."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings

from capital.domain.performance.flows import FlowKind
from capital.domain.performance.symbols import parse_symbol
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import InstrumentKind
from capital.exchange.trading.contract import Instrument, ReadFill, TradingRequest
from capital.exchange.trading.rows import SPOT, Call, FillFields, FlowFields
from capital.exchange.trading.venues import trading_of
from capital.models import (
    Account,
    AskedFor,
    Fill,
    Flow,
    Market,
    Position,
    StrategyAccount,
    TradingCursor,
    VenuePosition,
)
from capital.services.accounts.lookup import pools_of_account
from capital.services.balances.live import balance_request
from capital.services.trading.recording.told import NewFill
from capital.services.trading.syncing.fee_values import NO_PRICES, CoinPrices

_INSTRUMENT = ("symbol", "market_id", "kind", "base", "quote", "settle", "contract_size")
_SENT = frozenset({FlowKind.DEPOSIT, FlowKind.WITHDRAWAL})

Request = TradingRequest | Reason
Listed = dict[str, tuple[Instrument, ...]]


@dataclass(frozen=True)
class Question:
    """One question, to be asked again and again: what a ``TradingCursor`` is the cursor of.

    Attributes:
        pool: Whose pool is asked.
        asked_for: What it is about.
        call: How it is asked.
        instrument: Of which one, where the call is by symbol; else None.
    """

    pool: Pool
    asked_for: AskedFor
    call: Call[Any]
    instrument: Instrument | None = None

    @property
    def symbol(self) -> str:
        """Empty where the call is not by symbol."""
        return "" if self.instrument is None else self.instrument.symbol

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells the cursors of one account apart."""
        return (self.pool.value, self.asked_for.value, self.call.endpoint, self.symbol)

    @property
    def name(self) -> str:
        """The endpoint, and the symbol if it wants one."""
        return f"{self.call.endpoint} {self.symbol}".strip()

    @property
    def tells_orders(self) -> bool:
        """Whether rows are of orders as a whole, which are told by when they were placed."""
        return isinstance(self.call.fields, FillFields) and not self.call.fields.fill_id

    @property
    def tells_what_was_sent(self) -> bool:
        """Whether it is about deposits and withdrawals only, which are confirmed much later."""
        fields = self.call.fields
        if not isinstance(fields, FlowFields):
            return False
        return {kind for said in fields.kind for kind in said.meanings.values()} <= _SENT


def requests_of(account: Account, instruments: Listed) -> dict[Pool, Request]:
    """How each pool of the account is asked, or why it cannot be.

    Args:
        account: The account.
        instruments: By venue, what is known already; the account's venue is added, in one query.
    """
    found: dict[Pool, Request] = {}
    for pool in pools_of_account(account):
        prepared = (
            balance_request(account, [pool])
            if settings.CAPITAL_LIVE_BALANCES
            else Reason(Code.LIVE_DISABLED)
        )
        if isinstance(prepared, Reason):
            found[pool] = prepared
        else:
            if account.venue not in instruments:
                instruments[account.venue] = _instruments(account.venue)
            found[pool] = TradingRequest(prepared, pool, instruments[account.venue])
    return found


def fill_calls(account: Account, pools: Sequence[Pool]) -> dict[Pool, list[Call[FillFields]]]:
    """The calls that tell of fills, each for the first pool that has it.

    A call that is about one order is none of them.
    """
    trading = trading_of(account.venue)
    asked: list[Call[FillFields]] = []
    found: dict[Pool, list[Call[FillFields]]] = {}
    for pool in pools:
        found[pool] = [
            call
            for call in trading.fills.get(pool, ())
            if call not in asked and "{order}" not in call.params.values()
        ]
        asked += found[pool]
    return found


def flow_calls(account: Account, pools: Sequence[Pool]) -> dict[Pool, list[Call[FlowFields]]]:
    """The calls that tell of flows, each for the first pool that has it."""
    trading = trading_of(account.venue)
    asked: list[Call[FlowFields]] = []
    found: dict[Pool, list[Call[FlowFields]]] = {}
    for pool in pools:
        found[pool] = [call for call in trading.flows.get(pool, ()) if call not in asked]
        asked += found[pool]
    return found


def questions_of(
    account: Account, requests: dict[Pool, TradingRequest], symbols: set[str]
) -> list[Question]:
    """All questions about the fills and flows of an account.

    Args:
        account: The account.
        requests: Of the pools that can be asked.
        symbols: Those in which something may have been traded.
    """
    found = []
    pools = list(requests)
    for pool, calls in fill_calls(account, pools).items():
        for call in calls:
            if call.by_symbol:
                found += [
                    Question(pool, AskedFor.FILLS, call, instrument)
                    for instrument in instruments_of(call, requests[pool].instruments, symbols)
                ]
            else:
                found.append(Question(pool, AskedFor.FILLS, call))
    for pool, flows in flow_calls(account, pools).items():
        found += [Question(pool, AskedFor.FLOWS, call) for call in flows]
    return found


def instruments_of(
    call: Call[Any], instruments: Sequence[Instrument], symbols: set[str]
) -> Iterator[Instrument]:
    """The instruments of these symbols of which a call can tell."""
    for instrument in instruments:
        if instrument.kind in call.kinds and instrument.symbol in symbols:
            yield instrument


def wants_symbols(account: Account) -> bool:
    """Whether some fills of the account are told one symbol at a time."""
    calls = fill_calls(account, pools_of_account(account))
    return any(call.by_symbol for each in calls.values() for call in each)


def pools_with_unknown_coins(account: Account) -> list[Pool]:
    """The pools whose coins are to be looked at: on spot a symbol shows in nothing else."""
    return [
        pool
        for pool, calls in fill_calls(account, pools_of_account(account)).items()
        if any(call.by_symbol and call.kinds & SPOT for call in calls)
    ]


def known_symbols(account: Account) -> set[str]:
    """The symbols of links, earlier fills, funding and positions, and those asked for before.

    In six queries.
    """
    of_account = [
        Fill.objects.filter(account=account),
        Position.objects.filter(strategy_account__account=account),
        Flow.objects.filter(account=account),
        TradingCursor.objects.filter(account=account),
        VenuePosition.objects.filter(account=account),
    ]
    found: set[str] = set()
    for own in StrategyAccount.objects.filter(account=account).values_list("symbols", flat=True):
        found.update(own or ())
    for rows in of_account:
        found |= set(rows.order_by().values_list("symbol", flat=True).distinct())
    return found - {""}


def pairs_of(account: Account, coins: Sequence[str]) -> set[str]:
    """The symbols by which these coins may have come into the account's wallet."""
    pairs = {f"{coin}/{account.currency}" for coin in coins}
    return pairs | {f"{coin}/{account.currency}:{coin}" for coin in coins}


def new_fill(read: ReadFill, prices: CoinPrices = NO_PRICES) -> NewFill:
    """What an exchange tells, as it is recorded; fees are valued by these prices where they can."""
    return NewFill(
        symbol=read.symbol,
        side=read.side,
        position_side=read.position_side,
        quantity=read.quantity,
        price=read.price,
        executed_at=read.executed_at,
        fees=tuple([prices.fee(amount, currency, read) for amount, currency in read.fees]),
        venue_fill_id=read.venue_fill_id,
        order_id=read.order_id,
        client_order_id=read.client_order_id,
        liquidity=read.liquidity,
        realized=read.realized_reported,
    )


def _instruments(venue: str) -> tuple[Instrument, ...]:
    rows = Market.objects.filter(venue=venue).order_by("symbol").values(*_INSTRUMENT)
    return tuple(
        Instrument(
            symbol=row["symbol"],
            market_id=row["market_id"],
            kind=InstrumentKind(row["kind"]),
            base=row["base"],
            quote=row["quote"],
            settle=row["settle"],
            contract_size=Decimal(1) if row["contract_size"] is None else row["contract_size"],
        )
        for row in rows
        if parse_symbol(row["symbol"]) is not None
    )
