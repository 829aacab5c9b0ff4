"""What fees in a third coin were worth: by the exchange's price of the minute they were paid in.

Prices are asked for now, so they are known of fills of the last minute only. Other fees stay in
their own currency. Whoever tells of a fill, its fees are valued alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from capital.domain.clock import Clock
from capital.domain.money import EXACT
from capital.domain.performance.fills import Fee
from capital.domain.performance.symbols import parse_symbol
from capital.domain.reasons import Reason
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.prices import MarketPrice
from capital.exchange.contract import Quoted
from capital.exchange.gateway import get_market_gateway
from capital.models import Account, Market
from capital.services.markets.prices import Price, last_prices
from capital.services.trading.recording.told import NewFill
from capital.services.transactions import outside_transaction

_MINUTE = timedelta(minutes=1)
_PATIENCE = timedelta(seconds=5)
# A bot waits for it.
_PATIENCE_OF_BOTS = timedelta(seconds=2)

_QUOTED = ("venue", "symbol", "market_id", "kind", "base", "quote", "settle")


class Paid(Protocol):
    """A fill, as far as its fees are concerned: what an exchange told, or anybody else."""

    @property
    def symbol(self) -> str:
        """ccxt's."""

    @property
    def executed_at(self) -> datetime:
        """When it was executed."""


class PaidByExchange(Paid, Protocol):
    """One that an exchange told."""

    @property
    def fees(self) -> Sequence[tuple[Decimal, str]]:
        """Of each, its amount and currency."""


@dataclass(frozen=True)
class _Told:
    """One that somebody else told, with those of its fees whose worth was not told."""

    symbol: str
    executed_at: datetime
    fees: Sequence[tuple[Decimal, str]]


@dataclass(frozen=True)
class CoinPrices:
    """Prices of coins, and when they held.

    Attributes:
        prices: By coin and the currency in which it is priced.
        at: When they were asked for; None: never.
    """

    prices: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    at: datetime | None = None

    def fee(self, amount: Decimal, currency: str, fill: Paid) -> Fee:
        """A fee of a fill, with its worth where the price of that minute is known."""
        if not self.prices:
            return Fee(amount, currency)
        price = self.prices.get((currency, _settle(fill)))
        if price is None or self.at is None or not _is_within(fill, self.at):
            return Fee(amount, currency)
        return Fee(amount, currency, EXACT.multiply(amount, price))


NO_PRICES = CoinPrices()


@outside_transaction
def value_fees(account: Account, fills: Sequence[NewFill], *, clock: Clock) -> Sequence[NewFill]:
    """These fills with the worth of their fees in a third coin, where the price is known.

    Call it outside a transaction: it may wait for the exchange, for two seconds at most. Without a
    fill of the last minute that paid such a fee it asks for nothing, and costs no query.

    Args:
        account: On which they were executed.
        fills: By ccxt's symbols.
        clock: Says what time it is.
    """
    now = clock()
    told = [
        _Told(
            fill.symbol,
            fill.executed_at,
            [(fee.amount, fee.currency) for fee in fill.fees if fee.value is None],
        )
        for fill in fills
    ]
    quoted = coins_to_price(account, told, now=now)
    if not quoted:
        return fills
    answers = last_prices(quoted, patience=_PATIENCE_OF_BOTS, clock=clock)
    prices = CoinPrices(
        {
            (each.base, each.quote): answer.market.last
            for each, answer in answers.items()
            if isinstance(answer, Price) and answer.market.last is not None
        },
        now,
    )
    return [
        replace(
            fill,
            fees=tuple(
                prices.fee(fee.amount, fee.currency, fill) if fee.value is None else fee
                for fee in fill.fees
            ),
        )
        for fill in fills
    ]


def may_be_priced(fill: NewFill, *, now: datetime) -> bool:
    """Whether it is of the last minute, and paid fees whose worth nobody told."""
    return _is_within(fill, now) and any(fee.amount and fee.value is None for fee in fill.fees)


def coins_to_price(
    account: Account, rows: Sequence[PaidByExchange], *, now: datetime
) -> list[Quoted]:
    """The pairs of spot that say what fees of the last minute were worth; one query at most.

    None of a sandbox, whose prices are not those of the exchange.
    """
    wanted = {
        f"{currency}/{_settle(row)}"
        for row in rows
        if _is_within(row, now) and not account.is_sandbox
        for amount, currency in row.fees
        if amount and currency not in _own(row)
    }
    if not wanted:
        return []
    markets = Market.objects.filter(venue=account.venue, symbol__in=wanted, is_active=True)
    return [
        Quoted(**{**row, "kind": InstrumentKind(row["kind"])})
        for row in markets.order_by("symbol").values(*_QUOTED)
    ]


def ask_prices(quoted: Sequence[Quoted], at: datetime) -> CoinPrices:
    """Their last prices; those without an answer are left out. It waits for the exchange."""
    answers: Mapping[Quoted, MarketPrice | Reason] = get_market_gateway(
        patience=_PATIENCE
    ).fetch_prices(quoted)
    found = {
        (each.base, each.quote): answer.last
        for each, answer in answers.items()
        if isinstance(answer, MarketPrice) and answer.last is not None
    }
    return CoinPrices(found, at)


def _is_within(fill: Paid, moment: datetime) -> bool:
    return abs(moment.timestamp() - fill.executed_at.timestamp()) <= _MINUTE.total_seconds()


def _settle(fill: Paid) -> str:
    symbol = parse_symbol(fill.symbol)
    return "" if symbol is None else symbol.settle


def _own(fill: Paid) -> set[str]:
    """The currencies whose worth follows from the fill itself."""
    symbol = parse_symbol(fill.symbol)
    return set() if symbol is None else {symbol.settle, symbol.base}
